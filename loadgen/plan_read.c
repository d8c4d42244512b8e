#include "loadgen/plan_read.h"

#include "loadgen/phase_keys.h"

bool complain_phase(struct load_reader *reader, struct place at, const char *text)
{
	return complain(reader->reading->complaints, at, "%s", text);
}

struct phase *add_phase(struct load_reader *reader, const struct said *said, const char *suffix)
{
	struct plan *plan = reader->plan;
	struct arena *arena = reader->reading->arena;
	struct phase *phase;

	if (plan->phase_count >= PHASES_MAX) {
		complain(reader->reading->complaints, said->name->at, "more than %d phases",
			 PHASES_MAX);
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

void end_phase(struct load_reader *reader, const struct phase *phase)
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

bool check_starts(struct load_reader *reader, const struct phase *phase, struct place at)
{
	uint8_t number = (uint8_t)(phase - reader->plan->phases);

	if (reader->doubtful || plan_starts_in_phase(reader->plan, number))
		return true;
	return complain(reader->reading->complaints, at, "phase '%s' would make no start at all",
			phase->name);
}

bool check_rate(struct load_reader *reader, double from, double to, struct place at)
{
	if (from > RATE_MAX || to > RATE_MAX)
		return complain_phase(reader, at, "a rate is at most 1,000,000/s");
	if (from <= 0 && to <= 0)
		return complain_phase(reader, at,
				      "a rate of 0 sends nothing (use 'pause' for silence)");
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
	if (!check_rate(reader, rates.rate_from, rates.rate_to, node->at) ||
	    !need_for(reader, said))
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
		return error_set(err, "users are between 0 and 1,000,000, not %lld",
				 (long long)count);
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

static const struct phase_way {
	const char *name;
	bool (*read)(struct load_reader *reader, const struct said *said);
	const char *allowed[4]; /* besides `measure` */
} ways[] = {
	{ "rate", read_rate, { "for", "arrivals", NULL } },
	{ "users", read_users, { "for", "iterations", NULL } },
	{ "steps", read_steps_phase, { "arrivals", NULL } },
	{ "spike", read_spike_phase, { "arrivals", NULL } },
	{ "curve", read_curve_phase, { "arrivals", NULL } },
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
					"'%s' means nothing beside '%s'", key->text.data,
					way->name);
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
		return complain_phase(reader, name->at,
				      "the name of a phase has 1 to 60 characters");
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
		return complain_phase(reader, load->at,
				      "more than 4,294,967,294 starts are planned");
	return true;
}

bool load_section_read(const struct yaml *load, struct reading *reading, struct plan *plan)
{
	struct load_reader reader = { .reading = reading, .plan = plan, .good = true };

	plan->phase_count = 0;
	plan->phases = arena_array(reading->arena, PHASES_MAX, sizeof(*plan->phases));
	if (load->kind != YAML_MAP || !load->first)
		return complain(reading->complaints, load->at,
				"'load' wants a map of phases, not %s",
				load->kind == YAML_MAP ? "an empty one" : yaml_kind_name(load));
	for (const struct yaml *name = load->first; name; name = name->next)
		reader.good = read_phase(&reader, name) && reader.good;
	return reader.good && check_whole(&reader, load);
}
