/* Header lines and authorization. */
#include <strings.h>

#include "loadgen/journey_compile.h"

enum { HEADERS_MAX = 100 };

const struct shape journey_headers_shape = {
	.kind = SHAPE_MAP_OF,
	.name = "headers",
	.of = &(const struct shape){ .kind = SHAPE_STRING },
	.help = "header lines by name; a value of null takes a default away",
};

/* One header line to be: its value is a node, or a template that is made already. */
struct line {
	struct text name;
	const struct yaml *value;
	struct template ready;
};

struct lines {
	struct line items[HEADERS_MAX];
	size_t count;
};

static struct line *find_line(struct lines *lines, struct text name)
{
	for (size_t i = 0; i < lines->count; i++)
		if (lines->items[i].name.length == name.length &&
		    strncasecmp(lines->items[i].name.data, name.data, name.length) == 0)
			return &lines->items[i];
	if (lines->count == HEADERS_MAX)
		return NULL;
	lines->items[lines->count] = (struct line){ .name = name };
	return &lines->items[lines->count++];
}

static void drop_line(struct lines *lines, struct line *line)
{
	memmove(line, line + 1, (size_t)(lines->items + lines->count - line - 1) * sizeof(*line));
	lines->count--;
}

static void add_ready(struct lines *lines, const char *name, struct template value)
{
	struct line *line = find_line(lines, text_of(name));

	if (line)
		line->ready = value;
}

static void add_fixed(struct lines *lines, const char *name, const char *value)
{
	add_ready(lines, name, (struct template){ .constant = true, .fixed = text_of(value) });
}

/* Names. */

