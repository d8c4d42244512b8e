/* `evidence:` from where, and which entry is what. */
#include "lib/path.h"
#include "lib/url.h"
#include "sagas/contract_parts.h"

static bool has_key(const struct key *keys, struct text name)
{
	for (; keys->name; keys++)
		if (text_is(name, keys->name))
			return true;
	return false;
}

/* The part of a map whose keys stand in a table; the rest are names of the user's. */
static struct yaml part_of(struct contract_reader *reader, const struct yaml *map,
			   const struct key *keys)
{
	struct yaml part = *map, **link = &part.first;

	part.count = 0;
	part.first = NULL;
	for (const struct yaml *key = map->first; key; key = key->next) {
		if (!has_key(keys, key->text))
			continue;
		*link = arena_new(reader->reading->arena, sizeof(**link));
		**link = *key;
		(*link)->next = NULL;
		link = &(*link)->next;
		part.count++;
	}
	return part;
}

static bool unknown_word(struct contract_reader *reader, const struct yaml *key)
{
	enum { WORDS_MAX = 2 * SAGA_STEPS_MAX + 20 };
	const struct contract *contract = reader->contract;
	const char *known[WORDS_MAX + 1] = { NULL };
	size_t count = 0;

	for (uint8_t i = 0; i < contract->step_count; i++) {
		known[count++] = contract->steps[i].name;
		if (contract->steps[i].undo)
			known[count++] = contract->steps[i].undo;
	}
	for (const char *const *role = contract_role_names; *role; role++)
		known[count++] = *role;
	for (const struct key *word = contract_source_keys; word->name && count < WORDS_MAX; word++)
		known[count++] = word->name;
	complain_unknown(reader->reading->complaints, key->at, "step", key->text, known);
	return false;
}

static bool find_role(struct contract_reader *reader, const struct yaml *key,
		      struct source_rule *rule)
{
	const struct contract *contract = reader->contract;

	for (uint8_t i = 0; i < contract->step_count; i++) {
		const struct saga_step *step = &contract->steps[i];

		rule->undo = step->undo && text_is(key->text, step->undo);
		rule->step = i;
		rule->role = ROLE_EFFECT;
		if (rule->undo || text_is(key->text, step->name))
			return true;
	}
	for (uint8_t i = 0; contract_role_names[i]; i++) {
		rule->undo = false;
		rule->step = 0;
		rule->role = (enum reading_role)(ROLE_STATE + i);
		if (text_is(key->text, contract_role_names[i]))
			return true;
	}
	return unknown_word(reader, key);
}

/* `key: header X-Order-Key`, of mails. */
static bool read_key(struct contract_reader *reader, const struct yaml *map, const char *key,
		     const struct source *source, struct source_rule *rule)
{
	struct complaints *complaints = reader->reading->complaints;

	if (!key && source->from == FROM_MAIL && !pointer_given(&rule->id)) {
		rule->key_header = arena_string(reader->reading->arena, text_of("X-Order-Key"));
		return true;
	}
	if (!key || strncmp(key, "header ", 7) != 0)
		return contract_pointer(reader, map, "key", key, &rule->key);
	key += 7 + strspn(key + 7, " ");
	rule->key_header = arena_string(reader->reading->arena, text_of(key));
	if (source->from != FROM_MAIL)
		return complain(complaints, contract_place(map, "key"),
				"'key': only mails have headers");
	return rule->key_header[0] ||
	       complain(complaints, contract_place(map, "key"), "'key': which header?");
}

#define POINTER(name, field) contract_pointer(reader, map, name, keys->field, &rule->field)

static bool read_pointers(struct contract_reader *reader, const struct yaml *map,
			  const struct rule_keys *keys, struct source_rule *rule)
{
	bool good = POINTER("id", id);

	good = POINTER("amount", amount) && good;
	good = POINTER("item", item) && good;
	good = POINTER("identity", identity) && good;
	good = POINTER("cause", cause) && good;
	good = contract_pointer(reader, map, "at", keys->at, &rule->time) && good;
	good = POINTER("state", state) && good;
	good = POINTER("position", position) && good;
	good = POINTER("debit", debit) && good;
	good = POINTER("credit", credit) && good;
	good = POINTER("published", published) && good;
	good = POINTER("consumed", consumed) && good;
	good = POINTER("dead", dead) && good;
	good = POINTER("value", value) && good;
	good = contract_condition(reader, map, "where", keys->where, &rule->where) && good;
	good = contract_condition(reader, map, "succeeded", keys->succeeded, &rule->succeeded) &&
	       good;
	return contract_condition(reader, map, "compensated", keys->compensated,
				  &rule->compensated) &&
	       good;
}

