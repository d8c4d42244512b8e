/* Addresses and devices: what a URL in a system file means in terms of packets. */
#include <arpa/inet.h>

#include "chaos/tool.h"
#include "chaos/network.h"

bool network_end_parse(struct text url, struct network_end *end, struct error *err)
{
	struct address address;

	*end = (struct network_end){ .port = 0 };
	if (!address_read(url, &address, err))
		return false;
	if (address.host.length >= NETWORK_HOST_MAX || !address.port)
		return error_set(err, "'%.*s' has no host and port", TEXT_ARG(url));
	memcpy(end->host, address.host.data, address.host.length);
	end->port = address.port;
	return true;
}

static void add_address(struct network_end *end, const char *address)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	if (end->count == NETWORK_ADDRESSES_MAX || strlen(address) >= NETWORK_ADDRESS_MAX ||
	    (inet_pton(AF_INET, address, bytes) != 1 && inet_pton(AF_INET6, address, bytes) != 1))
		return;
	for (size_t i = 0; i < end->count; i++)
		if (strcmp(end->addresses[i], address) == 0)
			return;
	strcpy(end->addresses[end->count++], address);
}

/* By a program of its own, as looking up a name can take as long as it likes. */
static bool ask(struct network_end *end, struct error *err)
{
	const char *const argv[] = { "getent", "ahosts", "--", end->host, NULL };
	struct tool tool = { argv, .netns = -1, .timeout_us = 2000000 };
	struct buffer out = BUFFER_EMPTY;
	char *line, *save = NULL;
	struct error why;

	if (!tool_must(&tool, &out, &why))
		return error_set(err, "cannot find the address of '%s'", end->host);
	for (line = strtok_r(out.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		line[strcspn(line, " \t")] = '\0';
		add_address(end, line);
	}
	buffer_release(&out);
	return end->count || error_set(err, "'%s' has no address", end->host);
}

bool network_end_resolve(struct network_end *end, struct error *err)
{
	if (end->count)
		return true;
	add_address(end, end->host);
	return end->count || ask(end, err);
}

static bool device_in(const struct buffer *out, struct buffer *device)
{
	json_t *list = json_loadb(out->data, out->length, 0, NULL);
	const json_t *route = json_array_get(list, 0);
	const char *type = json_string_value(json_object_get(route, "type"));
	const char *name = json_string_value(json_object_get(route, "dev"));

	if (type && strcmp(type, "local") == 0)
		name = "lo";
	if (name)
		buffer_add_string(device, name);
	json_decref(list);
	return name;
}

bool network_device(int netns, const char *address, struct buffer *device, struct error *err)
{
	const char *const argv[] = { "ip", "-j", "route", "get", address, NULL };
	struct buffer out = BUFFER_EMPTY;
	bool ok = tool_must(&(struct tool){ argv, .netns = netns }, &out, err);

	if (ok && !device_in(&out, device))
		ok = error_set(err, "there is no way to '%s'", address);
	buffer_release(&out);
	return ok;
}

bool network_default_device(int netns, struct buffer *device, struct error *err)
{
	const char *const argv[] = { "ip", "-j", "link", "show", "up", NULL };
	struct buffer out = BUFFER_EMPTY;
	json_t *list = NULL, *item;
	const char *only = NULL;
	size_t i, others = 0;

	if (tool_must(&(struct tool){ argv, .netns = netns }, &out, err)) {
		list = json_loadb(out.data, out.length, 0, NULL);
		json_array_foreach(list, i, item) {
			const char *name = json_string_value(json_object_get(item, "ifname"));

			if (!name || strcmp(name, "lo") == 0)
				continue;
			only = name;
			others++;
		}
		if (others == 1)
			buffer_add_string(device, only);
		else
			error_set(err, "%zu devices could be meant: say which with 'device:'",
				  others);
	}
	json_decref(list);
	buffer_release(&out);
	return others == 1;
}
