/* Loops: so many times, while a condition holds, for each element of an array. */
#include "loadgen/journey_compile.h"

static const struct shape text_shape = { .kind = SHAPE_STRING };

struct one_key {
	const struct yaml *node;
};

/* repeat */

struct repeat_keys {
	const struct yaml *times, *condition, *steps;
	int64_t at_most;
};

static const struct key repeat_keys[] = {
	{ "times", KEY_NODE, offsetof(struct repeat_keys, times), .shape = &text_shape,
	  .help = "how many turns; may be a ${variable}", .example = "times: ${fn.int(1,5)}" },
	{ "while", KEY_NODE, offsetof(struct repeat_keys, condition), .shape = &text_shape,
	  .help = "a condition that is looked at before every turn", .example = "while: ${more} == true" },
	{ "at-most", KEY_INTEGER, offsetof(struct repeat_keys, at_most), .minimum = 1,
	  .maximum = TURNS_MAX, .help = "the most turns; `while` needs it" },
	{ "do", KEY_NODE, offsetof(struct repeat_keys, steps), .required = true,
	  .shape = &journey_steps_shape,
	  .help = "the steps of a turn; ${loop} is its number, from 0" },
	KEYS_END
};

static const struct key repeat_step_keys[] = {
	{ "repeat", KEY_NODE, offsetof(struct one_key, node), .required = true,
	  .shape = &(const struct shape){ .kind = SHAPE_KEYS, .keys = repeat_keys },
	  .help = "steps to take again and again",
	  .example = "repeat: { times: 3, do: [ get: /a ] }" },
	KEYS_END
};
const struct shape step_repeat_shape = { .kind = SHAPE_KEYS, .name = "repeat-step",
				    .keys = repeat_step_keys, .help = "a loop" };

static bool loop_fits(struct compiler *compiler, struct place at)
{
	return compiler->loops < LOOPS_MAX ||
	       complain(compiler->complaints, at, "more than %d loops inside each other", LOOPS_MAX);
}

static bool read_times(struct compiler *compiler, const struct yaml *times, struct template *turns,
		       uint32_t *limit)
{
	struct error err;
	int64_t count;

	if (!compiler_text(compiler, times, ESCAPE_NONE, turns))
		return false;
	if (!turns->constant)
		return true;
	if (!unit_integer(turns->fixed, &count, &err))
		return complain(compiler->complaints, times->at, "'times': %s", err.text);
	if (count < 0 || count > TURNS_MAX)
		return complain(compiler->complaints, times->at, "'times' is between 0 and %d",
				TURNS_MAX);
	if ((uint64_t)count > *limit)
		*limit = (uint32_t)count;
	return true;
}

/* OP_LOOP; false when it can't be a loop at all. */
static bool add_loop(struct compiler *compiler, const struct repeat_keys *keys, struct place at,
		     bool *good)
{
	uint32_t limit = keys->at_most ? (uint32_t)keys->at_most : TURNS_DEFAULT;
	struct template turns;
	struct instruction *loop;

	if (!loop_fits(compiler, at))
		return false;
	turns = (struct template){
		.constant = true,
		.fixed = text_of(arena_format(compiler->arena, "%u", limit)),
	};
	if (keys->times)
		*good = read_times(compiler, keys->times, &turns, &limit) && *good;
	loop = program_add(compiler, OP_LOOP, at);
	loop->number = compiler->loops;
	loop->text = turns;
	loop->limit = keys->at_most ? (uint32_t)keys->at_most : limit;
	return true;
}

static bool check_repeat(struct compiler *compiler, const struct repeat_keys *keys,
			 const struct yaml *node)
{
	if (keys->times && keys->condition)
		return complain(compiler->complaints, keys->condition->at,
				"a loop has either 'times' or 'while' (with 'at-most')");
	if (!keys->times && !keys->condition)
		return complain(compiler->complaints, node->at,
				"a loop needs 'times', or 'while' and 'at-most'");
	if (keys->condition && !keys->at_most)
		return complain(compiler->complaints, keys->condition->at,
				"'while' without 'at-most' may never end");
	return true;
}

static bool add_body(struct compiler *compiler, const struct repeat_keys *keys, size_t loop)
{
	size_t unless = compiler->length;
	struct instruction *next;
	bool good = true, checks = false;

	if (keys->condition) {
		good = program_add_unless(compiler, keys->condition, NOWHERE);
		checks = compiler->length > unless;
	}
	good = steps_read(compiler, keys->steps) && good;
	next = program_add(compiler, OP_LOOP_NEXT, NOWHERE);
	next->number = compiler->program[loop].number;
	next->target = (uint32_t)loop + 1;
	program_set_target(compiler, loop);
	if (checks)
		program_set_target(compiler, unless);
	return good;
}

bool step_repeat(struct compiler *compiler, const struct yaml *step, const char *kind)
{
	struct one_key outer;
	struct repeat_keys keys;
	bool good = schema_read(repeat_step_keys, step, &outer, &compiler->context->reading);
	size_t loop = compiler->length;

	(void)kind;
	if (!outer.node)
		return false;
	good = schema_read(repeat_keys, outer.node, &keys, &compiler->context->reading) && good;
	if (outer.node->kind != YAML_MAP)
		return false;
	good = check_repeat(compiler, &keys, outer.node) && good;
	if (!keys.steps || !add_loop(compiler, &keys, step->at, &good))
		return false;
	compiler->loops++;
	good = add_body(compiler, &keys, loop) && good;
	compiler->loops--;
	return good;
}