static bool wants(struct contract_reader *reader, const struct source_rule *rule, const char *what,
		  const struct json_pointer *pointer, const char *why)
{
	return pointer_given(pointer) ||
	       complain(reader->reading->complaints, rule->at, "'%s' is missing: %s", what, why);
}

static bool check_effect(struct contract_reader *reader, const struct source_rule *rule)
{
	const struct saga_step *step = &reader->contract->steps[rule->step];
	bool good = true;

	if (step->counts != COUNTS_TIMES)
		good = wants(reader, rule, "amount", &rule->amount,
			     step->counts == COUNTS_MONEY ? "the step counts money" :
							    "the step counts quantities");
	if (step->counts == COUNTS_QUANTITY)
		good = wants(reader, rule, "item", &rule->item,
			     "quantities are counted per item") &&
		       good;
	return good;
}

/* Numbers of the whole system belong to no saga. */
static bool belongs_to_saga(enum reading_role role)
{
	return role == ROLE_EFFECT || role == ROLE_STATE || role == ROLE_TOLD ||
	       role == ROLE_DEAD || role == ROLE_OUTCOME;
}

static bool check_rule(struct contract_reader *reader, const struct source *source,
		       const struct source_rule *rule)
{
	bool named = source->per_saga || rule->key_header || pointer_given(&rule->key) ||
		     pointer_given(&rule->id);

	if (belongs_to_saga(rule->role) && !named)
		return complain(reader->reading->complaints, rule->at,
				"whose is it? 'key' or 'id' must say, as the source is not asked "
				"about one saga");
	switch (rule->role) {
	case ROLE_EFFECT:
		return check_effect(reader, rule);
	case ROLE_STATE:
	case ROLE_TOLD:
		return wants(reader, rule, "state", &rule->state, "where is the state?");
	case ROLE_LEDGER:
		return wants(reader, rule, "item", &rule->item, "which transaction is it?") &&
		       (pointer_given(&rule->debit) || pointer_given(&rule->credit) ||
			wants(reader, rule, "debit", &rule->debit, "what does it post?"));
	case ROLE_COUNTS:
		return wants(reader, rule, "published", &rule->published, "what came in?") &&
		       wants(reader, rule, "consumed", &rule->consumed, "what went out?");
	case ROLE_BREAKER:
	case ROLE_REGION:
		return wants(reader, rule, "item", &rule->item, "which one is it?") &&
		       wants(reader, rule, "value", &rule->value, "what is it?");
	case ROLE_DEAD:
	case ROLE_OUTCOME:
		break;
	}
	return true;
}

static bool read_rule(struct contract_reader *reader, const struct yaml *key, struct source *source)
{
	struct complaints *complaints = reader->reading->complaints;
	struct source_rule rule = { .at = key->at };
	const struct yaml *map = key->value;
	struct rule_keys keys;
	bool good;

	if (!find_role(reader, key, &rule))
		return false;
	if (map->kind != YAML_MAP)
		return complain(complaints, map->at, "'%s' wants a map, not %s", key->text.data,
				yaml_kind_name(map));
	good = schema_read(contract_rule_keys, map, &keys, reader->reading);
	if (!good)
		return false;
	good = read_pointers(reader, map, &keys, &rule);
	good = read_key(reader, map, keys.key, source, &rule) && good;
	good = good && check_rule(reader, source, &rule);
	source->rules[source->rule_count++] = rule;
	return good;
}

static bool read_rules(struct contract_reader *reader, const struct yaml *map,
		       struct source *source)
{
	bool good = true;

	if (map->count > SAGA_SOURCES_MAX + 9)
		return complain(reader->reading->complaints, map->at, "more than %d rules",
				SAGA_SOURCES_MAX);
	source->rules = arena_array(reader->reading->arena, map->count, sizeof(*source->rules));
	for (const struct yaml *key = map->first; key; key = key->next)
		if (!has_key(contract_source_keys, key->text))
			good = read_rule(reader, key, source) && good;
	if (!source->rule_count && good)
		good = complain(reader->reading->complaints, map->at,
				"a source without a rule: which entries are what?");
	return good;
}

/* Where it comes from: exactly one of three. */

static bool read_witness(struct contract_reader *reader, const struct yaml *map, const char *from,
			 struct source *source)
{
	static const char *const known[] = { "psp", "mail", NULL };

