/* What names mean: in ${...}, and bare in conditions. */
#include <stdint.h>

#include "loadgen/data_rows.h"
#include "loadgen/journey_compile.h"

struct place scalar_place(const struct yaml *scalar)
{
	struct place at = scalar->at;
	bool block = memchr(scalar->text.data, '\n', scalar->text.length);

	at.column += scalar->quoted && !block;
	return at;
}

static bool is_variable_name(struct text name)
{
	if (!name.length || name.length > NAME_MAX_BYTES ||
	    (name.data[0] >= '0' && name.data[0] <= '9'))
		return false;
	for (size_t i = 0; i < name.length; i++) {
		char c = name.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_' || (c == '-' && i)))
			return false;
	}
	return true;
}

static bool is_reserved(struct text name)
{
	return text_is(name, "user") || text_is(name, "loop");
}

/* Known now? False with a reason in `err`: such a name, but it can't be had. */
bool name_is_fixed(struct compiler *compiler, struct text name, struct value *value,
		   struct error *err)
{
	const struct journey_context *context = compiler->context;

	return context->variable && context->variable(context->variable_context, name, value, err);
}

/* Slots. */

static bool find_slot(const struct compiler *compiler, struct text name, uint8_t *slot)
{
	for (uint8_t i = 0; i < compiler->journey->slot_count; i++) {
		if (text_is(name, compiler->journey->slot_names[i])) {
			*slot = i;
			return true;
		}
	}
	return false;
}

static bool add_slot(struct compiler *compiler, struct text name, uint8_t *slot)
{
	struct journey *journey = compiler->journey;

	if (find_slot(compiler, name, slot))
		return true;
	if (journey->slot_count == SLOTS_MAX)
		return false;
	if (!journey->slot_names)
		journey->slot_names = arena_array(compiler->arena, SLOTS_MAX, sizeof(char *));
	*slot = journey->slot_count++;
	journey->slot_names[*slot] = arena_string(compiler->arena, name);
	return true;
}

static const char *name_taken(struct compiler *compiler, struct text name)
{
	struct error err = { "" };
	struct value value;
	uint8_t source;

	if (is_reserved(name))
		return "a name that is always there";
	if (source_find(compiler, name, &source))
		return "a data source";
	return name_is_fixed(compiler, name, &value, &err) ? "one of the vars" : NULL;
}

bool variable_assign(struct compiler *compiler, struct text name, struct place at, uint8_t *slot)
{
	const char *taken;
	struct variable *variable;

	if (!is_variable_name(name))
		return complain(
			compiler->complaints, at,
			"'%.*s' can't name a variable (letters, digits, '_' and '-', at most %d)",
			TEXT_ARG(name), NAME_MAX_BYTES);
	taken = name_taken(compiler, name);
	if (taken)
		return complain(compiler->complaints, at, "'%.*s' is %s already", TEXT_ARG(name),
				taken);
	if (!add_slot(compiler, name, slot))
		return complain(compiler->complaints, at, "more than %d variables in one journey",
				SLOTS_MAX);
	variable = &compiler->variables[*slot];
	if (!variable->assigned)
		variable->first_at = at;
	variable->assigned = true;
	return true;
}

static void note_use(struct compiler *compiler, uint8_t slot, struct place at)
{
	compiler->variables[slot].used = true;
	compiler->uses = memory_grow(compiler->uses, compiler->use_count, &compiler->use_room,
				     sizeof(*compiler->uses));
	compiler->uses[compiler->use_count++] =
		(struct variable_use){ (uint32_t)compiler->length, slot, at };
}

/* Whether it has a value there is seen when the whole journey is known: journey_check.c. */
bool variable_use(struct compiler *compiler, struct text name, struct place at, uint8_t *slot,
		  struct error *err)
{
	if (!is_variable_name(name))
		return error_set(err, "'%.*s' names nothing that could be here", TEXT_ARG(name));
	if (!add_slot(compiler, name, slot))
		return error_set(err, "more than %d variables in one journey", SLOTS_MAX);
	note_use(compiler, *slot, at);
	return true;
}

/* Sagas: variables with a dot in their names. */

