/*
 * fault: one thing broken for a while, and what puts it back.
 *
 * One kind of fault is one file with a struct fault_kind, and a row in chaos/kinds.c. What all
 * kinds share (triggers, ends, share, journal, history, verification) belongs to the supervisor and
 * the proxy, not to the kind. docs/faults.md says in four steps how to add one.
 *
 * A fault goes through
 *
 *	PLANNED   nothing has happened. plan() has found the real targets, and what undoes it
 *	ARMING    the undo record is on the disk; arm() is at work
 *	ARMED     it is in effect; hits are counted where they can be
 *	HEALING   heal() is at work, from the undo record alone
 *	HEALED    look() has seen that it is gone
 *	UNPROVEN  it could not be seen to be gone: exit code 30
 *	REFUSED   plan() or a safety rule said no: nothing was done
 *	FAILED    arm() failed; what it had done is undone
 */
#ifndef CHAOS_FAULT_H
#define CHAOS_FAULT_H

#include <jansson.h>

#include "chaos/system.h"
#include "lib/random.h"

enum { FAULTS_MAX = 500 };

enum fault_family {
	FAMILY_WIRE,      /* in the proxy: bytes of a connection */
	FAMILY_CALL,      /* in the proxy: one HTTP call */
	FAMILY_PROCESS,
	FAMILY_NETWORK,
	FAMILY_MACHINE,
	FAMILY_CONTAINER,
	FAMILY_WITNESS,   /* done by the payment provider or the mail server that we play */
	FAMILY_STORE,     /* PostgreSQL, Redis, RabbitMQ: with the shop on real parts */
	FAMILY_COUNT
};
const char *fault_family_name(enum fault_family family);

/*
 * What a kind can be aimed at; bits. Each gives it a common key (edge, service, region). With
 * AIM_MACHINE it may also be aimed at nothing of the system. A witness is a service, too, by
 * another key.
 */
enum fault_aim { AIM_EDGE = 1, AIM_SERVICE = 2, AIM_REGION = 4, AIM_MACHINE = 8, AIM_WITNESS = 16 };

/* Which calls of an edge are meant. Call faults have it, and so has the trigger `on`. */
struct call_match {
	char *method;        /* NULL: any */
	char *path;          /* whole; '*' is any one segment, '**' at its end all that follow */
	char *header;        /* "Name" or "Name: value"; NULL: any */
	int64_t nth;         /* only the nth that matches; 0: all */
	int64_t every;       /* every nth that matches; 0: all */
};

enum fault_direction { DIRECTION_REQUESTS = 1, DIRECTION_ANSWERS = 2, DIRECTION_BOTH = 3 };

enum trigger_kind {
	TRIGGER_AT,   /* a time of the run */
	TRIGGER_ON,   /* a call over an edge */
	TRIGGER_WHEN, /* a saga reaches a state */
};

struct fault_trigger {
	enum trigger_kind kind;
	int64_t at_us;           /* AT: since the start of the run */
	const struct edge *edge; /* ON */
	struct call_match match;
	bool hold;               /* ON: that call waits for the fault, at most a second */
	char *saga, *state;      /* WHEN */
	int64_t nth;             /* WHEN: the nth saga to reach it; 1 by default */
};

struct fault {
	struct place at;
	uint32_t number;         /* from 0, in the order of the file */
	char *name;              /* given, or "latency order -> payment" */
	const struct fault_kind *kind;
	void *settings;          /* kind->settings_bytes, as kind->keys read them */
	char *settings_yaml;     /* the same as flow YAML, for the proxy and the journal */
	const struct system *system;
	/*
	 * What it is aimed at, resolved by chaos/faults_aim.c from edge:, service:, region:,
	 * witness:. A region is its services and, for kinds that can be aimed at edges, the edges
	 * that cross its border.
	 */
	const struct edge **edges;
	size_t edge_count;
	const struct service **services;
	size_t service_count;
	enum fault_direction direction; /* wire faults */
	struct call_match match;        /* call faults */
	double share;            /* of connections, calls or instances; decided once for each */
	int64_t most;            /* instances at once; 0: as the share says */
	struct fault_trigger trigger;
	int64_t duration_us;     /* at most this long; always there */
	int64_t times;           /* ends after so many hits; 0: no such end */
	uint64_t seed;           /* of its named random streams */
};

/* What plan() finds out, and what --dry-run prints. */
struct fault_plan {
	json_t *undo;            /* plan() makes it: an object, all that heal() and look() need */
	struct buffer *does;     /* a sentence: what would be done to what */
	struct buffer *undoes;   /* a sentence: what would put it back */
};

struct fault_kind {
	const char *name;        /* the key in YAML: "latency" */
	enum fault_family family;
	unsigned aims;           /* enum fault_aim */
	const char *summary;     /* one line, for `chaos kinds` and the manual */
	const char *example;     /* one line of YAML that works: "kill: { service: payment }" */
	const struct key *keys;  /* its own settings; the common ones are added by the registry */
	size_t settings_bytes;
	enum fault_direction usual_direction; /* WIRE: without `direction:`; 0: both */
	/* After the keys were read: what else can be wrong. May be NULL. */
	bool (*check)(const struct fault *fault, struct complaints *complaints);
	/* How long it takes when `for` is not given, from its settings. NULL or 0: the usual. */
	int64_t (*lasts_us)(const struct fault *fault);
	/* Whether this machine can (a kernel module, a program, a right). NULL: yes. */
	bool (*possible)(struct error *err);
	/* The same where the system file has a say in it; a system of NULL: the usual places. */
	bool (*possible_for)(const struct system *system, struct error *err);

	/* Not for WIRE and CALL: those are planned, armed, healed and seen by chaos/proxied.c. */
	bool (*plan)(const struct fault *fault, struct fault_plan *plan, struct error *err);
	/* heal() must do with what plan() wrote, however far this got. */
	bool (*arm)(const struct fault *fault, const json_t *undo, struct error *err);
	/* From the record alone, in any process, any number of times, also when half armed. */
	bool (*heal)(const json_t *undo, struct error *err);
	/* Looks at the world. False, with the reason, while anything of it is still there. */
	bool (*look)(const json_t *undo, struct error *err);
	/* While armed, every 20 ms: for what must be kept up (a crash-loop). NULL: nothing. */
	void (*tend)(const struct fault *fault, const json_t *undo);
	/* What it did so far, for confirmation ("38 packets dropped"); -1: can't be known. */
	int64_t (*hits)(const struct fault *fault, const json_t *undo);
	/* The same in words, where a number says too little ("a write took 35 ms"). May be NULL. */
	void (*tell)(const struct fault *fault, const json_t *undo, struct buffer *words);

	const struct wire_ops *wire; /* FAMILY_WIRE: chaos/proxy_parts.h */
	const struct call_ops *call; /* FAMILY_CALL */
};

/* chaos/kinds.c: sorted by family, then by name; NULL-ended. */
extern const struct fault_kind *const fault_kinds[];
const struct fault_kind *fault_kind_find(struct text name);
/* Asks both possible() and possible_for(). */
bool fault_possible(const struct fault_kind *kind, const struct system *system, struct error *err);

#endif
