/*
 * A contract in meta.json: in its own language, so that who reads it back checks it as one that a
 * person wrote. Who may log in stays out of it.
 */
#include "lib/record.h"
#include "sagas/contract_parts.h"

static void set_text(json_t *map, const char *key, struct text text)
{
	json_t *value = json_stringn(text.data, text.length);

	json_object_set_new(map, key, value ? value : json_string(""));
}

static void set_string(json_t *map, const char *key, const char *value)
{
	if (value)
		set_text(map, key, text_of(value));
}

static void set_pointer(json_t *map, const char *key, const struct json_pointer *pointer)
{
	if (pointer_given(pointer))
		set_text(map, key, pointer->source);
}

static void set_condition(json_t *map, const char *key, const struct expression *expression)
{
	if (expression)
		set_text(map, key, expression_text(expression));
}

static json_t *json_of_moves(const struct contract *contract)
{
	json_t *moves = json_object();

	for (uint8_t i = 0; i < contract->state_count; i++) {
		const struct saga_state *from = &contract->states[i];
		json_t *to = json_array();

		for (uint8_t k = 0; k < contract->state_count; k++)
			if (from->moves >> k & 1)
				json_array_append_new(to, json_string(contract->states[k].name));
		json_object_set_new(moves, from->name, to);
	}
	return moves;
}

static json_t *json_of_class(const struct contract *contract, enum state_class class)
{
	json_t *names = json_array();

	for (uint8_t i = 0; i < contract->state_count; i++)
		if (contract->states[i].class == class)
			json_array_append_new(names, json_string(contract->states[i].name));
	return names;
}

static json_t *json_of_steps(const struct contract *contract)
{
	json_t *steps = json_object();

	for (uint8_t i = 0; i < contract->step_count; i++) {
		static const char *const counts[] = { "times", "money", "quantity per item" };
		const struct saga_step *step = &contract->steps[i];
		json_t *map =
			json_pack("{s:s, s:b, s:I, s:I}", "counts", counts[step->counts], "pivot",
				  step->pivot, "at-least", (json_int_t)step->at_least, "at-most",
				  (json_int_t)step->at_most);

		set_string(map, "undo", step->undo);
		json_object_set_new(steps, step->name, map);
	}
	return steps;
}

static json_t *json_of_rule(const struct source_rule *rule)
{
	json_t *map = json_object();

	set_condition(map, "where", rule->where);
	set_pointer(map, "key", &rule->key);
	if (rule->key_header)
		json_object_set_new(map, "key", json_sprintf("header %s", rule->key_header));
	set_pointer(map, "id", &rule->id);
	set_pointer(map, "amount", &rule->amount);
	set_pointer(map, "item", &rule->item);
	set_pointer(map, "identity", &rule->identity);
	set_pointer(map, "cause", &rule->cause);
	set_pointer(map, "at", &rule->time);
	set_pointer(map, "state", &rule->state);
	set_pointer(map, "position", &rule->position);
	set_pointer(map, "debit", &rule->debit);
	set_pointer(map, "credit", &rule->credit);
	set_pointer(map, "published", &rule->published);
	set_pointer(map, "consumed", &rule->consumed);
	set_pointer(map, "dead", &rule->dead);
	set_pointer(map, "value", &rule->value);
	set_condition(map, "succeeded", rule->succeeded);
	set_condition(map, "compensated", rule->compensated);
	return map;
}

static const char *name_of_rule(const struct contract *contract, const struct source_rule *rule)
{
	const struct saga_step *step = &contract->steps[rule->step];

	if (rule->role == ROLE_EFFECT)
		return rule->undo ? step->undo : step->name;
	return contract_role_names[rule->role - ROLE_STATE];
}

static json_t *json_of_source(const struct contract *contract, const struct source *source)
{
	json_t *map = json_pack("{s:s, s:s}", "name", source->name, "first-cursor",
				source->first_cursor ? source->first_cursor : "0");

	if (source->from != FROM_READ)
		json_object_del(map, "first-cursor");
	if (source->from == FROM_PSP || source->from == FROM_MAIL)
		json_object_set_new(map, "from",
				    json_string(source->from == FROM_PSP ? "psp" : "mail"));
	else
		set_string(map, source->from == FROM_READ ? "read" : "file", source->read);
	set_pointer(map, "each", &source->each);
	set_pointer(map, "cursor", &source->cursor);
	set_string(map, "target", source->target);
	if (source->every_us)
		json_object_set_new(map, "every",
				    json_sprintf("%lldus", (long long)source->every_us));
	json_object_set_new(map, "rate", json_sprintf("%.6f/s", source->rate_per_s));
	for (size_t i = 0; i < source->rule_count; i++)
		json_object_set_new(map, name_of_rule(contract, &source->rules[i]),
				    json_of_rule(&source->rules[i]));
	return map;
}

static json_t *json_of_stock(const struct stock_source *stock)
{
	json_t *map = json_object();

	set_string(map, "read", stock->read);
	set_pointer(map, "each", &stock->each);
	set_pointer(map, "item", &stock->item);
	set_pointer(map, "available", &stock->available);
	set_pointer(map, "reserved", &stock->reserved);
	set_pointer(map, "sold", &stock->sold);
	set_pointer(map, "initial", &stock->initial);
	set_pointer(map, "restocked", &stock->restocked);
	set_pointer(map, "cursor", &stock->cursor);
	set_string(map, "first-cursor", stock->first_cursor);
	return map;
}

