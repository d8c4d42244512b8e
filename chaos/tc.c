#include "chaos/tc.h"

#include <jansson.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "chaos/tool.h"

void tc_handle(struct buffer *handle)
{
	uint16_t chance = 0;

	if (getrandom(&chance, sizeof(chance), 0) < 0)
		chance = (uint16_t)getpid();
	/* 1: and its neighbours are what people choose by hand; ffff: is the kernel's. */
	buffer_format(handle, "%x:", 0x1000 + chance % 0xe000);
}

bool tc_handle_is(const char *handle)
{
	size_t digits = handle ? strspn(handle, "0123456789abcdef") : 0;

	return digits == 4 && strcmp(handle + digits, ":") == 0;
}

bool tc_device_is(const char *device)
{
	return device && device[0] && device[0] != '-' && strlen(device) < IFNAMSIZ &&
	       !strpbrk(device, "/ \t\n\"");
}

static json_t *disciplines(int netns, struct error *err)
{
	const char *const argv[] = { "tc", "-j", "qdisc", "show", NULL };
	struct buffer out = BUFFER_EMPTY;
	json_t *list = NULL;

	if (tool_must(&(struct tool){ argv, .netns = netns }, &out, err)) {
		list = json_loadb(out.data, out.length, 0, NULL);
		if (!json_is_array(list)) {
			error_set(err, "tc: what it lists is not understood");
			json_decref(list);
			list = NULL;
		}
	}
	buffer_release(&out);
	return list;
}

static const char *word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* The device's root discipline, owned by the list; NULL: there is no such device. */
static const json_t *root_of(const json_t *list, const char *device)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		if (strcmp(word(item, "dev"), device) == 0 &&
		    json_is_true(json_object_get(item, "root")))
			return item;
	return NULL;
}

bool tc_vacant(int netns, const char *device, struct error *err)
{
	json_t *list = disciplines(netns, err);
	const json_t *root;
	bool vacant;

	if (!list)
		return false;
	root = root_of(list, device);
	vacant = root && strcmp(word(root, "handle"), "0:") == 0;
	if (!root)
		error_set(err, "there is no device '%s' that is up in that namespace", device);
	else if (!vacant)
		error_set(err,
			  "'%s' has a queueing discipline already (%s %s), which is left alone",
			  device, word(root, "kind"), word(root, "handle"));
	json_decref(list);
	return vacant;
}

bool tc_load(int netns, struct text lines, struct error *err)
{
	const char *const argv[] = { "tc", "-batch", "-", NULL };

	return tool_must(&(struct tool){ argv, .input = lines, .netns = netns }, NULL, err);
}

bool tc_there(int netns, const char *device, const char *handle, bool *there, struct error *err)
{
	json_t *list = disciplines(netns, err);

	if (!list)
		return false;
	*there = strcmp(word(root_of(list, device), "handle"), handle) == 0;
	json_decref(list);
	return true;
}

bool tc_delete(int netns, const char *device, const char *handle, struct error *err)
{
	/* With its handle: the kernel itself refuses should the root be another's. */
	const char *const argv[] = { "tc",   "qdisc",  "del",  "dev", device,
				     "root", "handle", handle, NULL };
	struct error why;
	bool there;

	if (!tc_device_is(device) || !tc_handle_is(handle))
		return error_set(err, "the record has no queueing discipline of ours");
	if (!tc_there(netns, device, handle, &there, err))
		return false;
	if (!there || tool_must(&(struct tool){ argv, .netns = netns }, NULL, &why))
		return true;
	return (tc_there(netns, device, handle, &there, err) && !there) ||
	       error_set(err, "%s", why.text);
}

static bool probe(const char *const *argv, const char *what, struct error *why)
{
	struct tool tool = { argv, .netns = -1, .scratch = true };
	struct tool_result result;
	struct buffer line = BUFFER_EMPTY;
	bool ok = tool_run(&tool, &result, why);

	if (ok && result.code != 0) {
		tool_first_line(&result.err, &line);
		if (line.data && strstr(line.data, "kind is unknown"))
			ok = error_set(why, "this kernel has no %s", what);
		else
			ok = error_set(why, "%s can't be used: %s", what,
				       line.length ? line.data : "tc failed without a word");
	}
	buffer_release(&line);
	tool_result_release(&result);
	return ok;
}

bool tc_possible_htb(struct error *err)
{
	static int known;
	static struct error why;
	const char *const argv[] = { "tc",     "qdisc", "add", "dev",	  "lo", "root",
				     "handle", "5a6b:", "htb", "default", "0",	NULL };

	if (!known)
		known = probe(argv, "htb (sch_htb)", &why) ? 1 : -1;
	return known > 0 || error_set(err, "%s", why.text);
}

bool tc_possible_netem(struct error *err)
{
	static int known;
	static struct error why;
	const char *const argv[] = { "tc",   "qdisc", "add",   "dev",  "lo",
				     "root", "netem", "delay", "10ms", NULL };

	if (!known)
		known = probe(argv, "netem (sch_netem)", &why) ? 1 : -1;
	return known > 0 || error_set(err, "%s", why.text);
}
