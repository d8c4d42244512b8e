/*
 * journeys: a piece of YAML read as journeys, with a few names and rows to refer to; for the tests
 * of the reader. One test program includes it once.
 */
#ifndef TESTS_JOURNEYS_H
#define TESTS_JOURNEYS_H

#include "lib/clock.h"
#include "lib/memory.h"
#include "loadgen/journey_read.h"
#include "tests/unit/tap.h"

/* Everything that one reading needs and gives. */
static struct arena arena = ARENA_EMPTY;
static struct complaints complaints = COMPLAINTS_EMPTY;
static struct buffer said = BUFFER_EMPTY;
static struct name_table names;
static struct data_source sources[2];
static struct journey *journeys;
static size_t journey_count;
static struct request_defaults defaults;

static bool variable(void *context, struct text name, struct value *out, struct error *err)
{
	(void)context;
	if (text_is(name, "base"))
		*out = value_string(text_of("http://other:81/api"));
	else if (text_is(name, "prefix"))
		*out = value_string(text_of("/v1"));
	else if (text_is(name, "three"))
		*out = (struct value){ VALUE_NUMBER, text_of("3") };
	else if (text_is(name, "env:NOPE"))
		return error_set(err, "environment variable 'NOPE' is not set");
	else
		return false;
	return true;
}

static bool origin(void *context, struct text url, uint16_t *number, struct error *err)
{
	(void)context;
	if (!text_is(url, "http://other:81"))
		return error_set(err, "'%.*s' is not allowed", TEXT_ARG(url));
	*number = 1;
	return true;
}

static void reset(void)
{
	static struct value row[2];

	complaints_release(&complaints);
	name_table_release(&names);
	arena_release(&arena);
	buffer_clear(&said);
	journeys = NULL;
	row[0] = value_string(text_of("a@b"));
	row[1] = value_string(text_of("pw"));
	sources[0] = (struct data_source){ .name = arena_string(&arena, text_of("products")),
					   .origin = DATA_ENDPOINT };
	sources[1] = (struct data_source){ .name = arena_string(&arena, text_of("customers")),
					   .number = 1,
					   .origin = DATA_CSV,
					   .row_count = 1,
					   .values = row,
					   .column_count = 2 };
	sources[1].columns = arena_array(&arena, 2, sizeof(char *));
	sources[1].columns[0] = arena_string(&arena, text_of("email"));
	sources[1].columns[1] = arena_string(&arena, text_of("password"));
	defaults = (struct request_defaults){ .timeout_us = 10 * US_PER_S, .redirects = 5 };
}

/* All complaints, a line each; "" when there are none. */
static inline const char *read_again(const char *yaml)
{
	struct journey_context context = {
		.reading = { .arena = &arena, .complaints = &complaints },
		.variable = variable,
		.sources = sources,
		.source_count = 2,
		.defaults = defaults,
		.request_names = &names,
		.origin = origin,
	};
	const struct yaml *root = yaml_read_text(&arena, "j", text_of(yaml), &complaints);
	size_t before = complaints.errors;

	if (root)
		CHECK(journeys_read(root, &context, &journeys, &journey_count) ==
		      (complaints.errors == before));
	buffer_clear(&said);
	complaints_write(&complaints, &said);
	buffer_add(&said, "", 0);
	return said.data;
}

static inline const char *read_all(const char *yaml)
{
	reset();
	return read_again(yaml);
}

/* The steps of a journey, each line indented as they are below. */
static inline const char *read_steps(const char *steps)
{
	static char yaml[8192];

	snprintf(yaml, sizeof(yaml), "a:\n%s", steps);
	return read_all(yaml);
}

static inline const char *shown(void)
{
	buffer_clear(&said);
	for (size_t i = 0; i < journey_count; i++)
		journey_show(&journeys[i], &names, sources, &said);
	return said.data;
}

static inline const struct request_step *request(uint32_t i)
{
	static const struct request_step none;

	if (!CHECK(journeys && i < journeys[0].length &&
		   journeys[0].program[i].operation == OP_REQUEST))
		return &none;
	return journeys[0].program[i].request;
}

/* Slots hold "S0", "S1"; cells "C0"; builtins "B0"; whatever the kind. */
static inline struct value get(void *context, uint16_t ref)
{
	static char text[8];

	(void)context;
	snprintf(text, sizeof(text), "%c%d", "SCBHKL"[REF_KIND(ref) >> 8], REF_NUMBER(ref));
	return value_string(text_of(text));
}

static inline const char *rendered(const struct template *template)
{
	static struct random random;
	struct template_source source = { get, NULL, &random, 0 };

	random = random_stream(1, "x", 0);
	buffer_clear(&said);
	template_render(template, &source, &said);
	buffer_add(&said, "", 0);
	return said.data;
}

static inline int journeys_done(void)
{
	reset();
	buffer_release(&said);
	complaints_release(&complaints);
	arena_release(&arena);
	return tap_done();
}

/* Good steps bring no complaint; others bring exactly these. */
#define GOOD(yaml) CHECK_TEXT(read_steps(yaml), "")
#define SAYS(yaml, text) CHECK_TEXT(read_steps(yaml), text)

#endif
