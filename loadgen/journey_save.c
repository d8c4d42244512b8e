/* save: what is kept of an answer. */
#include "lib/regex.h"
#include "loadgen/journey_compile.h"

struct save_keys {
	const struct yaml *from, *otherwise;
	bool optional;
};

static const struct key save_keys[] = {
	{ "from", KEY_NODE, offsetof(struct save_keys, from), .required = true,
	  .shape = &(const struct shape){ .kind = SHAPE_STRING },
	  .help = "a /json/pointer, `header NAME`, `regex /.../`, `cookie NAME`, `status` or `body`",
	  .example = "from: /items/0/sku" },
	{ "default", KEY_NODE, offsetof(struct save_keys, otherwise),
	  .shape = &(const struct shape){ .kind = SHAPE_STRING },
	  .help = "the value when there is none in the answer, which is then no failure",
	  .example = "default: none" },
	{ "optional", KEY_BOOL, offsetof(struct save_keys, optional), .initial = "no",
	  .help = "nothing in the answer is no failure: the variable becomes empty" },
	KEYS_END
};

const struct shape journey_save_shape = {
	.kind = SHAPE_MAP_OF,
	.name = "save",
	.help = "variables to keep from the answer, by name",
	.of = &(const struct shape){
		.kind = SHAPE_ONE_OF,
		.options = (const struct shape *const[]){
			&(const struct shape){ .kind = SHAPE_STRING },
			&(const struct shape){ .kind = SHAPE_KEYS, .keys = save_keys }, NULL } },
};

static void release_regex(void *regex)
{
	regex_free(regex);
}

static struct text rest_after(struct text text, size_t length)
{
	return text_trim((struct text){ text.data + length, text.length - length });
}

/* "/pattern/" or "/pattern/i" */
static bool read_regex(struct compiler *compiler, struct text text, struct place at,
		       struct save *save)
{
	bool any_case = text.length > 2 && text.data[text.length - 1] == 'i' &&
			text.data[text.length - 2] == '/';
	struct error err = { "" };

	text.length -= any_case;
	if (text.length < 3 || text.data[0] != '/' || text.data[text.length - 1] != '/')
		return complain(compiler->complaints, at,
				"a pattern stands between slashes: regex /.../");
	text = (struct text){ text.data + 1, text.length - 2 };
	if (any_case)
		text = text_of(arena_format(compiler->arena, "(?i)%.*s", TEXT_ARG(text)));
	save->regex = regex_compile(text, &err);
	if (!save->regex)
		return complain(compiler->complaints, at, "%s", err.text);
	arena_defer(compiler->arena, release_regex, save->regex);
	return true;
}

static bool read_pointer(struct compiler *compiler, struct text text, struct place at,
			 struct save *save)
{
	struct error err = { "" };

	if (memmem(text.data, text.length, "${", 2))
		return complain(compiler->complaints, at, "a JSON Pointer can't hold '${...}'");
	if (!json_pointer_compile(&save->pointer, arena_text(compiler->arena, text),
				  compiler->arena, &err))
		return complain(compiler->complaints, at, "%s", err.text);
	return true;
}

static bool read_name(struct compiler *compiler, struct text text, struct place at,
		      struct save *save)
{
	save->name = arena_string(compiler->arena, text);
	return text.length ? header_name_check(compiler, text, at) :
			     complain(compiler->complaints, at, "a name is missing here");
}

static bool read_from(struct compiler *compiler, struct text text, struct place at,
		      struct save *save)
{
	static const char *const known[] = { "header NAME", "regex /.../", "cookie NAME", "status",
					     "body",	    "/pointer",	   NULL };

	if (text_starts_with(text, "/")) {
		save->from = SAVE_POINTER;
		return read_pointer(compiler, text, at, save);
	}
	if (text_starts_with(text, "header ") || text_starts_with(text, "cookie ")) {
		save->from = text.data[0] == 'h' ? SAVE_HEADER : SAVE_COOKIE;
		return read_name(compiler, rest_after(text, 7), at, save);
	}
	if (text_starts_with(text, "regex ")) {
		save->from = SAVE_REGEX;
		return read_regex(compiler, rest_after(text, 6), at, save);
	}
	save->from = text_is(text, "status") ? SAVE_STATUS : SAVE_BODY;
	if (text_is(text, "status") || text_is(text, "body"))
		return true;
	complain_unknown(compiler->complaints, at, "place to save from", text, known);
	return false;
}

static bool read_source(struct compiler *compiler, const struct yaml *node, struct save *save)
{
	struct save_keys keys;
	bool good;

	if (node->kind == YAML_SCALAR)
		return read_from(compiler, text_trim(node->text), node->at, save);
	good = schema_read(save_keys, node, &keys, &compiler->context->reading);
	save->optional = keys.optional || keys.otherwise;
	save->otherwise = text_of("");
	if (keys.otherwise && !yaml_is_null(keys.otherwise))
		good = compiler_fixed(compiler, keys.otherwise, "default", &save->otherwise) &&
		       good;
	if (!keys.from)
		return false;
	if (keys.from->kind != YAML_SCALAR)
		return complain(compiler->complaints, keys.from->at, "'from' wants a text, not %s",
				yaml_kind_name(keys.from));
	return read_from(compiler, text_trim(keys.from->text), keys.from->at, save) && good;
}

static void add_save(struct compiler *compiler, struct request_step *step, struct save save)
{
	step->saves = arena_grow(compiler->arena, step->saves, step->save_count, sizeof(save));
	step->saves[step->save_count++] = save;
	step->reads_body |=
		save.from == SAVE_POINTER || save.from == SAVE_REGEX || save.from == SAVE_BODY;
}

bool saves_add_pointer(struct compiler *compiler, struct request_step *step, struct text pointer,
		       struct place at, uint8_t slot)
{
	struct save save = { .at = at, .slot = slot, .from = SAVE_POINTER };

	if (!read_pointer(compiler, pointer, at, &save))
		return false;
	add_save(compiler, step, save);
	return true;
}

bool saves_add_optional(struct compiler *compiler, struct request_step *step,
			const struct json_pointer *pointer, struct place at, uint8_t slot)
{
	add_save(compiler, step,
		 (struct save){ .at = at,
				.slot = slot,
				.from = SAVE_POINTER,
				.pointer = *pointer,
				.optional = true,
				.otherwise = text_of("") });
	return true;
}

bool saves_read(struct compiler *compiler, const struct yaml *saves, struct request_step *step)
{
	bool good = true;

	if (saves->kind != YAML_MAP)
		return complain(compiler->complaints, saves->at,
				"'save' wants a map of variables, not %s", yaml_kind_name(saves));
	for (const struct yaml *name = saves->first; name; name = name->next) {
		struct save save = { .at = name->at };

		if (!variable_assign(compiler, name->text, name->at, &save.slot)) {
			good = false;
			continue;
		}
		good = read_source(compiler, name->value, &save) && good;
		add_save(compiler, step,
			 save); /* with a mistake too: the variable is no other one */
	}
	return good;
}
