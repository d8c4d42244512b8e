#include "chaos/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/memory.h"

enum {
	STATE_LINE_BYTES = 128, /* more than one of {"fault":4294967295,"state":"unproven",...} */
	/* armed, healing, unproven, and three more of whoever heals it later */
	STATE_LINES = 6,
	ROOM_STEP_BYTES = 64 * 1024,
};

struct journal {
	char *path;
	int fd;
	off_t end;      /* of the last good line */
	off_t room;     /* bytes that the file system has promised us */
	off_t promised; /* of those, what lines to come of faults under way will need */
	bool broken;    /* a torn line could not be taken back */
	bool keep;
	enum fault_state states[FAULTS_MAX];
	bool known[FAULTS_MAX];
};

/* KEEP_SIZE: the file ends where its lines end, the room behind it is ours all the same. */
static bool reserve(struct journal *journal, off_t bytes, struct error *err)
{
	off_t wanted = journal->end + journal->promised + bytes;
	off_t step = (wanted - journal->room + ROOM_STEP_BYTES - 1) / ROOM_STEP_BYTES;

	if (wanted <= journal->room)
		return true;
	if (wanted > JOURNAL_BYTES_MAX)
		return error_set(err, "the journal '%s' is full", journal->path);
	step *= ROOM_STEP_BYTES;
	if (fallocate(journal->fd, FALLOC_FL_KEEP_SIZE, journal->room, step) != 0 &&
	    (errno != EOPNOTSUPP || ftruncate(journal->fd, journal->end) != 0))
		return error_errno(err, "no room for the journal '%s'", journal->path);
	journal->room += step;
	return true;
}

/* All of it is there and on the disk, or none of it is. */
static bool write_line(struct journal *journal, const char *line, size_t length, struct error *err)
{
	ssize_t wrote = pwrite(journal->fd, line, length, journal->end);

	if (wrote == (ssize_t)length && fdatasync(journal->fd) == 0) {
		journal->end += (off_t)length;
		return true;
	}
	if (wrote >= 0 && wrote != (ssize_t)length)
		errno = ENOSPC;
	error_errno(err, "cannot write the journal '%s'", journal->path);
	if (ftruncate(journal->fd, journal->end) != 0)
		journal->broken = true;
	return false;
}

static bool put_line(struct journal *journal, json_t *object, struct error *err)
{
	char *text = json_dumps(object, JSON_COMPACT);
	struct buffer line = BUFFER_EMPTY;
	bool good;

	json_decref(object);
	if (!text)
		return error_set(err, "a line of the journal can't be written as JSON");
	buffer_format(&line, "%s\n", text);
	free(text);
	if (journal->broken)
		good = error_set(err, "the journal '%s' is broken", journal->path);
	else if (line.length > JOURNAL_LINE_MAX)
		good = error_set(err, "what would undo this is too long for the journal");
	else
		good = reserve(journal, (off_t)line.length, err) &&
		       write_line(journal, line.data, line.length, err);
	buffer_release(&line);
	return good;
}

static void sync_directory(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

/* Whoever can write here decides what a healer does, with all the rights that the healer has. */
static bool make_private(const char *directory, struct error *err)
{
	struct stat status;
	bool there = stat(directory, &status) == 0;

	if (!there && !file_make_directory(directory, err))
		return false;
	if (!there && chmod(directory, 0700) != 0)
		return error_errno(err, "cannot make '%s' private", directory);
	if (stat(directory, &status) != 0)
		return error_errno(err, "cannot look at '%s'", directory);
	if ((status.st_uid != geteuid() && status.st_uid != 0) || (status.st_mode & S_IWOTH))
		return error_set(err, "others can write to '%s': no place for a journal",
				 directory);
	return true;
}

static struct journal *journal_new(char *path, int flags, struct error *err)
{
	struct journal *journal = memory_new(sizeof(*journal));

	journal->path = path;
	journal->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
	if (journal->fd >= 0)
		return journal;
	error_errno(err, "cannot open the journal '%s'", path);
	free(path);
	free(journal);
	return NULL;
}

static void journal_free(struct journal *journal)
{
	close(journal->fd);
	free(journal->path);
	free(journal);
}

static json_t *who(void)
{
	const struct passwd *user = getpwuid(getuid());
	struct buffer name = BUFFER_EMPTY;
	json_t *json;

	buffer_format(&name, "%s (%u)", user && user->pw_name ? user->pw_name : "user",
		      (unsigned)getuid());
	json = json_string(name.data);
	buffer_release(&name);
	return json ? json : json_string("?");
}

static json_t *text_or_null(const char *text)
{
	json_t *json = text ? json_string(text) : NULL;

	return json ? json : json_null();
}

static bool put_head(struct journal *journal, const struct journal_settings *settings,
		     struct error *err)
{
	struct process_identity self;
	char host[256] = "";
	char *history = settings->history ? realpath(settings->history, NULL) : NULL;
	int64_t wall_us = clock_wall_us();
	json_t *head;

	if (!process_identify(getpid(), &self, err)) {
		free(history);
		return false;
	}
	gethostname(host, sizeof(host) - 1);
	head = json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:I, s:I}", "journal", 1, "supervisor",
			 process_to_json(&self), "by", who(), "host", text_or_null(host), "run",
			 text_or_null(settings->run), "history", text_or_null(history), "at",
			 (json_int_t)wall_us, "start",
			 (json_int_t)(wall_us + settings->start_us - clock_now_us()));
	free(history);
	return put_line(journal, head, err);
}

