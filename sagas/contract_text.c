/* Paths, pointers, conditions and JSON of a contract. See contract_parts.h. */
#include "sagas/contract_parts.h"

enum { PATH_MAX_BYTES = 2000 };

struct place contract_place(const struct yaml *map, const char *key)
{
	const struct yaml *node = yaml_get(map, key);

	return node ? node->at : map->at;
}

bool contract_pointer(struct contract_reader *reader, const struct yaml *map, const char *key,
		      const char *source, struct json_pointer *out)
{
	struct reading *reading = reader->reading;
	struct error err;

	*out = (struct json_pointer){ .source = text_of("") };
	if (!source)
		return true;
	if (!*source)
		return complain(reading->complaints, contract_place(map, key),
				"'%s' wants a JSON Pointer such as /id, not nothing", key);
	return json_pointer_compile(out, text_of(source), reading->arena, &err) ||
	       complain(reading->complaints, contract_place(map, key), "'%s': %s", key, err.text);
}

/* Conditions on evidence know the entry and nothing else. */

static bool no_name(void *context, struct text name, uint16_t *ref, struct error *err)
{
	(void)context;
	(void)ref;
	return error_set(err, "unknown variable '%.*s'", TEXT_ARG(name));
}

static bool no_word(void *context, struct text word, struct text argument, uint16_t *ref,
		    struct error *err)
{
	(void)context;
	(void)argument;
	(void)ref;
	return error_set(err, "'%.*s' is nothing an entry has; a JSON Pointer such as /kind?",
			 TEXT_ARG(word));
}

bool contract_condition(struct contract_reader *reader, const struct yaml *map, const char *key,
			const char *source, struct expression **out)
{
	static const char *const none[] = { NULL };
	const struct expression_names names = {
		.resolve = no_name,
		.word = no_word,
		.words = none,
		.words_with_argument = none,
		.pointers = true,
	};
	struct error err;

	if (!source)
		return true;
	*out = expression_compile(text_of(source), &names, contract_place(map, key),
				  reader->reading->arena, &err);
	return *out ||
	       complain_error_at(reader->reading->complaints, contract_place(map, key), &err);
}

/* Paths. */

char *contract_own_name(struct contract_reader *reader, const char *what)
{
	return arena_format(reader->reading->arena, "%s.%s", reader->contract->name, what);
}

static bool is_own(struct text name, const char *const *own)
{
	for (; *own; own++)
		if (text_is(name, *own))
			return true;
	return false;
}

/* ${order.kye}: what begins like the saga's own names is meant to be one. */
static bool looks_own(const struct contract *contract, struct text name)
{
	size_t length = strlen(contract->name);

	return name.length > length && memcmp(name.data, contract->name, length) == 0 &&
	       name.data[length] == '.';
}

static bool add_reference(struct contract_reader *reader, struct text reference, struct place at,
			  const char *const *own, struct buffer *out)
{
	struct text name = text_trim((struct text){ reference.data + 2, reference.length - 3 });
	struct reading *reading = reader->reading;
	struct yaml scalar = { .kind = YAML_SCALAR, .at = at };

	if (is_own(name, own)) {
		buffer_format(out, "${%.*s}", TEXT_ARG(name));
		return true;
	}
	if (!reading->substitute || looks_own(reader->contract, name)) {
		complain_unknown(reading->complaints, at, "name", name, own);
		return false;
	}
	scalar.text = arena_text(reading->arena, reference);
	if (!reading->substitute(reading->context, &scalar, reading->complaints))
		return false;
	buffer_add_text(out, scalar.text);
	return true;
}

static bool fold(struct contract_reader *reader, const struct yaml *node, const char *const *own,
		 struct buffer *out)
{
	struct text source = node->text;
	bool good = true;
	size_t i = 0;

	while (i < source.length) {
		size_t end = 0;

		if (source.data[i] == '$' && i + 1 < source.length && source.data[i + 1] == '{')
			end = template_reference_end(source, i);
		if (!end) {
			buffer_add_char(out, source.data[i++]);
			continue;
		}
		good = add_reference(reader, (struct text){ source.data + i, end - i },
				     template_place(node->at, source, i), own, out) &&
		       good;
		i = end;
	}
	return good;
}

