/* Whether runs may be compared at all. See compare.h. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/memory.h"
#include "reports/compare.h"

enum { MISMATCHES_MAX = 12 };

struct check {
	struct comparison *comparison;
	const struct compare_run *base, *other; /* the first of the base; any other run */
};

__attribute__((format(printf, 2, 3))) static void mismatch(struct check *check, const char *format,
							   ...)
{
	struct comparison *comparison = check->comparison;
	char text[700];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (comparison->mismatch_count < MISMATCHES_MAX)
		comparison->mismatches[comparison->mismatch_count++] =
			arena_string(&comparison->arena, text_of(text));
}

static void check_string(struct check *check, const char *what, const char *base, const char *new)
{
	if (strcmp(base, new) != 0)
		mismatch(check, "%s: '%.80s' in %s, '%.80s' in %s", what, base,
			 check->base->directory, new, check->other->directory);
}

static void check_valid(struct check *check, const struct compare_run *run)
{
	if (run->invalid)
		mismatch(check, "%s says nothing about the system: %s", run->directory,
			 run->invalid);
}

static struct text line_at(const char *at)
{
	struct text line = { at, (size_t)(strchrnul(at, '\n') - at) };

	return text_trim(line);
}

static void check_scenario(struct check *check)
{
	const char *a = check->base->scenario, *b = check->other->scenario;
	const char *line_a = a, *line_b = b;
	struct text differs[2];

	if (!*a != !*b) {
		mismatch(check, "%s has no scenario.yaml",
			 *a ? check->other->directory : check->base->directory);
		return;
	}
	for (; *a && *a == *b; a++, b++)
		if (*a == '\n') {
			line_a = a + 1;
			line_b = b + 1;
		}
	if (*a == *b)
		return;
	differs[0] = line_at(line_a);
	differs[1] = line_at(line_b);
	mismatch(check, "the scenario: '%.*s' in %s, '%.*s' in %s",
		 (int)(differs[0].length < 80 ? differs[0].length : 80), differs[0].data,
		 check->base->directory, (int)(differs[1].length < 80 ? differs[1].length : 80),
		 differs[1].data, check->other->directory);
}

static bool same_phase(const struct meta_phase *a, const struct meta_phase *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->kind, b->kind) == 0 &&
	       a->start_us == b->start_us && a->duration_us == b->duration_us &&
	       a->rate_from == b->rate_from && a->rate_to == b->rate_to &&
	       a->measured == b->measured;
}

static void check_load(struct check *check)
{
	const struct meta *a = check->base->meta, *b = check->other->meta;
	size_t i = 0;

	while (i < a->phase_count && i < b->phase_count && same_phase(&a->phases[i], &b->phases[i]))
		i++;
	if (i == a->phase_count && i == b->phase_count)
		return;
	check->comparison->same_plan = false;
	mismatch(check, "the load: %s and %s differ from phase '%.60s' on", check->base->directory,
		 check->other->directory,
		 i < a->phase_count ? a->phases[i].name : b->phases[i].name);
}

static double number_in(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : 0;
}

static const char *string_in(const json_t *object, const char *key)
{
	const char *string = json_string_value(json_object_get(object, key));

	return string ? string : "";
}

/* The generator's machine: its architecture, its processors, its memory (within a tenth). */
static void check_machine(struct check *check)
{
	const json_t *a = check->base->meta->environment, *b = check->other->meta->environment;
	double memory_a = number_in(a, "memory_bytes"), memory_b = number_in(b, "memory_bytes");

	check_string(check, "the machine", string_in(a, "machine"), string_in(b, "machine"));
	check_string(check, "the system", string_in(a, "system"), string_in(b, "system"));
	if (number_in(a, "cpus") != number_in(b, "cpus"))
		mismatch(check, "the machine: %.0f processors in %s, %.0f in %s",
			 number_in(a, "cpus"), check->base->directory, number_in(b, "cpus"),
			 check->other->directory);
	if (fabs(memory_a - memory_b) > 0.1 * fmax(memory_a, memory_b))
		mismatch(check, "the machine: %.1f GiB in %s, %.1f GiB in %s", memory_a / 0x1p30,
			 check->base->directory, memory_b / 0x1p30, check->other->directory);
	if (strcmp(string_in(a, "kernel"), string_in(b, "kernel")) != 0)
		compare_add_note(check->comparison, "kernel %.60s in %s, %.60s in %s",
				 string_in(a, "kernel"), check->base->directory,
				 string_in(b, "kernel"), check->other->directory);
}

static void check_program(struct check *check)
{
	const struct meta *a = check->base->meta, *b = check->other->meta;

	check_string(check, "the version of sagastorm", a->version, b->version);
	check_string(check, "the transport", a->transport, b->transport);
	if (a->workers != b->workers)
		mismatch(check, "the generator: %u workers in %s, %u in %s", a->workers,
			 check->base->directory, b->workers, check->other->directory);
}

static bool has_seed(struct compare_run *const *runs, size_t count, const char *seed)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(runs[i]->meta->seed, seed) == 0)
			return true;
	return false;
}

/* Other seeds are other arrivals and other choices: each has to be on both sides. */
static void check_seeds(struct check *check)
{
	const struct comparison *comparison = check->comparison;

	for (size_t i = 0; i < comparison->new_count; i++) {
		const struct compare_run *run = comparison->new[i];

		if (has_seed(comparison->base, comparison->base_count, run->meta->seed))
			continue;
		mismatch(check, "the seed: no run of the base has seed %.24s, as %s has",
			 run->meta->seed, run->directory);
		check->comparison->same_plan = false;
	}
	for (size_t i = 0; i < comparison->base_count; i++)
		if (!has_seed(comparison->new, comparison->new_count,
			      comparison->base[i]->meta->seed))
			mismatch(check, "the seed: no new run has seed %.24s, as %s has",
				 comparison->base[i]->meta->seed, comparison->base[i]->directory);
}

static void check_run(struct check *check, const struct compare_run *run)
{
	check->other = run;
	check_valid(check, run);
	check_scenario(check);
	check_load(check);
	check_machine(check);
	check_program(check);
}

void compare_check(struct comparison *comparison)
{
	struct check check = { .comparison = comparison, .base = comparison->base[0] };

	comparison->mismatches =
		arena_array(&comparison->arena, MISMATCHES_MAX, sizeof(*comparison->mismatches));
	check_valid(&check, check.base);
	for (size_t i = 1; i < comparison->base_count; i++)
		check_run(&check, comparison->base[i]);
	for (size_t i = 0; i < comparison->new_count; i++)
		check_run(&check, comparison->new[i]);
	check_seeds(&check);
}
