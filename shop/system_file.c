/* system.yaml: what runs where, in the language that the harness reads. */
#include "lib/file.h"
#include "lib/yaml.h"
#include "shop/instance.h"

/* A path may have anything in it. */
static void add_quoted(const char *key, const char *value, struct buffer *out)
{
	struct yaml scalar = { .kind = YAML_SCALAR, .quoted = true, .text = text_of(value) };

	buffer_format(out, "%s: ", key);
	yaml_write(&scalar, out);
}

static void add_service(const struct instance *instance, struct buffer *out)
{
	buffer_format(out, "    %s:\n", instance->name);
	buffer_format(out, "      url: http://127.0.0.1:%u\n", instance->port);
	buffer_format(out, "      health: http://127.0.0.1:%u/health\n", instance->port);
	if (instance->smtp_listener >= 0)
		buffer_format(out, "      smtp: 127.0.0.1:%u\n", instance->smtp_port);
	if (instance->pid > 0)
		buffer_format(out, "      pid: %d\n", (int)instance->pid);
	add_quoted("      data", instance->settings->directory, out);
}

/* "order.us", but "psp", which is everyone's, and "sync.eu" as it is. */
static void add_end(const char *service, const char *region, struct buffer *out)
{
	bool regional = strcmp(service, "psp") != 0 && strcmp(service, "mail") != 0 &&
			!strchr(service, '.');

	buffer_add_string(out, service);
	if (regional && *region)
		buffer_format(out, ".%s", region);
}

/* Those who only pass on what others told them depend on nobody. */
static bool carries_events(const struct shop_edge *edge)
{
	return strcmp(edge->from, "bus") == 0 || strcmp(edge->from, "psp") == 0 ||
	       strcmp(edge->from, "sync") == 0;
}

static void add_edges(const struct shop_settings *settings, struct buffer *out)
{
	for (uint32_t i = 0; i < settings->edge_count; i++) {
		const struct shop_edge *edge = &settings->edges[i];

		buffer_add_string(out, "    - { from: ");
		add_end(edge->from, settings->region, out);
		buffer_add_string(out, ", to: ");
		add_end(edge->to, settings->region, out);
		buffer_format(out, ", url: \"%s\"%s }\n", edge->url,
			      carries_events(edge) ? ", events: yes" : "");
	}
}

/* The way in, for whoever the load is. */
static void add_entrance(const struct instance *gateway, struct buffer *out)
{
	buffer_format(out, "    - { from: visitors, to: %s, url: \"http://127.0.0.1:%u\" }\n",
		      gateway->name, gateway->port);
}

static void add_regions(const struct shop *shop, struct buffer *out)
{
	if (!*shop->regions[0])
		return;
	buffer_add_string(out, "  regions:\n");
	for (size_t i = 0; i < shop->region_count; i++) {
		const char *comma = "";

		buffer_format(out, "    %s: [", shop->regions[i]);
		for (size_t j = 0; j < shop->count; j++) {
			const struct instance *instance = &shop->instances[j];

			if (!instance->kind || instance->settings != &shop->settings[i])
				continue;
			buffer_format(out, "%s%s", comma, instance->name);
			comma = ", ";
		}
		buffer_add_string(out, "]\n");
	}
}

bool system_file_write(const struct shop *shop, const char *path, struct error *err)
{
	struct buffer out = BUFFER_EMPTY;
	bool good;

	buffer_add_string(&out,
			  "# Written by `sagastorm shop`; again whenever one of its processes is "
			  "started again.\nsystem:\n  name: shop\n");
	buffer_format(&out, "  launcher: %d\n  services:\n", (int)shop->launcher);
	for (size_t i = 0; i < shop->count; i++)
		add_service(&shop->instances[i], &out);
	buffer_add_string(&out, "  edges:\n");
	for (size_t i = 0; i < shop->count; i++)
		if (strcmp(shop->instances[i].service, "gateway") == 0)
			add_entrance(&shop->instances[i], &out);
	for (size_t i = 0; i < shop->region_count; i++)
		add_edges(&shop->settings[i], &out);
	add_regions(shop, &out);
	good = file_write(path, buffer_text(&out), err);
	buffer_release(&out);
	return good;
}
