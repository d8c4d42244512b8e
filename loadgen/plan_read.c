#include "loadgen/plan_read.h"

#include <math.h>

#include "lib/path.h"

struct phase_keys {
	const struct yaml *rate, *users, *steps, *spike, *curve;
	int64_t for_us, pause_us, iterations;
	int arrivals;
	bool measure;
};

struct steps_keys {
	double from, to, by;
	int64_t each_us;
};

struct spike_keys {
	double base, peak;
	int64_t rise_us, hold_us, fall_us;
};

struct curve_keys {
	char *file;
	double scale, speed;
};

static const char *const arrivals_choices[] = { "even", "poisson", NULL };

static const struct key steps_keys[] = {
	{ "from", KEY_RATE, offsetof(struct steps_keys, from), .maximum = RATE_MAX, .required = true,
	  .help = "rate of the first step" },
	{ "to", KEY_RATE, offsetof(struct steps_keys, to), .maximum = RATE_MAX, .required = true,
	  .help = "no step goes beyond this rate" },
	{ "by", KEY_RATE, offsetof(struct steps_keys, by), .maximum = RATE_MAX, .required = true,
	  .help = "how much each step adds (or takes, when `to` is below `from`)" },
	{ "each", KEY_DURATION, offsetof(struct steps_keys, each_us), .minimum = 1000,
	  .maximum = (double)PHASE_US_MAX, .required = true, .help = "how long each step lasts" },
	KEYS_END
};

static const struct key spike_keys[] = {
	{ "base", KEY_RATE, offsetof(struct spike_keys, base), .maximum = RATE_MAX, .required = true,
	  .help = "the rate before and after" },
	{ "peak", KEY_RATE, offsetof(struct spike_keys, peak), .maximum = RATE_MAX, .required = true,
	  .help = "the rate at the top" },
	{ "rise", KEY_DURATION, offsetof(struct spike_keys, rise_us), .initial = "0",
	  .maximum = (double)PHASE_US_MAX, .help = "time from base to peak; 0: at once" },
	{ "hold", KEY_DURATION, offsetof(struct spike_keys, hold_us), .minimum = 1000,
	  .maximum = (double)PHASE_US_MAX, .required = true, .help = "time at the peak" },
	{ "fall", KEY_DURATION, offsetof(struct spike_keys, fall_us), .initial = "0",
	  .maximum = (double)PHASE_US_MAX, .help = "time from peak to base; 0: at once" },
	KEYS_END
};

static const struct key curve_keys[] = {
	{ "file", KEY_STRING, offsetof(struct curve_keys, file), .required = true,
	  .help = "CSV whose first line is `time_s,rate_per_s`; between two points the rate goes "
		  "along a straight line", .example = "curves/monday.csv" },
	{ "scale", KEY_NUMBER, offsetof(struct curve_keys, scale), .initial = "1", .minimum = 1e-6,
	  .maximum = 1e6, .help = "multiplies the rates" },
	{ "speed", KEY_NUMBER, offsetof(struct curve_keys, speed), .initial = "1", .minimum = 1e-6,
	  .maximum = 1e6, .help = "divides the times: 60 plays an hour in a minute, at the same rates" },
	KEYS_END
};

static const struct shape rate_shape = {
	.kind = SHAPE_STRING, .help = "rate, or `A to B` for a ramp",
	.pattern = "^([0-9]+(\\.[0-9]*)?|\\.[0-9]+)/(s|m|h)"
		   "( +to +([0-9]+(\\.[0-9]*)?|\\.[0-9]+)/(s|m|h))?$|\\$\\{",
};
static const struct shape users_number = { .kind = SHAPE_STRING };
static const struct shape steps_shape = { .kind = SHAPE_KEYS, .name = "load-steps", .keys = steps_keys };
static const struct shape spike_shape = { .kind = SHAPE_KEYS, .name = "load-spike", .keys = spike_keys };
static const struct shape curve_map = { .kind = SHAPE_KEYS, .name = "load-curve", .keys = curve_keys };