bool saga_variable(struct compiler *compiler, struct text name, struct place at, uint8_t *slot)
{
	struct variable *variable;

	if (!add_slot(compiler, name, slot))
		return complain(compiler->complaints, at, "more than %d variables in one journey",
				SLOTS_MAX);
	variable = &compiler->variables[*slot];
	if (!variable->assigned)
		variable->first_at = at;
	variable->assigned = variable->quiet = true;
	return true;
}

bool variable_use_saga(struct compiler *compiler, struct text name, struct place at, uint8_t *slot,
		       struct error *err)
{
	if (!add_slot(compiler, name, slot))
		return error_set(err, "more than %d variables in one journey", SLOTS_MAX);
	note_use(compiler, *slot, at);
	return true;
}

static bool resolve_saga(struct compiler *compiler, struct text name, struct text member,
			 uint16_t *ref, struct error *err)
{
	uint8_t slot;

	if (!text_is(member, "key") && !text_is(member, "id"))
		return error_set(err, "a saga has a key and an id, but no '%.*s'",
				 member.length < 60 ? (int)member.length : 60, member.data);
	if (!variable_use_saga(compiler, name, compiler->name_at, &slot, err))
		return false;
	*ref = (uint16_t)(REF_SLOT | slot);
	return true;
}

/* Data sources. */

bool source_find(struct compiler *compiler, struct text name, uint8_t *source)
{
	for (uint8_t i = 0; i < compiler->context->source_count; i++) {
		if (text_is(name, compiler->context->sources[i].name)) {
			*source = i;
			return true;
		}
	}
	return false;
}

static const char **source_names(struct compiler *compiler)
{
	uint8_t count = compiler->context->source_count;
	const char **names = arena_array(compiler->arena, count + 1u, sizeof(*names));

	for (uint8_t i = 0; i < count; i++)
		names[i] = compiler->context->sources[i].name;
	return names;
}

void source_complain(struct compiler *compiler, struct text name, struct place at)
{
	complain_unknown(compiler->complaints, at, "data source", name, source_names(compiler));
}

static bool unknown_source(struct compiler *compiler, struct text name, struct error *err)
{
	const char *near = suggest(name, source_names(compiler));

	if (near)
		return error_set(err, "unknown data source '%.*s' (did you mean '%s'?)",
				 TEXT_ARG(name), near);
	return error_set(err, "unknown data source '%.*s'", TEXT_ARG(name));
}

static bool unknown_column(struct compiler *compiler, const struct data_source *source,
			   struct text name, struct error *err)
{
	const char **known =
		arena_array(compiler->arena, source->column_count + 1u, sizeof(*known));
	const char *near;

	for (uint8_t i = 0; i < source->column_count; i++)
		known[i] = source->columns[i];
	near = suggest(name, known);
	if (near)
		return error_set(err, "'%s' has no column '%.*s' (did you mean '%s'?)",
				 source->name, TEXT_ARG(name), near);
	return error_set(err, "'%s' has no column '%.*s'", source->name, TEXT_ARG(name));
}

/* An endpoint's columns are what is asked of it; those of a file that could not be read, too. */
static bool find_column(struct compiler *compiler, struct data_source *source, struct text name,
			uint8_t *column, struct error *err)
{
	int found = data_column(source, name);

	if (found < 0 && source->origin != DATA_ENDPOINT && source->values)
		return unknown_column(compiler, source, name, err);
	if (found < 0 && !data_add_column(source, name, compiler->context->reading.arena))
		return error_set(err, "more than %d columns of '%s'", COLUMNS_MAX, source->name);
	*column = (uint8_t)(found < 0 ? source->column_count - 1 : found);
	return true;
}

static bool resolve_cell(struct compiler *compiler, uint8_t source, struct text column,
			 uint16_t *ref, struct error *err)
{
	struct journey *journey = compiler->journey;
	struct cell cell = { source, 0 };
	uint8_t i = 0;

	if (!find_column(compiler, &compiler->context->sources[source], column, &cell.column, err))
		return false;
	if (source < 64)
		journey->sources |= UINT64_C(1) << source;
	while (i < journey->cell_count &&
	       (journey->cells[i].source != cell.source || journey->cells[i].column != cell.column))
		i++;
	if (i == UINT8_MAX)
		return error_set(err, "more than %d different columns in one journey", UINT8_MAX);
	if (i == journey->cell_count) {
		journey->cells = arena_grow(compiler->arena, journey->cells, i, sizeof(cell));
		journey->cells[journey->cell_count++] = cell;
	}
	*ref = (uint16_t)(REF_CELL | i);
	return true;
}

