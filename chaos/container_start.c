#include "chaos/container_start.h"

#include <unistd.h>

#include "lib/clock.h"

enum { START_PATIENCE_US = 3000000 };

static const char *name_of(const json_t *container)
{
	const char *name = json_string_value(json_object_get(container, "name"));

	return name ? name : "";
}

/* Whether there is nothing left to do; else why. */
static bool runs(const char *socket, const json_t *container, struct container_state *state,
		 struct error *err)
{
	if (!container_look(socket, container, state, err))
		return false;
	if (state->exists)
		return state->running ||
		       error_set(err, "the container '%s' does not run", name_of(container));
	return container_replaced(socket, container) ||
	       error_set(err, "the container '%s' was removed: there is nothing to start",
			 name_of(container));
}

static bool start_once(const char *socket, const json_t *container, bool *again, struct error *err)
{
	struct container_state state = { .exists = false };
	bool ok = runs(socket, container, &state, err);

	*again = !ok && state.exists;
	if (*again)
		ok = container_post(socket, container, "start", err);
	container_state_release(&state);
	return ok;
}

/* One that is just about to end neither runs nor can it be started. */
static bool start(const char *socket, const json_t *container, struct error *err)
{
	int64_t deadline_us = clock_now_us() + START_PATIENCE_US;
	bool again, ok = start_once(socket, container, &again, err);

	while (!ok && again && clock_now_us() < deadline_us) {
		usleep(100000);
		ok = start_once(socket, container, &again, err);
	}
	return ok;
}

static bool look(const char *socket, const json_t *container, struct error *err)
{
	struct container_state state = { .exists = false };
	bool ok = runs(socket, container, &state, err);

	container_state_release(&state);
	return ok;
}

bool container_start_again(const json_t *undo, struct error *err)
{
	container_settle(undo, container_started_again);
	return container_each(undo, start, err);
}

bool container_started_again(const json_t *undo, struct error *err)
{
	return container_each(undo, look, err);
}
