/*
 * record: what the records of a history say. Written by loadgen, chaos and sagas, read by reports.
 *
 * All times are microseconds since the start of the run (struct run in meta.json says when that
 * was). Numbers of journeys, phases and request names index the tables in meta.json.
 */
#ifndef LIB_RECORD_H
#define LIB_RECORD_H

#include <stdint.h>

#include "lib/history.h"

enum record_kind {
	RECORD_REQUEST = 1, /* one attempt of one request, done */
	RECORD_START,       /* one start (a visitor's journey), done or dropped */
	RECORD_HEALTH,      /* a worker about itself, once a second */
	RECORD_TEXT,        /* a piece of text: the sample of an error, a note */
	RECORD_EVENT,       /* something happened to the run: enum run_event */
};

/* Why a request failed. The order is that of the request's life. */
enum failure {
	FAILURE_NONE,
	FAILURE_DNS,
	FAILURE_CONNECT,
	FAILURE_TLS,
	FAILURE_TIMEOUT,
	FAILURE_RESET,       /* the connection ended before the answer did */
	FAILURE_PROTOCOL,    /* the answer was not HTTP, or against its rules or our bounds */
	FAILURE_HTTP,        /* an unexpected status: 400 and above, or as `expect` says */
	FAILURE_EXPECTATION, /* an `expect`, `save` or `until` that did not hold */
	FAILURE_INTERRUPTED, /* we stopped, it was under way; not counted against the system */
	FAILURE_COUNT
};

const char *failure_name(enum failure failure); /* "dns" ... "interrupted"; "ok" for NONE */

enum outcome {
	OUTCOME_OK,
	OUTCOME_FAILED,
	OUTCOME_TIMED_OUT, /* failed, and the failure was a timeout */
	OUTCOME_DROPPED,   /* no room to start it (max-users) */
	OUTCOME_COUNT
};

enum request_flags {
	REQUEST_NEW_CONNECTION = 1, /* dns, connect and tls times are of this request */
	REQUEST_WILL_RETRY = 2,     /* another attempt follows: not in the totals of names */
	REQUEST_MEASURED = 4,       /* its phase is measured */
	REQUEST_PART = 8,           /* a page resource, or a poll after the first */
};

/* Payload of RECORD_REQUEST. Latency is lag + service. */
struct record_request {
	int64_t intended_us;
	uint32_t lag_us;     /* sent - intended */
	uint32_t service_us; /* done - sent */
	uint32_t dns_us, connect_us, tls_us, first_byte_us; /* first byte counts from sent */
	uint32_t bytes_in;   /* saturating */
	uint32_t bytes_out;
	uint32_t start;      /* number of the start, see record_start */
	uint16_t name;
	uint16_t journey;
	uint16_t status;     /* 0: none came */
	uint8_t phase;
	uint8_t failure;     /* enum failure */
	uint8_t attempt;     /* 0 first, 1 the first retry, ... */
	uint8_t spare[3];
};

/* Payload of RECORD_START. */
struct record_start {
	int64_t intended_us;
	uint32_t lag_us;      /* begun - intended */
	uint32_t duration_us; /* done - intended; 0 if dropped; saturating */
	uint32_t start;       /* unique in the run */
	uint32_t requests;
	uint16_t journey;
	uint8_t phase;
	uint8_t outcome;      /* enum outcome */
	uint8_t failure;      /* enum failure of the request that ended it */
	uint8_t measured;
	uint8_t spare[26];
};

/* Payload of RECORD_HEALTH: the second that ended at `at_us`. */
struct record_health {
	int64_t at_us;
	uint32_t worker;
	uint32_t cpu_us;        /* CPU time spent in that second, user and system */
	uint32_t stall_us;      /* the longest turn of the loop */
	uint32_t lag_max_us;
	uint32_t users;         /* in a journey */
	uint32_t in_flight;
	uint32_t connections;
	uint32_t memory_kib;    /* resident */
	uint32_t sent, done;
	uint32_t waited;        /* requests that had to wait for room for a connection */
	uint32_t exhausted;     /* that failed or were not sent for want of a descriptor or port */
};

/* Payload of RECORD_TEXT; the record's flags are 1 when more follows for the same subject. */
struct record_text {
	uint32_t subject; /* see text_subject() */
	uint16_t length;
	char bytes[RECORD_PAYLOAD - 6];
};

/* The sample of the errors of one class under one request name. */
static inline uint32_t text_subject(enum failure failure, uint16_t name)
{
	return (uint32_t)failure << 16 | name;
}

enum run_event {
	EVENT_RUN_STARTED = 1,
	EVENT_PHASE_STARTED,   /* number: the phase */
	EVENT_STOP_REQUESTED,  /* number: the signal; graceful */
	EVENT_ABORTED,         /* number: the signal; immediate */
	EVENT_WORKER_LOST,     /* number: the worker; value: its wait status */
	EVENT_RUN_ENDED,       /* everything came to rest and the books were closed */
};

/* Payload of RECORD_EVENT. */
struct record_event {
	int64_t at_us;
	uint32_t event;  /* enum run_event */
	uint32_t number;
	int64_t value;
	uint64_t books[OUTCOME_COUNT]; /* RUN_ENDED: starts by outcome, as workers counted them */
};

_Static_assert(sizeof(struct record) == RECORD_BYTES, "a record is 64 bytes");
_Static_assert(sizeof(struct record_request) <= RECORD_PAYLOAD, "a record is 64 bytes");
_Static_assert(sizeof(struct record_start) <= RECORD_PAYLOAD, "a record is 64 bytes");
_Static_assert(sizeof(struct record_health) <= RECORD_PAYLOAD, "a record is 64 bytes");
_Static_assert(sizeof(struct record_text) <= RECORD_PAYLOAD, "a record is 64 bytes");
_Static_assert(sizeof(struct record_event) <= RECORD_PAYLOAD, "a record is 64 bytes");

#endif
