#include "lib/template.h"

#include "lib/memory.h"
#include "lib/template_parts.h"

void template_begin(struct template_builder *builder, const struct template_names *names,
		    struct arena *arena)
{
	*builder = (struct template_builder){ .arena = arena, .names = names };
}

static struct template_part *add_part(struct template_builder *builder, enum part_kind kind)
{
	struct template_part *part;

	if (builder->count == builder->room) {
		size_t room = builder->room ? builder->room * 2 : 8;
		struct template_part *moved = arena_array(builder->arena, room, sizeof(*moved));

		if (builder->count)
			memcpy(moved, builder->parts, builder->count * sizeof(*moved));
		builder->parts = moved;
		builder->room = room;
	}
	part = &builder->parts[builder->count++];
	part->kind = (uint8_t)kind;
	return part;
}

void template_add_literal(struct template_builder *builder, struct text literal)
{
	if (literal.length)
		add_part(builder, PART_LITERAL)->literal = arena_text(builder->arena, literal);
}

void template_add_base64(struct template_builder *builder, const struct template *inner)
{
	add_part(builder, PART_BASE64)->inner = inner;
}

void template_add_template(struct template_builder *builder, const struct template *other)
{
	if (other->constant)
		template_add_literal(builder, other->fixed);
	for (uint32_t i = 0; i < other->count && !other->constant; i++)
		*add_part(builder, PART_LITERAL) = other->parts[i];
}

static void add_fixed(struct template_builder *builder, struct value value, enum escape escape)
{
	struct buffer escaped = BUFFER_EMPTY;

	template_write_value(value, escape, &escaped);
	template_add_literal(builder, buffer_text(&escaped));
	buffer_release(&escaped);
}

struct place template_place(struct place at, struct text source, size_t offset)
{
	for (size_t i = 0; i < offset && i < source.length; i++) {
		if (source.data[i] == '\n') {
			at.line++;
			at.column = 1;
		} else if ((source.data[i] & 0xc0) != 0x80) {
			at.column++;
		}
	}
	return at;
}

size_t template_reference_end(struct text source, size_t from)
{
	int depth = 0;
	char quote = 0;

	for (size_t i = from; i < source.length; i++) {
		char c = source.data[i];

		if (quote) {
			quote = c == quote ? 0 : quote;
		} else if ((c == '"' || c == '\'') && depth == 1 &&
			   memchr(source.data + from, '(', i - from)) {
			quote = c;
		} else if (c == '$' && i + 1 < source.length && source.data[i + 1] == '{') {
			depth++;
			i++;
		} else if (c == '}' && --depth == 0) {
			return i + 1;
		}
	}
	return 0;
}

bool template_is_whole(struct text source)
{
	return text_starts_with(source, "${") && template_reference_end(source, 0) == source.length;
}

static bool add_name(struct template_builder *builder, struct text name, enum escape escape,
		     struct place at, struct error *err)
{
	struct template_name found = { 0 };
	struct error reason = { "" };
	struct template_part *part;

	if (builder->names && builder->names->at)
		*builder->names->at = at;
	if (!builder->names)
		return error_at(err, at, "nothing is known here that '${%.*s}' could mean",
				TEXT_ARG(name));
	if (!builder->names->resolve(builder->names->context, name, &found, &reason))
		return error_at(err, at, "%s", reason.text);
	if (found.fixed) {
		add_fixed(builder, found.value, escape);
		return true;
	}
	part = add_part(builder, PART_REF);
	part->escape = (uint8_t)escape;
	part->ref = found.ref;
	return true;
}

static bool add_call(struct template_builder *builder, struct text source, enum escape escape,
		     struct place at, struct error *err)
{
	const struct template_call *call =
		template_call_compile(source, builder->names, at, builder->arena, err);
	struct template_part *part;

	if (!call)
		return false;
	part = add_part(builder, PART_FUNCTION);
	part->escape = (uint8_t)escape;
	part->call = call;
	return true;
}

/* What stands between the braces; `at` is where the `$` stands. */
static bool add_reference(struct template_builder *builder, struct text inside, enum escape escape,
			  struct place at, struct error *err)
{
	struct text name = text_trim(inside);

