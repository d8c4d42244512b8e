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
 * An error when one of them can't be found, or may not be hit: nothing is half aimed.
 */
bool target_processes(const struct fault *fault, struct target_process **processes, size_t *count,
		      struct error *err); /* free() */

/* Only which instances that is; they may be without a process, in a container or elsewhere. */
bool target_instances(const struct fault *fault, struct target_process **instances, size_t *count,
		      struct error *err); /* free() */

/* The process of an instance, now: it may have been started again since. */
bool target_process(const struct service *service, size_t instance,
		    struct process_identity *process, struct error *err);

/*
 * Where an instance is to be found, how it is started again, how it is asked whether all is well;
 * for undo records: whoever reads them knows of no system file. Paths are absolute.
 */
json_t *target_place(const struct service *service, size_t instance);

/*
 * A pidfile is read, and a system file that its launcher writes again, each time that this is
 * called. False when there is no such process now, or when it is one that may not be hit.
 */
bool target_find(const json_t *place, struct process_identity *process, struct error *err);
/*
 * A command line is a weak claim: `tail -f payment.log` has a piece of it as well. Once its process
 * is known, only one of the same program is taken for its successor.
 */
void target_note_program(json_t *place, const struct process_identity *process);
/* Whether a process that was started again could be found by that. */
bool target_can_find_again(const json_t *place);
bool target_has_health(const json_t *place);

/* Whether it answers 2xx on its health URL: directly, at most `wait_us`. None: true. */
bool target_healthy(const json_t *place, int64_t wait_us, struct error *err);

/* False for pid 1, threads of the kernel, ourselves, our parents, and what else is sagastorm's. */
bool target_may_be_hit(int64_t pid, struct error *err);

#endif
