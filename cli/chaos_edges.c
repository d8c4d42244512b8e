/* What the proxy of a run says about its edges, and about the faults that are armed in it. */
#include "cli/chaos_edges.h"

#include <inttypes.h>

#include "lib/visible.h"

/* Of the first fault that is armed in a proxy; they all have the same one. */
static const json_t *proxied_undo(const struct journal_contents *contents)
{
	for (size_t i = 0; i < contents->count; i++)
		if (journal_entry_open(&contents->entries[i]) &&
		    json_object_get(contents->entries[i].undo, "control"))
			return contents->entries[i].undo;
	return NULL;
}

struct proxy *chaos_proxy_of(const struct journal_contents *contents)
{
	const json_t *undo = proxied_undo(contents);
	const char *control = json_string_value(json_object_get(undo, "control"));
	const char *run = json_string_value(json_object_get(undo, "run"));
	struct proxy *proxy = control && run ? proxy_connect(control, NULL) : NULL;

	if (proxy && !proxy_set_run(proxy, run, NULL)) {
		proxy_let_go(proxy);
		return NULL;
	}
	return proxy;
}

bool chaos_hits_of(struct proxy *proxy, const struct journal_entry *entry, int64_t *hits)
{
	return proxy && json_object_get(entry->undo, "control") &&
	       proxy_hits(proxy, entry->fault, hits, NULL);
}

/* Those that nobody has used say nothing. */
static bool was_used(struct proxy *proxy, const char *name, struct edge_stats *stats)
{
	return proxy_stats(proxy, name, stats, NULL) && (stats->connections || stats->refused);
}

void chaos_add_edges(struct proxy *proxy, struct buffer *out)
{
	const char *name;
	bool any = false;

	for (size_t i = 0; proxy && (name = proxy_edge_name(proxy, i)); i++) {
		char shown[VISIBLE_MAX];
		struct edge_stats stats;

		if (!was_used(proxy, name, &stats))
			continue;
		if (!any)
			buffer_format(out, "  %-28s %11s %6s %9s %11s %11s\n", "edge",
				      "connections", "open", "calls", "bytes forth", "and back");
		any = true;
		buffer_format(out,
			      "  %-28s %11" PRIu64 " %6" PRIu64 " %9" PRIu64 " %11" PRIu64
			      " %11" PRIu64 "\n",
			      visible(shown, text_of(name)), stats.connections, stats.open,
			      stats.calls, stats.bytes_forth, stats.bytes_back);
	}
}

json_t *chaos_edges_json(struct proxy *proxy)
{
	json_t *list = json_array();
	const char *name;

	for (size_t i = 0; proxy && (name = proxy_edge_name(proxy, i)); i++) {
		struct edge_stats stats;

		if (!was_used(proxy, name, &stats))
			continue;
		json_array_append_new(list,
				      json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "edge", name,
						"connections", (json_int_t)stats.connections,
						"open", (json_int_t)stats.open, "refused",
						(json_int_t)stats.refused, "calls",
						(json_int_t)stats.calls, "bytes_forth",
						(json_int_t)stats.bytes_forth, "bytes_back",
						(json_int_t)stats.bytes_back));
	}
	return list;
}
