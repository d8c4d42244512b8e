/*
 * worker: makes one segment of the load, in a process of its own.
 *
 * Workers share nothing but the load's description. Each walks the whole plan, takes its own starts
 * from it, sends what they ask for, writes what happened into its own file of the history, and
 * tells the coordinator once a second how it is doing. A worker on another machine would be the
 * same thing with a socket for a pipe.
 *
 *	worker_run(&load, &place, err);     // returns when every start came to its end
 */
#ifndef LOADGEN_WORKER_H
#define LOADGEN_WORKER_H

#include "loadgen/data.h"
#include "loadgen/journey.h"
#include "loadgen/plan.h"
#include "loadgen/tally.h"
#include "loadgen/transfer.h"

/* What is to be done; the same for all workers. */
struct load {
	const struct plan *plan;
	const struct journey *journeys;
	uint16_t journey_count;
	const struct data_source *sources;
	uint8_t source_count;
	const struct transfer_settings *transfer;
	enum transport_kind transport;
	bool new_visitors;    /* connections end with the journey */
	int64_t drain_us; /* how long journeys may go on after the last phase, or after a stop */
	char *const *request_names;
	uint16_t request_name_count;
	char *const *secrets; /* to be masked in samples */
	size_t secret_count;
	const struct saga_rules *sagas;
	uint8_t saga_count;
	uint64_t run;         /* saga_run_id(): keys of other runs are others */
};

/* Which part of it, and where. */
struct worker_place {
	uint32_t segment, segments;
	int64_t start_us;          /* clock_now_us() at which the run starts */
	const char *history;       /* directory */
	int commands;              /* reads enum worker_command, a byte each; its end means abort */
	int reports;               /* writes messages, see below */
};

/*
 * A message to the coordinator: 4 bytes of length (little-endian), which count the kind and what
 * follows it.
 */
enum worker_message {
	WORKER_TALLY = 't', /* a packed tally, once a second and at the end */
	WORKER_ERROR = 'e', /* why it could not work: text */
};

/* Writes one; false when there is no reader any more. */
bool worker_tell(int pipe, enum worker_message kind, struct text text);

enum worker_command {
	WORKER_STOP = 's',  /* no more starts; journeys under way may end */
	WORKER_ABORT = 'a', /* end now */
	WORKER_PAUSE = 'p', /* starts that are due are dropped, seats stay empty */
	WORKER_GO_ON = 'g',
};

bool worker_run(const struct load *load, const struct worker_place *place, struct error *err);

#endif
