/* What the proxy's process consists of. */
#include "chaos/proxy_parts.h"

#include <stdlib.h>

#include "lib/memory.h"

void proxy_core_reap(struct proxy_core *core)
{
	while (core->dying) {
		struct relay *relay = core->dying;

		core->dying = relay->next;
		relay_free(relay);
	}
}

static void on_reap(evutil_socket_t none, short what, void *core)
{
	(void)none;
	(void)what;
	proxy_core_reap(core);
}

bool proxy_core_init(struct proxy_core *core, const struct system *system, struct error *err)
{
	*core = (struct proxy_core){ .system = system, .control = -1 };
	core->base = event_base_new();
	if (!core->base)
		return error_set(err, "cannot make an event loop");
	core->chunk = memory_new(CHUNK_BYTES);
	core->reap = event_new(core->base, -1, EV_PERSIST, on_reap, core);
	return proxy_alarms_init(&core->alarms, core->base, err) &&
	       proxy_edges_init(core, system, err);
}

void proxy_core_release(struct proxy_core *core)
{
	control_release(core);
	while (core->armed)
		armed_remove(core, core->armed);
	proxy_edges_release(core);
	proxy_core_reap(core);
	http_copies_free(core);
	proxy_alarms_release(&core->alarms);
	if (core->reap)
		event_free(core->reap);
	if (core->base)
		event_base_free(core->base);
	history_close(core->history);
	free(core->chunk);
}
