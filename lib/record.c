#include "lib/record.h"

const char *failure_name(enum failure failure)
{
	static const char *const names[] = {
		[FAILURE_NONE] = "ok",
		[FAILURE_DNS] = "dns",
		[FAILURE_CONNECT] = "connect",
		[FAILURE_TLS] = "tls",
		[FAILURE_TIMEOUT] = "timeout",
		[FAILURE_RESET] = "reset",
		[FAILURE_PROTOCOL] = "protocol",
		[FAILURE_HTTP] = "http",
		[FAILURE_EXPECTATION] = "expectation",
		[FAILURE_INTERRUPTED] = "interrupted",
	};

	return (unsigned)failure < FAILURE_COUNT ? names[failure] : "unknown";
}

const char *fault_state_name(enum fault_state state)
{
	static const char *const names[] = {
		[FAULT_PLANNED] = "planned", [FAULT_ARMING] = "arming",
		[FAULT_ARMED] = "armed",     [FAULT_HEALING] = "healing",
		[FAULT_HEALED] = "healed",   [FAULT_UNPROVEN] = "unproven",
		[FAULT_REFUSED] = "refused", [FAULT_FAILED] = "failed",
	};

	return (unsigned)state < FAULT_STATES ? names[state] : "unknown";
}
