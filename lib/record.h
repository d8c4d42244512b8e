/*
 * record: what the records of a history say. Written by loadgen, chaos and sagas, read by reports.
 *
 * All times are microseconds since the start of the run (struct run in meta.json says when that
 * was). Numbers of journeys, phases and request names index the tables in meta.json.
 */
#ifndef LIB_RECORD_H
#define LIB_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/history.h"

enum record_kind {
	RECORD_REQUEST = 1, /* one attempt of one request, done */
	RECORD_START,       /* one start (a visitor's journey), done or dropped */
	RECORD_HEALTH,      /* a worker about itself, once a second */
	RECORD_TEXT,        /* a piece of text: the sample of an error, a note */
	RECORD_EVENT,       /* something happened to the run: enum run_event */
	RECORD_FAULT,       /* a fault changed its state */
	RECORD_FAULT_TEXT,  /* words about that: struct record_text, the subject is the fault */
	RECORD_HIT,         /* a connection or a call met a fault */
	RECORD_STEADY,      /* the steady state was looked at */
	RECORD_SAGA,        /* something happened to a saga: enum saga_event */
	RECORD_SAGA_ID,     /* what the system calls it */
	RECORD_EFFECT,      /* evidence: a step of a saga did something, or took it back */
	RECORD_READING,     /* evidence: a number that the system says about itself */
	RECORD_SOURCE,      /* evidence: how the reading of a source went */
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

/* done - intended */
static inline int64_t request_latency_us(const struct record_request *request)
{
	return (int64_t)request->lag_us + request->service_us;
}

/*
 * Whether it is in the figures of its name. What is tried again counts as a retry only; what our
 * own stop interrupted says nothing about the system.
 */
static inline bool request_counts(const struct record_request *request, uint16_t flags)
{
	return !(flags & REQUEST_WILL_RETRY) && request->failure != FAILURE_INTERRUPTED;
}

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
	EVENT_CUT_SHORT,       /* the scenario wanted the load to end: a breach, or a gate */
	EVENT_UNSTEADY,        /* number: enum steady_moment; value: the condition; code 22 */
	EVENT_GATE_BROKEN,     /* number: the gate with `abort: yes` that stopped the run */
	EVENT_PAUSED,          /* by hand; number: 1 no starts from now on, 0 they go on */
	EVENT_HEAL_ASKED,      /* by hand: all faults, at once */
	EVENT_WRONG,           /* number: a saga; value: what is wrong of it (sagas/anytime.h) */
};

/* What can never become right again, seen while it runs. */
enum wrong_what {
	WRONG_TWICE, /* money was taken more often than it may be */
	WRONG_BACK,  /* more was given back than taken */
	WRONG_TOLD,  /* the customer was told the same too often */
	WRONG_BOTH,  /* or that it succeeded and that it did not */
	WRONG_COUNT
};

/* Payload of RECORD_EVENT. */
struct record_event {
	int64_t at_us;
	uint32_t event;  /* enum run_event */
	uint32_t number;
	int64_t value;
	uint64_t books[OUTCOME_COUNT]; /* RUN_ENDED: starts by outcome, as workers counted them */
};

/* See chaos/fault.h. */
enum fault_state {
	FAULT_PLANNED,
	FAULT_ARMING,
	FAULT_ARMED,
	FAULT_HEALING,
	FAULT_HEALED,
	FAULT_UNPROVEN, /* could not be seen to be gone */
	FAULT_REFUSED,
	FAULT_FAILED,
	FAULT_STATES
};
const char *fault_state_name(enum fault_state state); /* "planned" ... "failed" */

/* Payload of RECORD_FAULT. */
struct record_fault {
	int64_t at_us;
	uint32_t fault;  /* its number, see meta.json */
	uint8_t state;   /* enum fault_state */
	uint8_t by_heal; /* healed by someone else than its supervisor */
	uint8_t spare[2];
	int64_t hits;    /* so far; -1: can't be known */
};