/* ${...} */

static bool resolve_builtin(struct compiler *compiler, struct text name, uint16_t *ref, bool *found,
			    struct error *err)
{
	*found = true;
	if (text_is(name, "user")) {
		*ref = REF_BUILTIN | BUILTIN_USER;
	} else if (text_is(name, "loop")) {
		if (!compiler->loops)
			return error_set(err,
					 "'${loop}' counts turns, and there is no loop around it");
		*ref = (uint16_t)(REF_LOOP | (compiler->loops - 1));
	} else if (text_is(name, "request.key")) {
		*ref = REF_BUILTIN | BUILTIN_REQUEST_KEY;
		compiler->asked_key = true;
	} else {
		*found = false;
	}
	return true;
}

bool name_resolve(struct compiler *compiler, struct text name, uint16_t *ref, struct error *err)
{
	const char *dot = memchr(name.data, '.', name.length);
	struct text head = { name.data, dot ? (size_t)(dot - name.data) : name.length };
	uint8_t number = 0;
	bool found;

	if (!resolve_builtin(compiler, name, ref, &found, err))
		return false;
	if (found)
		return true;
	if (source_find(compiler, head, &number)) {
		if (!dot)
			return error_set(
				err, "'%.*s' is a data source: say which column, ${%.*s.COLUMN}",
				TEXT_ARG(name), TEXT_ARG(name));
		return resolve_cell(compiler, number,
				    (struct text){ dot + 1, name.length - head.length - 1 }, ref,
				    err);
	}
	if (dot && saga_use_find(compiler, head, &number))
		return resolve_saga(compiler, name,
				    (struct text){ dot + 1, name.length - head.length - 1 }, ref,
				    err);
	if (dot)
		return unknown_source(compiler, head, err);
	if (!variable_use(compiler, name, compiler->name_at, &number, err))
		return false;
	*ref = (uint16_t)(REF_SLOT | number);
	return true;
}

static bool resolve_template(void *context, struct text name, struct template_name *out,
			     struct error *err)
{
	struct compiler *compiler = context;

	out->fixed = name_is_fixed(compiler, name, &out->value, err);
	if (out->fixed)
		return true;
	return !err->text[0] && name_resolve(compiler, name, &out->ref, err);
}

void compiler_names_begin(struct compiler *compiler)
{
	compiler->names = (struct template_names){ resolve_template, compiler, &compiler->name_at };
}

bool compiler_text(struct compiler *compiler, const struct yaml *scalar, enum escape escape,
		   struct template *out)
{
	struct error err;

	*out = (struct template){ .constant = true, .fixed = { "", 0 } };
	if (scalar->kind != YAML_SCALAR)
		return complain(compiler->complaints, scalar->at, "wants a text, not %s",
				yaml_kind_name(scalar));
	if (template_compile(out, scalar->text, escape, &compiler->names, scalar_place(scalar),
			     compiler->arena, &err))
		return true;
	return complain_error(compiler->complaints, &err);
}

static bool resolve_only_fixed(void *context, struct text name, struct template_name *out,
			       struct error *err)
{
	struct compiler *compiler = context;

	out->fixed = name_is_fixed(compiler, name, &out->value, err);
	if (out->fixed || err->text[0])
		return out->fixed;
	return error_set(err, "'${%.*s}' is not known before the run, and must be here",
			 TEXT_ARG(name));
}

bool compiler_fixed(struct compiler *compiler, const struct yaml *scalar, const char *what,
		    struct text *out)
{
	struct template_names names = { resolve_only_fixed, compiler, NULL };
	struct template template;
	struct error err;

	if (scalar->kind != YAML_SCALAR || yaml_is_null(scalar))
		return complain(compiler->complaints, scalar->at, "'%s' wants a text, not %s", what,
				yaml_kind_name(scalar));
	if (!template_compile(&template, scalar->text, ESCAPE_NONE, &names, scalar_place(scalar),
			      compiler->arena, &err))
		return complain_error(compiler->complaints, &err);
	if (!template.constant)
		return complain(compiler->complaints, scalar->at,
				"'%s' must be known before the run, so it can't hold '${fn...}'",
				what);
	*out = template.fixed;
	return true;
}
