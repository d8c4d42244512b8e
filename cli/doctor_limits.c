/* doctor_limits: how many of everything there may be. */
#include "cli/doctor.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/schema.h"

enum {
	SPARE_DESCRIPTORS = 64,     /* history, pipes, the loop */
	BYTES_PER_USER = 16 * 1024, /* ours and both ends of the connection in the kernel */
	FEW_PORTS = 10000,
	FEW_DESCRIPTORS = 4096,
};

static void add_count(struct buffer *out, int64_t count)
{
	unit_show_count(out, count < 0 ? 0 : (uint64_t)count);
}

void look_at_descriptors(struct finding *finding)
{
	struct rlimit limit;
	int64_t users;

	getrlimit(RLIMIT_NOFILE, &limit);
	users = limit.rlim_max == RLIM_INFINITY ? INT32_MAX : (int64_t)limit.rlim_max;
	users = users > SPARE_DESCRIPTORS ? users - SPARE_DESCRIPTORS : 0;
	buffer_add_string(&finding->seen, "soft ");
	add_count(&finding->seen, (int64_t)limit.rlim_cur);
	buffer_add_string(&finding->seen, ", hard ");
	add_count(&finding->seen, (int64_t)limit.rlim_max);
	buffer_add_string(&finding->seen, ": about ");
	add_count(&finding->seen, users);
	buffer_add_string(&finding->seen, " connected users per worker");
	if (limit.rlim_max < FEW_DESCRIPTORS)
		finding_warn(finding, "raise the hard limit (ulimit -Hn, LimitNOFILE=)");
}

static bool port_range(int64_t *low, int64_t *high)
{
	char line[64], *end;

	if (!read_line("/proc/sys/net/ipv4/ip_local_port_range", line, sizeof(line)))
		return false;
	*low = strtoll(line, &end, 10);
	*high = strtoll(end, NULL, 10);
	return *high >= *low && *low > 0;
}

void look_at_ports(struct finding *finding)
{
	int64_t low, high;

	if (!port_range(&low, &high)) {
		buffer_add_string(&finding->seen, "unknown range of local ports");
		return;
	}
	buffer_format(&finding->seen, "%" PRId64 "-%" PRId64 ": ", low, high);
	add_count(&finding->seen, high - low + 1);
	buffer_add_string(&finding->seen, " connections from one address to one destination");
	if (high - low + 1 < FEW_PORTS)
		finding_warn(finding, "widen net.ipv4.ip_local_port_range, or connect from several "
				      "addresses (http: from:)");
}

/* "TCP: inuse 5 orphan 0 tw 3 alloc 7 mem 1" */
static int64_t sockets_in_time_wait(void)
{
	FILE *file = fopen("/proc/net/sockstat", "re");
	int64_t waiting = -1;
	char line[256];

	if (!file)
		return -1;
	while (waiting < 0 && fgets(line, sizeof(line), file)) {
		const char *found = strncmp(line, "TCP:", 4) == 0 ? strstr(line, " tw ") : NULL;

		if (found)
			waiting = strtoll(found + 4, NULL, 10);
	}
	fclose(file);
	return waiting;
}

void look_at_time_wait(struct finding *finding)
{
	static const char *const reuse_names[] = { "off", "on", "on for loopback" };
	int64_t low = 0, high = 0, reuse = -1, waiting = sockets_in_time_wait();

	port_range(&low, &high);
	read_integer("/proc/sys/net/ipv4/tcp_tw_reuse", &reuse);
	if (waiting < 0) {
		buffer_add_string(&finding->seen, "unknown number of ports in TIME_WAIT");
	} else {
		add_count(&finding->seen, waiting);
		buffer_add_string(&finding->seen, " ports in TIME_WAIT");
	}
	buffer_format(&finding->seen, ", tcp_tw_reuse %s",
		      reuse >= 0 && reuse <= 2 ? reuse_names[reuse] : "unknown");
	if (reuse == 0 && high > low) {
		buffer_add_string(&finding->seen, ": at most ");
		add_count(&finding->seen, (high - low + 1) / 60);
		buffer_add_string(&finding->seen, " new connections/s without keep-alive");
	}
	if (waiting > (high - low) / 2 && high > low)
		finding_warn(finding, "many ports are still held by earlier connections: wait a "
				      "minute before measuring");
}

/* Cores that the cgroup grants; 0: no limit. */
static double cgroup_cores(void)
{
	char path[768], line[128], *end;
	double quota, period;

	if (!cgroup_file("cpu.max", path, sizeof(path)) || !read_line(path, line, sizeof(line)))
		return 0;
	quota = strtod(line, &end);
	period = strtod(end, NULL);
	return end != line && period > 0 ? quota / period : 0;
}

static int allowed_cores(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

void look_at_cores(struct finding *finding)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	int allowed = allowed_cores();
	double granted = cgroup_cores();

	buffer_format(&finding->seen, "%ld online, %d allowed", online, allowed);
	if (granted > 0)
		buffer_format(&finding->seen, ", the cgroup grants %.3g", granted);
	if (allowed < 2)
		finding_warn(finding, "with one core the generator and a local system take it "
				      "from each other");
	if (granted > 0 && granted < allowed)
		finding_warn(finding, "a cgroup's quota stops the generator for whole milliseconds:"
				      " expect lag");
}

void look_at_busyness(struct finding *finding)
{
	char line[128];
	double load;

	if (!read_line("/proc/loadavg", line, sizeof(line))) {
		buffer_add_string(&finding->seen, "unknown");
		return;
	}
	load = strtod(line, NULL);
	buffer_format(&finding->seen, "load average %.2f over the last minute", load);
	if (load > allowed_cores() * 0.5)
		finding_warn(finding, "something else is using this machine: figures will wander");
}

static int64_t cgroup_memory_left(void)
{
	char path[768];
	int64_t most, used = 0;

	/* "max" is no number: no limit */
	if (!cgroup_file("memory.max", path, sizeof(path)) || !read_integer(path, &most))
		return -1;
	if (cgroup_file("memory.current", path, sizeof(path)))
		read_integer(path, &used);
	return most > used ? most - used : 0;
}

void look_at_memory(struct finding *finding)
{
	int64_t available = meminfo_bytes("MemAvailable"), total = meminfo_bytes("MemTotal");
	int64_t granted = cgroup_memory_left();

	if (available < 0) {
		buffer_add_string(&finding->seen, "unknown");
		return;
	}
	if (granted >= 0 && granted < available)
		available = granted;
	buffer_format(&finding->seen, "%.1f GiB available of %.1f GiB: room for about ",
		      (double)available / (1 << 30), (double)total / (1 << 30));
	add_count(&finding->seen, available / BYTES_PER_USER);
	buffer_add_string(&finding->seen, " connected users");
	if (available < INT64_C(256) << 20)
		finding_warn(finding, "little memory is left");
}
