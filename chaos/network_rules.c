/* From flows to what is loaded: a script for nft in each namespace, and one for tc where asked. */
#include <stdlib.h>
#include <unistd.h>

#include "chaos/control_mark.h"
#include "chaos/netns.h"
#include "chaos/network.h"
#include "chaos/tc.h"
#include "lib/memory.h"

struct network_place {
	json_t *netns;
	struct buffer in, out; /* rules of the two chains */
	char *device;          /* of the queues; NULL: none yet */
};

/* Bits of a rule, in the order in which they stand. */
struct rule {
	const char *only;    /* 'iifname "lo" ', or "" */
	const char *cgroup;
	const char *address; /* NULL: any */
	bool to;             /* to that address and port; else from it */
	uint16_t port;
	const char *does;
};

static unsigned levels(const char *path)
{
	unsigned count = 1;

	for (; *path; path++)
		count += *path == '/';
	return count;
}

static void write_rule(struct buffer *chain, const struct rule *rule)
{
	struct buffer line = BUFFER_EMPTY;

	if (!rule->does)
		return;
	buffer_format(&line, "\t\t%s", rule->only);
	if (rule->cgroup)
		buffer_format(&line, "socket cgroupv2 level %u \"%s\" ", levels(rule->cgroup),
			      rule->cgroup);
	if (rule->address)
		buffer_format(&line, "%s %s %s ", strchr(rule->address, ':') ? "ip6" : "ip",
			      rule->to ? "daddr" : "saddr", rule->address);
	buffer_format(&line, "tcp %s %u %s\n", rule->to ? "dport" : "sport", rule->port,
		      rule->does);
	/* Two edges may lead to one port: twice the rule would be twice the loss. */
	if (!chain->length || !strstr(chain->data, line.data))
		buffer_add_text(chain, buffer_text(&line));
	buffer_release(&line);
}

/*
 * Where callers are. A packet that stays on this machine is met when it comes in: then a lost one
 * is lost to both ends, and its sender is not told. What leaves has to be met when it leaves.
 */
static void rules_for_caller(const struct network_places *places, struct network_place *place,
			     const struct network_flow *flow, const char *address)
{
	const struct network_way *way = places->way;
	struct rule to = { "", flow->cgroup, address, true, flow->end->port, way->requests };
	struct rule from = { "", flow->cgroup, address, false, flow->end->port, way->answers };

	if (way->queues) {
		write_rule(&place->out, &to);
		from.only = "oifname \"lo\" ";
		if (!flow->cgroup) /* these are the callee's sockets */
			write_rule(&place->out, &from);
		return;
	}
	write_rule(&place->in, &from);
	if (!flow->cgroup) {
		to.only = "iifname \"lo\" ";
		write_rule(&place->in, &to);
		to.only = "oifname != \"lo\" ";
	}
	write_rule(&place->out, &to);
}

static void rules_for_callee(const struct network_places *places, struct network_place *place,
			     const struct network_flow *flow)
{
	const struct network_way *way = places->way;
	struct rule to = { "", NULL, NULL, true, flow->end->port, way->requests };
	struct rule from = { "", NULL, NULL, false, flow->end->port, way->answers };

	if (!way->queues)
		write_rule(&place->in, &to);
	write_rule(&place->out, &from);
}

static struct network_place *place_in(struct network_places *places, json_t *netns)
{
	struct network_place *place;

	for (size_t i = 0; i < places->count; i++)
		if (netns_equal(places->items[i].netns, netns))
			return &places->items[i];
	places->items =
		memory_grow(places->items, places->count, &places->room, sizeof(*places->items));
	place = &places->items[places->count++];
	*place = (struct network_place){ .netns = json_incref(netns) };
	return place;
}

static bool find_device(const struct network_flow *flow, int netns, struct buffer *device,
			struct error *err)
{
	if (flow->side == SIDE_CALLER && flow->end->count)
		return network_device(netns, flow->end->addresses[0], device, err);
	return network_default_device(netns, device, err);
}

static bool choose_device(const struct network_places *places, struct network_place *place,
			  const struct network_flow *flow, struct error *err)
{
	struct buffer device = BUFFER_EMPTY;
	bool gone, ok = true;
	int netns = netns_open(place->netns, &gone, err);

	if (netns < 0)
		return false;
	if (places->way->device)
		buffer_add_string(&device, places->way->device);
	else
		ok = find_device(flow, netns, &device, err);
	if (ok && !tc_device_is(device.data))
		ok = error_set(err, "'%.32s' is no name of a device", device.data);
	if (ok && !place->device) {
		ok = tc_vacant(netns, device.data, err);
		place->device = memory_copy_string(device.data);
	} else if (ok && strcmp(place->device, device.data) != 0) {
		ok = error_set(err, "both '%s' and '%s' are meant: name one edge or one service",
			       place->device, device.data);
	}
	close(netns);
	buffer_release(&device);
	return ok;
}

