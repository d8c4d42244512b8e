/*
 * verdicts: what the judge came to, as sagas/judge.h gives it away.
 */
#ifndef SAGAS_VERDICTS_H
#define SAGAS_VERDICTS_H

#include "sagas/judge_parts.h"

struct verdicts {
	struct judge *judge;
	struct arena arena; /* of the contracts, when they were read from meta.json */
};

struct verdicts *verdicts_new(struct judge *judge);
/* Takes over the arena. */
void verdicts_keep(struct verdicts *verdicts, struct arena *arena);

/* judge.c */
void judge_free(struct judge *judge);

#endif