static const struct key phase_keys[] = {
	{ "rate", KEY_NODE, offsetof(struct phase_keys, rate), .shape = &rate_shape,
	  .help = "open load: so many journeys start per second, whatever the system does; "
		  "`A to B` is a ramp", .example = "20/s to 200/s" },
	{ "users", KEY_NODE, offsetof(struct phase_keys, users), .shape = &users_number,
	  .help = "closed load: so many users, each starting anew when its journey ends; "
		  "`10 to 200` is a ramp", .example = "50" },
	{ "steps", KEY_NODE, offsetof(struct phase_keys, steps), .shape = &steps_shape,
	  .help = "open load in a staircase; becomes the phases `NAME 1`, `NAME 2`, ...",
	  .example = "{ from: 50/s, to: 500/s, by: 50/s, each: 30s }" },
	{ "spike", KEY_NODE, offsetof(struct phase_keys, spike), .shape = &spike_shape,
	  .help = "open load with a peak; becomes the phases `NAME rise`, `NAME peak`, `NAME fall`",
	  .example = "{ base: 20/s, peak: 500/s, rise: 2s, hold: 10s, fall: 5s }" },
	{ "curve", KEY_NODE, offsetof(struct phase_keys, curve), .shape = &curve_map,
	  .help = "open load as it was recorded", .example = "{ file: curves/monday.csv, speed: 60 }" },
	{ "pause", KEY_DURATION, offsetof(struct phase_keys, pause_us), .maximum = (double)PHASE_US_MAX,
	  .minimum = 1000, .help = "nothing starts for so long; what is under way goes on" },
	{ "for", KEY_DURATION, offsetof(struct phase_keys, for_us), .minimum = 1000,
	  .maximum = (double)PHASE_US_MAX,
	  .help = "how long (`rate`, `users`); at most so long with `iterations`, where the default "
		  "is 10m", .example = "60s" },
	{ "iterations", KEY_INTEGER, offsetof(struct phase_keys, iterations), .minimum = 1, .maximum = 1e9,
	  .help = "with `users`: ends when all of them together have made so many starts" },
	{ "arrivals", KEY_CHOICE, offsetof(struct phase_keys, arrivals), .choices = arrivals_choices,
	  .initial = "even",
	  .help = "open load: evenly spaced, or at random like people who know nothing of each other" },
	{ "measure", KEY_BOOL, offsetof(struct phase_keys, measure), .initial = "yes",
	  .help = "whether the phase counts in the totals; say no for a warm-up" },
	KEYS_END
};

static const struct shape phase_shape = { .kind = SHAPE_KEYS, .name = "phase", .keys = phase_keys };
const struct shape load_shape = { .kind = SHAPE_MAP_OF, .of = &phase_shape };

struct load_reader {
	struct reading *reading;
	struct plan *plan;
	int64_t at_us;
	bool good;
	bool doubtful; /* something in the phase at hand is wrong; what follows from it is not said */
};

/* What one phase of the file says, while it is unfolded. */
struct said {
	const struct yaml *name, *map;
	struct phase_keys keys;
};

static bool complain_phase(struct load_reader *reader, struct place at, const char *text)
{
	return complain(reader->reading->complaints, at, "%s", text);
}

static struct phase *add_phase(struct load_reader *reader, const struct said *said,
			       const char *suffix)
{
	struct plan *plan = reader->plan;
	struct arena *arena = reader->reading->arena;
	struct phase *phase;

	if (plan->phase_count >= PHASES_MAX) {
		complain(reader->reading->complaints, said->name->at, "more than %d phases", PHASES_MAX);
		return NULL;
	}
	phase = &plan->phases[plan->phase_count++];
	*phase = (struct phase){ .start_us = reader->at_us,
				 .arrivals = (enum arrivals)said->keys.arrivals,
				 .measured = said->keys.measure };
	phase->name = arena_format(arena, "%s%s%s", said->name->text.data, suffix ? " " : "",
				   suffix ? suffix : "");
	return phase;
}

static void end_phase(struct load_reader *reader, const struct phase *phase)
{
	reader->at_us += phase->duration_us;
}

/* "A to B": false when there is no "to". */
static bool split_ramp(struct text text, struct text *from, struct text *to)
{
	const char *middle = strstr(text.data, " to ");

	if (!middle)
		return false;
	*from = text_trim((struct text){ text.data, (size_t)(middle - text.data) });
	*to = text_trim(text_of(middle + 4));
	return true;
}

static bool read_text(struct load_reader *reader, const char *name, const struct yaml *node,
		      struct text *text)
{
	const struct key key = { .name = name, .type = KEY_STRING };
	char *string;

	if (!schema_read_value(&key, node, &string, reader->reading))
		return false;
	*text = text_trim(text_of(string));
	return true;
}

static bool need_for(struct load_reader *reader, const struct said *said)
{
	if (reader->doubtful || yaml_get(said->map, "for"))
		return true;
	return complain(reader->reading->complaints, said->name->at,
			"phase '%s' says not how long it is ('for')", said->name->text.data);
}

/* Open load that makes no start at all is a mistake in its numbers. */
static bool check_starts(struct load_reader *reader, const struct phase *phase, struct place at)
{
	uint8_t number = (uint8_t)(phase - reader->plan->phases);

	if (reader->doubtful || plan_starts_in_phase(reader->plan, number))
		return true;
	return complain(reader->reading->complaints, at, "phase '%s' would make no start at all",
			phase->name);
}

