/*
 * tally: what a worker has done so far, in counters that must add up.
 *
 *	scheduled = outcomes[OK] + [FAILED] + [TIMED_OUT] + [DROPPED] + under_way
 *
 * holds after every call, and is asserted when the worker is done (then under_way is 0). Snapshots
 * of it go to the coordinator once a second; those of several workers add up to the run's.
 */
#ifndef LOADGEN_TALLY_H
#define LOADGEN_TALLY_H

#include "lib/buffer.h"
#include "lib/error.h"
#include "lib/hist.h"
#include "lib/record.h"

struct tally {
	uint64_t scheduled;
	uint64_t under_way;
	uint64_t outcomes[OUTCOME_COUNT];
	uint64_t sent, done;
	uint64_t failures[FAILURE_COUNT]; /* requests by how they ended; [NONE] are the good ones */
	uint64_t lost_records;
	uint32_t connections;
	uint32_t seconds;       /* of the run, when this was taken */
	int64_t lag_max_us;     /* of the last second */
	struct hist *latency;   /* of the last second, 2 digits */
};

void tally_init(struct tally *tally);
void tally_release(struct tally *tally);

bool tally_balances(const struct tally *tally);

/* Adds counters and histogram of `from` into `into`. */
void tally_merge(struct tally *into, const struct tally *from);

/* For the pipe to the coordinator, wherever that is: little-endian, checked on reading. */
void tally_pack(const struct tally *tally, struct buffer *out);
bool tally_unpack(struct tally *tally, struct text *from, struct error *err);

#endif
