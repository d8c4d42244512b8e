/*
 * misdeeds: what a witness does wrong while it is told to: it declines, forgets to answer, refuses
 * mail. One text says one, in YAML (so also in JSON), the same on the command line, over HTTP and
 * in the faults of a scenario:
 *
 *	decline: { share: 10%, code: insufficient_funds }
 *	error: { share: 5%, status: 500, when: after, of: charges }
 *	lose-reply: { share: 5% }
 *	delay: { delay: 2s, jitter: 1s, when: before }
 *	webhooks: { share: 20%, delay: 3s, twice: yes, reorder: yes, drop: no }
 *	bounce: { share: 10%, status: 451, at: data }
 *
 * and beside it `seed:` and `stream:`, which give it a random stream of its own, and `for:`, after
 * which it ends by itself. docs/witnesses.md says what each does.
 *
 *	GET    /witness/faults       {"witness": "psp", "faults": [{"id", "kind", "met", "hits"}]}
 *	PUT    /witness/faults/ID    one of the above; in place of what ID was
 *	DELETE /witness/faults/ID    it ends; fine if there is none
 *	DELETE /witness/faults       all of them end
 */
#ifndef SAGAS_MISDEEDS_H
#define SAGAS_MISDEEDS_H

#include <jansson.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/random.h"
#include "lib/text.h"

enum { MISDEEDS_MAX = 100, MISDEED_ID_MAX = 100, MISDEED_TEXT_MAX = 16 * 1024 };

enum misdeed_kind {
	MISDEED_DECLINE,
	MISDEED_ERROR,
	MISDEED_LOSE_REPLY,
	MISDEED_DELAY,
	MISDEED_WEBHOOKS,
	MISDEED_BOUNCE,
	MISDEED_KINDS,
};

enum misdeed_moment { MISDEED_BEFORE, MISDEED_AFTER };
enum misdeed_place { MISDEED_AT_RCPT, MISDEED_AT_DATA };
enum misdeed_subject { OF_BOTH, OF_CHARGES, OF_REFUNDS };

struct misdeed_settings {
	double share;
	int code;           /* DECLINE: position in misdeed_codes */
	int64_t status;     /* ERROR, BOUNCE */
	int moment;         /* ERROR, DELAY: enum misdeed_moment */
	int place;          /* BOUNCE: enum misdeed_place */
	int of;             /* enum misdeed_subject */
	int64_t delay_us, jitter_us;
	bool twice, reorder, drop;
};

/* "card_declined", "insufficient_funds", ... */
extern const char *const misdeed_codes[];

struct misdeed {
	char id[MISDEED_ID_MAX + 1];
	enum misdeed_kind kind;
	struct misdeed_settings settings;
	struct random stream, jitter; /* its jitter does not shift who is hit */
	int64_t delay_us;    /* how late the last hit was made: its delay, give or take */
	int64_t until_us;    /* on clock_now_us(); INT64_MAX: until it is taken away */
	uint64_t met, hits;  /* what could have been hit, and what was */
};

extern const char *const misdeed_names[MISDEED_KINDS];

/* misdeeds_read.c: one that has its id already. `seed` is for a text that names none. */
bool misdeed_read(const char *witness, uint64_t seed, struct text yaml, struct misdeed *misdeed,
		  struct error *err);

struct misdeeds;

/* "psp" or "mail", borrowed: which kinds there are. */
struct misdeeds *misdeeds_new(const char *witness);
void misdeeds_free(struct misdeeds *misdeeds);

/* In place of the one with that id, if there is one. False: it is as it was. */
bool misdeeds_add(struct misdeeds *misdeeds, struct text id, struct text yaml, struct error *err);
/* With ids "1", "2" ...; `seed` for those that name none. NULL-ended; NULL: none. */
bool misdeeds_add_all(struct misdeeds *misdeeds, const char *const *texts, uint64_t seed,
		      struct error *err);

/*
 * Something that a misdeed may be done to. Each that is of that kind, moment and subject is asked,
 * in the order in which they came; the first that does it is returned, and counted. Moments and
 * subjects are for kinds that have them.
 */
struct misdeed_chance {
	enum misdeed_kind kind;
	enum misdeed_moment moment;
	enum misdeed_subject of;
	enum misdeed_place place;
};
const struct misdeed *misdeeds_meet(struct misdeeds *misdeeds, struct misdeed_chance chance);

/* The control route. False: the path is another one; else the answer, whose body is owned. */
bool misdeeds_control(struct misdeeds *misdeeds, struct text method, struct text path,
		      struct text body, int *status, json_t **answer);

#endif
