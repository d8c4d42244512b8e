/* The registry of faults. A new kind is a declaration in chaos/kinds.h and a row here. */
#include "chaos/kinds.h"

const struct fault_kind *const fault_kinds[] = {
	/* wire */
	&wire_bandwidth,
	&wire_blackhole,
	&wire_corrupt,
	&wire_latency,
	&wire_limit_data,
	&wire_refuse,
	&wire_reset,
	&wire_slice,
	&wire_slow_close,

	/* call */
	&call_abort,
	&call_delay,
	&call_duplicate,
	&call_lose_reply,
	&call_replace,
	&call_truncate,

	/* process */
	&process_crash_loop,
	&process_fd_limit,
	&process_kill,
	&process_restart,
	&process_stop,

	/* network */
	&network_link_rate,
	&network_loss,
	&network_netem,
	&network_partition,
	&network_reject,

	/* machine */
	&machine_cpu,
	&machine_disk_fill,
	&machine_disk_latency,
	&machine_memory,

	/* container */
	&container_disconnect,
	&container_kill,
	&container_pause,
	&container_stop,

	/* witness */
	&witness_bounce,
	&witness_decline,
	&witness_provider_error,
	&witness_webhooks,

	NULL,
};

const char *fault_family_name(enum fault_family family)
{
	static const char *const names[FAMILY_COUNT] = {
		[FAMILY_WIRE] = "wire",	      [FAMILY_CALL] = "call",
		[FAMILY_PROCESS] = "process", [FAMILY_NETWORK] = "network",
		[FAMILY_MACHINE] = "machine", [FAMILY_CONTAINER] = "container",
		[FAMILY_WITNESS] = "witness", [FAMILY_STORE] = "store",
	};

	return family < FAMILY_COUNT ? names[family] : "unknown";
}

bool fault_possible(const struct fault_kind *kind, const struct system *system, struct error *err)
{
	if (kind->possible && !kind->possible(err))
		return false;
	return !kind->possible_for || kind->possible_for(system, err);
}

const struct fault_kind *fault_kind_find(struct text name)
{
	for (const struct fault_kind *const *kind = fault_kinds; *kind; kind++)
		if (text_is(name, (*kind)->name))
			return *kind;
	return NULL;
}
