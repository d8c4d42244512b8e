/* `mix:`. See plan_read.h. */
#include "lib/memory.h"
#include "loadgen/plan_read.h"

#include <stdlib.h>

static const struct shape weight_shape = {
	.kind = SHAPE_STRING, .help = "weight", .pattern = NULL
};
const struct shape mix_shape = { .kind = SHAPE_MAP_OF, .of = &weight_shape };

static const struct journey *find_journey(const struct journey *journeys, size_t count,
					  struct text name)
{
	for (size_t i = 0; i < count; i++)
		if (text_is(name, journeys[i].name))
			return &journeys[i];
	return NULL;
}

static bool complain_journey(const struct yaml *name, struct reading *reading,
			     const struct journey *journeys, size_t count)
{
	const char **known = memory_array(count + 1, sizeof(*known));

	for (size_t i = 0; i < count; i++)
		known[i] = journeys[i].name;
	complain_unknown(reading->complaints, name->at, "journey", name->text, known);
	free(known);
	return false;
}

/* "78" or "78%": shares of the sum, whatever that is. */
static bool read_weight(const struct yaml *node, struct reading *reading, double *weight)
{
	const struct key key = { .name = "mix", .type = KEY_STRING };
	struct text text;
	struct error err;
	char *string;

	if (!schema_read_value(&key, node, &string, reading))
		return false;
	text = text_trim(text_of(string));
	if (text.length && text.data[text.length - 1] == '%')
		text.length--;
	if (!unit_number(text, weight, &err))
		return complain(reading->complaints, node->at,
				"a weight is a number such as 20, not '%.60s'", string);
	if (*weight <= 0 || *weight > 1e9)
		return complain(reading->complaints, node->at,
				"a weight is above 0 (leave out what should not happen)");
	return true;
}

static bool read_entries(const struct yaml *mix, struct reading *reading,
			 const struct journey *journeys, size_t count, struct plan *plan)
{
	bool good = true;

	for (const struct yaml *name = mix->first; name; name = name->next) {
		const struct journey *journey = find_journey(journeys, count, name->text);
		double weight = 0;

		if (!read_weight(name->value, reading, &weight))
			good = false;
		if (!journey)
			good = complain_journey(name, reading, journeys, count);
		else if (plan->mix_count < JOURNEYS_MAX)
			plan->mix[plan->mix_count++] =
				(struct mix_entry){ journey->number, weight };
	}
	return good;
}

static bool is_mixed(const struct plan *plan, const struct journey *journey)
{
	for (uint16_t i = 0; i < plan->mix_count; i++)
		if (plan->mix[i].journey == journey->number)
			return true;
	return false;
}

static bool check_reached(struct reading *reading, const struct journey *journeys, size_t count,
			  const char *main_file, const struct plan *plan)
{
	bool good = true;

	for (size_t i = 0; i < count; i++)
		if (!is_mixed(plan, &journeys[i]) && journeys[i].at.file &&
		    strcmp(journeys[i].at.file, main_file) == 0)
			good = complain(reading->complaints, journeys[i].at,
					"unreachable journey '%s': it is not in 'mix'",
					journeys[i].name);
	return good;
}

bool mix_section_read(const struct yaml *mix, struct reading *reading,
		      const struct journey *journeys, size_t journey_count, const char *main_file,
		      struct plan *plan)
{
	bool good;

	plan->mix_count = 0;
	plan->mix = arena_array(reading->arena, JOURNEYS_MAX, sizeof(*plan->mix));
	if (!mix) {
		if (journey_count == 1)
			plan->mix[plan->mix_count++] = (struct mix_entry){ journeys[0].number, 1 };
		return journey_count == 1;
	}
	if (mix->kind != YAML_MAP || !mix->first)
		return complain(reading->complaints, mix->at,
				"'mix' wants a map of journey: weight, not %s",
				mix->kind == YAML_MAP ? "an empty one" : yaml_kind_name(mix));
	good = read_entries(mix, reading, journeys, journey_count, plan);
	return check_reached(reading, journeys, journey_count, main_file, plan) && good;
}
