/* Steps that ask nothing of the system: time, variables, choices, loops. */
#include "lib/clock.h"
#include "loadgen/journey_compile.h"

static const struct shape text_shape = { .kind = SHAPE_STRING };

/* think */

struct one_key {
	const struct yaml *node;
};

static const struct key think_keys[] = {
	{ "think", KEY_NODE, offsetof(struct one_key, node), .required = true, .shape = &text_shape,
	  .help = "wait as a person would: `2s`, `1s to 4s`, `exponential 2s`, `normal 3s 1s`",
	  .example = "think: 1s to 4s" },
	KEYS_END
};
const struct shape step_think_shape = { .kind = SHAPE_KEYS, .name = "think-step", .keys = think_keys,
				   .help = "think time" };

/* Takes a word off the front. */
static struct text take_word(struct text *rest)
{
	struct text word = text_trim(*rest);
	size_t length = 0;

	while (length < word.length && word.data[length] != ' ')
		length++;
	*rest = text_trim((struct text){ word.data + length, word.length - length });
	word.length = length;
	return word;
}

static bool parse_think(struct text rest, struct think *think, struct error *err)
{
	struct text word = take_word(&rest);

	if (text_is(word, "exponential")) {
		think->kind = THINK_EXPONENTIAL;
		return unit_duration(rest, &think->a_us, err);
	}
	if (text_is(word, "normal")) {
		think->kind = THINK_NORMAL;
		word = take_word(&rest);
		return unit_duration(word, &think->a_us, err) &&
		       unit_duration(rest, &think->b_us, err);
	}
	if (!unit_duration(word, &think->a_us, err))
		return false;
	if (!rest.length)
		return true;
	think->kind = THINK_UNIFORM;
	word = take_word(&rest);
	if (!text_is(word, "to"))
		return error_set(err, "'%.*s' is not expected there (write 1s to 4s)",
				 word.length < 40 ? (int)word.length : 40, word.data);
	if (!unit_duration(rest, &think->b_us, err))
		return false;
	return think->a_us <= think->b_us || error_set(err, "the shorter time comes first");
}

bool step_think(struct compiler *compiler, const struct yaml *step, const char *kind)
{
	struct one_key keys;
	struct think think = { .kind = THINK_FIXED };
	bool good = schema_read(think_keys, step, &keys, &compiler->context->reading);
	struct error err;
	struct text text;

	if (!keys.node || !compiler_fixed(compiler, keys.node, kind, &text))
		return false;
	if (!parse_think(text, &think, &err))
		return complain(compiler->complaints, keys.node->at, "'think': %s", err.text);
	if (think.a_us > 86400 * US_PER_S || think.b_us > 86400 * US_PER_S)
		return complain(compiler->complaints, keys.node->at,
				"nobody thinks longer than a day");
	program_add(compiler, OP_THINK, step->at)->think = think;
	return good;
}

/* set */

static const struct key set_keys[] = {
	{ "set", KEY_NODE, offsetof(struct one_key, node), .required = true,
	  .shape = &(const struct shape){ .kind = SHAPE_MAP_OF,
					  .of = &(const struct shape){ .kind = SHAPE_ANY } },
	  .help = "variables and their new values", .example = "set: { qty: ${fn.int(1,3)} }" },
	KEYS_END
};
const struct shape step_set_shape = { .kind = SHAPE_KEYS, .name = "set-step", .keys = set_keys,
				 .help = "give variables a value" };

static bool set_one(struct compiler *compiler, const struct yaml *name)
{
	static const struct yaml nothing = { .text = { "", 0 } };
	struct instruction *instruction;
	struct template text;
	uint8_t slot;
	bool good;

	good = compiler_text(compiler, yaml_is_null(name->value) ? &nothing : name->value,
			     ESCAPE_NONE, &text);
	if (!variable_assign(compiler, name->text, name->at, &slot))
		return false;
	instruction = program_add(compiler, OP_SET, name->at);
	instruction->slot = slot;
	instruction->text = text;
	return good;
}

