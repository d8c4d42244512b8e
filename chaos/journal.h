/*
 * journal: what is broken right now, on the disk before it is broken.
 *
 * One file per supervisor in the state directory, JSON Lines. Each line is written with one write()
 * into room that was reserved beforehand, and synced, before the step that it announces; a torn
 * last line announces a step that was not taken. When everything is healed the file is removed: a
 * journal that is there is something to look at.
 *
 *	{"journal": 1, "supervisor": {"pid": 4711, "started": 8812345, "boot": "..."},
 *	 "by": "root (0)", "host": "...", "run": "runs/sale", "history": "...", ...}
 *	{"fault": 0, "name": "...", "kind": "stop", "state": "arming", "at": ..., "until": ...,
 *	 "keeper": {...}, "undo": {...}}
 *	{"fault": 0, "state": "armed", "at": ...}
 *	{"fault": 0, "state": "healed", "at": ...}
 *
 * Room for all the lines that will tell of a fault's healing is reserved before it is armed: a disk
 * that fills up keeps faults from being armed, never from being healed.
 */
#ifndef CHAOS_JOURNAL_H
#define CHAOS_JOURNAL_H

#include "chaos/fault.h"
#include "chaos/identity.h"
#include "lib/record.h"

enum {
	JOURNAL_BYTES_MAX = 64 * 1024 * 1024,
	JOURNAL_LINE_MAX = 4 * 1024 * 1024, /* a longer undo record is refused */
};

struct journal;

struct journal_settings {
	const char *directory; /* made if need be, for its owner only */
	const char *run;       /* what `chaos status` calls it */
	const char *history;   /* directory of chaos.history, for who heals later; or NULL */
	int64_t start_us;      /* of the run, on clock_now_us() */
};

/* By the process that will do the healing: it is its identity that is written. */
struct journal *journal_create(const struct journal_settings *settings, struct error *err);
/* Goes on with one whose supervisor is gone, for who heals it. */
struct journal *journal_append(const char *path, struct error *err);
const char *journal_path(const struct journal *journal);

/*
 * False when it could not be written and synced: then the step must not be taken. `keeper` is the
 * process that will do it (chaos/hand.h), so that a healer can first make sure that it is over; it
 * may be NULL.
 */
bool journal_arming(struct journal *journal, const struct fault *fault, const json_t *undo,
		    const struct process_identity *keeper, int64_t until_wall_us,
		    struct error *err);
bool journal_state(struct journal *journal, uint32_t fault, enum fault_state state,
		   struct error *err);
/* Its file stays, whatever it says. */
void journal_keep(struct journal *journal);
/* Removes the file if everything in it is healed; keeps it otherwise. */
void journal_close(struct journal *journal);

/* Reading another's: every fault that is in it, with the last state it had. */
struct journal_entry {
	uint32_t fault;
	char *name;
	char *kind_name;
	const struct fault_kind *kind; /* NULL: this program knows no such kind */
	enum fault_state state;
	int64_t since_wall_us, until_wall_us;
	struct process_identity keeper; /* pid 0: none */
	json_t *undo;
};

struct journal_contents {
	char *path;
	char *run, *by, *host;
	char *history;          /* NULL: none */
	struct process_identity supervisor;
	int64_t wall_us;        /* when it was begun */
	int64_t start_wall_us;  /* of the run */
	bool supervisor_alive;
	bool begun;             /* false: it ended before it said whose it is: nothing was armed */
	int64_t age_us;         /* since it was written last */
	size_t good_bytes;      /* what follows was being written when its writer died */
	bool damaged;           /* a line before the last can't be read: there may be more faults */
	struct journal_entry *entries;
	size_t count;
};

bool journal_read(const char *path, struct journal_contents *contents, struct error *err);
void journal_contents_release(struct journal_contents *contents);

/* Whether there is something that has to be put back. */
bool journal_entry_open(const struct journal_entry *entry);
size_t journal_busy_count(const struct journal_contents *contents);
size_t journal_open_count(const struct journal_contents *contents);

/* The journals of a state directory, sorted; none is fine. Free with journal_list_free(). */
bool journal_list(const char *directory, char ***paths, size_t *count, struct error *err);
void journal_list_free(char **paths, size_t count);

/* The name that a supervisor's process goes by: what has another is never one of ours. */
#define SUPERVISOR_NAME "saga-supervisor"
bool supervisor_is_alive(const struct process_identity *supervisor);

#endif
