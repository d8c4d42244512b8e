/* From a place to the process that is there now. */
#include "chaos/target.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buffer.h"

enum { COMMAND_LINE_MAX = 128 * 1024, PIDFILE_BYTES = 256, PROGRAM_BYTES = 256 };

/* It may not be there at the moment. */
static json_t *absolute(const char *path)
{
	char *real = realpath(path, NULL);
	char here[PATH_MAX];
	json_t *json;

	if (real)
		json = json_string(real);
	else if (path[0] == '/' || !getcwd(here, sizeof(here)))
		json = json_string(path);
	else
		json = json_sprintf("%s/%s", here, path);
	free(real);
	return json;
}

static void add_start(const struct service *service, json_t *place)
{
	json_t *start = json_array();

	for (size_t i = 0; i < service->start.count; i++)
		json_array_append_new(start, json_string(service->start.items[i]));
	json_object_set_new(place, "start", start);
}

static void set_string(json_t *place, const char *key, const char *value)
{
	if (value)
		json_object_set_new(place, key, json_string(value));
}

json_t *target_place(const struct service *service, size_t instance)
{
	const struct instance_place *where = &service->instances[instance];
	json_t *place =
		json_pack("{s:s, s:I}", "service", service->name, "instance", (json_int_t)instance);
	const char *health = where->health ? where->health : service->health;

	if (where->pid > 0)
		json_object_set_new(place, "pid", json_integer(where->pid));
	if (where->pid > 0 && service->at.file)
		json_object_set_new(place, "file", absolute(service->at.file));
	if (where->pidfile)
		json_object_set_new(place, "pidfile", absolute(where->pidfile));
	set_string(place, "command", where->command);
	set_string(place, "container", where->container);
	set_string(place, "health", health);
	if (service->start.count)
		add_start(service, place);
	return place;
}

static const char *member(const json_t *place, const char *key)
{
	return json_string_value(json_object_get(place, key));
}

bool target_can_find_again(const json_t *place)
{
	return member(place, "file") || member(place, "pidfile") || member(place, "command");
}

bool target_has_health(const json_t *place)
{
	return member(place, "health") != NULL;
}

static bool to_pid(struct text text, int64_t *pid)
{
	return unit_integer(text_trim(text), pid, NULL) && *pid > 0 && *pid <= INT32_MAX;
}

/* services: payment: pid: 7, or services: payment: instances: [{ pid: 7 }, ...] */
static const struct yaml *find_pid(const struct yaml *root, const json_t *place)
{
	json_int_t instance = json_integer_value(json_object_get(place, "instance"));
	const struct yaml *system = root ? yaml_get(root, "system") : NULL;
	const struct yaml *services = system ? yaml_get(system, "services") : NULL;
	const struct yaml *service = services ? yaml_get(services, member(place, "service")) : NULL;
	const struct yaml *instances = service ? yaml_get(service, "instances") : NULL;
	const struct yaml *one = service;

	if (instances && instances->kind == YAML_LIST) {
		one = instances->first;
		for (json_int_t i = 0; one && i < instance; i++)
			one = one->next;
	}
	return one ? yaml_get(one, "pid") : NULL;
}

static bool pid_from_system(const json_t *place, int64_t *pid, struct error *err)
{
	struct arena arena = ARENA_EMPTY;
	struct complaints complaints = COMPLAINTS_EMPTY;
	const char *path = member(place, "file"), *service = member(place, "service");
	const struct yaml *node = NULL;
	bool good;

	if (service)
		node = find_pid(yaml_read_file(&arena, path, &complaints), place);
	good = node && node->kind == YAML_SCALAR && to_pid(node->text, pid);
	if (!good)
		error_set(err, "'%s' names no process of '%s'", path, service ? service : "?");
	complaints_release(&complaints);
	arena_release(&arena);
	return good;
}

/* A pipe would be waited for, and a device might never end: whoever waits here heals nothing. */
static bool read_pidfile(const char *path, char out[PIDFILE_BYTES], struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	ssize_t got = -1;

	if (fd < 0)
		return error_errno(err, "cannot open '%s'", path);
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
		error_set(err, "'%s' is no file", path);
	else if ((got = read(fd, out, PIDFILE_BYTES - 1)) < 0)
		error_errno(err, "cannot read '%s'", path);
	close(fd);
	out[got > 0 ? got : 0] = '\0';
	return got >= 0;
}

