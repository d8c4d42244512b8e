/* `sagas:` of a scenario -> contracts. See contract.h. */
#include <ctype.h>

#include "lib/record.h"
#include "sagas/contract_parts.h"

static bool read_login(struct contract_reader *reader, const struct contract_keys *keys)
{
	struct complaints *complaints = reader->reading->complaints;
	struct contract_login *login = &reader->contract->login;
	const struct yaml *map = yaml_get(reader->map, "as");
	json_t *body = NULL;
	char *text;

	if (!map)
		return true;
	login->given = true;
	login->bearer = keys->as.bearer;
	login->post = keys->as.post;
	if ((login->bearer != NULL) == (login->post != NULL))
		return complain(complaints, map->at,
				"'as' wants either 'post', a login, or 'bearer', a token");
	if (login->bearer)
		return true;
	if (*login->post != '/')
		return complain(complaints, contract_place(map, "post"),
				"'post' wants a path of the target such as /api/auth/login");
	if (keys->as.json)
		body = contract_json_of(reader, keys->as.json);
	if (keys->as.json && !body)
		return false;
	text = body ? json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	login->body = arena_string(reader->reading->arena, text_of(text ? text : ""));
	free(text);
	json_decref(body);
	return contract_pointer(reader, map, "save", keys->as.save.token, &login->token);
}

static bool read_header(struct contract_reader *reader, const char *key, const char *name,
			char **out)
{
	*out = *name ? arena_string(reader->reading->arena, text_of(name)) : NULL;
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
			return complain(reader->reading->complaints,
					contract_place(reader->map, key),
					"'%s': '%.60s' is no name of a header", key, name);
	return true;
}

static bool read_outcome(struct contract_reader *reader, const struct contract_keys *keys)
{
	const char *const own[] = { contract_own_name(reader, "key"), NULL };
	struct contract *contract = reader->contract;
	const struct yaml *map = reader->map;
	bool good = contract_path(reader, map, "read", own, &contract->read);

	if (good && !contract_path_has(contract->read, own[0]))
		good = complain(reader->reading->complaints, contract_place(map, "read"),
				"'read' asks for no saga: ${%s} must stand in it", own[0]);
	good = contract_pointer(reader, map, "state", keys->state, &contract->state) && good;
	good = contract_pointer(reader, map, "undoing", keys->undoing, &contract->undoing) && good;
	good = contract_pointer(reader, map, "id", keys->id, &contract->id) && good;
	good = contract_pointer(reader, map, "amount", keys->amount, &contract->amount) && good;
	good = read_header(reader, "correlation-header", keys->correlation_header,
			   &contract->correlation_header) &&
	       good;
	return read_header(reader, "key-header", keys->key_header, &contract->key_header) && good;
}

static bool read_sums(struct contract_reader *reader, const struct contract_keys *keys)
{
	struct complaints *complaints = reader->reading->complaints;
	struct contract *contract = reader->contract;
	const struct strings *parts = &keys->adds_up;
	struct error err;
	bool good = true;

	if (parts->count > ADDS_UP_MAX)
		return complain(complaints, parts->places[ADDS_UP_MAX], "more than %d parts",
				ADDS_UP_MAX);
	if (parts->count && !keys->amount)
		return complain(complaints, parts->places[0],
				"'adds-up' without 'amount': what do they add up to?");
	for (size_t i = 0; i < parts->count; i++) {
		bool minus = parts->items[i][0] == '-';

		contract->adds_up[i].minus = minus;
		if (!json_pointer_compile(&contract->adds_up[i].pointer,
					  text_of(parts->items[i] + minus), reader->reading->arena,
					  &err))
			good = complain(complaints, parts->places[i], "'adds-up': %s", err.text);
	}
	contract->adds_up_count = (uint8_t)parts->count;
	return good;
}

static bool read_budget(struct contract_reader *reader, const struct contract_keys *keys)
{
	const struct yaml *map = yaml_get(reader->map, "budget");

	if (!map)
		return true;
	if (!keys->budget.item)
		return complain(reader->reading->complaints, map->at,
				"'budget' without 'item': what may be spent only so often?");
	reader->contract->budget_uses = keys->budget.uses;
	if (!contract_condition(reader, map, "where", keys->budget.where,
				&reader->contract->budget_where))
		return false;
	return contract_pointer(reader, map, "item", keys->budget.item,
				&reader->contract->budget_item);
}

#define STOCK(name) contract_pointer(reader, map, #name, keys->stock.name, &stock->name)