static bool check_rate(struct load_reader *reader, double from, double to, struct place at)
{
	if (from > RATE_MAX || to > RATE_MAX)
		return complain_phase(reader, at, "a rate is at most 1,000,000/s");
	if (from <= 0 && to <= 0)
		return complain_phase(reader, at, "a rate of 0 sends nothing (use 'pause' for silence)");
	return true;
}

static bool read_rate(struct load_reader *reader, const struct said *said)
{
	const struct yaml *node = said->keys.rate;
	struct text text, from, to;
	struct phase rates = { .rate_from = 0 };
	struct phase *phase;
	struct error err;

	if (!read_text(reader, "rate", node, &text))
		return false;
	if (!split_ramp(text, &from, &to))
		from = to = text;
	if (!unit_rate(from, &rates.rate_from, &err) || !unit_rate(to, &rates.rate_to, &err))
		return complain(reader->reading->complaints, node->at, "'rate': %s", err.text);
	if (!check_rate(reader, rates.rate_from, rates.rate_to, node->at) || !need_for(reader, said))
		return false;
	phase = add_phase(reader, said, NULL);
	if (!phase)
		return false;
	phase->rate_from = rates.rate_from;
	phase->rate_to = rates.rate_to;
	phase->duration_us = said->keys.for_us;
	end_phase(reader, phase);
	return check_starts(reader, phase, node->at);
}

static bool read_user_count(struct text text, uint32_t *users, struct error *err)
{
	int64_t count;

	if (!unit_integer(text, &count, err))
		return false;
	if (count < 0 || count > USERS_MAX)
		return error_set(err, "users are between 0 and 1,000,000, not %lld", (long long)count);
	*users = (uint32_t)count;
	return true;
}

static bool parse_users(struct load_reader *reader, const struct said *said, uint32_t *users_from,
			uint32_t *users_to)
{
	const struct yaml *node = said->keys.users;
	struct text text, from, to;
	struct error err;

	if (!read_text(reader, "users", node, &text))
		return false;
	if (!split_ramp(text, &from, &to))
		from = to = text;
	if (!read_user_count(from, users_from, &err) || !read_user_count(to, users_to, &err))
		return complain(reader->reading->complaints, node->at, "'users': %s", err.text);
	if (!*users_from && !*users_to)
		return complain_phase(reader, node->at,
				      "no users start nothing (use 'pause' for silence)");
	return true;
}

static bool read_users(struct load_reader *reader, const struct said *said)
{
	bool counted = said->keys.iterations > 0;
	uint32_t from, to;
	struct phase *phase;

	if (!parse_users(reader, said, &from, &to) || (!counted && !need_for(reader, said)))
		return false;
	if (counted && from != to)
		return complain_phase(reader, said->keys.users->at,
				      "a ramp of users needs a time, not 'iterations'");
	phase = add_phase(reader, said, NULL);
	if (!phase)
		return false;
	phase->kind = counted ? PHASE_COUNT : PHASE_USERS;
	phase->users_from = from;
	phase->users_to = to;
	phase->iterations = (uint64_t)said->keys.iterations;
	phase->duration_us = yaml_get(said->map, "for") ? said->keys.for_us : INT64_C(600000000);
	end_phase(reader, phase);
	return true;
}

static bool read_pause(struct load_reader *reader, const struct said *said)
{
	struct phase *phase = add_phase(reader, said, NULL);

	if (!phase)
		return false;
	phase->kind = PHASE_PAUSE;
	phase->measured = false;
	phase->duration_us = said->keys.pause_us;
	end_phase(reader, phase);
	return true;
}

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
		return complain(reader->reading->complaints, node->at, "'%s' wants a map, not %s", name,
				yaml_kind_name(node));
	return schema_read(keys, node, into, reader->reading);
}

static bool read_steps(struct load_reader *reader, const struct said *said)
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
		return complain(reader->reading->complaints, node->at, "%.0f steps; at most %d", count,
				PHASES_MAX);
	for (int i = 0; i < (int)count && good; i++) {
		double rate = steps.from + (steps.to < steps.from ? -i : i) * steps.by;
		char *suffix = arena_format(reader->reading->arena, "%d", i + 1);

		good = add_step(reader, said, suffix,
				(struct phase){ .rate_from = rate, .rate_to = rate,
						.duration_us = steps.each_us });
	}
	return good;
}

