#include "chaos/netns.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>
#include <unistd.h>

static const char *const named[] = { "/run/netns", "/var/run/netns", "/run/docker/netns" };

json_t *netns_record(const char *path, struct error *err)
{
	struct statfs system;
	struct stat seen;

	if (stat(path, &seen) != 0 || statfs(path, &system) != 0) {
		error_errno(err, "cannot look at the network namespace '%s'", path);
		return NULL;
	}
	if (system.f_type != NSFS_MAGIC) {
		error_set(err, "'%s' is no namespace", path);
		return NULL;
	}
	return json_pack("{s:s, s:I, s:I}", "path", path, "device", (json_int_t)seen.st_dev,
			 "inode", (json_int_t)seen.st_ino);
}

json_t *netns_of_process(int64_t pid, struct error *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%lld/ns/net", (long long)pid);
	return netns_record(path, err);
}

json_t *netns_ours(struct error *err)
{
	return netns_of_process(getpid(), err);
}

void netns_path(const char *name, struct buffer *path)
{
	buffer_format(path, "%s%s", strchr(name, '/') ? "" : "/run/netns/", name);
}

static json_int_t number(const json_t *record, const char *key)
{
	return json_integer_value(json_object_get(record, key));
}

bool netns_equal(const json_t *a, const json_t *b)
{
	return number(a, "device") == number(b, "device") &&
	       number(a, "inode") == number(b, "inode");
}

/* A descriptor of what is at the path, if that is the one. */
static int open_if_same(const char *path, const json_t *record)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat seen;

	if (fd < 0)
		return -1;
	if (fstat(fd, &seen) == 0 && (json_int_t)seen.st_dev == number(record, "device") &&
	    (json_int_t)seen.st_ino == number(record, "inode"))
		return fd;
	close(fd);
	return -1;
}

static int look_among(const char *directory, const char *below, bool numbers, const json_t *record)
{
	DIR *all = opendir(directory);
	struct dirent *entry;
	char path[512];
	int fd = -1;

	while (all && fd < 0 && (entry = readdir(all))) {
		if (entry->d_name[0] == '.' ||
		    (numbers && !isdigit((unsigned char)entry->d_name[0])))
			continue;
		snprintf(path, sizeof(path), "%s/%s%s", directory, entry->d_name, below);
		fd = open_if_same(path, record);
	}
	if (all)
		closedir(all);
	return fd;
}

/* Without the two descriptors that looking takes, everything would seem to be gone. */
static bool could_look(void)
{
	int directory = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int space = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int why = errno;
	bool could = directory >= 0 && space >= 0;

	if (directory >= 0)
		close(directory);
	if (space >= 0)
		close(space);
	errno = why;
	return could;
}

int netns_open(const json_t *record, bool *gone, struct error *err)
{
	const char *path = json_string_value(json_object_get(record, "path"));
	int fd;

	*gone = false;
	if (!path || !number(record, "inode")) {
		error_set(err, "the record has no network namespace");
		return -1;
	}
	fd = open_if_same(path, record);
	if (fd < 0)
		fd = look_among("/proc", "/ns/net", true, record);
	for (size_t i = 0; fd < 0 && i < sizeof(named) / sizeof(named[0]); i++)
		fd = look_among(named[i], "", false, record);
	if (fd >= 0)
		return fd;
	*gone = could_look();
	if (!*gone) {
		error_errno(err, "cannot look for the network namespace of '%s'", path);
		return -1;
	}
	error_set(err, "the network namespace of '%s' is gone", path);
	return -1;
}
