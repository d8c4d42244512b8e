#include "lib/history.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buffer.h"
#include "lib/history_file.h"
#include "lib/memory.h"

/* Read, not mapped: a file that shrinks under us is an end, not a SIGBUS. */
enum { BLOCK_RECORDS = 4096, FOLLOW_RECORDS = 1024 };

struct history_reader {
	int fd;
	struct history_header header;
	struct record *block;
	size_t at, filled;   /* records of the block */
	size_t odd_bytes;    /* after them: the file ends inside a record */
	uint64_t count;	     /* good records handed out */
	bool ended, rubbish; /* rubbish: something other than zeros follows the last good record */
};

static size_t read_fully(int fd, void *to, size_t bytes)
{
	size_t done = 0;

	while (done < bytes) {
		ssize_t got = read(fd, (char *)to + done, bytes - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	return done;
}

static bool header_holds(const struct history_header *header, const char *path, struct error *err)
{
	if (memcmp(header->magic, HISTORY_MAGIC, sizeof(header->magic)) != 0)
		return error_set(err, "not a history: '%s'", path);
	if (header->order != HISTORY_ORDER)
		return error_set(err, "written on a machine with another byte order: '%s'", path);
	if (header->version != HISTORY_VERSION || header->record_bytes != RECORD_BYTES)
		return error_set(err, "written by another version of sagastorm: '%s'", path);
	if (header->check != history_header_check(header))
		return error_set(err, "the header is damaged: '%s'", path);
	return true;
}

struct history_reader *history_open(const char *path, struct error *err)
{
	struct history_reader *reader = memory_new(sizeof(*reader));

	reader->block = memory_array(BLOCK_RECORDS, sizeof(*reader->block));
	reader->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (reader->fd < 0) {
		error_errno(err, "cannot open '%s'", path);
		history_reader_free(reader);
		return NULL;
	}
	/* What is missing stays zero, and is then no history. */
	read_fully(reader->fd, &reader->header, sizeof(reader->header));
	if (!header_holds(&reader->header, path, err)) {
		history_reader_free(reader);
		return NULL;
	}
	return reader;
}

void history_reader_free(struct history_reader *reader)
{
	if (!reader)
		return;
	if (reader->fd >= 0)
		close(reader->fd);
	free(reader->block);
	free(reader);
}

static void fill_block(struct history_reader *reader)
{
	size_t bytes =
		read_fully(reader->fd, reader->block, BLOCK_RECORDS * sizeof(*reader->block));

	reader->at = 0;
	reader->filled = bytes / sizeof(*reader->block);
	reader->odd_bytes = bytes % sizeof(*reader->block);
}

static bool all_zero(const void *bytes, size_t length)
{
	const unsigned char *at = bytes;

	return length == 0 || (at[0] == 0 && memcmp(at, at + 1, length - 1) == 0);
}

/* What follows the last good record: reserved and never written, or the trace of a crash. */
static void look_behind_end(struct history_reader *reader)
{
	reader->ended = true;
	do {
		size_t rest =
			(reader->filled - reader->at) * sizeof(*reader->block) + reader->odd_bytes;

		if (!all_zero(reader->block + reader->at, rest))
			reader->rubbish = true;
		fill_block(reader);
	} while (!reader->rubbish && (reader->filled || reader->odd_bytes));
}

const struct record *history_read(struct history_reader *reader)
{
	const struct record *record;

	if (reader->ended)
		return NULL;
	if (reader->at == reader->filled)
		fill_block(reader);
	record = &reader->block[reader->at];
	if (reader->at == reader->filled || record->kind == 0 ||
	    record->check != record_check(record)) {
		look_behind_end(reader);
		return NULL;
	}
	reader->at++;
	reader->count++;
	return record;
}

static bool is_record(const struct history_reader *reader)
{
	const struct record *record = &reader->block[reader->at];

	return reader->at < reader->filled && record->kind != 0 &&
	       record->check == record_check(record);
}

/* From the first record that was not handed out: it, too, may have been read half written. */
static void read_on(struct history_reader *reader)
{
	off_t from = (off_t)((reader->count + 1) * sizeof(*reader->block));
	ssize_t got;

	do
		got = pread(reader->fd, reader->block, FOLLOW_RECORDS * sizeof(*reader->block),
			    from);
	while (got < 0 && errno == EINTR);
	reader->at = 0;
	reader->filled = got > 0 ? (size_t)got / sizeof(*reader->block) : 0;
}

const struct record *history_follow(struct history_reader *reader)
{
	if (!is_record(reader)) {
		read_on(reader);
		if (!is_record(reader))
			return NULL;
	}
	reader->count++;
	return &reader->block[reader->at++];
}

bool history_torn(const struct history_reader *reader)
{
	return reader->ended && (reader->rubbish || reader->count < reader->header.written);
}

uint64_t history_reader_lost(const struct history_reader *reader)
{
	return reader->header.lost;
}

static bool is_history(const char *name)
{
	size_t length = strlen(name), suffix = strlen(HISTORY_SUFFIX);

	return length > suffix && strcmp(name + length - suffix, HISTORY_SUFFIX) == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *path_in(const char *directory, const char *name)
{
	struct buffer path = BUFFER_EMPTY;

	buffer_format(&path, "%s/%s", directory, name);
	return path.data;
}

size_t history_list(const char *directory, char ***paths, struct error *err)
{
	DIR *folder = opendir(directory);
	struct dirent *entry;
	size_t count = 0, room = 0;

	*paths = NULL;
	if (!folder) {
		error_errno(err, "cannot open '%s'", directory);
		return 0;
	}
	while ((entry = readdir(folder))) {
		if (!is_history(entry->d_name))
			continue;
		*paths = memory_grow(*paths, count, &room, sizeof(**paths));
		(*paths)[count++] = path_in(directory, entry->d_name);
	}
	closedir(folder);
	if (count)
		qsort(*paths, count, sizeof(**paths), by_name);
	else
		error_set(err, "no *" HISTORY_SUFFIX " in '%s'", directory);
	return count;
}

void history_list_free(char **paths, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(paths[i]);
	free(paths);
}
