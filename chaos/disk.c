#include "chaos/disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/clock.h"

bool disk_directory(const struct fault *fault, const char *path, const char **directory,
		    struct error *err)
{
	*directory = path;
	if (path)
		return path[0] == '/' || error_set(err, "'%s' is no absolute path", path);
	if (fault->service_count != 1)
		return error_set(err, "give a 'path:', or one 'service:' whose data it is about");
	*directory = fault->services[0]->data;
	return *directory || error_set(err, "the service '%s' has no 'data:' in the system file",
				       fault->services[0]->name);
}

json_t *disk_record(const char *directory, struct error *err)
{
	struct stat seen;

	if (stat(directory, &seen) != 0) {
		error_errno(err, "cannot look at '%s'", directory);
		return NULL;
	}
	if (!S_ISDIR(seen.st_mode)) {
		error_set(err, "'%s' is no directory", directory);
		return NULL;
	}
	return json_pack("{s:s, s:I, s:I}", "directory", directory, "device",
			 (json_int_t)seen.st_dev, "inode", (json_int_t)seen.st_ino);
}

static json_int_t number(const json_t *record, const char *key)
{
	return json_integer_value(json_object_get(record, key));
}

int disk_open(const json_t *record, struct error *err)
{
	const char *path = json_string_value(json_object_get(record, "directory"));
	int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct stat seen;

	if (fd < 0) {
		error_errno(err, "cannot open the directory '%s'", path ? path : "");
		return -1;
	}
	if (fstat(fd, &seen) == 0 && (json_int_t)seen.st_dev == number(record, "device") &&
	    (json_int_t)seen.st_ino == number(record, "inode"))
		return fd;
	close(fd);
	error_set(err, "'%s' is another directory by now", path);
	return -1;
}

int64_t disk_free_bytes(int directory, struct error *err)
{
	struct statvfs system;

	if (fstatvfs(directory, &system) == 0)
		return (int64_t)system.f_bavail * (int64_t)system.f_frsize;
	error_errno(err, "cannot ask how much is free");
	return -1;
}

int disk_nameless(int directory, struct error *err)
{
	int fd = openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		error_errno(err, "cannot make a file without a name there");
	return fd;
}

int64_t disk_sync_us(int directory, struct error *err)
{
	static const char bytes[4096] = { 1 };
	int64_t from_us, took_us = -1;
	int fd = disk_nameless(directory, err);

	if (fd < 0)
		return -1;
	from_us = clock_now_us();
	if (write(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes) && fsync(fd) == 0)
		took_us = clock_now_us() - from_us;
	else
		error_errno(err, "cannot write there");
	close(fd);
	return took_us;
}