enum hit_kind {
	HIT_CONNECTION, /* bytes of a connection were treated */
	HIT_BEFORE,     /* a call was kept from its effect */
	HIT_AFTER,      /* the effect happened, the caller did not learn of it */
	HIT_CHANGED,    /* the call took place, and was delayed, doubled or altered */
};

/* Payload of RECORD_HIT. */
struct record_hit {
	int64_t at_us;
	uint32_t fault;
	uint16_t edge;        /* see meta.json */
	uint8_t kind;         /* enum hit_kind */
	uint8_t spare;
	uint64_t correlation; /* text_hash() of X-Correlation-Id, else Idempotency-Key; 0 */
	uint64_t connection;  /* counts from 1 in the proxy */
	uint32_t call;        /* of the connection, from 1; 0: no call */
	uint32_t delay_us;    /* that was added */
	uint16_t status;      /* that came back from upstream, if one did */
	uint16_t spare2[3];
};

/* Payload of RECORD_STEADY. */
enum steady_moment { STEADY_BEFORE, STEADY_DURING, STEADY_AFTER };
struct record_steady {
	int64_t at_us;
	uint32_t condition;   /* see meta.json */
	uint8_t moment;       /* enum steady_moment */
	uint8_t verdict;      /* 0 held, 1 did not, 2 unknown: too little was seen */
	uint16_t spare;
	double actual;
	uint64_t samples;
};

/* Numbers of states, steps and sources index the contract in meta.json (sagas/contract.h). */
enum { SAGA_NONE = UINT32_MAX, STATE_NONE = 255 };

enum saga_event {
	/* Written by the worker whose visitor placed it (worker-N.history). */
	SAGA_MINTED = 1,  /* before the first byte; amount: what the visitor was shown, or -1 */
	SAGA_SENT,        /* an attempt to place it; attempt counts from 0 */
	SAGA_OK,          /* it was acknowledged; state, amount and item as the answer says */
	SAGA_FAIL,        /* that attempt certainly had no effect (a 4xx) */
	SAGA_INFO,        /* unknown: a timeout, a reset, a 5xx */
	SAGA_SAW,         /* who placed it read it: state */
	SAGA_MISSED,      /* who placed it read it after SAGA_OK, and it was not there (404) */
	SAGA_AGAIN,       /* the same key and body after SAGA_OK; value: 1 same answer, 0 another */
	SAGA_MISUSED,     /* the same key, another body; value: 1 was refused, 0 was accepted */
	SAGA_CANCEL_SENT,
	SAGA_CANCEL_OK,   /* the cancel was acknowledged (200 or 202) */
	SAGA_CANCEL_NO,   /* refused */
	SAGA_CANCEL_INFO, /* unknown */
	/* Written by the engine's readers of evidence (evidence.history). */
	SAGA_IS,          /* asked by its key after the load: state; value: 1 while being undone */
	SAGA_ABSENT,      /* asked by its key: there is none */
	SAGA_UNREADABLE,  /* could not be asked */
	SAGA_WAS,         /* the system's own log of its states: state, at_us; value: position */
	SAGA_TOLD,        /* an event of the system's stream: state; value: its position */
	SAGA_DEAD,        /* a dead letter is about it */
	SAGA_PRICED,      /* the system's sums; amount: total; value: what its parts add up to */
};

/* Payload of RECORD_SAGA. */
struct record_saga {
	int64_t at_us;
	uint32_t saga;    /* unique in the run and dense: counter * workers + worker */
	uint32_t start;   /* see record_start */
	uint8_t contract;
	uint8_t event;    /* enum saga_event */
	uint8_t state;    /* STATE_NONE: none was said */
	uint8_t attempt;
	uint16_t status;
	uint16_t snapshot; /* 1, 2: which reading after the load; 0: while it ran */
	int64_t amount;   /* money, in its smallest unit; -1: none was said */
	uint64_t item;    /* text_hash() of what is budgeted (a coupon); 0: none */
	int64_t value;    /* as the event says */
};

/* Payload of RECORD_SAGA_ID. */
struct record_saga_id {
	uint32_t saga;
	uint8_t contract;
	uint8_t length;
	char id[50];
};

