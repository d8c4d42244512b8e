/*
 * anytime: looks at a run's sagas while it goes on.
 *
 *	struct anytime *anytime = anytime_new(&settings, err);   // `live` is set
 *	... about once a second:
 *	anytime_turn(anytime);
 *	anytime_free(anytime);
 *
 * Two things, both into the history (settings.history):
 *
 * Facts that can never become right again (EVENT_WRONG): money taken twice, given back more than it
 * was taken, a customer told the same outcome too often, or both outcomes where none follows from
 * the other. From what can be followed cheaply: the ledgers of our witnesses, or their HTTP, and
 * files. They are news, and no verdicts: the judge has the last word.
 *
 * Sources with `every:`, for what is there only for a moment: what breakers were (RECORD_READING of
 * snapshot 0).
 *
 * What can't be read now is tried again; nothing here makes anything incomplete.
 */
#ifndef SAGAS_ANYTIME_H
#define SAGAS_ANYTIME_H

#include "lib/record.h"
#include "sagas/evidence.h"

struct anytime;

/* NULL without an error when no contract has anything that can be looked at now. */
struct anytime *anytime_new(const struct evidence_settings *settings, struct error *err);
void anytime_free(struct anytime *anytime);
void anytime_turn(struct anytime *anytime);

/* An EVENT_WRONG. */
struct wrong_fact {
	uint32_t saga;
	uint8_t contract, step;
	enum wrong_what what;
};
int64_t wrong_fact_pack(const struct wrong_fact *fact); /* `value`; `number` is the saga */
bool wrong_fact_unpack(uint32_t number, int64_t value, struct wrong_fact *fact);
/* "'charge' happened more than once" */
void wrong_fact_explain(const struct wrong_fact *fact, const struct contract *contract,
			struct buffer *out);

#endif
