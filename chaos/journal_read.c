/* Reading journals: of a supervisor that lives, or of one that did. */
#include "chaos/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buffer.h"
#include "lib/clock.h"
#include "lib/memory.h"

enum { JOURNALS_MAX = 10000 };

bool supervisor_is_alive(const struct process_identity *supervisor)
{
	return process_has_name(supervisor, SUPERVISOR_NAME);
}

static char *copy_member(const json_t *line, const char *key)
{
	const char *value = json_string_value(json_object_get(line, key));

	return value ? memory_copy_string(value) : NULL;
}

static bool read_head(const json_t *line, struct journal_contents *contents, struct error *err)
{
	if (json_integer_value(json_object_get(line, "journal")) != 1)
		return error_set(err, "'%s' is no journal of this version", contents->path);
	if (!process_from_json(json_object_get(line, "supervisor"), &contents->supervisor, err))
		return false;
	contents->run = copy_member(line, "run");
	contents->by = copy_member(line, "by");
	contents->host = copy_member(line, "host");
	contents->history = copy_member(line, "history");
	contents->wall_us = json_integer_value(json_object_get(line, "at"));
	contents->start_wall_us = json_integer_value(json_object_get(line, "start"));
	contents->supervisor_alive = supervisor_is_alive(&contents->supervisor);
	return true;
}

static bool state_of(const json_t *line, enum fault_state *state)
{
	const char *name = json_string_value(json_object_get(line, "state"));

	for (int i = 0; name && i < FAULT_STATES; i++) {
		if (strcmp(name, fault_state_name((enum fault_state)i)) == 0) {
			*state = (enum fault_state)i;
			return true;
		}
	}
	return false;
}

static struct journal_entry *find_entry(struct journal_contents *contents, json_int_t fault)
{
	for (size_t i = 0; i < contents->count; i++)
		if (contents->entries[i].fault == fault)
			return &contents->entries[i];
	return NULL;
}

static void entry_release(struct journal_entry *entry)
{
	free(entry->name);
	free(entry->kind_name);
	json_decref(entry->undo);
	memset(entry, 0, sizeof(*entry));
}

/* A new one, or that of a fault which was healed and is armed again. */
static struct journal_entry *make_entry(struct journal_contents *contents, json_int_t fault)
{
	struct journal_entry *entry = find_entry(contents, fault);

	if (entry && journal_entry_open(entry))
		return NULL;
	if (!entry) {
		contents->entries =
			memory_resize(contents->entries, contents->count + 1, sizeof(*entry));
		entry = &contents->entries[contents->count++];
		memset(entry, 0, sizeof(*entry));
	}
	entry_release(entry);
	return entry;
}

static bool add_entry(const json_t *line, json_int_t fault, struct journal_contents *contents)
{
	json_t *undo = json_object_get(line, "undo");
	const char *kind = json_string_value(json_object_get(line, "kind"));
	struct journal_entry *entry;

	if (!json_is_object(undo) || !kind)
		return false;
	entry = make_entry(contents, fault);
	if (!entry)
		return false;
	entry->fault = (uint32_t)fault;
	entry->name = copy_member(line, "name");
	if (!entry->name)
		entry->name = memory_copy_string(kind);
	entry->kind_name = memory_copy_string(kind);
	entry->kind = fault_kind_find(text_of(kind));
	entry->state = FAULT_ARMING;
	entry->since_wall_us = json_integer_value(json_object_get(line, "at"));
	entry->until_wall_us = json_integer_value(json_object_get(line, "until"));
	process_from_json(json_object_get(line, "keeper"), &entry->keeper, NULL);
	entry->undo = json_incref(undo);
	return true;
}

static bool read_change(const json_t *line, struct journal_contents *contents)
{
	const json_t *number = json_object_get(line, "fault");
	json_int_t fault = json_integer_value(number);
	struct journal_entry *entry;
	enum fault_state state;

	if (!json_is_integer(number) || fault < 0 || fault >= FAULTS_MAX || !state_of(line, &state))
		return false;
	if (state == FAULT_ARMING)
		return add_entry(line, fault, contents);
	entry = find_entry(contents, fault);
	if (entry)
		entry->state = state;
	return entry != NULL;
}