static void say(struct network_places *places, const struct network_flow *flow)
{
	struct error ignored;
	json_t *ours = netns_ours(&ignored);
	bool own = ours && netns_equal(ours, flow->netns);

	json_decref(ours);
	if (places->said.length)
		buffer_add_string(&places->said, "; ");
	if (flow->side == SIDE_CALLEE)
		buffer_format(&places->said, "port %u (%s)", flow->end->port, flow->who);
	else
		buffer_format(&places->said, "%s:%u (%s)", flow->end->host, flow->end->port,
			      flow->who);
	if (!own)
		buffer_format(&places->said, " in the network namespace of %s",
			      json_string_value(json_object_get(flow->netns, "path")));
	else if (flow->cgroup)
		buffer_format(&places->said, " for who is in the cgroup /%s", flow->cgroup);
	else
		buffer_add_string(&places->said, " for everybody in our own network namespace who "
						 "talks to it, but not our control path");
}

bool network_places_add(struct network_places *places, const struct network_flow *flow,
			struct error *err)
{
	struct network_place *place = place_in(places, flow->netns);

	if (flow->side == SIDE_CALLEE)
		rules_for_callee(places, place, flow);
	for (size_t i = 0; flow->side == SIDE_CALLER && i < flow->end->count; i++)
		rules_for_caller(places, place, flow, flow->end->addresses[i]);
	if (places->way->queues && !choose_device(places, place, flow, err))
		return false;
	say(places, flow);
	return true;
}

static void write_script(const struct network_place *place, const char *table, struct buffer *out)
{
	buffer_format(out, "create table inet %s\ntable inet %s {\n\tcounter hits {\n\t}\n", table,
		      table);
	buffer_format(out,
		      "\tchain in {\n\t\ttype filter hook input priority -5;\n"
		      "\t\tmeta mark %#x accept\n\t\tsocket mark %#x accept\n%s\t}\n",
		      CONTROL_MARK, CONTROL_MARK, place->in.length ? place->in.data : "");
	buffer_format(out,
		      "\tchain out {\n\t\ttype filter hook output priority -5;\n"
		      "\t\tmeta mark %#x accept\n%s\t}\n}\n",
		      CONTROL_MARK, place->out.length ? place->out.data : "");
}

static void write_queues(const struct network_places *places, const struct network_place *place,
			 struct buffer *out)
{
	const char *rest = places->way->queues, *mark;

	buffer_format(out, "qdisc add dev %s root handle %s htb default 0\n", place->device,
		      places->handle);
	/* '@' is the device, '#' the handle */
	for (; (mark = strpbrk(rest, "@#")); rest = mark + 1) {
		buffer_add(out, rest, (size_t)(mark - rest));
		buffer_add_string(out, *mark == '@' ? place->device : places->handle);
	}
	buffer_add_string(out, rest);
}

static json_t *place_record(const struct network_places *places, const struct network_place *place,
			    const char *table)
{
	struct buffer script = BUFFER_EMPTY, queues = BUFFER_EMPTY;
	json_t *record;

	write_script(place, table, &script);
	record = json_pack("{s:O, s:s}", "netns", place->netns, "script", script.data);
	if (places->way->queues) {
		write_queues(places, place, &queues);
		json_object_set_new(record, "device", json_string(place->device));
		json_object_set_new(record, "handle", json_string(places->handle));
		json_object_set_new(record, "queues", json_string(queues.data));
	}
	buffer_release(&script);
	buffer_release(&queues);
	return record;
}

json_t *network_places_record(const struct network_places *places, const char *table)
{
	json_t *list = json_array();

	for (size_t i = 0; i < places->count; i++)
		json_array_append_new(list, place_record(places, &places->items[i], table));
	return json_pack("{s:s, s:o}", "table", table, "places", list);
}

void network_places_release(struct network_places *places)
{
	for (size_t i = 0; i < places->count; i++) {
		json_decref(places->items[i].netns);
		buffer_release(&places->items[i].in);
		buffer_release(&places->items[i].out);
		free(places->items[i].device);
	}
	free(places->items);
	buffer_release(&places->said);
}