static bool pid_from_pidfile(const char *path, int64_t *pid, struct error *err)
{
	char line[PIDFILE_BYTES];

	if (!read_pidfile(path, line, err))
		return false;
	return to_pid((struct text){ line, strcspn(line, "\r\n") }, pid) ||
	       error_set(err, "'%s' holds no process number", path);
}

static void read_command(const char *pid, struct buffer *line)
{
	char path[300];
	ssize_t got;
	int fd;

	buffer_clear(line);
	snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	got = read(fd, buffer_reserve(line, COMMAND_LINE_MAX), COMMAND_LINE_MAX);
	close(fd);
	line->length = got > 0 ? (size_t)got : 0;
	for (size_t i = 0; i < line->length; i++)
		if (line->data[i] == '\0')
			line->data[i] = ' ';
	line->data[line->length] = '\0';
}

/* Its file's name; false when we may not see it. One that was replaced is the same program. */
static bool program_of(const char *pid, char out[PROGRAM_BYTES])
{
	static const char deleted[] = " (deleted)";
	char path[300], file[PATH_MAX];
	ssize_t length;
	const char *base;

	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	length = readlink(path, file, sizeof(file) - 1);
	if (length <= 0)
		return false;
	file[length] = '\0';
	if ((size_t)length >= sizeof(deleted) &&
	    strcmp(file + length - (sizeof(deleted) - 1), deleted) == 0)
		file[length - (ssize_t)(sizeof(deleted) - 1)] = '\0';
	base = strrchr(file, '/');
	snprintf(out, PROGRAM_BYTES, "%.255s", base ? base + 1 : file);
	return true;
}

void target_note_program(json_t *place, const struct process_identity *process)
{
	char pid[32], program[PROGRAM_BYTES];

	snprintf(pid, sizeof(pid), "%" PRId64, process->pid);
	if (member(place, "command") && program_of(pid, program))
		set_string(place, "program", program);
}

static bool is_program(const char *pid, const char *wanted)
{
	char program[PROGRAM_BYTES];

	return !wanted || !program_of(pid, program) || strcmp(program, wanted) == 0;
}

/* Those that may not be hit do not count: the piece is in our own scenario's command line, too. */
static bool pid_from_command(const char *piece, const char *program, int64_t *pid,
			     struct error *err)
{
	struct buffer line = BUFFER_EMPTY;
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	int64_t found[2] = { 0, 0 };
	int count = 0;

	while (processes && count < 2 && (entry = readdir(processes))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		read_command(entry->d_name, &line);
		if (line.length && strstr(line.data, piece) && is_program(entry->d_name, program) &&
		    target_may_be_hit(atoll(entry->d_name), NULL))
			found[count++] = atoll(entry->d_name);
	}
	if (processes)
		closedir(processes);
	buffer_release(&line);
	*pid = found[0];
	if (count == 0)
		return error_set(err, "no process has '%s' in its command line", piece);
	if (count > 1)
		return error_set(err,
				 "more than one process has '%s' in its command line: %" PRId64
				 " and %" PRId64,
				 piece, found[0], found[1]);
	return true;
}

static bool find_number(const json_t *place, int64_t *pid, struct error *err)
{
	const char *service = member(place, "service");

	if (member(place, "pidfile"))
		return pid_from_pidfile(member(place, "pidfile"), pid, err);
	if (member(place, "command"))
		return pid_from_command(member(place, "command"), member(place, "program"), pid,
					err);
	if (member(place, "file"))
		return pid_from_system(place, pid, err);
	*pid = json_integer_value(json_object_get(place, "pid"));
	if (*pid > 0)
		return true;
	if (member(place, "container"))
		return error_set(err, "'%s' is in a container: use a kind for containers",
				 service ? service : "?");
	return error_set(err, "nothing says which process '%s' is: give it pid, pidfile or command",
			 service ? service : "?");
}

bool target_find(const json_t *place, struct process_identity *process, struct error *err)
{
	int64_t pid = 0;

	memset(process, 0, sizeof(*process));
	return find_number(place, &pid, err) && process_identify(pid, process, err) &&
	       target_may_be_hit(pid, err);
}
