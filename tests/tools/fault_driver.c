/*
 * fault_driver: one fault, step by step, without a supervisor. What it does stays done: a test can
 * look at the world between two steps, kill it at any of them, and heal in another process.
 *
 *	fault_driver SYSTEM "loss: { edge: a -> b, share: 5% }" plan save:/tmp/u arm heal look
 *	fault_driver --from /tmp/u heal look
 *
 * Steps: possible plan save:FILE arm hits tell look heal sleep:MS wait:FILE (until it exists)
 * kill (itself, -9) armkill:MS (arms, killed after so long). A line of JSON each; stops at a plan
 * that failed. SYSTEM may be '-'. FAULT_FOR is how long the fault lasts (30s).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "chaos/chaos_read.h"
#include "lib/file.h"

struct driver {
	struct arena arena;
	struct complaints complaints;
	struct chaos_section section;
	struct fault *fault;
	const struct fault_kind *kind;
	json_t *undo;
};

static void say(const char *step, bool ok, json_t *more, const struct error *err)
{
	json_t *line = json_pack("{s:s, s:b}", "step", step, "ok", ok);
	char *text;

	if (!ok && err)
		json_object_set_new(line, "why", json_string(err->text));
	if (more)
		json_object_update(line, more);
	json_decref(more);
	text = json_dumps(line, JSON_COMPACT);
	puts(text ? text : "{}");
	fflush(stdout);
	free(text);
	json_decref(line);
}

static int complain_and_leave(struct driver *driver)
{
	struct buffer said = BUFFER_EMPTY;

	complaints_write(&driver->complaints, &said);
	fprintf(stderr, "%s", said.data ? said.data : "nothing was read\n");
	buffer_release(&said);
	return 2;
}

static bool read_fault(struct driver *driver, const char *path, const char *text)
{
	struct reading reading = { &driver->arena, &driver->complaints, NULL, NULL };
	struct chaos_context context = { .reading = &reading, .seed = 42 };
	const char *lasts = getenv("FAULT_FOR");
	struct system *system = arena_new(&driver->arena, sizeof(*system));
	char *yaml = arena_format(&driver->arena, "faults: [ { at: 0s, for: %s, %s } ]",
				  lasts ? lasts : "30s", text);
	const struct yaml *root;

	if (strcmp(path, "-") != 0) {
		if (!system_read_file(path, &reading, system))
			return false;
		context.system = system;
	}
	root = yaml_read_text(&driver->arena, "fault", text_of(yaml), &driver->complaints);
	if (!root || !chaos_section_read(root, &context, &driver->section) ||
	    driver->section.fault_count != 1)
		return false;
	driver->fault = driver->section.faults;
	driver->kind = driver->fault->kind;
	return true;
}

/* {"kind": ..., "undo": ...}, as a journal would have it. */
static bool save(const struct driver *driver, const char *path)
{
	json_t *record = json_pack("{s:s, s:O}", "kind", driver->kind->name, "undo", driver->undo);
	int failed = json_dump_file(record, path, 0);

	json_decref(record);
	return failed == 0;
}

static bool load(struct driver *driver, const char *path)
{
	json_t *record = json_load_file(path, 0, NULL);
	const char *kind = json_string_value(json_object_get(record, "kind"));

	driver->kind = kind ? fault_kind_find(text_of(kind)) : NULL;
	driver->undo = json_incref(json_object_get(record, "undo"));
	json_decref(record);
	return driver->kind && driver->undo;
}

static bool step_plan(struct driver *driver)
{
	struct buffer does = BUFFER_EMPTY, undoes = BUFFER_EMPTY;
	struct fault_plan plan = { NULL, &does, &undoes };
	struct error err = { "" };
	bool ok = driver->kind->plan(driver->fault, &plan, &err);

	driver->undo = plan.undo;
	say("plan", ok,
	    json_pack("{s:s, s:s}", "does", does.data ? does.data : "", "undoes",
		      undoes.data ? undoes.data : ""),
	    &err);
	buffer_release(&does);
	buffer_release(&undoes);
	return ok;
}

static bool step_tell(const struct driver *driver)
{
	struct buffer words = BUFFER_EMPTY;

	if (driver->kind->tell)
		driver->kind->tell(driver->fault, driver->undo, &words);
	say("tell", true, json_pack("{s:s}", "words", words.data ? words.data : ""), NULL);
	buffer_release(&words);
	return true;
}

/* A child arms, and is ended in the middle of it. */
static bool step_armkill(const struct driver *driver, int after_ms)
{
	pid_t child = fork();

	if (child == 0) {
		driver->kind->arm(driver->fault, driver->undo, NULL);
		pause();
		_exit(0);
	}
	usleep((useconds_t)after_ms * 1000);
	kill(child, SIGKILL);
	say("armkill", child > 0, NULL, NULL);
	return child > 0;
}

static bool simple_step(struct driver *driver, const char *step)
{
	const struct fault_kind *kind = driver->kind;
	struct error err = { "" };
	bool ok = false;
	int64_t hits;

	if (strcmp(step, "possible") == 0)
		ok = fault_possible(kind, driver->fault ? driver->fault->system : NULL, &err);
	else if (strcmp(step, "arm") == 0)
		ok = kind->arm(driver->fault, driver->undo, &err);
	else if (strcmp(step, "heal") == 0)
		ok = kind->heal(driver->undo, &err);
	else if (strcmp(step, "look") == 0)
		ok = kind->look(driver->undo, &err);
	if (strcmp(step, "hits") == 0) {
		hits = kind->hits(driver->fault, driver->undo);
		say(step, hits >= 0, json_pack("{s:I}", "hits", (json_int_t)hits), NULL);
		return true;
	}
	say(step, ok, NULL, &err);
	return true;
}

static bool run_step(struct driver *driver, const char *step)
{
	if (strcmp(step, "plan") == 0)
		return step_plan(driver);
	if (strcmp(step, "tell") == 0)
		return step_tell(driver);
	if (strncmp(step, "save:", 5) == 0)
		return save(driver, step + 5);
	if (strncmp(step, "armkill:", 8) == 0)
		return step_armkill(driver, atoi(step + 8));
	if (strncmp(step, "sleep:", 6) == 0)
		return usleep((useconds_t)atoi(step + 6) * 1000) == 0;
	if (strncmp(step, "wait:", 5) == 0) {
		for (int i = 0; i < 3000 && access(step + 5, F_OK) != 0; i++)
			usleep(10000);
		return true;
	}
	if (strcmp(step, "kill") == 0)
		return kill(getpid(), SIGKILL) == 0;
	return simple_step(driver, step);
}

int main(int argc, char **argv)
{
	struct driver driver = { .arena = ARENA_EMPTY, .complaints = COMPLAINTS_EMPTY };
	bool from = argc > 2 && strcmp(argv[1], "--from") == 0;
	int code = 0;

	if (argc < 4) {
		fprintf(stderr, "usage: fault_driver SYSTEM FAULT STEP... | --from FILE STEP...\n");
		return 2;
	}
	if (!(from ? load(&driver, argv[2]) : read_fault(&driver, argv[1], argv[2])))
		code = complain_and_leave(&driver);
	for (int i = 3; i < argc && code == 0; i++)
		if (!run_step(&driver, argv[i]))
			code = 1;
	json_decref(driver.undo);
	complaints_release(&driver.complaints);
	arena_release(&driver.arena);
	return code;
}