bool step_set(struct compiler *compiler, const struct yaml *step, const char *kind)
{
	struct one_key keys;
	bool good = schema_read(set_keys, step, &keys, &compiler->context->reading);

	if (!keys.node)
		return false;
	if (keys.node->kind != YAML_MAP)
		return complain(compiler->complaints, keys.node->at,
				"'%s' wants a map of variables, not %s", kind,
				yaml_kind_name(keys.node));
	for (const struct yaml *name = keys.node->first; name; name = name->next)
		good = set_one(compiler, name) && good;
	return good;
}

/* if */

struct if_keys {
	const struct yaml *condition, *then, *otherwise;
};

static const struct key if_keys[] = {
	{ "if", KEY_NODE, offsetof(struct if_keys, condition), .required = true, .shape = &text_shape,
	  .help = "a condition about variables", .example = "if: ${stock} > 0 and ${user} != 1" },
	{ "then", KEY_NODE, offsetof(struct if_keys, then), .required = true,
	  .shape = &journey_steps_shape,
	  .help = "steps when it holds" },
	{ "else", KEY_NODE, offsetof(struct if_keys, otherwise), .shape = &journey_steps_shape,
	  .help = "steps when it does not" },
	KEYS_END
};
const struct shape step_if_shape = { .kind = SHAPE_KEYS, .name = "if-step", .keys = if_keys,
				.help = "a choice" };

/*
 * Adds "jump to `target` unless the condition holds"; the target is set later. False: complained.
 */
bool program_add_unless(struct compiler *compiler, const struct yaml *node, struct place at)
{
	struct expression *condition;

	if (node->kind != YAML_SCALAR)
		return complain(compiler->complaints, node->at, "wants a condition, not %s",
				yaml_kind_name(node));
	condition = compiler_condition(compiler, node->text, scalar_place(node), SIGHT_VARIABLES);
	program_add(compiler, OP_UNLESS, at)->condition = condition;
	return condition;
}

void program_set_target(struct compiler *compiler, size_t instruction)
{
	compiler->program[instruction].target = (uint32_t)compiler->length;
}

bool step_if(struct compiler *compiler, const struct yaml *step, const char *kind)
{
	struct if_keys keys;
	bool good = schema_read(if_keys, step, &keys, &compiler->context->reading);
	size_t unless = compiler->length, jump;

	(void)kind;
	if (!keys.condition || !keys.then)
		return false;
	if (!program_add_unless(compiler, keys.condition, step->at)) {
		good = false;
		if (compiler->length == unless)
			program_add(compiler, OP_UNLESS, step->at);
	}
	good = steps_read(compiler, keys.then) && good;
	if (keys.otherwise) {
		jump = compiler->length;
		program_add(compiler, OP_JUMP, NOWHERE);
		program_set_target(compiler, unless);
		good = steps_read(compiler, keys.otherwise) && good;
		program_set_target(compiler, jump);
	} else {
		program_set_target(compiler, unless);
	}
	return good;
}

/* meet */

struct meet_keys {
	int64_t users, within_us;
};

static const struct key meet_keys[] = {
	{ "users", KEY_INTEGER, offsetof(struct meet_keys, users), .required = true, .minimum = 2,
	  .maximum = 10000, .help = "how many visitors wait for each other" },
	{ "within", KEY_DURATION, offsetof(struct meet_keys, within_us), .initial = "10s",
	  .minimum = 1000, .maximum = 3600e6, .help = "go on without the others after this long" },
	KEYS_END
};

static const struct key meet_step_keys[] = {
	{ "meet", KEY_NODE, offsetof(struct one_key, node), .required = true,
	  .shape = &(const struct shape){ .kind = SHAPE_KEYS, .keys = meet_keys },
	  .help = "wait for other visitors, so that what comes next happens to all at once",
	  .example = "meet: { users: 10, within: 5s }" },
	KEYS_END
};
const struct shape step_meet_shape = { .kind = SHAPE_KEYS, .name = "meet-step", .keys = meet_step_keys,
				  .help = "a rendezvous, for race attacks" };

