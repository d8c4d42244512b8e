/* Who may not be hit: what would take the healer with it, or the machine. */
#include "chaos/target.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ANCESTORS_MAX = 100 };

static bool is_ancestor(int64_t pid)
{
	int64_t ancestor = getpid();

	for (int i = 0; i < ANCESTORS_MAX && ancestor > 0; i++) {
		if (ancestor == pid)
			return true;
		ancestor = process_parent(ancestor);
	}
	return false;
}

static bool same_program(int64_t pid)
{
	struct stat ours, theirs;
	char path[64], name[4096];
	const char *base;
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%" PRId64 "/exe", pid);
	if (stat(path, &theirs) == 0 && stat("/proc/self/exe", &ours) == 0 &&
	    theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev)
		return true;
	length = readlink(path, name, sizeof(name) - 1);
	name[length > 0 ? length : 0] = '\0';
	base = strrchr(name, '/');
	return base &&
	       (strcmp(base, "/sagastorm") == 0 || strcmp(base, "/sagastorm (deleted)") == 0);
}

/* The reference shop is the same program, and is there to be broken. */
static bool is_shop(int64_t pid)
{
	char path[64], name[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%" PRId64 "/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(name, sizeof(name), file))
		name[0] = '\0';
	fclose(file);
	return strncmp(name, "shop-", 5) == 0;
}

bool target_may_be_hit(int64_t pid, struct error *err)
{
	if (pid <= 1)
		return error_set(err, "process %" PRId64 " is the machine's first one", pid);
	if (process_is_kernel(pid))
		return error_set(err, "process %" PRId64 " is a thread of the kernel", pid);
	if (is_ancestor(pid))
		return error_set(err, "process %" PRId64 " is this harness, or started it", pid);
	if (same_program(pid) && !is_shop(pid))
		return error_set(err, "process %" PRId64 " is a sagastorm", pid);
	if (kill((pid_t)pid, 0) != 0)
		return error_errno(err, "cannot touch process %" PRId64, pid);
	return true;
}