static json_t *json_of_sums(const struct contract *contract)
{
	json_t *parts = json_array();

	for (uint8_t i = 0; i < contract->adds_up_count; i++)
		json_array_append_new(parts,
				      json_sprintf("%s%.*s", contract->adds_up[i].minus ? "-" : "",
						   TEXT_ARG(contract->adds_up[i].pointer.source)));
	return parts;
}

static json_t *json_of_budget(const struct contract *contract)
{
	json_t *map = json_pack("{s:I}", "uses", (json_int_t)contract->budget_uses);

	set_pointer(map, "item", &contract->budget_item);
	set_condition(map, "where", contract->budget_where);
	return map;
}

static void add_bounds(const struct contract *contract, json_t *map)
{
	json_object_set_new(map, "settles-within",
			    json_sprintf("%lldus", (long long)contract->settles_within_us));
	json_object_set_new(map, "decimals", json_integer((json_int_t)contract->decimals));
	json_object_set_new(map, "minimum", json_integer((json_int_t)contract->minimum));
	if (contract->budget_uses)
		json_object_set_new(map, "budget", json_of_budget(contract));
	if (contract->limit.given)
		json_object_set_new(map, "limit",
				    json_pack("{s:o, s:f, s:i}", "rate",
					      json_sprintf("%.6f/s", contract->limit.per_s),
					      "burst", contract->limit.burst, "status",
					      contract->limit.status));
}

json_t *contract_to_json(const struct contract *contract)
{
	json_t *map = json_object(), *evidence = json_array();

	set_string(map, "name", contract->name);
	json_object_set_new(map, "number", json_integer(contract->number));
	set_string(map, "read", contract->read);
	set_string(map, "key-header", contract->key_header);
	json_object_set_new(map, "correlation-header",
			    json_string(contract->correlation_header ?
						contract->correlation_header :
						""));
	set_pointer(map, "state", &contract->state);
	set_pointer(map, "undoing", &contract->undoing);
	set_pointer(map, "id", &contract->id);
	set_pointer(map, "amount", &contract->amount);
	json_object_set_new(map, "adds-up", json_of_sums(contract));
	set_string(map, "style",
		   contract->style == STYLE_ORCHESTRATED ? "orchestrated" : "choreographed");
	json_object_set_new(map, "moves", json_of_moves(contract));
	json_object_set_new(map, "succeeded", json_of_class(contract, STATE_SUCCEEDED));
	json_object_set_new(map, "compensated", json_of_class(contract, STATE_COMPENSATED));
	json_object_set_new(map, "steps", json_of_steps(contract));
	for (size_t i = 0; i < contract->source_count; i++)
		json_array_append_new(evidence, json_of_source(contract, &contract->sources[i]));
	json_object_set_new(map, "evidence", evidence);
	if (contract->stock.given)
		json_object_set_new(map, "stock", json_of_stock(&contract->stock));
	add_bounds(contract, map);
	return map;
}

/* JSON is YAML: what a contract must be is said in one place. */

static struct yaml *tree_of(const json_t *json, const char *name, struct arena *arena,
			    struct complaints *complaints)
{
	json_t *copy = json_copy((json_t *)(uintptr_t)json);
	json_t *whole;
	struct yaml *tree = NULL;
	char *text;

	json_object_del(copy, "name");
	json_object_del(copy, "number");
	whole = json_pack("{s:o}", name, copy);
	text = whole ? json_dumps(whole, JSON_INDENT(1)) : NULL;
	if (text)
		tree = yaml_read_text(arena, "meta.json", text_of(text), complaints);
	free(text);
	json_decref(whole);
	return tree;
}

static bool first_error(const struct complaints *complaints, struct error *err)
{
	for (size_t i = 0; i < complaints->count; i++)
		if (!complaints->items[i].warning)
			return error_set(err, "the contract in meta.json: %s",
					 complaints->items[i].text);
	return error_set(err, "the contract in meta.json is no good");
}

static void take(struct contract *contract, const struct contract *read, const json_t *number)
{
	json_int_t value = json_integer_value(number);

	*contract = *read;
	contract->number = value > 0 && value < CONTRACTS_MAX ? (uint8_t)value : 0;
}

bool contract_from_json(const json_t *json, struct arena *arena, struct contract *contract,
			struct error *err)
{
	const char *name = json_string_value(json_object_get(json, "name"));
	struct complaints complaints = COMPLAINTS_EMPTY;
	struct reading reading = { arena, &complaints, NULL, NULL };
	struct contract *contracts = NULL;
	struct yaml *tree;
	size_t count = 0;
	bool good;

	if (!json_is_object(json) || !name)
		return error_set(err, "a contract in meta.json is no object with a name");
	tree = tree_of(json, name, arena, &complaints);
	good = tree && sagas_section_read(tree, &reading, &contracts, &count) && count == 1 &&
	       !complaints.errors;
	if (good)
		take(contract, &contracts[0], json_object_get(json, "number"));
	else
		first_error(&complaints, err);
	complaints_release(&complaints);
	return good;
}
