/* The plan for people: `sagastorm check --plan`. See plan.h. */
#include <inttypes.h>
#include <stdlib.h>

#include "lib/memory.h"
#include "loadgen/plan.h"

/* FNV-1a over every start: two plans with the same digest send the same load. */
static uint64_t add_to_digest(uint64_t digest, const struct start *start)
{
	uint64_t words[3] = { (uint64_t)start->at_us, start->number,
			      (uint64_t)start->journey << 8 | start->phase };

	for (size_t i = 0; i < 3; i++)
		for (int shift = 0; shift < 64; shift += 8)
			digest = (digest ^ (words[i] >> shift & 0xff)) * UINT64_C(0x100000001b3);
	return digest;
}

static void show_load(const struct phase *phase, struct buffer *out)
{
	switch (phase->kind) {
	case PHASE_RATE:
		buffer_format(out, "%g/s", phase->rate_from);
		if (phase->rate_to < phase->rate_from || phase->rate_to > phase->rate_from)
			buffer_format(out, " to %g/s", phase->rate_to);
		break;
	case PHASE_CURVE:
		buffer_format(out, "curve of %" PRIu32 " points", phase->curve_count);
		break;
	case PHASE_USERS:
	case PHASE_COUNT:
		buffer_format(out, "%" PRIu32, phase->users_from);
		if (phase->users_to != phase->users_from)
			buffer_format(out, " to %" PRIu32, phase->users_to);
		buffer_add_string(out, " users");
		if (phase->kind == PHASE_COUNT)
			buffer_format(out, ", %" PRIu64 " starts", phase->iterations);
		break;
	case PHASE_PAUSE:
		buffer_add_string(out, "nothing starts");
		break;
	}
	if (phase->arrivals == ARRIVALS_POISSON)
		buffer_add_string(out, ", poisson");
	if (!phase->measured)
		buffer_add_string(out, ", not measured");
}

static void show_phase(const struct plan *plan, uint8_t number, const uint64_t *starts,
		       char *const *journey_names, struct buffer *out)
{
	const struct phase *phase = &plan->phases[number];

	buffer_format(out, "%8.1f s  %-12s %7.1f s  ", (double)phase->start_us / 1e6, phase->name,
		      (double)phase->duration_us / 1e6);
	show_load(phase, out);
	buffer_add_char(out, '\n');
	for (uint16_t i = 0; i < plan->journey_count; i++)
		if (starts[i])
			buffer_format(out, "%36s%-16s %" PRIu64 " starts\n", "", journey_names[i],
				      starts[i]);
}

void plan_describe(const struct plan *plan, char *const *journey_names, struct buffer *out)
{
	uint64_t *starts =
		memory_array((size_t)plan->phase_count * plan->journey_count, sizeof(*starts));
	uint64_t digest = UINT64_C(0xcbf29ce484222325);
	struct plan_walk walk;
	struct start start;

	plan_walk_begin(&walk, plan, 0, 1);
	while (plan_next(&walk, &start)) {
		starts[(size_t)start.phase * plan->journey_count + start.journey]++;
		digest = add_to_digest(digest, &start);
	}
	plan_walk_release(&walk);
	buffer_format(out,
		      "seed %" PRIu64 ", %.1f s, %" PRIu64 " planned starts, digest %016" PRIx64
		      "\n",
		      plan->seed, (double)plan_duration_us(plan) / 1e6, plan_starts(plan), digest);
	for (uint8_t i = 0; i < plan->phase_count; i++)
		show_phase(plan, i, starts + (size_t)i * plan->journey_count, journey_names, out);
	free(starts);
}
