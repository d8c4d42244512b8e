/* `saga:` of a request: which saga it is about, and what it does to it. See saga_visit.h. */
#include "loadgen/journey_compile.h"

struct saga_keys {
	char *verbs[4]; /* by enum saga_verb */
	const struct yaml *shown, *again;
};

static const char *const verbs[] = { "places", "misuses", "cancels", "reads", NULL };

static const struct shape text_shape = { .kind = SHAPE_STRING };

#define FIELD(name) offsetof(struct saga_keys, name)

static const struct key saga_keys[] = {
	{ "places", KEY_STRING, FIELD(verbs[SAGA_PLACES]),
	  .help = "a new saga: mints ${NAME.key} and sends it, as the contract says; the same as "
		  "the name alone" },
	{ "misuses", KEY_STRING, FIELD(verbs[SAGA_MISUSES]),
	  .help = "sends the key of the one before with another body, which must be refused" },
	{ "cancels", KEY_STRING, FIELD(verbs[SAGA_CANCELS]), .help = "takes it back" },
	{ "reads", KEY_STRING, FIELD(verbs[SAGA_READS]), .help = "asks for its state" },
	{ "shown", KEY_NODE, FIELD(shown), .shape = &text_shape,
	  .help = "with `places`: the sum that the visitor was shown before",
	  .example = "shown: ${cart_total}" },
	{ "again", KEY_NODE, FIELD(again), .shape = &text_shape,
	  .help = "with `places`: the share of acknowledged ones that are sent once more, to see "
		  "whether the answer is the same",
	  .example = "again: 10%" },
	KEYS_END
};

const struct shape journey_saga_shape = {
	.kind = SHAPE_ONE_OF,
	.name = "saga-use",
	.options = (const struct shape *const[]){
		&text_shape, &(const struct shape){ .kind = SHAPE_KEYS, .keys = saga_keys }, NULL },
};

bool saga_use_find(struct compiler *compiler, struct text name, uint8_t *saga)
{
	for (uint8_t i = 0; i < compiler->context->saga_count; i++) {
		if (text_is(name, compiler->context->sagas[i].name)) {
			*saga = i;
			return true;
		}
	}
	return false;
}

static bool unknown_saga(struct compiler *compiler, struct text name, struct place at)
{
	uint8_t count = compiler->context->saga_count;
	const char **known = arena_array(compiler->arena, count + 1u, sizeof(*known));

	for (uint8_t i = 0; i < count; i++)
		known[i] = compiler->context->sagas[i].name;
	if (!count)
		return complain(compiler->complaints, at,
				"there is no saga '%.*s': no contract in 'sagas'", TEXT_ARG(name));
	complain_unknown(compiler->complaints, at, "saga", name, known);
	return false;
}

static bool read_verb(struct compiler *compiler, const struct yaml *node,
		      const struct saga_keys *keys, struct saga_role *role)
{
	bool found = false;

	for (int i = 0; verbs[i]; i++) {
		if (!keys->verbs[i])
			continue;
		if (found)
			return complain(
				compiler->complaints, yaml_get(node, verbs[i])->at,
				"a request does one thing to a saga, not both '%s' and '%s'",
				verbs[role->verb], verbs[i]);
		found = true;
		role->verb = (enum saga_verb)i;
		if (!saga_use_find(compiler, text_of(keys->verbs[i]), &role->saga))
			return unknown_saga(compiler, text_of(keys->verbs[i]),
					    yaml_get(node, verbs[i])->at);
	}
	return found ||
	       complain(compiler->complaints, node->at,
			"what does it do to the saga? (places, misuses, cancels or reads)");
}

static bool read_again(struct compiler *compiler, const struct yaml *node, struct saga_role *role)
{
	struct error err;
	struct text text;
	bool yes;

	if (!node)
		return true;
	if (!compiler_fixed(compiler, node, "again", &text))
		return false;
	if (unit_bool(text, &yes, &err)) {
		role->again = yes;
		return true;
	}
	return (unit_share(text, &role->again, &err) && role->again >= 0 && role->again <= 1) ||
	       complain(compiler->complaints, node->at, "'again' wants a share such as 10%%");
}

static bool check_keys(struct compiler *compiler, const struct yaml *node,
		       const struct saga_keys *keys, const struct saga_role *role)
{
	const struct yaml *odd = keys->shown ? keys->shown : keys->again;

	(void)node;
	return !odd || role->verb == SAGA_PLACES ||
	       complain(compiler->complaints, odd->at, "'shown' and 'again' go with 'places'");
}

/* `role` is NULL when nothing could be made of it. */
bool saga_use_read(struct compiler *compiler, const struct yaml *node, struct saga_role **out,
		   const struct yaml **shown)
{
	struct saga_role *role = arena_new(compiler->arena, sizeof(*role));
	struct saga_keys keys = { .shown = NULL };
	bool good;

	*out = NULL;
	*shown = NULL;
	if (node->kind == YAML_SCALAR && !yaml_is_null(node)) {
		if (!saga_use_find(compiler, node->text, &role->saga))
			return unknown_saga(compiler, node->text, node->at);
		*out = role;
		return true;
	}
	good = schema_read(saga_keys, node, &keys, &compiler->context->reading) &&
	       read_verb(compiler, node, &keys, role) && read_again(compiler, keys.again, role) &&
	       check_keys(compiler, node, &keys, role);
	if (!good)
		return false;
	*out = role;
	*shown = keys.shown;
	return true;
}

static struct text member(struct compiler *compiler, const struct saga_role *role, const char *what)
{
	return text_of(arena_format(compiler->arena, "%s.%s",
				    compiler->context->sagas[role->saga].name, what));
}

/* Before the request that sends it, so that its headers can be rendered from it. */
bool saga_use_mint(struct compiler *compiler, const struct saga_role *role, struct place at,
		   const struct yaml *shown)
{
	struct template text = { .constant = true, .fixed = { "", 0 } };
	struct instruction *mint;
	uint8_t slot;
	bool good = !shown || compiler_text(compiler, shown, ESCAPE_NONE, &text);

	if (!saga_variable(compiler, member(compiler, role, "key"), at, &slot))
		return false;
	mint = program_add(compiler, OP_MINT, at);
	mint->number = role->saga;
	mint->slot = slot;
	mint->text = text;
	mint->limit = shown != NULL;
	return good;
}

/* What the answers must be looked at for, and that there is a key when there must be one. */
bool saga_use_finish(struct compiler *compiler, struct request_step *step, struct place at)
{
	const struct saga_rules *rules;
	struct error err = { "" };
	uint8_t slot;

	if (!step->saga)
		return true;
	rules = &compiler->context->sagas[step->saga->saga];
	step->reads_body = true;
	if (step->saga->verb != SAGA_PLACES)
		return variable_use_saga(compiler, member(compiler, step->saga, "key"), at, &slot,
					 &err) ||
		       complain_error_at(compiler->complaints, at, &err);
	if (step->poll.until)
		return complain(compiler->complaints, at, "a poll can't place a saga");
	if (!rules->id.count)
		return true;
	return saga_variable(compiler, member(compiler, step->saga, "id"), at, &slot) &&
	       saves_add_optional(compiler, step, &rules->id, at, slot);
}
