/*
 * journey: what one visitor does, compiled into a small program.
 *
 * Written as steps in YAML (loadgen/journey_read.c), run by loadgen/user.c. Every name is resolved
 * here: variables are slots, request names and data sources are numbers, expressions and templates
 * are compiled. Nothing of a journey changes while it runs; all users of all workers share it.
 *
 * Loops and choices become jumps, so the user needs no stack: a program counter, slots, and one
 * counter per nested loop.
 */
#ifndef LOADGEN_JOURNEY_H
#define LOADGEN_JOURNEY_H

#include "lib/expression.h"
#include "lib/json_pointer.h"
#include "lib/template.h"
#include "loadgen/saga_visit.h"
#include "loadgen/transfer.h"

enum {
	SLOTS_MAX = 64,   /* variables of one journey */
	LOOPS_MAX = 6,    /* loops inside loops */
	PARTS_MAX = 64,   /* requests in one `together` */
};

/*
 * What a `ref` of a template or an expression means: the kind in the high byte, its number in the
 * low one. `REF_ROW` needs the source and the column: refs above REF_ROW are looked up in the
 * journey's `cells`.
 */
enum ref_kind {
	REF_SLOT = 0 << 8,    /* a variable: saved or set */
	REF_CELL = 1 << 8,    /* ${products.sku}: journey->cells[low byte] */
	REF_BUILTIN = 2 << 8, /* enum builtin */
	REF_HEADER = 3 << 8,  /* expressions only: journey->headers[low byte] of the answer */
	REF_COOKIE = 4 << 8, /* expressions only: journey->cookies[low byte], the session's value */
	REF_LOOP = 5 << 8,    /* ${loop}: turn, from 0, of the loop whose number is the low byte */
};
#define REF_KIND(ref) ((ref) & 0xff00)
#define REF_NUMBER(ref) ((ref) & 0xff)

enum builtin {
	BUILTIN_USER,        /* ${user}: number of the start, unique in the run */
	BUILTIN_REQUEST_KEY, /* ${request.key}: the idempotency key of this request */
	BUILTIN_STATUS,      /* expressions only: status of the answer */
	BUILTIN_BODY,        /* expressions only: body of the answer */
	BUILTIN_LATENCY_MS,  /* expressions only: service time of the answer */
	BUILTIN_SIZE,        /* expressions only: bytes of the decoded body */
	BUILTIN_VERSION,     /* expressions only: "1.0", "1.1", "2" */
};

struct cell { /* a column of a data source */
	uint8_t source;
	uint8_t column;
};

enum save_from { SAVE_POINTER, SAVE_HEADER, SAVE_REGEX, SAVE_COOKIE, SAVE_STATUS, SAVE_BODY };

struct save {
	struct place at;
	uint8_t slot;
	enum save_from from;
	struct json_pointer pointer;
	const char *name;       /* header or cookie */
	struct regex *regex;    /* lib/regex.h; group 1, or the whole match */
	bool optional;          /* absent is no failure: the slot is emptied */
	struct text otherwise;  /* for optional ones */
};

struct expectation {
	struct place at;
	struct expression *condition; /* status lists are expressions too */
	bool about_status; /* a failure of it is FAILURE_HTTP, of others FAILURE_EXPECTATION */
};

struct header_line {
	struct text name;
	struct template value;
};

enum retry_on {
	RETRY_TIMEOUT = 1,
	RETRY_RESET = 2,
	RETRY_CONNECT = 4, /* dns, connect, tls */
	RETRY_5XX = 8,
	RETRY_429 = 16,
	RETRY_EXPECTATION = 32,
};

struct retry {
	uint8_t times; /* after the first attempt */
	uint8_t on;
	int64_t backoff_us;
	double factor;  /* 100ms x2 */
	double jitter;  /* share of the back-off, both ways */
};

struct poll {
	struct expression *until; /* NULL: not a poll */
	int64_t every_us;
	int64_t within_us;
};

enum body_kind { BODY_NONE, BODY_JSON, BODY_FORM, BODY_TEXT };

struct request_step {
	struct place at;
	uint16_t name;           /* in the scenario's table of request names */
	enum http_method method;
	uint16_t origin;
	struct template path;
	struct template headers; /* all header lines, rendered as one text (fixed when nothing
				  * varies) */
	struct template body;
	enum body_kind body_kind;
	bool mints_key; /* a fresh ${request.key} per visit of this step, kept by its retries */
	int64_t timeout_us;
	uint8_t redirects;       /* how many to follow */
	bool goes_on;            /* a failure of this step does not end the journey */
	bool reads_body;         /* anything below looks at the body */
	struct expectation *expectations;
	size_t expectation_count; /* without any about the status: below 400 is expected */
	bool status_expected;
	struct save *saves;
	size_t save_count;
	struct retry retry;
	struct poll poll;
	struct saga_role *saga;  /* NULL: it has nothing to do with one */
};

enum think_kind { THINK_FIXED, THINK_UNIFORM, THINK_EXPONENTIAL, THINK_NORMAL };

struct think {
	enum think_kind kind;
	int64_t a_us; /* the time, the low end, or the mean */
	int64_t b_us; /* the high end, or the deviation */
};

enum operation {
	OP_REQUEST,     /* request */
	OP_THINK,       /* think */
	OP_SET,         /* slot = text */
	OP_PICK,        /* deals a new row of data source `number` */
	OP_JUMP,        /* to `target` */
	OP_UNLESS,      /* to `target` unless `condition` */
	OP_LOOP,        /* loop `number` starts: turns = `text` as an integer (at most `limit`); to
			 * `target` if 0 */
	OP_LOOP_NEXT,   /* loop `number`: one turn less; to `target` while turns are left */
	OP_EACH,        /* loop `number` over the JSON array in `list`: `slot` = its element; to
			 * `target` after the last */
	OP_TOGETHER,    /* `parts`, at once, over as many lanes as allowed; goes on when all are
			 * done */
	OP_MEET,        /* waits until `limit` users are here, or `wait_us` has passed */
	OP_BRANCH,      /* to one of `branches`, by weight */
	OP_MINT,        /* saga `number` gets its key, in `slot`; `text` is what the visitor was
			 * shown, if `limit` */
	OP_LEAVE,       /* the end, well */
	OP_FAIL,        /* the end, badly: `text` says why (FAILURE_EXPECTATION) */
};

struct branch {
	double upto;     /* cumulative share, the last one is 1 */
	uint32_t target;
};

struct instruction {
	enum operation operation;
	struct place at;
	uint32_t target;
	uint8_t slot;
	uint8_t list;    /* slot of the array for OP_EACH */
	uint16_t number;
	uint32_t limit;
	int64_t wait_us;
	struct request_step *request;
	struct think think;
	struct template text;
	struct expression *condition;
	struct request_step **parts;
	struct branch *branches;
	uint16_t part_count, branch_count;
	uint16_t lanes;  /* at most so many at once in OP_TOGETHER */
};

struct journey {
	char *name;
	struct place at;
	uint16_t number;
	struct instruction *program;
	uint32_t length;
	char **slot_names;
	uint8_t slot_count;
	struct cell *cells;
	uint8_t cell_count;
	uint64_t sources;       /* bit per data source it uses */
	char **headers;         /* names that expressions ask for */
	uint8_t header_count;
	char **cookies;
	uint8_t cookie_count;
	uint32_t meets;         /* users per rendezvous; 0: never meets. One number per journey */
	uint8_t lanes;          /* most lanes at once, at least 1 */
};

#endif
