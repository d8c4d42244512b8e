/* container-pause: freezes a container's processes; connections stay, and get no answer. */
#include "chaos/container.h"
#include "chaos/kinds.h"

struct container_pause {
	char *container;
};

static const struct key container_pause_keys[] = {
	{ "container", KEY_STRING, offsetof(struct container_pause, container),
	  .help = "name or id, instead of a service", .example = "shop-payment-1" },
	KEYS_END
};

static bool plan(const struct fault *fault, struct fault_plan *plan, struct error *err)
{
	const struct container_pause *settings = fault->settings;
	struct container_way way = {
		.does = "pause the container",
		.undoes = "let it go on",
		.container = settings->container,
	};

	return container_plan(fault, &way, plan, err);
}

static bool pause_it(const char *socket, const json_t *container, struct error *err)
{
	return container_post(socket, container, "pause", err);
}

static bool arm(const struct fault *fault, const json_t *undo, struct error *err)
{
	(void)fault;
	return container_each(undo, pause_it, err);
}

/* One that is gone, or was started since, is not paused by us. */
static bool let_go_on(const char *socket, const json_t *container, struct error *err)
{
	struct container_state state;
	bool ok = container_look(socket, container, &state, err);

	if (ok && state.exists && state.same && state.paused)
		ok = container_post(socket, container, "unpause", err);
	container_state_release(&state);
	return ok;
}

static bool look_at(const char *socket, const json_t *container, struct error *err)
{
	struct container_state state;
	bool ok = container_look(socket, container, &state, err);

	if (ok && state.exists && state.same && state.paused)
		ok = error_set(err, "the container '%s' is still paused",
			       json_string_value(json_object_get(container, "name")));
	container_state_release(&state);
	return ok;
}

static bool look(const json_t *undo, struct error *err)
{
	return container_each(undo, look_at, err);
}

static bool heal(const json_t *undo, struct error *err)
{
	container_settle(undo, look);
	return container_each(undo, let_go_on, err);
}

const struct fault_kind container_pause = {
	.name = "container-pause",
	.family = FAMILY_CONTAINER,
	.aims = AIM_SERVICE | AIM_REGION | AIM_MACHINE,
	.summary = "freezes a container: its connections stay and get no answer",
	.example = "container-pause: { service: payment }",
	.keys = container_pause_keys,
	.settings_bytes = sizeof(struct container_pause),
	.possible_for = container_possible_for,
	.plan = plan,
	.arm = arm,
	.heal = heal,
	.look = look,
	.hits = container_hits,
};
