/*
 * proxy_process: starts the proxy's process for a run. See chaos/proxy.h.
 */
#ifndef CHAOS_PROXY_PROCESS_H
#define CHAOS_PROXY_PROCESS_H

#include <sys/types.h>

#include "chaos/proxy.h"

enum { PROXY_CONTROL_BYTES = 80 };

/* Its pid once it listens, and what its control socket is called; -1 with the reason. */
pid_t proxy_fork(const struct proxy_settings *settings, char control[PROXY_CONTROL_BYTES],
		 struct error *err);

#endif
