#include "sagas/ledger.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/buffer.h"
#include "lib/memory.h"

struct waiter {
	void (*then)(void *context);
	void *context;
};

struct waiters {
	struct waiter *items;
	size_t count, room;
};

struct ledger {
	int fd; /* -1: in memory only */
	struct event *flush;
	struct buffer unwritten;
	struct waiters waiting, called; /* swapped, so that who is called back may settle again */
	bool failed;
	struct error error;
};

/* Reading back. */

struct reading {
	const char *path;
	ledger_seen *seen;
	void *context;
	FILE *file;
	char *line;
	size_t room;
	long number;
	off_t good; /* bytes of complete lines */
};

static bool read_line(struct reading *reading, size_t length, struct error *err)
{
	json_error_t why;
	json_t *entry = json_loadb(reading->line, length, 0, &why);

	reading->number++;
	if (!json_is_object(entry)) {
		json_decref(entry);
		return error_set(err, "%s:%ld: not a JSON object", reading->path, reading->number);
	}
	reading->seen(reading->context, entry);
	json_decref(entry);
	reading->good += (off_t)length;
	return true;
}

/* Until the end of the file, or a line that has none. */
static bool read_lines(struct reading *reading, struct error *err)
{
	ssize_t length;

	while ((length = getline(&reading->line, &reading->room, reading->file)) > 0) {
		if (reading->line[length - 1] != '\n')
			return true;
		if (!read_line(reading, (size_t)length, err))
			return false;
	}
	return !ferror(reading->file) || error_errno(err, "cannot read '%s'", reading->path);
}

static bool read_back(struct ledger *ledger, struct reading *reading, struct error *err)
{
	int copy = dup(ledger->fd);
	bool good;

	reading->file = copy < 0 ? NULL : fdopen(copy, "r");
	if (!reading->file)
		return error_errno(err, "cannot read '%s'", reading->path);
	good = read_lines(reading, err);
	free(reading->line);
	fclose(reading->file);
	if (good && ftruncate(ledger->fd, reading->good) != 0)
		return error_errno(err, "cannot cut '%s'", reading->path);
	return good;
}

/* Writing. */

static bool write_all(int fd, struct text text)
{
	while (text.length) {
		ssize_t wrote = write(fd, text.data, text.length);

		if (wrote < 0 && errno != EINTR)
			return false;
		if (wrote > 0) {
			text.data += wrote;
			text.length -= (size_t)wrote;
		}
	}
	return true;
}

static void write_out(struct ledger *ledger)
{
	if (ledger->failed || !ledger->unwritten.length)
		return;
	if (ledger->fd >= 0 && (!write_all(ledger->fd, buffer_text(&ledger->unwritten)) ||
				fdatasync(ledger->fd) != 0)) {
		ledger->failed = true;
		error_errno(&ledger->error, "cannot write the ledger");
	}
	buffer_clear(&ledger->unwritten);
}

static void flush(evutil_socket_t fd, short what, void *context)
{
	struct ledger *ledger = context;
	struct waiters called = ledger->waiting;

	(void)fd;
	(void)what;
	write_out(ledger);
	if (ledger->failed)
		return;
	ledger->waiting = ledger->called;
	ledger->called = called;
	for (size_t i = 0; i < called.count; i++)
		called.items[i].then(called.items[i].context);
	ledger->called.count = 0;
}

void ledger_settle(struct ledger *ledger, void (*then)(void *context), void *context)
{
	struct waiters *waiting = &ledger->waiting;

	waiting->items = memory_grow(waiting->items, waiting->count, &waiting->room,
				     sizeof(*waiting->items));
	waiting->items[waiting->count++] = (struct waiter){ then, context };
	event_active(ledger->flush, EV_TIMEOUT, 0);
}

static int append(const char *bytes, size_t length, void *context)
{
	buffer_add(context, bytes, length);
	return 0;
}

void ledger_add(struct ledger *ledger, const json_t *entry)
{
	json_dump_callback(entry, append, &ledger->unwritten, JSON_COMPACT);
	buffer_add_char(&ledger->unwritten, '\n');
	event_active(ledger->flush, EV_TIMEOUT, 0);
}

const char *ledger_error(const struct ledger *ledger)
{
	return ledger->failed ? ledger->error.text : NULL;
}

/* The life of it. */

static bool open_file(struct ledger *ledger, const char *path, struct error *err)
{
	ledger->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (ledger->fd < 0)
		return error_errno(err, "cannot open '%s'", path);
	if (flock(ledger->fd, LOCK_EX | LOCK_NB) != 0)
		return error_set(err, "'%s' is in use by another process", path);
	return true;
}

struct ledger *ledger_open(struct event_base *base, const char *path, ledger_seen *seen,
			   void *context, struct error *err)
{
	struct reading reading = { .path = path, .seen = seen, .context = context };
	struct ledger *ledger = memory_new(sizeof(*ledger));

	ledger->fd = -1;
	ledger->flush = event_new(base, -1, 0, flush, ledger);
	if (path && (!open_file(ledger, path, err) || !read_back(ledger, &reading, err))) {
		ledger_close(ledger);
		return NULL;
	}
	return ledger;
}

void ledger_close(struct ledger *ledger)
{
	if (!ledger)
		return;
	write_out(ledger);
	event_free(ledger->flush);
	if (ledger->fd >= 0)
		close(ledger->fd);
	buffer_release(&ledger->unwritten);
	free(ledger->waiting.items);
	free(ledger->called.items);
	free(ledger);
}