/* Payload of RECORD_EFFECT. */
struct record_effect {
	int64_t at_us;     /* as the source says, since the start of the run; INT64_MIN: it does
			    * not say */
	uint32_t saga;     /* SAGA_NONE: it names none of ours */
	uint8_t contract;
	uint8_t step;
	uint8_t undo;      /* 1: it takes back */
	uint8_t source;    /* of the contract's evidence */
	int64_t amount;
	uint64_t item;     /* text_hash() of the sku or the like; 0: none */
	uint64_t identity; /* text_hash() of what its source calls it: the same one read twice */
	uint64_t cause;    /* text_hash() of what it takes back, if the source says; 0: unknown */
	uint16_t snapshot;
	uint8_t outcome;   /* of a message to the customer: 1 succeeded, 2 compensated, 0 unknown */
	uint8_t spare[5];
};

enum reading_what {
	READING_AVAILABLE = 1,
	READING_RESERVED,
	READING_SOLD,
	READING_INITIAL,
	READING_RESTOCKED,
	READING_DEBIT,
	READING_CREDIT, /* of the ledger; item: the transaction */
	READING_PUBLISHED,
	READING_CONSUMED,
	READING_DEAD,	 /* messages; item: the queue */
	READING_BREAKER,                      /* item: which; value: enum of the contract's words */
	READING_REGION, /* item: the object; value: text_hash() of what it is there */
};

/* Payload of RECORD_READING. */
struct record_reading {
	int64_t at_us;
	uint64_t item;     /* text_hash(); 0: all */
	int64_t value;
	uint8_t contract;
	uint8_t what;      /* enum reading_what */
	uint16_t snapshot; /* 0: while it ran */
	uint8_t source;
	uint8_t spare[3];
	char name[24];     /* the item in words, cut */
};

/* In RECORD_SOURCE, beside the numbers of the contract's evidence. */
enum { SOURCE_OUTCOME = 255, SOURCE_STOCK = 254 };

/* Payload of RECORD_SOURCE. */
struct record_source {
	int64_t at_us;
	uint8_t contract;
	uint8_t source;     /* of the contract's evidence, or SOURCE_OUTCOME, SOURCE_STOCK */
	uint16_t snapshot;
	uint32_t complete;  /* 1: all of it was read */
	uint64_t read, strange; /* entries; strange: not as the contract says */
	char why[24];       /* why incomplete, cut */
};

_Static_assert(sizeof(struct record) == RECORD_BYTES, "a record is 64 bytes");
_Static_assert(sizeof(struct record_request) <= RECORD_PAYLOAD, "a record is 64 bytes");
_Static_assert(sizeof(struct record_start) <= RECORD_PAYLOAD, "a record is 64 bytes");
_Static_assert(sizeof(struct record_health) <= RECORD_PAYLOAD, "a record is 64 bytes");
_Static_assert(sizeof(struct record_text) <= RECORD_PAYLOAD, "a record is 64 bytes");
_Static_assert(sizeof(struct record_event) <= RECORD_PAYLOAD, "a record is 64 bytes");
_Static_assert(sizeof(struct record_fault) <= RECORD_PAYLOAD, "a record is 64 bytes");
_Static_assert(sizeof(struct record_hit) <= RECORD_PAYLOAD, "a record is 64 bytes");
_Static_assert(sizeof(struct record_saga) <= RECORD_PAYLOAD, "a record is 64 bytes");
_Static_assert(sizeof(struct record_saga_id) <= RECORD_PAYLOAD, "a record is 64 bytes");
_Static_assert(sizeof(struct record_effect) <= RECORD_PAYLOAD, "a record is 64 bytes");
_Static_assert(sizeof(struct record_reading) <= RECORD_PAYLOAD, "a record is 64 bytes");
_Static_assert(sizeof(struct record_source) <= RECORD_PAYLOAD, "a record is 64 bytes");
_Static_assert(sizeof(struct record_steady) <= RECORD_PAYLOAD, "a record is 64 bytes");

#endif
