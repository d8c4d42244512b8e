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
