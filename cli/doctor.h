/*
 * doctor: what this machine can do, one check after the other.
 *
 * A check looks at one thing and fills a finding: what it saw in numbers, and, when that would
 * limit a run, what to do about it. It never changes the machine and never fails: what can't be
 * read is said to be unknown. The table of all checks is in cli/cmd_doctor.c; a new one is a
 * function and a row there.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buffer.h"

struct finding {
	bool warning;
	struct buffer seen;   /* a line */
	struct buffer advice; /* a line; empty when there is nothing to do */
};

struct check {
	const char *name;
	void (*look)(struct finding *finding);
};

/* Marks the finding as a warning, and says what to do. */
void finding_warn(struct finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The first line of a small file of /proc or /sys into `line`; false and "" when there is none. */
bool read_line(const char *path, char *line, size_t room);
bool read_integer(const char *path, int64_t *integer);

/* What /proc/meminfo says about a key such as "MemAvailable", in bytes; -1 when it is silent. */
int64_t meminfo_bytes(const char *key);

/* Path of a file of our own cgroup, such as "memory.max"; false where there are no cgroups (v2). */
bool cgroup_file(const char *name, char *path, size_t room);

/* doctor_limits.c */
void look_at_descriptors(struct finding *finding);
void look_at_ports(struct finding *finding);
void look_at_time_wait(struct finding *finding);
void look_at_cores(struct finding *finding);
void look_at_busyness(struct finding *finding);
void look_at_memory(struct finding *finding);

/* doctor_clock.c */
void look_at_clock(struct finding *finding);
void look_at_wake_up(struct finding *finding);

/* doctor_parts.c */
void look_at_kernel(struct finding *finding);
void look_at_huge_pages(struct finding *finding);
void look_at_libcurl(struct finding *finding);
void look_at_libevent(struct finding *finding);
void look_at_openssl(struct finding *finding);

/* doctor_chaos.c */
void look_at_nftables(struct finding *finding);
void look_at_queues(struct finding *finding);
void look_at_containers(struct finding *finding);
void look_at_rights(struct finding *finding);

#endif