/* Line by line; what follows the last line end was being written when its writer died. */
static bool read_lines(struct text all, struct journal_contents *contents, struct error *err)
{
	const char *end;
	size_t number = 0;

	while (all.length && (end = memchr(all.data, '\n', all.length))) {
		size_t length = (size_t)(end - all.data);
		json_t *line = json_loadb(all.data, length, JSON_REJECT_DUPLICATES, NULL);
		bool good = json_is_object(line);

		if (good && number == 0)
			good = read_head(line, contents, err);
		else if (good)
			good = read_change(line, contents);
		json_decref(line);
		if (!good && number == 0)
			return error_set(err, "'%s' is no journal", contents->path);
		contents->damaged = contents->damaged || !good;
		contents->good_bytes += length + 1;
		number++;
		all.data = end + 1;
		all.length -= length + 1;
	}
	contents->begun = number > 0;
	return true;
}

/* What it says will be done with our rights: only what we, or root, wrote is believed. */
static bool read_own(const char *path, struct buffer *out, int64_t *age_us, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat status;
	ssize_t got = 1;

	if (fd < 0)
		return error_errno(err, "cannot open '%s'", path);
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
	    (status.st_uid != geteuid() && status.st_uid != 0) || (status.st_mode & S_IWOTH)) {
		close(fd);
		return error_set(err, "'%s' is not ours: it is not believed", path);
	}
	*age_us = clock_wall_us() - status.st_mtim.tv_sec * US_PER_S;
	while (got > 0 && out->length <= JOURNAL_BYTES_MAX) {
		got = read(fd, buffer_reserve(out, 65536), 65536);
		if (got > 0)
			out->length += (size_t)got;
	}
	close(fd);
	if (got < 0)
		return error_errno(err, "cannot read '%s'", path);
	return got == 0 || error_set(err, "'%s' is too large for a journal", path);
}

bool journal_read(const char *path, struct journal_contents *contents, struct error *err)
{
	struct buffer all = BUFFER_EMPTY;
	bool good;

	memset(contents, 0, sizeof(*contents));
	contents->path = memory_copy_string(path);
	good = read_own(path, &all, &contents->age_us, err) &&
	       read_lines(buffer_text(&all), contents, err);
	buffer_release(&all);
	if (!good)
		journal_contents_release(contents);
	return good;
}

void journal_contents_release(struct journal_contents *contents)
{
	if (!contents)
		return;
	for (size_t i = 0; i < contents->count; i++)
		entry_release(&contents->entries[i]);
	free(contents->entries);
	free(contents->path);
	free(contents->run);
	free(contents->by);
	free(contents->host);
	free(contents->history);
	memset(contents, 0, sizeof(*contents));
}

bool journal_entry_open(const struct journal_entry *entry)
{
	return entry->state == FAULT_ARMING || entry->state == FAULT_ARMED ||
	       entry->state == FAULT_HEALING || entry->state == FAULT_UNPROVEN;
}

/* Whether someone is at it right now: unlike what was given up on, to be tried again later. */
static bool journal_entry_busy(const struct journal_entry *entry)
{
	return journal_entry_open(entry) && entry->state != FAULT_UNPROVEN;
}

size_t journal_busy_count(const struct journal_contents *contents)
{
	size_t count = 0;

	for (size_t i = 0; i < contents->count; i++)
		count += journal_entry_busy(&contents->entries[i]);
	return count;
}

size_t journal_open_count(const struct journal_contents *contents)
{
	size_t count = 0;

	for (size_t i = 0; i < contents->count; i++)
		count += journal_entry_open(&contents->entries[i]);
	return count;
}

static int is_journal(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 8 && strcmp(entry->d_name + length - 8, ".journal") == 0;
}

bool journal_list(const char *directory, char ***paths, size_t *count, struct error *err)
{
	struct dirent **names = NULL;
	int found = scandir(directory, &names, is_journal, alphasort);

	*paths = NULL;
	*count = 0;
	if (found < 0)
		return errno == ENOENT || error_errno(err, "cannot look into '%s'", directory);
	*paths = memory_array((size_t)found + 1, sizeof(**paths));
	for (int i = 0; i < found; i++) {
		struct buffer path = BUFFER_EMPTY;

		buffer_format(&path, "%s/%s", directory, names[i]->d_name);
		if (*count < JOURNALS_MAX)
			(*paths)[(*count)++] = memory_copy_string(path.data);
		buffer_release(&path);
		free(names[i]);
	}
	free(names);
	return true;
}

void journal_list_free(char **paths, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(paths[i]);
	free(paths);
}
