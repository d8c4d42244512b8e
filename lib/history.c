#include "lib/history.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/history_file.h"
#include "lib/memory.h"
#include "lib/record.h"

enum {
	CHUNK_FIRST_BYTES = 1 << 20, /* a multiple of any page size */
	CHUNK_MOST_BYTES =
		4 << 20, /* making room stops the loop: about a millisecond for this much */
	CHUNK_LEAST_BYTES = 64 << 10, /* on a disk that is nearly full */
	RETRY_RECORDS = 4096,	      /* lost ones, before a full disk is asked again */
};

struct history {
	int fd;
	char *path;
	/* Its page stays mapped: `lost` must find room on a full disk. */
	struct history_header *header;
	struct record *chunk; /* mapped, of reserved space */
	size_t used, room;    /* records of the chunk */
	size_t chunk_bytes;
	off_t reserved;	      /* end of the chunk in the file */
	uint64_t until_retry; /* records to lose before room is asked for again */
	struct error problem;
};

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/*
 * posix_fallocate() beyond RLIMIT_FSIZE raises SIGXFSZ, whose default is death. It is meant for
 * this thread and comes at once, so it is kept away and taken back without touching its handler.
 */
static int reserve(int fd, off_t from, size_t bytes)
{
	const struct timespec now = { 0, 0 };
	sigset_t too_large, before;
	int problem;

	sigemptyset(&too_large);
	sigaddset(&too_large, SIGXFSZ);
	pthread_sigmask(SIG_BLOCK, &too_large, &before);
	do
		problem = posix_fallocate(fd, from, (off_t)bytes);
	while (problem == EINTR);
	if (problem == EFBIG && !sigismember(&before, SIGXFSZ))
		sigtimedwait(&too_large, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return problem;
}

/* As much as there is, in halves, of what would be next. */
static size_t reserve_next(struct history *history)
{
	size_t bytes = history->chunk ? history->chunk_bytes * 2 : CHUNK_FIRST_BYTES;
	int problem;

	if (bytes > CHUNK_MOST_BYTES)
		bytes = CHUNK_MOST_BYTES;
	for (; bytes >= CHUNK_LEAST_BYTES; bytes /= 2) {
		problem = reserve(history->fd, history->reserved, bytes);
		if (problem == 0)
			return bytes;
		errno = problem;
	}
	error_errno(&history->problem, "no room for more records in '%s'", history->path);
	return 0;
}

static bool map_next(struct history *history, size_t bytes)
{
	void *chunk = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, history->fd,
			   history->reserved);

	if (chunk == MAP_FAILED)
		return error_errno(&history->problem, "cannot map '%s'", history->path);
	if (history->chunk)
		munmap(history->chunk, history->chunk_bytes);
	history->chunk = chunk;
	history->chunk_bytes = bytes;
	history->reserved += (off_t)bytes;
	history->used = 0;
	history->room = bytes / RECORD_BYTES;
	return true;
}

static bool grow(struct history *history)
{
	size_t bytes;

	if (history->until_retry) {
		history->until_retry--;
		return false;
	}
	bytes = reserve_next(history);
	if (bytes && map_next(history, bytes))
		return true;
	history->until_retry = RETRY_RECORDS;
	return false;
}

void *history_next(struct history *history)
{
	struct record *record;

	if (history->used == history->room && !grow(history)) {
		history->header->lost++;
		return NULL;
	}
	record = &history->chunk[history->used];
	memset(record, 0, sizeof(*record));
	return record->payload;
}

/* The count comes last: a writer killed in between has a record more than counted, never less. */
void history_commit(struct history *history, uint16_t kind, uint16_t flags)
{
	struct record *record = &history->chunk[history->used];

	assert(kind != 0 && history->used < history->room);
	record->kind = kind;
	record->flags = flags;
	record->check = record_check(record);
	history->used++;
	__atomic_store_n(&history->header->written, history->header->written + 1, __ATOMIC_RELEASE);
}

bool history_put(struct history *history, uint16_t kind, uint16_t flags, const void *payload,
		 size_t bytes)
{
	void *to = history_next(history);

	assert(bytes <= RECORD_PAYLOAD);
	if (!to)
		return false;
	memcpy(to, payload, bytes);
	history_commit(history, kind, flags);
	return true;
}

