/*
 * journal: what is broken right now, on the disk before it is broken.
 *
 * One file per supervisor in the state directory (chaos/state.h), JSON Lines. Each line is written
 * with one write() into room that was reserved beforehand, and synced, before the step that it
 * announces; a torn last line announces a step that was not taken. When everything is healed the
 * file is removed: a journal that is there is something to look at.
 *
 *	{"journal": 1, "pid": 4711, "started": 8812345, "boot": "...", "run": "runs/sale"}
 *	{"fault": 0, "name": "...", "kind": "stop", "state": "arming", "until": ..., "undo": {...}}
 *	{"fault": 0, "state": "armed"}
 *	{"fault": 0, "state": "healed"}
 */
#ifndef CHAOS_JOURNAL_H
#define CHAOS_JOURNAL_H

#include "chaos/fault.h"
#include "lib/record.h"

struct journal;

struct journal *journal_create(const char *directory, const char *run, struct error *err);
/* False when it could not be written and synced: then the step must not be taken. */
bool journal_arming(struct journal *journal, const struct fault *fault, const json_t *undo,
		    struct error *err);
bool journal_state(struct journal *journal, uint32_t fault, enum fault_state state,
		   struct error *err);
/* Removes the file if everything in it is healed; keeps it otherwise. */
void journal_close(struct journal *journal);

/* Reading another's: every fault that is in it, with the last state it had. */
struct journal_entry {
	uint32_t fault;
	char *name;
	const struct fault_kind *kind;
	enum fault_state state;
	int64_t until_wall_us;
	json_t *undo;
};

struct journal_contents {
	char *path;
	char *run;
	int64_t pid, started;   /* of the supervisor; see process_alive() in chaos/identity.h */
	int64_t wall_us;
	bool supervisor_alive;
	struct journal_entry *entries;
	size_t count;
};

bool journal_read(const char *path, struct journal_contents *contents, struct error *err);
void journal_contents_release(struct journal_contents *contents);

#endif