	source->from = strcmp(from, "mail") == 0 ? FROM_MAIL : FROM_PSP;
	source->name = arena_string(reader->reading->arena, text_of(from));
	if (strcmp(from, "psp") == 0 || strcmp(from, "mail") == 0)
		return true;
	complain_unknown(reader->reading->complaints, contract_place(map, "from"), "witness",
			 text_of(from), known);
	return false;
}

/* What people call it: the path, without what is asked for in particular. */
static char *name_of_path(struct contract_reader *reader, const char *path)
{
	struct text name = { path, strcspn(path, "?") };

	return arena_format(reader->reading->arena, "GET %.*s", TEXT_ARG(name));
}

static bool read_path(struct contract_reader *reader, const struct yaml *map,
		      const struct source_keys *keys, struct source *source)
{
	char *id = contract_own_name(reader, "id"), *key = contract_own_name(reader, "key");
	const char *const own[] = { id, key, "cursor", "page", NULL };

	source->from = FROM_READ;
	if (!contract_path(reader, map, "read", own, &source->read))
		return false;
	source->name = name_of_path(reader, source->read);
	source->per_saga =
		contract_path_has(source->read, id) || contract_path_has(source->read, key);
	if (contract_path_has(source->read, id) && !pointer_given(&reader->contract->id))
		return complain(reader->reading->complaints, contract_place(map, "read"),
				"${%s} without 'id' in the contract: where does the answer have "
				"it?",
				id);
	return contract_paging_read(reader, map, source->read, keys->cursor, &source->paging,
				    &source->cursor);
}

static bool read_origin(struct contract_reader *reader, const struct yaml *map,
			const struct source_keys *keys, struct source *source)
{
	int given = (keys->from != NULL) + (keys->read != NULL) + (keys->file != NULL);

	if (given != 1)
		return complain(reader->reading->complaints, map->at,
				"a source is exactly one of 'from', 'read' and 'file'");
	if (keys->from)
		return read_witness(reader, map, keys->from, source);
	if (keys->read)
		return read_path(reader, map, keys, source);
	source->from = FROM_FILE;
	source->read = path_beside(reader->reading->arena, map->at.file, keys->file);
	source->name = keys->file;
	return *keys->file ||
	       complain(reader->reading->complaints, contract_place(map, "file"), "'file': which?");
}

static bool check_for_read(struct contract_reader *reader, const struct yaml *map,
			   const struct source *source)
{
	static const char *const keys[] = { "each",  "cursor", "first-cursor", "target", "targets",
					    "every", NULL };
	bool good = true;

	for (const char *const *key = keys; *key && source->from != FROM_READ; key++)
		if (yaml_get(map, *key))
			good = complain(reader->reading->complaints, contract_place(map, *key),
					"'%s' goes with 'read'", *key);
	return good;
}

static bool is_service_name(const char *name)
{
	size_t length = strlen(name);

	return length && length <= 60 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		       length;
}

static bool read_target(struct contract_reader *reader, const struct yaml *map, const char *target,
			struct source *source)
{
	struct place at = contract_place(map, yaml_get(map, "targets") ? "targets" : "target");
	struct url url;
	struct error err;

	if (!target)
		return true;
	source->target = arena_string(reader->reading->arena, text_of(target));
	if (is_service_name(target))
		return true;
	if (!url_parse(text_of(target), &url, &err))
		return complain(reader->reading->complaints, at,
				"'%.60s' is neither a service nor a URL: %s", target, err.text);
	return url.path.length == 0 ||
	       complain(reader->reading->complaints, at,
			"'target' is scheme, host and port, without a path");
}

/* Only what is gone again later is worth being asked for while there is load. */
static bool check_every(struct contract_reader *reader, const struct yaml *map,
			const struct source *source)
{
	return !source->every_us || source_has(source, ROLE_BREAKER) ||
	       complain(reader->reading->complaints, contract_place(map, "every"),
			"'every' goes with `breaker`");
}

static bool read_source(struct contract_reader *reader, const struct yaml *map, const char *target,
			struct source *source)
{
	struct source_keys keys;
	struct yaml known;
	bool good;

