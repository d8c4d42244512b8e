/*
 * measure: what was measured of one request name, in one phase or in several.
 *
 * A measure counts attempts that no other one follows (`count`); of those that were tried again it
 * keeps the number only. Attempts that our own stop interrupted say nothing about the system and
 * count nowhere but in `interrupted`.
 */
#ifndef REPORTS_MEASURE_H
#define REPORTS_MEASURE_H

#include "lib/hist.h"
#include "lib/record.h"

enum timing { TIMING_DNS, TIMING_CONNECT, TIMING_TLS, TIMING_FIRST_BYTE, TIMING_COUNT };

extern const char *const timing_names[TIMING_COUNT];

struct measure {
	uint64_t count;
	uint64_t errors;
	uint64_t retries;
	uint64_t interrupted;
	uint64_t bytes_in, bytes_out; /* of all attempts */
	/* Latencies, apart: quick failures must not hide behind a good median. NULL: none. */
	struct hist *ok, *failed;
	struct hist *service;
	struct hist *timings[TIMING_COUNT];
};

void measure_release(struct measure *measure);
void measure_add(struct measure *measure, const struct record_request *request, uint16_t flags);
void measure_merge(struct measure *into, const struct measure *from);

/* Of both; the caller frees it. Empty, never NULL. */
struct hist *measure_latency(const struct measure *measure);

#endif