void history_add_text(struct history *history, uint16_t kind, uint32_t subject, struct text text)
{
	struct record_text piece;
	bool more;

	do {
		size_t length =
			text.length < sizeof(piece.bytes) ? text.length : sizeof(piece.bytes);

		piece = (struct record_text){ .subject = subject, .length = (uint16_t)length };
		if (length)
			memcpy(piece.bytes, text.data, length);
		text.data += length;
		text.length -= length;
		more = text.length > 0;
		if (!history_put(history, kind, more, &piece, sizeof(piece)))
			return;
	} while (more);
}

uint64_t history_written(const struct history *history)
{
	return history->header->written;
}

uint64_t history_lost(const struct history *history)
{
	return history->header->lost;
}

const char *history_problem(const struct history *history)
{
	return history->problem.text[0] ? history->problem.text : NULL;
}

static struct history *history_new(const char *directory, const char *name, int flags,
				   struct error *err)
{
	struct history *history;

	if (!file_make_directory(directory, err))
		return NULL;
	history = memory_new(sizeof(*history));
	if (asprintf(&history->path, "%s/%s" HISTORY_SUFFIX, directory, name) < 0)
		history->path = memory_copy_string(name);
	history->fd = open(history->path, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0666);
	if (history->fd < 0) {
		error_errno(err, "cannot create '%s'", history->path);
		history_close(history);
		return NULL;
	}
	return history;
}

/* Maps the first pages from `good` records on, and writes the header if there was none. */
static bool history_begin(struct history *history, uint64_t good, struct error *err)
{
	size_t end = (good + 1) * RECORD_BYTES, page = page_bytes();
	void *header;

	history->reserved = (off_t)(end / page * page);
	if (!grow(history))
		return error_set(err, "%s", history->problem.text);
	header = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, history->fd, 0);
	if (header == MAP_FAILED)
		return error_errno(err, "cannot map '%s'", history->path);
	history->header = header;
	history->used = end % page / RECORD_BYTES;
	memcpy(history->header->magic, HISTORY_MAGIC, sizeof(history->header->magic));
	history->header->version = HISTORY_VERSION;
	history->header->order = HISTORY_ORDER;
	history->header->record_bytes = RECORD_BYTES;
	history->header->check = history_header_check(history->header);
	history->header->written = good;
	history->header->closed = 0;
	return true;
}

struct history *history_create(const char *directory, const char *name, struct error *err)
{
	struct history *history = history_new(directory, name, O_EXCL, err);

	if (history && !history_begin(history, 0, err)) {
		unlink(history->path);
		history_close(history);
		return NULL;
	}
	return history;
}

/* Counts the good records and cuts off the rest. */
static bool repair(struct history *history, uint64_t *good, struct error *err)
{
	struct history_reader *reader = history_open(history->path, err);

	*good = 0;
	if (!reader)
		return false;
	while (history_read(reader))
		++*good;
	history_reader_free(reader);
	if (ftruncate(history->fd, (off_t)((*good + 1) * RECORD_BYTES)) != 0)
		return error_errno(err, "cannot repair '%s'", history->path);
	return true;
}

struct history *history_append(const char *directory, const char *name, struct error *err)
{
	struct history *history = history_new(directory, name, 0, err);
	uint64_t good = 0;
	struct stat status;

	if (!history)
		return NULL;
	/* Shorter than its header: whoever began it died at once. */
	if (fstat(history->fd, &status) == 0 && status.st_size >= RECORD_BYTES &&
	    !repair(history, &good, err)) {
		history_close(history);
		return NULL;
	}
	if (!history_begin(history, good, err)) {
		history_close(history);
		return NULL;
	}
	return history;
}

void history_close(struct history *history)
{
	if (!history)
		return;
	if (history->header) {
		off_t end = (off_t)((history->header->written + 1) * RECORD_BYTES);

		history->header->closed = ftruncate(history->fd, end) == 0;
		munmap(history->header, page_bytes());
	}
	if (history->chunk)
		munmap(history->chunk, history->chunk_bytes);
	if (history->fd >= 0)
		close(history->fd);
	free(history->path);
	free(history);
}
