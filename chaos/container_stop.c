/* container-stop: asks the container to end, and ends it when it takes longer than `grace`. */
#include <stdio.h>

#include "chaos/container.h"
#include "chaos/container_start.h"
#include "chaos/kinds.h"
#include "lib/clock.h"

struct container_stop {
	char *container;
	int64_t grace_us;
};

static const struct key container_stop_keys[] = {
	{ "container", KEY_STRING, offsetof(struct container_stop, container),
	  .help = "name or id, instead of a service", .example = "shop-payment-1" },
	{ "grace", KEY_DURATION, offsetof(struct container_stop, grace_us), .initial = "2s",
	  .maximum = 8e6, .help = "how long it may take to end by itself, in whole seconds" },
	KEYS_END
};

static bool plan(const struct fault *fault, struct fault_plan *plan, struct error *err)
{
	const struct container_stop *settings = fault->settings;
	struct container_way way = {
		.does = "stop the container",
		.undoes = "start it again",
		.container = settings->container,
		.comes_back = true,
		.takes_us = settings->grace_us,
	};

	return container_plan(fault, &way, plan, err);
}

static bool arm(const struct fault *fault, const json_t *undo, struct error *err)
{
	const char *socket = json_string_value(json_object_get(undo, "socket"));
	const struct container_stop *settings = fault->settings;
	const json_t *container;
	char what[32];
	size_t i;

	snprintf(what, sizeof(what), "stop?t=%lld",
		 (long long)((settings->grace_us + US_PER_S - 1) / US_PER_S));
	json_array_foreach(json_object_get(undo, "containers"), i, container)
		if (!container_post(socket, container, what, err))
			return false;
	return true;
}

const struct fault_kind container_stop = {
	.name = "container-stop",
	.family = FAMILY_CONTAINER,
	.aims = AIM_SERVICE | AIM_REGION | AIM_MACHINE,
	.summary = "stops a container in good order; it is started again when the fault ends",
	.example = "container-stop: { service: payment, grace: 3s }",
	.keys = container_stop_keys,
	.settings_bytes = sizeof(struct container_stop),
	.possible_for = container_possible_for,
	.plan = plan,
	.arm = arm,
	.heal = container_start_again,
	.look = container_started_again,
	.hits = container_hits,
};