static bool read_spike(struct load_reader *reader, const struct said *said)
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
				(struct phase){ .rate_from = spike.base, .rate_to = spike.peak,
						.duration_us = spike.rise_us });
	good = add_step(reader, said, "peak",
			(struct phase){ .rate_from = spike.peak, .rate_to = spike.peak,
					.duration_us = spike.hold_us }) && good;
	if (spike.fall_us)
		good = add_step(reader, said, "fall",
				(struct phase){ .rate_from = spike.peak, .rate_to = spike.base,
						.duration_us = spike.fall_us }) && good;
	return good;
}

static bool read_curve(struct load_reader *reader, const struct said *said)
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

static const struct phase_way {
	const char *name;
	bool (*read)(struct load_reader *reader, const struct said *said);
	const char *allowed[4]; /* besides `measure` */
} ways[] = {
	{ "rate", read_rate, { "for", "arrivals", NULL } },
	{ "users", read_users, { "for", "iterations", NULL } },
	{ "steps", read_steps, { "arrivals", NULL } },
	{ "spike", read_spike, { "arrivals", NULL } },
	{ "curve", read_curve, { "arrivals", NULL } },
	{ "pause", read_pause, { NULL } },
};

enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static bool is_listed(const char *const *list, struct text word)
{
	for (; *list; list++)
		if (text_is(word, *list))
			return true;
	return false;
}

/* 'arrivals' means nothing to users, 'iterations' nothing to rates, and so on. */
static bool check_company(struct load_reader *reader, const struct said *said,
			  const struct phase_way *way)
{
	static const char *const extras[] = { "for", "iterations", "arrivals", NULL };
	bool good = true;

	for (const struct yaml *key = said->map->first; key; key = key->next)
		if (is_listed(extras, key->text) && !is_listed(way->allowed, key->text))
			good = complain(reader->reading->complaints, key->at,
					"'%s' means nothing beside '%s'", key->text.data, way->name);
	return good;
}

static const struct phase_way *find_way(struct load_reader *reader, const struct said *said)
{
	const struct phase_way *found = NULL;

	for (size_t i = 0; i < WAYS; i++) {
		const struct yaml *node = yaml_get(said->map, ways[i].name);

		if (node && found) {
			complain(reader->reading->complaints, node->at,
				 "'%s' and '%s': a phase has one kind of load", found->name,
				 ways[i].name);
			return NULL;
		}
		if (node)
			found = &ways[i];
	}
	if (!found)
		complain(reader->reading->complaints, said->name->at,
			 "phase '%s' has no load (rate, users, steps, spike, curve or pause)",
			 said->name->text.data);
	return found;
}

static bool read_phase(struct load_reader *reader, const struct yaml *name)
{
	struct said said = { .name = name, .map = name->value };
	const struct phase_way *way;

	if (!name->text.length || name->text.length > 60)
		return complain_phase(reader, name->at, "the name of a phase has 1 to 60 characters");
	if (said.map->kind != YAML_MAP)
		return complain(reader->reading->complaints, said.map->at,
				"phase '%s' wants a map such as { rate: 20/s, for: 1m }, not %s",
				name->text.data, yaml_kind_name(said.map));
	reader->doubtful = !schema_read(phase_keys, said.map, &said.keys, reader->reading);
	way = find_way(reader, &said);
	if (!way)
		return false;
	reader->doubtful |= !check_company(reader, &said, way);
	return way->read(reader, &said) && !reader->doubtful;
}

static bool check_whole(struct load_reader *reader, const struct yaml *load)
{
	const struct plan *plan = reader->plan;
	bool measured = false;

	for (uint8_t i = 0; i < plan->phase_count; i++)
		measured |= plan->phases[i].measured;
	if (!measured)
		return complain_phase(reader, load->at,
				      "no phase is measured, so there would be nothing to report");
	if (reader->at_us > PHASE_US_MAX)
		return complain(reader->reading->complaints, load->at,
				"all phases together take more than %d days", PHASE_DAYS_MAX);
	if (plan_starts(plan) >= UINT32_MAX)
		return complain_phase(reader, load->at, "more than 4,294,967,294 starts are planned");
	return true;
}

bool load_section_read(const struct yaml *load, struct reading *reading, struct plan *plan)
{
	struct load_reader reader = { .reading = reading, .plan = plan, .good = true };

	plan->phase_count = 0;
	plan->phases = arena_array(reading->arena, PHASES_MAX, sizeof(*plan->phases));
	if (load->kind != YAML_MAP || !load->first)
		return complain(reading->complaints, load->at, "'load' wants a map of phases, not %s",
				load->kind == YAML_MAP ? "an empty one" : yaml_kind_name(load));
	for (const struct yaml *name = load->first; name; name = name->next)
		reader.good = read_phase(&reader, name) && reader.good;
	return reader.good && check_whole(&reader, load);
}
