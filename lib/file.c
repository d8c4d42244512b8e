#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_all(int fd, const char *path, struct buffer *out, struct error *err)
{
	size_t start = out->length;
	ssize_t got;

	do {
		got = read(fd, buffer_reserve(out, 64 * 1024), 64 * 1024);
		if (got < 0)
			return error_errno(err, "cannot read '%s'", path);
		out->length += (size_t)got;
		if (out->length - start > FILE_BYTES_MAX)
			return error_set(err, "'%s' is larger than %d MiB", path,
					 FILE_BYTES_MAX >> 20);
	} while (got);
	out->data[out->length] = '\0';
	return true;
}

bool file_read(const char *path, struct buffer *out, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool good;

	if (fd < 0)
		return error_errno(err, "cannot open '%s'", path);
	good = read_all(fd, path, out, err);
	close(fd);
	return good;
}

static bool write_all(int fd, struct text contents)
{
	while (contents.length) {
		ssize_t wrote = write(fd, contents.data, contents.length);

		if (wrote < 0 && errno != EINTR)
			return false;
		if (wrote > 0) {
			contents.data += wrote;
			contents.length -= (size_t)wrote;
		}
	}
	return fsync(fd) == 0;
}

bool file_write(const char *path, struct text contents, struct error *err)
{
	struct buffer beside = BUFFER_EMPTY;
	bool good;
	int fd;

	buffer_format(&beside, "%s.%d.new", path, (int)getpid());
	fd = open(beside.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	good = fd >= 0 && write_all(fd, contents);
	if (fd >= 0 && close(fd) != 0)
		good = false;
	good = good && rename(beside.data, path) == 0;
	if (!good) {
		error_errno(err, "cannot write '%s'", path);
		if (fd >= 0)
			unlink(beside.data);
	}
	buffer_release(&beside);
	return good;
}

static bool make_one(const char *path)
{
	struct stat status;

	if (mkdir(path, 0755) == 0)
		return true;
	return errno == EEXIST && stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool file_make_directory(const char *path, struct error *err)
{
	char part[PATH_MAX];
	size_t length = strlen(path);

	if (length == 0 || length >= sizeof(part))
		return error_set(err, "cannot make a directory of this name: '%s'", path);
	memcpy(part, path, length + 1);
	for (size_t i = 1; i <= length; i++) {
		if (part[i] != '/' && part[i] != '\0')
			continue;
		part[i] = '\0';
		if (!make_one(part))
			return error_errno(err, "cannot make the directory '%s'", part);
		if (i < length)
			part[i] = '/';
	}
	return true;
}