	source->at = map->at;
	if (map->kind != YAML_MAP)
		return complain(reader->reading->complaints, map->at, "a source is a map, not %s",
				yaml_kind_name(map));
	known = part_of(reader, map, contract_source_keys);
	good = schema_read(contract_source_keys, &known, &keys, reader->reading);
	if (!good)
		return false;
	good = read_origin(reader, map, &keys, source);
	if (keys.name && *keys.name)
		source->name = keys.name;
	source->rate_per_s = keys.rate_per_s;
	source->every_us = keys.every_us;
	source->first_cursor = keys.first_cursor;
	good = contract_pointer(reader, map, "each", keys.each, &source->each) && good;
	good = read_target(reader, map, target ? target : keys.target, source) && good;
	if (target)
		source->name = arena_format(reader->reading->arena, "%s: %s", target,
					    source->name ? source->name : "");
	good = check_for_read(reader, map, source) && good;
	good = read_rules(reader, map, source) && good;
	return good && check_every(reader, map, source);
}

/* The words of `targets`, known now. False: they are not; NULL: there are none. */
static bool read_targets(struct contract_reader *reader, const struct yaml *map,
			 struct text *targets)
{
	const struct yaml *node = map->kind == YAML_MAP ? yaml_get(map, "targets") : NULL;
	struct reading *reading = reader->reading;
	struct yaml scalar;

	*targets = (struct text){ NULL, 0 };
	if (!node)
		return true;
	if (node->kind != YAML_SCALAR)
		return complain(reading->complaints, node->at, "'targets' wants names, not %s",
				yaml_kind_name(node));
	scalar = *node;
	if (reading->substitute &&
	    !reading->substitute(reading->context, &scalar, reading->complaints))
		return false;
	*targets = yaml_is_null(&scalar) ? text_of("") : scalar.text;
	return true;
}

/* A source, or one for each of its targets. */
static bool add_sources(struct contract_reader *reader, const struct yaml *map)
{
	struct contract *contract = reader->contract;
	struct text targets;
	bool good = read_targets(reader, map, &targets);
	const char *at = targets.data;

	if (!good || !at)
		return read_source(reader, map, NULL,
				   &contract->sources[contract->source_count++]) &&
		       good;
	while (*(at += strspn(at, " ,"))) {
		size_t length = strcspn(at, " ,");
		struct text target = { at, length };

		if (contract->source_count == SAGA_SOURCES_MAX)
			return complain(reader->reading->complaints, map->at,
					"more than %d sources", SAGA_SOURCES_MAX);
		good = read_source(reader, map, arena_string(reader->reading->arena, target),
				   &contract->sources[contract->source_count++]) &&
		       good;
		at += length;
	}
	return good;
}

bool contract_sees(const struct contract *contract, uint8_t step, bool undo)
{
	for (size_t i = 0; i < contract->source_count; i++)
		for (size_t k = 0; k < contract->sources[i].rule_count; k++) {
			const struct source_rule *rule = &contract->sources[i].rules[k];

			if (rule->role == ROLE_EFFECT && rule->step == step && rule->undo == undo)
				return true;
		}
	return false;
}

/* The pivot is seen by the saga's state; all else by evidence alone. */
static void warn_about_steps(struct contract_reader *reader, struct place at)
{
	const struct contract *contract = reader->contract;
	struct complaints *complaints = reader->reading->complaints;

	for (uint8_t i = 0; i < contract->step_count; i++) {
		const struct saga_step *step = &contract->steps[i];

		if (!step->pivot && !contract_sees(contract, i, false))
			complain_warning(complaints, at,
					 "no evidence of step '%s': what it did will be unknown",
					 step->name);
		if (step->undo && !contract_sees(contract, i, true))
			complain_warning(complaints, at,
					 "no evidence of '%s', the undo of '%s': whether it was "
					 "taken back will be unknown",
					 step->undo, step->name);
	}
}

bool contract_evidence_read(struct contract_reader *reader, const struct yaml *evidence)
{
	struct complaints *complaints = reader->reading->complaints;
	struct contract *contract = reader->contract;
	bool good = true;

	if (evidence && evidence->kind != YAML_LIST)
		return complain(complaints, evidence->at,
				"'evidence' wants a list of sources, not %s",
				yaml_kind_name(evidence));
	if (evidence && evidence->count > SAGA_SOURCES_MAX)
		return complain(complaints, evidence->at, "more than %d sources", SAGA_SOURCES_MAX);
	contract->sources = arena_array(reader->reading->arena, SAGA_SOURCES_MAX + 1,
					sizeof(*contract->sources));
	for (const struct yaml *one = evidence ? evidence->first : NULL; one; one = one->next)
		good = add_sources(reader, one) && good;
	if (good)
		warn_about_steps(reader, evidence ? evidence->at : contract->at);
	return good;
}
