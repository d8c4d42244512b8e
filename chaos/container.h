/*
 * container: what faults on containers share.
 *
 * A container is its id and when it was started: one that was started again, or made anew under the
 * same name, is another. The record: {"socket": PATH, "containers": [{"id": ..., "name": ...,
 * "started": ..., "networks": {...}}]}.
 */
#ifndef CHAOS_CONTAINER_H
#define CHAOS_CONTAINER_H

#include "chaos/fault.h"

struct network_end;

/* The process of a container as this machine sees it. `socket` may be NULL: the usual places. */
bool container_pid(const char *socket, const char *container, int64_t *pid, struct error *err);

/* The addresses that a container has in its networks, if any. */
void container_addresses(const char *socket, const char *container, struct network_end *end);

struct container_way {
	const char *does;      /* "kill container" */
	const char *undoes;    /* "start it again" */
	const char *container; /* named by the fault itself; NULL: those of its services */
	const char *network;   /* only this one of its networks; NULL: all */
	bool networks;         /* it has to have one */
	bool comes_back;       /* it must still be there after it has ended */
	int64_t takes_us;      /* how long the engine may be at it, beyond the usual second */
};

bool container_plan(const struct fault *fault, const struct container_way *way,
		    struct fault_plan *plan, struct error *err);
bool container_possible_for(const struct system *system, struct error *err);
/* How many of them are seen to be out of order. */
int64_t container_hits(const struct fault *fault, const json_t *undo);

/* What a container is doing now, compared with what its record says. */
struct container_state {
	bool exists;
	bool same;    /* it was not started again since */
	bool running, paused;
	json_t *networks; /* owned */
};
bool container_look(const char *socket, const json_t *container, struct container_state *state,
		    struct error *err);
void container_state_release(struct container_state *state);

/* Whether one of that name runs, which need not be the same: someone made it anew. */
bool container_replaced(const char *socket, const json_t *container);

/*
 * What an engine was asked for it goes on doing when who asked has died. So who heals soon after
 * the planning waits until it has happened, or is too late to happen.
 */
void container_settle(const json_t *undo, bool (*look)(const json_t *undo, struct error *err));

/* POST /containers/ID/WHAT */
bool container_post(const char *socket, const json_t *container, const char *what,
		    struct error *err);

/* Calls `act` for each container of a record; goes on after one has failed. */
typedef bool container_act(const char *socket, const json_t *container, struct error *err);
bool container_each(const json_t *undo, container_act *act, struct error *err);

#endif