/* for-each */

struct each_keys {
	const struct yaml *in, *as, *steps;
	int64_t at_most;
};

static const struct key each_keys[] = {
	{ "in", KEY_NODE, offsetof(struct each_keys, in), .required = true, .shape = &text_shape,
	  .help = "a variable that holds a JSON array, or a JSON Pointer into the answer of the step before",
	  .example = "in: ${items}" },
	{ "as", KEY_NODE, offsetof(struct each_keys, as), .required = true, .shape = &text_shape,
	  .help = "the variable that holds the element", .example = "as: item" },
	{ "at-most", KEY_INTEGER, offsetof(struct each_keys, at_most), .minimum = 1,
	  .maximum = TURNS_MAX, .initial = "1000", .help = "the most elements; the others are left out" },
	{ "do", KEY_NODE, offsetof(struct each_keys, steps), .required = true,
	  .shape = &journey_steps_shape,
	  .help = "the steps for each element; ${loop} is its number, from 0" },
	KEYS_END
};

static const struct key for_each_step_keys[] = {
	{ "for-each", KEY_NODE, offsetof(struct one_key, node), .required = true,
	  .shape = &(const struct shape){ .kind = SHAPE_KEYS, .keys = each_keys },
	  .help = "steps to take for each element of an array",
	  .example = "for-each: { in: /items, as: item, do: [ get: \"/item/${item}\" ] }" },
	KEYS_END
};
const struct shape step_for_each_shape = { .kind = SHAPE_KEYS, .name = "for-each-step",
				      .keys = for_each_step_keys, .help = "a loop over an array" };

/* A pointer becomes a save of the request just before, into a variable without a name. */
static bool list_of_answer(struct compiler *compiler, const struct yaml *in, struct text pointer,
			   uint8_t *slot)
{
	struct error err;
	char *name = arena_format(compiler->arena, "list-%zu", compiler->length);

	if (!compiler->last)
		return complain(compiler->complaints, in->at,
				"a JSON Pointer looks into the answer of the step just before, and that is no "
				"request: save the list to a variable");
	if (!variable_assign(compiler, text_of(name), in->at, slot))
		return false;
	compiler->variables[*slot].quiet = true;
	return saves_add_pointer(compiler, compiler->last, pointer, in->at, *slot) &&
	       variable_use(compiler, text_of(name), in->at, slot, &err);
}

static bool read_list(struct compiler *compiler, const struct yaml *in, uint8_t *slot)
{
	struct text text = text_trim(in->text), name;
	struct error err = { "" };

	if (in->kind != YAML_SCALAR)
		return complain(compiler->complaints, in->at, "'in' wants a ${variable}, not %s",
				yaml_kind_name(in));
	if (text_starts_with(text, "/"))
		return list_of_answer(compiler, in, text, slot);
	if (!template_is_whole(text))
		return complain(compiler->complaints, in->at,
				"'in' wants a ${variable} that holds an array, or a JSON Pointer");
	name = text_trim((struct text){ text.data + 2, text.length - 3 });
	if (variable_use(compiler, name, scalar_place(in), slot, &err))
		return true;
	return complain(compiler->complaints, in->at, "%s", err.text);
}

/* Whatever a loop of the same number left behind: the turns start anew. */
static void add_fresh_start(struct compiler *compiler)
{
	struct instruction *loop = program_add(compiler, OP_LOOP, NOWHERE);

	loop->number = compiler->loops;
	loop->limit = 1;
	loop->text = (struct template){ .constant = true, .fixed = text_of("1") };
	loop->target = (uint32_t)compiler->length;
}

static bool read_element(struct compiler *compiler, const struct yaml *as, uint8_t *slot)
{
	if (as->kind != YAML_SCALAR)
		return complain(compiler->complaints, as->at, "'as' wants a name, not %s",
				yaml_kind_name(as));
	if (!variable_assign(compiler, as->text, as->at, slot))
		return false;
	compiler->variables[*slot].quiet = true;
	return true;
}

static bool add_each(struct compiler *compiler, const struct each_keys *keys, struct place at)
{
	struct instruction *instruction;
	uint8_t list = 0, slot = 0;
	size_t each;
	bool good;

	if (!loop_fits(compiler, at))
		return false;
	add_fresh_start(compiler);
	good = read_list(compiler, keys->in, &list);
	good = read_element(compiler, keys->as, &slot) && good;
	each = compiler->length;
	instruction = program_add(compiler, OP_EACH, at);
	instruction->number = compiler->loops;
	instruction->list = list;
	instruction->slot = slot;
	instruction->limit = (uint32_t)keys->at_most;
	compiler->loops++;
	good = steps_read(compiler, keys->steps) && good;
	compiler->loops--;
	program_add(compiler, OP_JUMP, NOWHERE)->target = (uint32_t)each;
	program_set_target(compiler, each);
	return good;
}

bool step_for_each(struct compiler *compiler, const struct yaml *step, const char *kind)
{
	struct one_key outer;
	struct each_keys keys;
	bool good = schema_read(for_each_step_keys, step, &outer, &compiler->context->reading);

	(void)kind;
	if (!outer.node)
		return false;
	good = schema_read(each_keys, outer.node, &keys, &compiler->context->reading) && good;
	if (!keys.in || !keys.as || !keys.steps)
		return false;
	return add_each(compiler, &keys, step->at) && good;
}
