/*
 * store: a service's own database: one SQLite file, write-ahead log, synchronous.
 *
 *	store_begin(store);                        // nothing may wait until commit or rollback
 *	store_run(store, "update stock set reserved = reserved + ?1 where sku = ?2", "is", n, sku);
 *	if (store_changes(store) != 1) { store_rollback(store); return false; }
 *	store_commit(store);                       // returns when it is on the disk
 *
 *	struct rows rows = store_query(store, "select sku, price from products where category = ?1",
 *				       "s", category);
 *	while (rows_next(&rows)) use(rows_text(&rows, 0), rows_int(&rows, 1));
 *	rows_end(&rows);
 *
 * Commits are grouped: those of one turn of the loop share one fsync, and each task goes on when it
 * is done. So a commit costs little, and is still never skipped. Arguments by letter: s a string
 * (NULL is null), i an int64_t, d a double, j a json_t * (stored as its text), t a struct text.
 *
 * An error of SQLite that is not a constraint is a broken disk or a mistake in the code: the
 * service says so and ends (its launcher starts it again). A violated constraint is false.
 */
#ifndef SHOP_STORE_H
#define SHOP_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/text.h"

struct event_base;
struct store;
struct store_statement;

/* `schema` is run at every start: create table if not exists ... */
struct store *store_open(struct event_base *base, const char *path, const char *schema,
			 struct error *err);
void store_close(struct store *store);

/*
 * They nest: only the outermost commit waits. Outside of any task, a commit goes to the disk at
 * once.
 */
void store_begin(struct store *store);
void store_commit(struct store *store);   /* waits for the disk */
void store_rollback(struct store *store);
bool store_in_transaction(const struct store *store);

/* Inside a transaction, or alone (then it is one, and waits for the disk). */
bool store_run(struct store *store, const char *sql, const char *letters, ...);
int store_changes(const struct store *store);
int64_t store_last_id(const struct store *store);

struct rows {
	struct store *store;
	struct store_statement *statement;
	bool ended;
};

struct rows store_query(struct store *store, const char *sql, const char *letters, ...);
bool rows_next(struct rows *rows);
void rows_end(struct rows *rows); /* statements are kept prepared; always end them */
const char *rows_text(struct rows *rows, int column); /* NULL for null; until the next row */
int64_t rows_int(struct rows *rows, int column);
double rows_double(struct rows *rows, int column);
json_t *rows_json(struct rows *rows, int column);     /* new; parsed from text */

/* The first column of the first row, or `otherwise`. */
int64_t store_int(struct store *store, int64_t otherwise, const char *sql, const char *letters,
		  ...);

/* Waits until everything that was committed so far is on the disk. Before a reply that read it. */
void store_settle(struct store *store);

/* Commits return at once, and go to the disk within half a second: BUG_ACK_BEFORE_DURABLE. */
void store_relax(struct store *store);

/* How often something went to the disk. */
uint64_t store_groups(const struct store *store);

#endif
