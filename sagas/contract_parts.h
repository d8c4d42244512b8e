/*
 * contract_parts: what the files that read contracts share. Only for sagas/contract*.c.
 */
#ifndef SAGAS_CONTRACT_PARTS_H
#define SAGAS_CONTRACT_PARTS_H

#include "sagas/contract.h"

/* While one contract is read. */
struct contract_reader {
	struct reading *reading;
	struct contract *contract;
	const struct yaml *map;
};

/* `at` of the key if it is there, else of the map. */
struct place contract_place(const struct yaml *map, const char *key);

/* A pointer that a key holds; a NULL source is one that was not given. */
bool contract_pointer(struct contract_reader *reader, const struct yaml *map, const char *key,
		      const char *source, struct json_pointer *out);

/* A condition on an entry. */
bool contract_condition(struct contract_reader *reader, const struct yaml *map, const char *key,
			const char *source, struct expression **out);

/*
 * A path of the target in which the names that are known only later still stand: those of `own`
 * (NULL-ended), such as "order.key". Everything else is substituted now.
 */
bool contract_path(struct contract_reader *reader, const struct yaml *map, const char *key,
		   const char *const *own, char **out);

/* Whether "${name}" stands in it. */
bool contract_path_has(const char *path, const char *name);

/* "order" and "id" -> "order.id" */
char *contract_own_name(struct contract_reader *reader, const char *what);

/* A tree of YAML as JSON; NULL after a complaint. */
json_t *contract_json_of(struct contract_reader *reader, const struct yaml *node);

/* contract_states.c: `moves`, `succeeded`, `compensated`. */
bool contract_states_read(struct contract_reader *reader, const struct yaml *moves,
			  const struct strings *succeeded, const struct strings *compensated);

/* contract_steps.c */
bool contract_steps_read(struct contract_reader *reader, const struct yaml *steps);

/* contract_evidence.c */
bool contract_evidence_read(struct contract_reader *reader, const struct yaml *evidence);
/* Whether something says that a step, or its undo, took place. */
bool contract_sees(const struct contract *contract, uint8_t step, bool undo);

/* How the list of a read comes page by page, by the names in its path. */
bool contract_paging_read(struct contract_reader *reader, const struct yaml *map, const char *path,
			  const char *cursor, enum source_paging *paging,
			  struct json_pointer *pointer);

/* contract_keys.c: the tables of keys, and what they are read into. */
struct contract_keys {
	struct {
		char *post, *bearer;
		const struct yaml *json;
		struct {
			char *token;
		} save;
	} as;
	char *read, *state, *undoing, *id, *amount, *key_header, *correlation_header;
	struct strings adds_up, succeeded, compensated;
	struct {
		char *item, *where;
		int64_t uses;
	} budget;
	int style;
	const struct yaml *moves, *steps, *evidence;
	int64_t settles_within_us, minimum, decimals;
	struct {
		char *read, *each, *item, *cursor, *first_cursor;
		char *available, *reserved, *sold, *initial, *restocked;
	} stock;
	struct {
		double per_s, burst;
		int64_t status;
	} limit;
};

struct step_keys {
	char *undo;
	int counts;
	bool pivot;
	int64_t at_least, at_most;
};

struct source_keys {
	char *from, *read, *file, *name, *each, *cursor, *first_cursor, *target, *targets;
	double rate_per_s;
	int64_t every_us;
};

struct rule_keys {
	char *where, *key, *id, *amount, *item, *identity, *cause, *at, *state, *position;
	char *debit, *credit, *published, *consumed, *dead, *value, *succeeded, *compensated;
};

extern const struct key contract_step_keys[], contract_source_keys[], contract_rule_keys[];
/* The other words of a source: "states" ... "outcome", NULL-ended, in the order of their roles. */
extern const char *const contract_role_names[];

#endif
