/* container-kill: ends the container at once, without a word to what runs in it. */
#include <stdio.h>

#include "chaos/container.h"
#include "chaos/container_start.h"
#include "chaos/kinds.h"

struct container_kill {
	char *container;
	int signal;
};

static const char *const signals[] = { "KILL", "TERM", "INT", "QUIT", "ABRT", "SEGV", NULL };

static const struct key container_kill_keys[] = {
	{ "container", KEY_STRING, offsetof(struct container_kill, container),
	  .help = "name or id, instead of a service", .example = "shop-payment-1" },
	{ "signal", KEY_CHOICE, offsetof(struct container_kill, signal), .choices = signals,
	  .initial = "KILL", .help = "what its first process is sent" },
	KEYS_END
};

static bool plan(const struct fault *fault, struct fault_plan *plan, struct error *err)
{
	const struct container_kill *settings = fault->settings;
	struct container_way way = {
		.does = "kill the container",
		.undoes = "start it again",
		.container = settings->container,
		.comes_back = true,
	};

	if (!container_plan(fault, &way, plan, err))
		return false;
	json_object_set_new(plan->undo, "signal", json_string(signals[settings->signal]));
	return true;
}

static bool arm(const struct fault *fault, const json_t *undo, struct error *err)
{
	const char *socket = json_string_value(json_object_get(undo, "socket"));
	const struct container_kill *settings = fault->settings;
	const json_t *container;
	char what[32];
	size_t i;

	snprintf(what, sizeof(what), "kill?signal=%s", signals[settings->signal]);
	json_array_foreach(json_object_get(undo, "containers"), i, container)
		if (!container_post(socket, container, what, err))
			return false;
	return true;
}

const struct fault_kind container_kill = {
	.name = "container-kill",
	.family = FAMILY_CONTAINER,
	.aims = AIM_SERVICE | AIM_REGION | AIM_MACHINE,
	.summary = "ends a container at once; it is started again when the fault ends",
	.example = "container-kill: { service: payment }",
	.keys = container_kill_keys,
	.settings_bytes = sizeof(struct container_kill),
	.possible_for = container_possible_for,
	.plan = plan,
	.arm = arm,
	.heal = container_start_again,
	.look = container_started_again,
	.hits = container_hits,
};
