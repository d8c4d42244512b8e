/*
 * store_parts: inside shop/store*.c only.
 *
 *	store.c        transactions, groups, life
 *	store_query.c  statements, their arguments and rows
 */
#ifndef SHOP_STORE_PARTS_H
#define SHOP_STORE_PARTS_H

#include <sqlite3.h>

#include "shop/store.h"

struct task;

enum { STATEMENTS_MAX = 512 /* slots of the cache; a power of two */ };

struct store_statement {
	sqlite3_stmt *statement;
	const char *sql; /* the caller's pointer: what it is found by */
	bool in_use;
	bool cached;     /* else it is finalized after use */
};

struct store {
	sqlite3 *db;
	char *path;
	struct store_statement statements[STATEMENTS_MAX];

	int depth;       /* of transactions; 0: none is open */
	bool group_open;
	bool relaxed;    /* nobody waits for the disk */
	uint64_t groups; /* that are on the disk */
	struct task **waiting; /* for the group */
	size_t waiting_count, waiting_room;
	struct event *at_rest; /* lowest priority: when the loop has nothing else to do */
	struct event *at_last; /* a timer */

	int changes;
	int64_t last_id;
};

_Noreturn void store_die(struct store *store, const char *doing);

/* Begins the group's transaction, if there is none. */
void store_need_group(struct store *store);
void store_do(struct store *store, const char *sql);

struct store_statement *store_prepare(struct store *store, const char *sql);
void store_put_back(struct store *store, struct store_statement *statement);
void store_drop_statements(struct store *store);

#endif
