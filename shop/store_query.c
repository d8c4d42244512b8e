#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"
#include "shop/store_parts.h"
#include "shop/task.h"

enum { PROBES = 8 };

/* Statements. */

static size_t slot_of(const char *sql)
{
	uintptr_t hash = (uintptr_t)sql;

	hash ^= hash >> 12;
	return hash * UINT64_C(0x9e3779b97f4a7c15) >> 55 & (STATEMENTS_MAX - 1);
}

static void compile(struct store *store, struct store_statement *statement, const char *sql)
{
	if (sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement->statement,
			       NULL) != SQLITE_OK)
		store_die(store, sql);
	statement->sql = sql;
}

static struct store_statement *compile_once(struct store *store, const char *sql)
{
	struct store_statement *statement = memory_new(sizeof(*statement));

	compile(store, statement, sql);
	statement->in_use = true;
	return statement;
}

/* The same pointer may come with other words, when someone built them: it is looked at. */
static bool is_still(const struct store_statement *statement, const char *sql)
{
	return strcmp(sqlite3_sql(statement->statement), sql) == 0;
}

struct store_statement *store_prepare(struct store *store, const char *sql)
{
	size_t slot = slot_of(sql);

	for (size_t i = 0; i < PROBES; i++) {
		struct store_statement *at = &store->statements[(slot + i) % STATEMENTS_MAX];

		if (at->sql && (at->sql != sql || at->in_use))
			continue;
		if (at->sql && !is_still(at, sql)) {
			sqlite3_finalize(at->statement);
			at->sql = NULL;
		}
		if (!at->sql)
			compile(store, at, sql);
		at->cached = true;
		at->in_use = true;
		return at;
	}
	return compile_once(store, sql);
}

void store_put_back(struct store *store, struct store_statement *statement)
{
	(void)store;
	if (!statement->cached) {
		sqlite3_finalize(statement->statement);
		free(statement);
		return;
	}
	sqlite3_reset(statement->statement);
	sqlite3_clear_bindings(statement->statement);
	statement->in_use = false;
}

void store_drop_statements(struct store *store)
{
	for (size_t i = 0; i < STATEMENTS_MAX; i++)
		sqlite3_finalize(store->statements[i].statement);
}

/* Arguments. */

static void bind_json(sqlite3_stmt *statement, int index, const json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	if (text)
		sqlite3_bind_text(statement, index, text, -1, free);
	else
		sqlite3_bind_null(statement, index);
}

static void bind_one(sqlite3_stmt *statement, int index, char letter, va_list *arguments)
{
	struct text text;

	switch (letter) {
	case 's': /* a null pointer is null */
		sqlite3_bind_text(statement, index, va_arg(*arguments, const char *), -1,
				  SQLITE_TRANSIENT);
		break;
	case 'i':
		sqlite3_bind_int64(statement, index, va_arg(*arguments, int64_t));
		break;
	case 'd':
		sqlite3_bind_double(statement, index, va_arg(*arguments, double));
		break;
	case 'j':
		bind_json(statement, index, va_arg(*arguments, const json_t *));
		break;
	case 't':
		text = va_arg(*arguments, struct text);
		sqlite3_bind_text(statement, index, text.data ? text.data : "", (int)text.length,
				  SQLITE_TRANSIENT);
		break;
	default:
		assert(letter == 0); /* not one of store.h */
	}
}

static struct store_statement *prepare_with(struct store *store, const char *sql,
					    const char *letters, va_list *arguments)
{
	struct store_statement *statement = store_prepare(store, sql);

	assert((int)strlen(letters) == sqlite3_bind_parameter_count(statement->statement));
	for (int i = 0; letters[i]; i++)
		bind_one(statement->statement, i + 1, letters[i], arguments);
	return statement;
}

/* Running. */

static bool step_to_end(struct store *store, struct store_statement *statement)
{
	int result;

	do
		result = sqlite3_step(statement->statement);
	while (result == SQLITE_ROW);
	if (result != SQLITE_DONE && result != SQLITE_CONSTRAINT)
		store_die(store, statement->sql);
	store->changes = result == SQLITE_DONE ? sqlite3_changes(store->db) : 0;
	store->last_id = sqlite3_last_insert_rowid(store->db);
	return result == SQLITE_DONE;
}

bool store_run(struct store *store, const char *sql, const char *letters, ...)
{
	struct store_statement *statement;
	va_list arguments;
	int64_t last_id;
	int changes;
	bool good;

	store_need_group(store);
	va_start(arguments, letters);
	statement = prepare_with(store, sql, letters, &arguments);
	va_end(arguments);
	good = step_to_end(store, statement);
	store_put_back(store, statement);
	if (store->depth > 0)
		return good;
	changes = store->changes; /* others may run while this one waits */
	last_id = store->last_id;
	store_settle(store);
	store->changes = changes;
	store->last_id = last_id;
	return good;
}

int store_changes(const struct store *store)
{
	return store->changes;
}

int64_t store_last_id(const struct store *store)
{
	return store->last_id;
}

/* Rows. */

struct rows store_query(struct store *store, const char *sql, const char *letters, ...)
{
	struct rows rows = { .store = store };
	va_list arguments;

	va_start(arguments, letters);
	rows.statement = prepare_with(store, sql, letters, &arguments);
	va_end(arguments);
	/* "insert ... returning" is a query, too. */
	if (!sqlite3_stmt_readonly(rows.statement->statement))
		store_need_group(store);
	return rows;
}

bool rows_next(struct rows *rows)
{
	int result;

	if (!rows->statement || rows->ended)
		return false;
	result = sqlite3_step(rows->statement->statement);
	if (result == SQLITE_ROW)
		return true;
	if (result != SQLITE_DONE && result != SQLITE_CONSTRAINT)
		store_die(rows->store, rows->statement->sql);
	rows->ended = true; /* another step would start again */
	return false;
}

void rows_end(struct rows *rows)
{
	if (rows->statement)
		store_put_back(rows->store, rows->statement);
	rows->statement = NULL;
}

const char *rows_text(struct rows *rows, int column)
{
	return (const char *)sqlite3_column_text(rows->statement->statement, column);
}

int64_t rows_int(struct rows *rows, int column)
{
	return sqlite3_column_int64(rows->statement->statement, column);
}

double rows_double(struct rows *rows, int column)
{
	return sqlite3_column_double(rows->statement->statement, column);
}

json_t *rows_json(struct rows *rows, int column)
{
	const char *text = rows_text(rows, column);

	return text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
}

int64_t store_int(struct store *store, int64_t otherwise, const char *sql, const char *letters, ...)
{
	struct rows rows = { .store = store };
	int64_t result = otherwise;
	va_list arguments;

	va_start(arguments, letters);
	rows.statement = prepare_with(store, sql, letters, &arguments);
	va_end(arguments);
	if (rows_next(&rows) && sqlite3_column_type(rows.statement->statement, 0) != SQLITE_NULL)
		result = rows_int(&rows, 0);
	rows_end(&rows);
	return result;
}
