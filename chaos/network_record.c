/* Arming, healing and looking, all from the record. */
#include <unistd.h>

#include "chaos/netns.h"
#include "chaos/network.h"
#include "chaos/nft.h"
#include "chaos/tc.h"

static const char *word(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static const char *table_of(const json_t *undo, struct error *err)
{
	const char *table = word(undo, "table");

	if (nft_is_ours(table) && json_array_size(json_object_get(undo, "places")) > 0)
		return table;
	error_set(err, "the record has no table of ours, or no place where it is");
	return NULL;
}

static bool arm_place(const json_t *place, int netns, struct error *err)
{
	const char *queues = word(place, "queues"), *device = word(place, "device");

	if (queues && !tc_vacant(netns, device ? device : "", err))
		return false;
	if (queues && !tc_load(netns, text_of(queues), err))
		return false;
	return nft_load(netns, text_of(word(place, "script")), err);
}

static bool heal_place(const json_t *place, const char *table, int netns, struct error *err)
{
	const char *device = word(place, "device"), *handle = word(place, "handle");
	bool ok = nft_delete(netns, table, err);

	if (device && handle)
		ok = tc_delete(netns, device, handle, err) && ok;
	return ok;
}

static bool look_at_place(const json_t *place, const char *table, int netns, struct error *err)
{
	const char *device = word(place, "device"), *handle = word(place, "handle");
	bool there;

	if (!nft_there(netns, table, &there, err))
		return false;
	if (there)
		return error_set(err, "the nftables table '%s' is still there", table);
	if (!device || !handle)
		return true;
	if (!tc_there(netns, device, handle, &there, err))
		return false;
	return !there ||
	       error_set(err, "the queueing discipline %s of '%s' is still there", handle, device);
}

bool network_arm(const struct fault *fault, const json_t *undo, struct error *err)
{
	const json_t *place;
	bool gone, ok = true;
	size_t i;

	(void)fault;
	if (!table_of(undo, err))
		return false;
	json_array_foreach(json_object_get(undo, "places"), i, place) {
		int netns = netns_open(json_object_get(place, "netns"), &gone, err);

		if (netns < 0)
			return false;
		ok = arm_place(place, netns, err);
		close(netns);
		if (!ok)
			return false;
	}
	return true;
}

/* What was in a namespace went with it. All places are gone to, also after one has failed. */
static bool in_each_place(const json_t *undo, struct error *err,
			  bool (*act)(const json_t *, const char *, int, struct error *))
{
	const char *table = table_of(undo, err);
	const json_t *place;
	bool gone, ok = true;
	size_t i;

	if (!table)
		return false;
	json_array_foreach(json_object_get(undo, "places"), i, place) {
		struct error ignored = { "" };
		struct error *why =
			ok ? err : &ignored; /* the first reason is the one that is told */
		int netns = netns_open(json_object_get(place, "netns"), &gone, why);

		if (netns < 0) {
			ok = ok && gone;
			continue;
		}
		ok = act(place, table, netns, why) && ok;
		close(netns);
	}
	return ok;
}

bool network_heal(const json_t *undo, struct error *err)
{
	return in_each_place(undo, err, heal_place);
}

bool network_look(const json_t *undo, struct error *err)
{
	return in_each_place(undo, err, look_at_place);
}

int64_t network_hits(const struct fault *fault, const json_t *undo)
{
	const char *table = table_of(undo, NULL);
	const json_t *place;
	int64_t total = 0;
	size_t i;

	(void)fault;
	json_array_foreach(json_object_get(undo, "places"), i, place) {
		bool gone;
		int netns = netns_open(json_object_get(place, "netns"), &gone, NULL);
		int64_t packets = 0;

		if (netns < 0)
			continue;
		if (!table || !nft_hits(netns, table, &packets, NULL))
			total = INT64_MIN / 2;
		close(netns);
		total += packets;
	}
	return total < 0 ? -1 : total;
}

bool network_possible(struct error *err)
{
	return nft_possible(err);
}