static bool read_stock(struct contract_reader *reader, const struct contract_keys *keys)
{
	static const char *const own[] = { "cursor", "page", NULL };
	struct complaints *complaints = reader->reading->complaints;
	struct stock_source *stock = &reader->contract->stock;
	const struct yaml *map = yaml_get(reader->map, "stock");
	bool good;

	if (!map)
		return true;
	stock->given = true;
	stock->at = map->at;
	if (!keys->stock.read || !keys->stock.item || !keys->stock.available)
		return complain(complaints, map->at,
				"'stock' wants 'read', 'item' and 'available' at least");
	good = contract_path(reader, map, "read", own, &stock->read) &&
	       contract_paging_read(reader, map, stock->read, keys->stock.cursor, &stock->paging,
				    &stock->cursor);
	stock->first_cursor = keys->stock.first_cursor;
	good = STOCK(each) && good;
	good = STOCK(item) && good;
	good = STOCK(available) && good;
	good = STOCK(reserved) && good;
	good = STOCK(sold) && good;
	good = STOCK(initial) && good;
	return STOCK(restocked) && good;
}

static bool read_limit(struct contract_reader *reader, const struct contract_keys *keys)
{
	const struct yaml *map = yaml_get(reader->map, "limit");
	struct rate_limit *limit = &reader->contract->limit;

	if (!map)
		return true;
	if (!(keys->limit.per_s > 0))
		return complain(reader->reading->complaints, map->at,
				"'limit' without 'rate': how much is let in?");
	limit->given = true;
	limit->per_s = keys->limit.per_s;
	limit->burst = keys->limit.burst > 0 ? keys->limit.burst : keys->limit.per_s;
	limit->status = (uint16_t)keys->limit.status;
	return true;
}

static bool read_contract(struct contract_reader *reader)
{
	struct contract *contract = reader->contract;
	struct contract_keys keys;
	bool good = schema_read(contract_keys, reader->map, &keys, reader->reading);
	bool steps_good;

	/* What is missing was said; what is there is checked all the same. */
	if (keys.read && keys.state)
		good = read_outcome(reader, &keys) && good;
	contract->settles_within_us = keys.settles_within_us;
	contract->minimum = keys.minimum;
	contract->decimals = keys.decimals;
	contract->style = (enum saga_style)keys.style;
	good = read_login(reader, &keys) && good;
	good = read_sums(reader, &keys) && good;
	good = read_budget(reader, &keys) && good;
	good = read_stock(reader, &keys) && good;
	good = read_limit(reader, &keys) && good;
	if (keys.moves)
		good = contract_states_read(reader, keys.moves, &keys.succeeded,
					    &keys.compensated) &&
		       good;
	steps_good = keys.steps && contract_steps_read(reader, keys.steps);
	/* A step that could not be read would be unknown in each of the sources. */
	return steps_good && contract_evidence_read(reader, keys.evidence) && good;
}

static bool check_name(const struct yaml *name, struct reading *reading)
{
	static const char *const taken[] = {
		"fn", "env", "secret", "user", "loop", "request", NULL
	};

	for (size_t i = 0; taken[i]; i++)
		if (text_is(name->text, taken[i]))
			return complain(reading->complaints, name->at,
					"a saga can't be called '%s', ${%s...} has a meaning",
					taken[i], taken[i]);
	for (size_t i = 0; i < name->text.length; i++) {
		unsigned char c = (unsigned char)name->text.data[i];

		if (!isalnum(c) && c != '_' && c != '-')
			return complain(reading->complaints, name->at,
					"'%s' is no name of a saga (letters, digits, - and _)",
					name->text.data);
	}
	return (name->text.length && name->text.length <= 40) ||
	       complain(reading->complaints, name->at, "a saga's name has 1 to 40 letters");
}

static bool read_named(const struct yaml *name, struct reading *reading, struct contract *contract)
{
	struct contract_reader reader = { reading, contract, name->value };

	contract->at = name->at;
	contract->name = arena_string(reading->arena, name->text);
	if (name->value->kind != YAML_MAP)
		return complain(reading->complaints, name->value->at,
				"saga '%s' wants a map, not %s", contract->name,
				yaml_kind_name(name->value));
	return read_contract(&reader);
}

bool sagas_section_read(const struct yaml *node, struct reading *reading,
			struct contract **contracts, size_t *count)
{
	bool good = true;

	*contracts = NULL;
	*count = 0;
	if (!node || yaml_is_null(node))
		return true;
	if (node->kind != YAML_MAP)
		return complain(reading->complaints, node->at, "'sagas' wants a map, not %s",
				yaml_kind_name(node));
	if (node->count > CONTRACTS_MAX)
		return complain(reading->complaints, node->at, "more than %d sagas", CONTRACTS_MAX);
	*contracts = arena_array(reading->arena, node->count, sizeof(**contracts));
	for (const struct yaml *name = node->first; name; name = name->next) {
		struct contract *contract = &(*contracts)[*count];

		contract->number = (uint8_t)(*count)++;
		good = check_name(name, reading) && good;
		good = read_named(name, reading, contract) && good;
	}
	return good;
}