	if (!name.length)
		return error_at(err, at, "'${}' names nothing");
	if (text_starts_with(name, "fn.")) {
		size_t skipped = (size_t)(name.data - inside.data) + 3;

		at.column += 2;
		at = template_place(at, inside, skipped);
		return add_call(builder, (struct text){ name.data + 3, name.length - 3 }, escape,
				at, err);
	}
	return add_name(builder, name, escape, at, err);
}

static void add_text(struct template_builder *builder, struct text literal, enum escape escape,
		     bool escaped)
{
	if (escaped && literal.length)
		add_fixed(builder, value_string(literal), escape);
	else
		template_add_literal(builder, literal);
}

static bool add_source(struct template_builder *builder, struct text source, enum escape escape,
		       bool escaped, struct place at, struct error *err)
{
	size_t begin = 0, i = 0;

	while (i + 1 < source.length) {
		size_t end;
		struct text before = { source.data + begin, i - begin };

		if (source.data[i] != '$' ||
		    (source.data[i + 1] != '{' &&
		     (source.data[i + 1] != '$' || i + 2 >= source.length ||
		      source.data[i + 2] != '{'))) {
			i++;
			continue;
		}
		add_text(builder, before, escape, escaped);
		if (source.data[i + 1] == '$') { /* $${: the second $ begins the next literal */
			begin = i + 1;
			i += 3;
			continue;
		}
		end = template_reference_end(source, i);
		if (!end)
			return error_at(err, template_place(at, source, i), "'${' is never closed");
		if (!add_reference(builder, (struct text){ source.data + i + 2, end - i - 3 },
				   escape, template_place(at, source, i), err))
			return false;
		begin = i = end;
	}
	add_text(builder, (struct text){ source.data + begin, source.length - begin }, escape,
		 escaped);
	return true;
}

bool template_add(struct template_builder *builder, struct text source, enum escape escape,
		  struct place at, struct error *err)
{
	return add_source(builder, source, escape, false, at, err);
}

bool template_add_escaped(struct template_builder *builder, struct text source, enum escape escape,
			  struct place at, struct error *err)
{
	return add_source(builder, source, escape, true, at, err);
}

/* Joins the literals from `first` on; returns how many parts went into it. */
static size_t join_literals(const struct template_part *first, const struct template_part *end,
			    struct text *joined, struct arena *arena)
{
	const struct template_part *part;
	size_t bytes = 0;
	char *to;

	for (part = first; part < end && part->kind == PART_LITERAL; part++)
		bytes += part->literal.length;
	if (part - first == 1) {
		*joined = first->literal;
		return 1;
	}
	to = arena_new(arena, bytes + 1);
	*joined = (struct text){ to, bytes };
	for (part = first; part < end && part->kind == PART_LITERAL; part++) {
		memcpy(to, part->literal.data, part->literal.length);
		to += part->literal.length;
	}
	return (size_t)(part - first);
}

void template_finish(struct template_builder *builder, struct template *out)
{
	const struct template_part *end = builder->parts ? builder->parts + builder->count : NULL;
	size_t kept = 0;

	for (struct template_part *part = builder->parts; part < end; kept++) {
		struct template_part *to = &builder->parts[kept];
		struct text joined;

		if (part->kind != PART_LITERAL) {
			*to = *part++;
			continue;
		}
		part += join_literals(part, end, &joined, builder->arena);
		*to = (struct template_part){ .kind = PART_LITERAL, .literal = joined };
	}
	*out = (struct template){ .parts = builder->parts, .count = (uint32_t)kept };
	out->constant = kept == 0 || (kept == 1 && builder->parts[0].kind == PART_LITERAL);
	out->fixed = kept && out->constant ? builder->parts[0].literal : text_of("");
}

bool template_compile(struct template *template, struct text source, enum escape escape,
		      const struct template_names *names, struct place at, struct arena *arena,
		      struct error *err)
{
	struct template_builder builder;

	template_begin(&builder, names, arena);
	if (!template_add(&builder, source, escape, at, err))
		return false;
	template_finish(&builder, template);
	return true;
}