static bool is_token(struct text name)
{
	for (size_t i = 0; i < name.length; i++) {
		unsigned char c = (unsigned char)name.data[i];

		if (c <= ' ' || c >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", c))
			return false;
	}
	return name.length > 0 && name.length <= 200;
}

bool header_name_check(struct compiler *compiler, struct text name, struct place at)
{
	if (is_token(name))
		return true;
	return complain(compiler->complaints, at, "'%.*s' can't name a header",
			name.length < 80 ? (int)name.length : 80, name.data);
}

static bool check_name(struct compiler *compiler, struct text name, struct place at)
{
	static const char *const ours[] = { "host",	  "content-length",    "connection",
					    "keep-alive", "transfer-encoding", "upgrade",
					    "te",	  "trailer",	       NULL };

	if (!header_name_check(compiler, name, at))
		return false;
	for (size_t i = 0; ours[i]; i++)
		if (text_is_nocase(name, ours[i]))
			return complain(compiler->complaints, at,
					"'%.*s' follows from the request and can't be set",
					TEXT_ARG(name));
	return true;
}

static bool add_map(struct compiler *compiler, const struct yaml *map, struct lines *lines)
{
	bool good = true;

	if (!map || yaml_is_null(map))
		return true;
	if (map->kind != YAML_MAP)
		return complain(compiler->complaints, map->at, "'headers' wants a map, not %s",
				yaml_kind_name(map));
	for (const struct yaml *name = map->first; name; name = name->next) {
		struct line *line;

		if (!check_name(compiler, name->text, name->at)) {
			good = false;
			continue;
		}
		line = find_line(lines, name->text);
		if (!line)
			return complain(compiler->complaints, name->at, "more than %d headers",
					HEADERS_MAX);
		if (yaml_is_null(name->value)) {
			drop_line(lines, line);
			continue;
		}
		line->name = name->text;
		line->value = name->value;
	}
	return good;
}

/* Authorization. */

static bool credentials(struct compiler *compiler, struct text source, struct place at,
			struct template *out)
{
	struct error err;

	if (template_compile(out, source, ESCAPE_HEADER, &compiler->names, at, compiler->arena,
			     &err))
		return true;
	return complain_error(compiler->complaints, &err);
}

static bool basic(struct compiler *compiler, struct text source, struct place at,
		  struct template *out)
{
	struct template *inner = arena_new(compiler->arena, sizeof(*inner));
	struct template_builder builder;
	struct template_source nothing = { NULL, NULL, NULL, 0 };
	struct buffer fixed = BUFFER_EMPTY;

	if (!memchr(source.data, ':', source.length))
		return complain(compiler->complaints, at, "'basic' wants USER:PASSWORD");
	if (!credentials(compiler, source, at, inner))
		return false;
	template_begin(&builder, &compiler->names, compiler->arena);
	template_add_literal(&builder, text_of("Basic "));
	template_add_base64(&builder, inner);
	template_finish(&builder, out);
	if (!inner->constant)
		return true;
	template_render(out, &nothing, &fixed);
	*out = (struct template){ .constant = true,
				  .fixed = arena_text(compiler->arena, buffer_text(&fixed)) };
	buffer_release(&fixed);
	return true;
}

static bool bearer(struct compiler *compiler, struct text source, struct place at,
		   struct template *out)
{
	struct template_builder builder;
	struct error err;

	template_begin(&builder, &compiler->names, compiler->arena);
	template_add_literal(&builder, text_of("Bearer "));
	if (!template_add(&builder, source, ESCAPE_HEADER, at, &err))
		return complain_error(compiler->complaints, &err);
	template_finish(&builder, out);
	return true;
}

static bool read_auth(struct compiler *compiler, const struct yaml *auth, struct lines *lines)
{
	struct text text = text_trim(auth->text), rest;
	struct template value;
	struct place at;
	size_t kind;

	if (auth->kind != YAML_SCALAR || yaml_is_null(auth))
		return complain(compiler->complaints, auth->at,
				"'auth' wants 'bearer TOKEN' or 'basic USER:PASSWORD', not %s",
				yaml_kind_name(auth));
	for (kind = 0; kind < text.length && text.data[kind] != ' '; kind++)
		;
	rest = text_trim((struct text){ text.data + kind, text.length - kind });
	at = template_place(scalar_place(auth), auth->text, (size_t)(rest.data - auth->text.data));
	text.length = kind;
	if (!rest.length || (!text_is(text, "bearer") && !text_is(text, "basic")))
		return complain(compiler->complaints, auth->at,
				"'auth' wants 'bearer TOKEN' or 'basic USER:PASSWORD'");
	if (text_is(text, "basic") ? !basic(compiler, rest, at, &value) :
				     !bearer(compiler, rest, at, &value))
		return false;
	add_ready(lines, "Authorization", value);
	return true;
}

/* All lines as one text. */

static bool check_value(struct compiler *compiler, const struct yaml *value)
{
	if (value->kind != YAML_SCALAR)
		return complain(compiler->complaints, value->at,
				"a header's value is a text, not %s", yaml_kind_name(value));
	for (size_t i = 0; i < value->text.length; i++)
		if ((unsigned char)value->text.data[i] < 0x20 && value->text.data[i] != '\t')
			return complain(compiler->complaints, value->at,
					"a header's value is one line without control characters");
	return true;
}

static bool add_line(struct template_builder *builder, struct compiler *compiler,
		     const struct line *line)
{
	struct error err;

	template_add_literal(builder, line->name);
	template_add_literal(builder, text_of(": "));
	if (!line->value)
		template_add_template(builder, &line->ready);
	else if (!check_value(compiler, line->value))
		return false;
	else if (!template_add(builder, line->value->text, ESCAPE_HEADER, scalar_place(line->value),
			       &err))
		return complain_error(compiler->complaints, &err);
	template_add_literal(builder, text_of("\r\n"));
	return true;
}

/* The key goes with what places it; so that faults know whom they met, with everything else too. */
static bool add_saga(struct compiler *compiler, const struct saga_role *role, struct lines *lines)
{
	const struct saga_rules *rules = &compiler->context->sagas[role->saga];
	const char *name = arena_format(compiler->arena, "${%s.key}", rules->name);
	bool sends_key = role->verb == SAGA_PLACES || role->verb == SAGA_MISUSES;
	struct template key;

	if (!credentials(compiler, text_of(name), NOWHERE, &key))
		return false;
	if (rules->key_header && sends_key)
		add_ready(lines, rules->key_header, key);
	if (rules->correlation_header)
		add_ready(lines, rules->correlation_header, key);
	return true;
}

bool headers_read(struct compiler *compiler, const struct header_wishes *wishes,
		  struct template *out)
{
	const struct request_defaults *defaults = &compiler->context->defaults;
	struct template_builder builder;
	struct lines lines = { .count = 0 };
	struct template key;
	bool good;

	if (defaults->user_agent)
		add_fixed(&lines, "User-Agent", defaults->user_agent);
	if (defaults->compressed)
		add_fixed(&lines, "Accept-Encoding", "gzip");
	good = add_map(compiler, defaults->headers, &lines);
	if (wishes->content_type)
		add_fixed(&lines, "Content-Type", wishes->content_type);
	if (wishes->idempotent &&
	    credentials(compiler, text_of("${request.key}"), (struct place){ NULL, 0, 0 }, &key))
		add_ready(&lines, "Idempotency-Key", key);
	if (wishes->saga)
		good = add_saga(compiler, wishes->saga, &lines) && good;
	if (wishes->auth)
		good = read_auth(compiler, wishes->auth, &lines) && good;
	good = add_map(compiler, wishes->own, &lines) && good;
	template_begin(&builder, &compiler->names, compiler->arena);
	for (size_t i = 0; i < lines.count; i++)
		good = add_line(&builder, compiler, &lines.items[i]) && good;
	template_finish(&builder, out);
	return good;
}
