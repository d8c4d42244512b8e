/* Which phases, which fault. See condition_parts.h. */
#include "lib/condition_parts.h"

bool condition_read_fault(struct condition_parser *parser, struct text name)
{
	const struct condition_names *names = parser->names;
	int64_t number = condition_find(name, names->faults, names->fault_count);

	if (names->doubtful)
		return true;
	if (!names->fault_count)
		return condition_fail(parser, name.data, "this scenario has no faults");
	if (number < 0 && !text_is(name, "any fault"))
		return condition_fail_unknown(parser, "fault", name, names->faults,
					      names->fault_count);
	parser->condition->fault = number < 0 ? FAULT_ANY : (uint32_t)number;
	return true;
}

static void add_phase(struct condition *condition, size_t phase)
{
	condition->phases[phase / 8] |= (uint8_t)(1u << phase % 8);
}

/* `steps` and `spike` become phases called "NAME 1", "NAME 2", ... */
static bool is_part_of(const char *phase, struct text name)
{
	return strncmp(phase, name.data, name.length) == 0 && phase[name.length] == ' ';
}

static bool read_phase(struct condition_parser *parser, struct text name)
{
	const struct condition_names *names = parser->names;
	int64_t number = condition_find(name, names->phases, names->phase_count);
	bool any = number >= 0;

	if (any)
		add_phase(parser->condition, (size_t)number);
	for (size_t i = 0; number < 0 && i < names->phase_count; i++) {
		if (name.length && is_part_of(names->phases[i], name)) {
			add_phase(parser->condition, i);
			any = true;
		}
	}
	return any || names->doubtful ||
	       condition_fail_unknown(parser, "phase", name, names->phases, names->phase_count);
}

static bool read_phases(struct condition_parser *parser, struct text list)
{
	parser->condition->scope = SCOPE_PHASES;
	/* A name with a comma in it is found whole. */
	if (condition_find(condition_unquote(list), parser->names->phases,
			   parser->names->phase_count) >= 0)
		return read_phase(parser, condition_unquote(list));
	for (;;) {
		const char *comma = memchr(list.data, ',', list.length);
		size_t length = comma ? (size_t)(comma - list.data) : list.length;

		if (!read_phase(parser, condition_unquote((struct text){ list.data, length })))
			return false;
		if (!comma)
			return true;
		list = (struct text){ list.data + length + 1, list.length - length - 1 };
	}
}

static bool check_scope(struct condition_parser *parser, struct text word,
			const struct metric_row *row)
{
	const struct condition *condition = parser->condition;
	bool phase = text_is(word, "in");

	if (parser->use == CONDITION_STEADY)
		return condition_fail(parser, word.data,
				      "the steady state is always of now: leave out '%.*s ...'",
				      TEXT_ARG(word));
	if (condition->metric >= METRIC_RECOVERY)
		return condition_fail(parser, word.data,
				      "'%s' is of the whole run: leave out "
				      "'%.*s ...'",
				      row->name, TEXT_ARG(word));
	if (!phase && (!row->momentary || condition->service))
		return condition_fail(parser, word.data,
				      "'%s%s' is of the run or a phase, not of the time of a fault",
				      row->name, condition->service ? "(service)" : "");
	return true;
}

bool condition_read_scope(struct condition_parser *parser, struct text text,
			  const struct metric_row *row)
{
	static const char *const words[] = { "in", "before", "during", "after" };
	struct condition *condition = parser->condition;
	struct text word = { text.data, 0 }, rest;
	int64_t which;

	condition->scope_text = arena_string(parser->arena, text_of("all"));
	if (!text.length)
		return true;
	while (word.length < text.length && text.data[word.length] != ' ')
		word.length++;
	which = condition_find(word, words, 4);
	if (which < 0)
		return condition_fail_unknown(parser, "word behind the bound", word, words, 4);
	rest = text_trim((struct text){ text.data + word.length, text.length - word.length });
	if (!check_scope(parser, word, row))
		return false;
	if (!rest.length)
		return condition_fail(parser, word.data, "'%.*s' what?", TEXT_ARG(word));
	condition->scope_text = which ? arena_format(parser->arena, "%.*s %.*s", TEXT_ARG(word),
						     TEXT_ARG(condition_unquote(rest))) :
					arena_string(parser->arena, condition_unquote(rest));
	if (which == 0)
		return read_phases(parser, rest);
	condition->scope = SCOPE_PHASES + (enum condition_scope)which;
	return condition_read_fault(parser, condition_unquote(rest));
}