bool step_meet(struct compiler *compiler, const struct yaml *step, const char *kind)
{
	struct journey *journey = compiler->journey;
	struct one_key outer;
	struct meet_keys keys;
	struct instruction *meet;
	bool good = schema_read(meet_step_keys, step, &outer, &compiler->context->reading);

	(void)kind;
	if (!outer.node || !schema_read(meet_keys, outer.node, &keys, &compiler->context->reading))
		return false;
	if (journey->meets && journey->meets != keys.users)
		return complain(compiler->complaints, outer.node->at,
				"all meetings of a journey are of the same size: %u before, %lld here",
				journey->meets, (long long)keys.users);
	journey->meets = (uint32_t)keys.users;
	meet = program_add(compiler, OP_MEET, step->at);
	meet->limit = journey->meets;
	meet->wait_us = keys.within_us;
	return good;
}

/* pick */

static const struct key pick_keys[] = {
	{ "pick", KEY_NODE, offsetof(struct one_key, node), .required = true, .shape = &text_shape,
	  .help = "deal another row of this data source", .example = "pick: products" },
	KEYS_END
};
const struct shape step_pick_shape = { .kind = SHAPE_KEYS, .name = "pick-step", .keys = pick_keys,
				  .help = "another row of data" };

bool step_pick(struct compiler *compiler, const struct yaml *step, const char *kind)
{
	struct one_key keys;
	bool good = schema_read(pick_keys, step, &keys, &compiler->context->reading);
	struct text name;
	uint8_t source;

	if (!keys.node || !compiler_fixed(compiler, keys.node, kind, &name))
		return false;
	if (!source_find(compiler, name, &source)) {
		source_complain(compiler, name, keys.node->at);
		return false;
	}
	if (source < 64)
		compiler->journey->sources |= UINT64_C(1) << source;
	program_add(compiler, OP_PICK, step->at)->number = source;
	return good;
}

/* leave, fail */

struct leave_keys {
	bool leave;
};

static const struct key leave_keys[] = {
	{ "leave", KEY_BOOL, offsetof(struct leave_keys, leave), .required = true,
	  .help = "end the journey here, well", .example = "leave: yes" },
	KEYS_END
};
const struct shape step_leave_shape = {
	.kind = SHAPE_ONE_OF, .name = "leave-step",
	.options = (const struct shape *const[]){
		&(const struct shape){ .kind = SHAPE_STRING, .pattern = "^leave$" },
		&(const struct shape){ .kind = SHAPE_KEYS, .keys = leave_keys }, NULL },
	.help = "the end of the journey",
};

bool step_leave(struct compiler *compiler, const struct yaml *step, const char *kind)
{
	struct leave_keys keys = { true };
	bool good = step->kind != YAML_MAP || yaml_is_null(yaml_get(step, kind)) ||
		    schema_read(leave_keys, step, &keys, &compiler->context->reading);

	if (keys.leave)
		program_add(compiler, OP_LEAVE, step->at);
	return good;
}

static const struct key fail_keys[] = {
	{ "fail", KEY_NODE, offsetof(struct one_key, node), .required = true, .shape = &text_shape,
	  .help = "end the journey here, as failed, for this reason",
	  .example = "fail: \"no stock of ${sku}\"" },
	KEYS_END
};
const struct shape step_fail_shape = { .kind = SHAPE_KEYS, .name = "fail-step", .keys = fail_keys,
				  .help = "the end of the journey, badly" };

bool step_fail(struct compiler *compiler, const struct yaml *step, const char *kind)
{
	struct one_key keys;
	struct template reason;
	bool good = schema_read(fail_keys, step, &keys, &compiler->context->reading);

	(void)kind;
	if (!keys.node || !compiler_text(compiler, keys.node, ESCAPE_NONE, &reason))
		return false;
	program_add(compiler, OP_FAIL, step->at)->text = reason;
	return good;
}
