/*
 * container-disconnect: takes a container out of its networks, as if someone had pulled the plug:
 * its address is gone, its name no longer resolves. It is put back with the same names.
 */
#include "chaos/container.h"
#include "chaos/engine_api.h"
#include "chaos/kinds.h"
#include "lib/url.h"

struct container_disconnect {
	char *container, *network;
};

static const struct key container_disconnect_keys[] = {
	{ "container", KEY_STRING, offsetof(struct container_disconnect, container),
	  .help = "name or id, instead of a service", .example = "shop-payment-1" },
	{ "network", KEY_STRING, offsetof(struct container_disconnect, network),
	  .help = "only this one; all it is in by default", .example = "shop_default" },
	KEYS_END
};

static bool plan(const struct fault *fault, struct fault_plan *plan, struct error *err)
{
	const struct container_disconnect *settings = fault->settings;
	struct container_way way = {
		.does = "take out of its networks the container",
		.undoes = "connect it again, with the same names",
		.container = settings->container,
		.network = settings->network,
		.networks = true,
	};

	return container_plan(fault, &way, plan, err);
}

static bool network_post(const char *socket, const char *network, const char *what, json_t *body,
			 struct error *err)
{
	struct buffer path = BUFFER_EMPTY;
	bool ok;

	buffer_add_string(&path, "/networks/");
	url_encode(&path, text_of(network));
	buffer_format(&path, "/%s", what);
	ok = engine_do(&(struct engine_call){ socket, "POST", path.data, body }, NULL, err);
	json_decref(body);
	buffer_release(&path);
	return ok;
}

static json_t *networks_of(const json_t *container)
{
	return json_object_get(container, "networks");
}

static bool pull(const char *socket, const json_t *container, struct error *err)
{
	const char *network;
	json_t *record;

	json_object_foreach(networks_of(container), network, record)
		if (!network_post(socket, network, "disconnect",
				  json_pack("{s:O, s:b}", "Container",
					    json_object_get(container, "id"), "Force", 0),
				  err))
			return false;
	return true;
}

/* With the settings that the end had before, and with `ipam`, if given. */
static bool connect_as(const char *socket, const json_t *container, const char *network,
		       json_t *ipam, struct error *err)
{
	const json_t *record = json_object_get(networks_of(container), network);
	json_t *end = json_pack("{s:O}", "Aliases", json_object_get(record, "aliases"));

	if (json_is_object(ipam))
		json_object_set(end, "IPAMConfig", ipam);
	return network_post(socket, network, "connect",
			    json_pack("{s:O, s:o}", "Container", json_object_get(container, "id"),
				      "EndpointConfig", end),
			    err);
}

/*
 * With the same address, too, since who knows it may not ask for it again. Not every network lets
 * one choose: then as its settings were.
 */
static bool connect_to(const char *socket, const json_t *container, const char *network,
		       const json_t *record, struct error *err)
{
	const char *address = json_string_value(json_object_get(record, "address"));
	json_t *ipam = json_object_get(record, "ipam"), *same = NULL;
	bool ok = false;

	if (!json_is_object(ipam) && address && *address) {
		same = json_pack("{s:s}", "IPv4Address", address);
		ok = connect_as(socket, container, network, same, err);
		json_decref(same);
	}
	return ok || connect_as(socket, container, network, ipam, err);
}

/* A network is the container's own also while it does not run. One that was removed needs none. */
static bool put_back(const char *socket, const json_t *container, struct error *err)
{
	struct container_state state;
	bool ok = container_look(socket, container, &state, err);
	const char *network;
	json_t *record;

	if (ok && state.exists)
		json_object_foreach(networks_of(container), network, record)
			if (!json_object_get(state.networks, network))
				ok = connect_to(socket, container, network, record, err) && ok;
	container_state_release(&state);
	return ok;
}

static bool look_at(const char *socket, const json_t *container, struct error *err)
{
	struct container_state state;
	bool ok = container_look(socket, container, &state, err);
	const char *network;
	json_t *record;

	if (ok && state.exists)
		json_object_foreach(networks_of(container), network, record)
			if (!json_object_get(state.networks, network))
				ok = error_set(err, "the container '%s' is not in the network '%s'",
					       json_string_value(
						       json_object_get(container, "name")),
					       network);
	container_state_release(&state);
	return ok;
}

static bool arm(const struct fault *fault, const json_t *undo, struct error *err)
{
	(void)fault;
	return container_each(undo, pull, err);
}

static bool look(const json_t *undo, struct error *err)
{
	return container_each(undo, look_at, err);
}

static bool heal(const json_t *undo, struct error *err)
{
	container_settle(undo, look);
	return container_each(undo, put_back, err);
}

const struct fault_kind container_disconnect = {
	.name = "container-disconnect",
	.family = FAMILY_CONTAINER,
	.aims = AIM_SERVICE | AIM_REGION | AIM_MACHINE,
	.summary = "takes a container out of its networks: its address and its name are gone",
	.example = "container-disconnect: { service: payment, network: shop_default }",
	.keys = container_disconnect_keys,
	.settings_bytes = sizeof(struct container_disconnect),
	.possible_for = container_possible_for,
	.plan = plan,
	.arm = arm,
	.heal = heal,
	.look = look,
	.hits = container_hits,
};
