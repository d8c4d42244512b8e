/*
 * supervisor: the process that arms faults and, above all, heals them.
 *
 * It is started before the first fault, ignores terminals and signals meant for the run (own
 * session), and holds the journal. It runs the schedule by itself; its controller may only allow,
 * trigger, and end. When the controller's end of the socket closes without a goodbye, however that
 * came about, everything is healed within two seconds. Should the supervisor itself be killed, the
 * proxy drops its faults at once, helper processes end with it, and the rest is healed from the
 * journal: by supervisor_next() or supervisor_end() in the controller, or, when that is dead as
 * well, by `sagastorm chaos heal`.
 *
 *	struct supervisor *supervisor = supervisor_start(&settings, err);   // forks
 *	supervisor_allow(supervisor);                       // the steady state held: schedule runs
 *	... supervisor_fd() readable: supervisor_next(supervisor, &event)
 *	supervisor_end(supervisor, &outcome);               // heals, verifies, waits for it
 *
 * It must be started after everything that it may break is there, and before it may be allowed:
 * it sees what its controller saw then. The handle of a proxy stays usable in the controller, too.
 */
#ifndef CHAOS_SUPERVISOR_H
#define CHAOS_SUPERVISOR_H

#include "chaos/chaos_read.h"
#include "chaos/proxy.h"
#include "lib/record.h"

struct supervisor_settings {
	const struct chaos_section *section;
	struct proxy *proxy;         /* handed over: the supervisor controls it; NULL: none */
	int64_t start_us;            /* of the run, on clock_now_us() */
	const char *history;         /* directory; writes chaos.history; NULL: none */
	const char *state_directory; /* for the journal */
	const char *run;             /* name of the run, for the journal */
};

struct fault_event {
	uint32_t fault;
	enum fault_state state;
	int64_t at_us;   /* since the start of the run */
	int64_t hits;    /* -1: can't be known */
	char text[512];  /* why refused, failed or unproven; else what was done */
};

struct supervisor_outcome {
	uint32_t healed, unproven, refused, failed, never_triggered;
	bool supervisor_died; /* and what it left was healed by us */
};

struct supervisor;
struct supervisor *supervisor_start(const struct supervisor_settings *settings, struct error *err);
int supervisor_fd(const struct supervisor *supervisor);
/* The next event that has come, if any. Never blocks. */
bool supervisor_next(struct supervisor *supervisor, struct fault_event *event);

/* It has died, and supervisor_next() has no more to tell: nothing will be armed any more. */
bool supervisor_lost(const struct supervisor *supervisor);

void supervisor_allow(struct supervisor *supervisor);    /* faults may be armed from now on */
void supervisor_refuse(struct supervisor *supervisor, const char *why); /* none ever */
void supervisor_trigger(struct supervisor *supervisor, uint32_t fault); /* WHEN came true */
void supervisor_heal_all(struct supervisor *supervisor); /* and nothing is armed any more */

/* Heals what is left, waits (bounded), tells how it went. Frees. */
void supervisor_end(struct supervisor *supervisor, struct supervisor_outcome *outcome);

/*
 * For `sagastorm chaos heal` and for the engine: heals what a journal says is broken. Tells a
 * living supervisor to do it, and does it itself when there is none. Counts what could not be
 * proven healed.
 */
bool journal_heal(const char *path, uint32_t *healed, uint32_t *unproven, struct buffer *said,
		  struct error *err);

/* Where journals are: $SAGASTORM_STATE, $XDG_STATE_HOME/sagastorm, ~/.local/state/sagastorm. */
bool state_directory(struct buffer *path, struct error *err);

#endif