struct journal *journal_create(const struct journal_settings *settings, struct error *err)
{
	struct buffer path = BUFFER_EMPTY;
	struct journal *journal;

	if (!make_private(settings->directory, err))
		return NULL;
	buffer_format(&path, "%s/%" PRId64 "-%d.journal", settings->directory, clock_wall_us(),
		      (int)getpid());
	journal = journal_new(memory_copy_string(path.data), O_CREAT | O_EXCL, err);
	buffer_release(&path);
	if (!journal)
		return NULL;
	if (!put_head(journal, settings, err)) {
		unlink(journal->path);
		journal_free(journal);
		return NULL;
	}
	sync_directory(settings->directory);
	return journal;
}

struct journal *journal_append(const char *path, struct error *err)
{
	struct journal_contents contents;
	struct journal *journal;

	if (!journal_read(path, &contents, err))
		return NULL;
	journal = journal_new(memory_copy_string(path), 0, err);
	if (journal) {
		journal->end = journal->room = (off_t)contents.good_bytes;
		journal->broken = ftruncate(journal->fd, journal->end) != 0;
	}
	for (size_t i = 0; journal && i < contents.count; i++) {
		journal->known[contents.entries[i].fault] = true;
		journal->states[contents.entries[i].fault] = contents.entries[i].state;
	}
	journal_contents_release(&contents);
	return journal;
}

const char *journal_path(const struct journal *journal)
{
	return journal->path;
}

bool journal_arming(struct journal *journal, const struct fault *fault, const json_t *undo,
		    const struct process_identity *keeper, int64_t until_wall_us, struct error *err)
{
	json_t *line;

	if (fault->number >= FAULTS_MAX)
		return error_set(err, "too many faults for one journal");
	line = json_pack("{s:I, s:s, s:s, s:s, s:I, s:I, s:O}", "fault", (json_int_t)fault->number,
			 "name", fault->name, "kind", fault->kind->name, "state", "arming", "at",
			 (json_int_t)clock_wall_us(), "until", (json_int_t)until_wall_us, "undo",
			 undo);
	if (keeper && line)
		json_object_set_new(line, "keeper", process_to_json(keeper));
	if (!line)
		return error_set(err, "what would undo '%s' can't be written down", fault->name);
	journal->promised += STATE_LINES * STATE_LINE_BYTES;
	if (!put_line(journal, line, err)) {
		journal->promised -= STATE_LINES * STATE_LINE_BYTES;
		return false;
	}
	journal->known[fault->number] = true;
	journal->states[fault->number] = FAULT_ARMING;
	return true;
}

bool journal_state(struct journal *journal, uint32_t fault, enum fault_state state,
		   struct error *err)
{
	json_t *line;

	if (fault >= FAULTS_MAX || !journal->known[fault])
		return error_set(err, "fault %u is not in the journal", fault);
	line = json_pack("{s:I, s:s, s:I}", "fault", (json_int_t)fault, "state",
			 fault_state_name(state), "at", (json_int_t)clock_wall_us());
	/* This very line is one of those that room was promised for. */
	if (journal->promised >= STATE_LINE_BYTES)
		journal->promised -= STATE_LINE_BYTES;
	journal->states[fault] = state;
	return put_line(journal, line, err);
}

static bool all_healed(const struct journal *journal)
{
	for (size_t i = 0; i < FAULTS_MAX; i++)
		if (journal->known[i] && journal->states[i] != FAULT_HEALED &&
		    journal->states[i] != FAULT_FAILED)
			return false;
	return true;
}

void journal_keep(struct journal *journal)
{
	journal->keep = true;
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	if (all_healed(journal) && !journal->broken && !journal->keep)
		unlink(journal->path);
	journal_free(journal);
}
