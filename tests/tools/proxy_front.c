/*
 * proxy_front: a proxy for the edges of a system file, and a hand on it, for tests from outside.
 *
 *	proxy_front SYSTEM
 *
 * Says {"edge": "payment -> psp", "port": 4711} for each edge; then does what it is told, a line
 * each, and answers each with a line of JSON ({"ok": false, "why": ...} when it can't):
 *
 *	route EDGE = HOST:PORT       lead it there
 *	arm lose-reply: { ... }      {"ok": true, "fault": 0}: the number counts up
 *	heal N
 *	hits N                       {"ok": true, "hits": 3}
 *
 * With the end of its input everything is over.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/chaos_read.h"
#include "chaos/proxy.h"

enum { LINE_BYTES = 4096 };

static struct arena arena;
static struct system attacked;
static struct proxy *proxy;
static uint32_t armed;

static void answer(bool ok, const char *key, int64_t value, const struct error *err)
{
	json_t *line = json_pack("{s:b}", "ok", ok);
	char *text;

	if (ok && key)
		json_object_set_new(line, key, json_integer(value));
	if (!ok)
		json_object_set_new(line, "why", json_string(err->text));
	text = json_dumps(line, JSON_COMPACT);
	puts(text);
	fflush(stdout);
	free(text);
	json_decref(line);
}

static struct fault *read_fault(const char *said, struct complaints *complaints)
{
	struct reading reading = { &arena, complaints, NULL, NULL };
	struct chaos_context context = { .reading = &reading, .seed = 42, .system = &attacked };
	char *yaml = arena_format(&arena, "faults: [ { at: 0s, for: 60s, %s } ]", said);
	const struct yaml *root = yaml_read_text(&arena, "fault", text_of(yaml), complaints);
	struct chaos_section section = { 0 };

	if (!root || !chaos_section_read(root, &context, &section) || section.fault_count != 1)
		return NULL;
	return section.faults;
}

static void arm(const char *said)
{
	struct complaints complaints = COMPLAINTS_EMPTY;
	struct fault *fault = read_fault(said, &complaints);
	struct buffer wrong = BUFFER_EMPTY;
	struct error err;

	if (fault) {
		fault->number = armed;
		answer(proxy_arm(proxy, fault, &err), "fault", armed, &err);
		armed++;
	} else {
		complaints_write(&complaints, &wrong);
		error_set(&err, "%s", wrong.data ? wrong.data : "not one fault");
		answer(false, NULL, 0, &err);
	}
	buffer_release(&wrong);
	complaints_release(&complaints);
}

static void obey(char *line)
{
	char *words = strchr(line, ' '), *to = strchr(line, '=');
	struct error err = { "route, arm, heal or hits" };
	int64_t hits = 0;

	line[strcspn(line, " ")] = '\0';
	words = words ? words + 1 : line + strlen(line);
	if (strcmp(line, "arm") == 0) {
		arm(words);
	} else if (strcmp(line, "heal") == 0) {
		answer(proxy_heal(proxy, (uint32_t)atoi(words), &err), NULL, 0, &err);
	} else if (strcmp(line, "hits") == 0) {
		bool known = proxy_hits(proxy, (uint32_t)atoi(words), &hits, &err);

		answer(known, "hits", hits, &err);
	} else if (strcmp(line, "route") == 0 && to) {
		*to++ = '\0';
		answer(proxy_route(proxy, words, to + strspn(to, " "), &err), NULL, 0, &err);
	} else {
		answer(false, NULL, 0, &err);
	}
}

int main(int argc, char **argv)
{
	struct complaints complaints = COMPLAINTS_EMPTY;
	struct reading reading = { &arena, &complaints, NULL, NULL };
	struct proxy_settings settings = { .system = &attacked, .start_us = 0 };
	char line[LINE_BYTES];
	struct error err = { "usage: proxy_front SYSTEM" };

	if (argc != 2 || !system_read_file(argv[1], &reading, &attacked) ||
	    !(proxy = proxy_start(&settings, &err))) {
		struct buffer wrong = BUFFER_EMPTY;

		complaints_write(&complaints, &wrong);
		fprintf(stderr, "%s\n", wrong.data && wrong.length ? wrong.data : err.text);
		return 2;
	}
	for (size_t i = 0; i < attacked.edge_count; i++)
		printf("{\"edge\": \"%s\", \"port\": %u}\n", attacked.edges[i].name,
		       (unsigned)proxy_port(proxy, attacked.edges[i].name));
	puts("{\"ok\": true}");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		obey(line);
	}
	proxy_free(proxy);
	complaints_release(&complaints);
	arena_release(&arena);
	return 0;
}
