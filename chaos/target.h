/*
 * target: from what the system file claims to what is really there, at the moment of arming.
 *
 * Every lookup checks again that the host is allowed and that the process is not one of ours (the
 * harness, its workers, the proxy, the supervisor) nor pid 1 nor a kernel thread.
 */
#ifndef CHAOS_TARGET_H
#define CHAOS_TARGET_H

#include "chaos/fault.h"
#include "chaos/identity.h"

struct target_process {
	const struct service *service;
	size_t instance;
	struct process_identity process;
};

/*
 * The processes of the fault's services, cut down to its share (decided by its seed, at least one).
 * An error when a service has no process that can be found: nothing is half aimed.
 */
bool target_processes(const struct fault *fault, struct target_process **processes, size_t *count,
		      struct error *err); /* free() */

/* The process of an instance, now: it may have been started again since. */
bool target_process(const struct service *service, size_t instance,
		    struct process_identity *process, struct error *err);

/*
 * A pidfile, a system file that its launcher writes again: pids are read from there each time.
 * Whether the instance answers on its health URL (loopback control path; at most `wait_us`).
 */
bool target_healthy(const struct service *service, size_t instance, int64_t wait_us,
		    struct error *err);

#endif
