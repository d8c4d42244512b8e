/*
 * judge: from a history to a verdict on every invariant.
 *
 *	struct verdicts *verdicts = judge_history(directory, err);   // history/ of a run
 *	json_t *json = verdicts_to_json(verdicts);                   // history/verdicts.json
 *
 * One pass over the records, O(1) each; at most 64 bytes are held per saga, evidence apart. What
 * reports say about sagas comes from verdicts.json, which can be made again at any time.
 *
 * One invariant is one file, with a struct invariant and a row in sagas/invariants.c. It says what
 * it needs (the contract's sections, complete sources, two equal snapshots), and without that its
 * verdict is `unknown`, with the reason in words. So it is below its minimum of cases. One-sided
 * facts (more refunded than charged) are invalid at once, however incomplete the rest is.
 */
#ifndef SAGAS_JUDGE_H
#define SAGAS_JUDGE_H

#include <jansson.h>

#include "lib/buffer.h"
#include "lib/error.h"
#include "lib/record.h"
#include "sagas/contract.h"

enum verdict { VERDICT_VALID, VERDICT_INVALID, VERDICT_UNKNOWN };
const char *verdict_name(enum verdict verdict);

enum { WITNESSES_MAX = 20 };

/* The smallest thing that shows a violation: one saga's own timeline. */
struct violation {
	uint32_t saga;      /* SAGA_NONE: about a thing, an item, a queue */
	char *subject;      /* the saga's key, or what it is about */
	char *reason;       /* "charged 1990 twice: pi_1 at 3.201 s, pi_2 at 5.310 s" */
	int64_t at_us;      /* of the contradicting record */
	/*
	 * JSON lists: of {at_s, source, what, detail, contradicts}, where at_s is null when nobody
	 * says; and of {name, met}, where met is "exactly" or "possibly".
	 */
	json_t *timeline, *faults;
};

struct invariant_verdict {
	const char *name;
	const char *statement;
	enum verdict verdict;
	uint64_t checked, violations;
	char *why;                   /* unknown: the reason */
	struct violation *witnesses;
	size_t witness_count;
};

/* `directory` has to outlive them. */
struct verdicts;
struct verdicts *judge_history(const char *directory, struct error *err);
json_t *verdicts_to_json(const struct verdicts *verdicts);
bool verdicts_any_invalid(const struct verdicts *verdicts);
/* Something is violated for want of what may still come: a message, an undo. No mere facts. */
bool verdicts_any_owed(const struct verdicts *verdicts);

/* What was violated, with its witnesses, for people; nothing when nothing was. */
void verdicts_print(const struct verdicts *verdicts, struct buffer *out);

void verdicts_free(struct verdicts *verdicts);

#endif