static bool check_path(struct contract_reader *reader, const struct yaml *node, const char *key,
		       const char *path)
{
	struct complaints *complaints = reader->reading->complaints;

	if (*path != '/')
		return complain(complaints, node->at,
				"'%s' wants a path of the target such as 'GET /api/orders', not "
				"'%.60s'",
				key, path);
	if (strlen(path) > PATH_MAX_BYTES)
		return complain(complaints, node->at, "'%s': more than %d bytes", key,
				PATH_MAX_BYTES);
	for (const char *c = path; *c; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f || *c == '#')
			return complain(complaints, node->at,
					"'%s': a path has no blanks and no fragment ('%.60s')", key,
					path);
	return true;
}

bool contract_path(struct contract_reader *reader, const struct yaml *map, const char *key,
		   const char *const *own, char **out)
{
	const struct yaml *node = yaml_get(map, key);
	struct buffer path = BUFFER_EMPTY;
	const char *start;
	bool good;

	good = fold(reader, node, own, &path);
	start = path.data ? path.data : "";
	if (strncmp(start, "GET ", 4) == 0)
		start += 4 + strspn(start + 4, " ");
	*out = arena_string(reader->reading->arena, text_of(start));
	buffer_release(&path);
	return good && check_path(reader, node, key, *out);
}

bool contract_path_has(const char *path, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = path; (at = strstr(at, "${")); at += 2)
		if (strncmp(at + 2, name, length) == 0 && at[2 + length] == '}')
			return true;
	return false;
}

bool contract_paging_read(struct contract_reader *reader, const struct yaml *map, const char *path,
			  const char *cursor, enum source_paging *paging,
			  struct json_pointer *pointer)
{
	struct complaints *complaints = reader->reading->complaints;
	bool by_cursor = contract_path_has(path, "cursor");
	bool by_number = contract_path_has(path, "page");

	*paging = by_cursor ? PAGING_CURSOR : by_number ? PAGING_NUMBER : PAGING_NONE;
	if (by_cursor && by_number)
		return complain(complaints, contract_place(map, "read"),
				"pages come by ${cursor} or by ${page}, not by both");
	if (by_cursor && !cursor)
		return complain(complaints, contract_place(map, "read"),
				"${cursor} without 'cursor': where does an entry have it?");
	if (cursor && !by_cursor)
		return complain(complaints, contract_place(map, "cursor"),
				"'cursor' is for a 'read' with ${cursor} in it");
	return contract_pointer(reader, map, "cursor", cursor, pointer);
}

/* JSON from YAML, for the body of a login. */

static json_t *json_of_scalar(struct contract_reader *reader, const struct yaml *node)
{
	struct reading *reading = reader->reading;
	struct yaml scalar = *node;
	struct value value;
	json_t *json = NULL;

	if (reading->substitute &&
	    !reading->substitute(reading->context, &scalar, reading->complaints))
		return NULL;
	value = yaml_value(&scalar);
	if (value.kind != VALUE_STRING)
		json = json_loadb(value.text.data, value.text.length, JSON_DECODE_ANY, NULL);
	if (!json)
		json = json_stringn(value.text.data, value.text.length);
	if (!json)
		complain(reading->complaints, node->at, "not UTF-8");
	return json;
}

static json_t *json_of_list(struct contract_reader *reader, const struct yaml *node)
{
	json_t *list = json_array();

	for (const struct yaml *item = node->first; item; item = item->next)
		if (json_array_append_new(list, contract_json_of(reader, item)) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

json_t *contract_json_of(struct contract_reader *reader, const struct yaml *node)
{
	json_t *map;

	if (node->kind == YAML_SCALAR)
		return json_of_scalar(reader, node);
	if (node->kind == YAML_LIST)
		return json_of_list(reader, node);
	map = json_object();
	for (const struct yaml *key = node->first; key; key = key->next)
		if (json_object_set_new(map, key->text.data,
					contract_json_of(reader, key->value)) != 0) {
			json_decref(map);
			return NULL;
		}
	return map;
}
