/* Kinds of load that become several phases, or come from a file. See phase_keys.h. */
#include <math.h>

#include "lib/path.h"
#include "loadgen/phase_keys.h"

static bool add_step(struct load_reader *reader, const struct said *said, const char *suffix,
		     struct phase shape)
{
	struct phase *phase = add_phase(reader, said, suffix);

	if (!phase)
		return false;
	phase->rate_from = shape.rate_from;
	phase->rate_to = shape.rate_to;
	phase->duration_us = shape.duration_us;
	end_phase(reader, phase);
	return check_starts(reader, phase, said->name->at);
}

static bool read_map(struct load_reader *reader, const struct key *keys, const char *name,
		     const struct yaml *node, void *into)
{
	if (node->kind != YAML_MAP)
		return complain(reader->reading->complaints, node->at, "'%s' wants a map, not %s",
				name, yaml_kind_name(node));
	return schema_read(keys, node, into, reader->reading);
}

bool read_steps_phase(struct load_reader *reader, const struct said *said)
{
	const struct yaml *node = said->keys.steps;
	struct steps_keys steps;
	double count;
	bool good = true;

	if (!read_map(reader, steps_keys, "steps", node, &steps) ||
	    !check_rate(reader, steps.from, steps.to, node->at))
		return false;
	if (steps.by <= 0)
		return complain_phase(reader, node->at, "'by': steps of 0 never get anywhere");
	count = floor(fabs(steps.to - steps.from) / steps.by + 1e-9) + 1;
	if (count > PHASES_MAX)
		return complain(reader->reading->complaints, node->at, "%.0f steps; at most %d",
				count, PHASES_MAX);
	for (int i = 0; i < (int)count && good; i++) {
		double rate = steps.from + (steps.to < steps.from ? -i : i) * steps.by;
		char *suffix = arena_format(reader->reading->arena, "%d", i + 1);

		good = add_step(reader, said, suffix,
				(struct phase){ .rate_from = rate,
						.rate_to = rate,
						.duration_us = steps.each_us });
	}
	return good;
}

bool read_spike_phase(struct load_reader *reader, const struct said *said)
{
	const struct yaml *node = said->keys.spike;
	struct spike_keys spike;
	bool good = true;

	if (!read_map(reader, spike_keys, "spike", node, &spike) ||
	    !check_rate(reader, spike.base, spike.peak, node->at))
		return false;
	if (spike.peak <= spike.base)
		return complain_phase(reader, node->at, "'peak' of a spike is above its 'base'");
	if (spike.rise_us)
		good = add_step(reader, said, "rise",
				(struct phase){ .rate_from = spike.base,
						.rate_to = spike.peak,
						.duration_us = spike.rise_us });
	good = add_step(reader, said, "peak",
			(struct phase){ .rate_from = spike.peak,
					.rate_to = spike.peak,
					.duration_us = spike.hold_us }) &&
	       good;
	if (spike.fall_us)
		good = add_step(reader, said, "fall",
				(struct phase){ .rate_from = spike.peak,
						.rate_to = spike.base,
						.duration_us = spike.fall_us }) &&
		       good;
	return good;
}

bool read_curve_phase(struct load_reader *reader, const struct said *said)
{
	const struct yaml *node = said->keys.curve;
	struct arena *arena = reader->reading->arena;
	struct curve_keys curve;
	struct phase *phase;
	struct error err;
	const char *path;

	if (!read_map(reader, curve_keys, "curve", node, &curve))
		return false;
	phase = add_phase(reader, said, NULL);
	if (!phase)
		return false;
	phase->kind = PHASE_CURVE;
	path = path_beside(arena, node->at.file, curve.file);
	if (!curve_read(path, curve.scale, curve.speed, phase, arena, &err))
		return complain_error_at(reader->reading->complaints, node->at, &err);
	end_phase(reader, phase);
	return check_starts(reader, phase, node->at);
}
