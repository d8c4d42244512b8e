#include "shop/store.h"

#include <assert.h>
#include <event2/event.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/memory.h"
#include "shop/store_parts.h"
#include "shop/task.h"

/* While others keep the loop busy, nobody waits longer than this for the disk. */
enum { GROUP_US = 2000, RELAXED_US = 500000 };

_Noreturn void store_die(struct store *store, const char *doing)
{
	fprintf(stderr, "%s: %s: %s\n", store->path, doing, sqlite3_errmsg(store->db));
	_exit(1);
}

void store_do(struct store *store, const char *sql)
{
	struct store_statement *statement = store_prepare(store, sql);

	if (sqlite3_step(statement->statement) != SQLITE_DONE)
		store_die(store, sql);
	store_put_back(store, statement);
}

/* Groups. */

static void flush(struct store *store)
{
	size_t waiting = store->waiting_count;

	assert(store->depth == 0);
	if (!store->group_open)
		return;
	store_do(store, "commit");
	store->group_open = false;
	store->groups++;
	store->waiting_count = 0;
	event_del(store->at_rest);
	event_del(store->at_last);
	for (size_t i = 0; i < waiting; i++)
		task_wake(store->waiting[i]); /* only marks it: none runs yet */
}

static void on_flush(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	flush(context);
}

void store_need_group(struct store *store)
{
	if (store->group_open)
		return;
	store_do(store, "begin immediate");
	store->group_open = true;
	if (!store->relaxed)
		event_active(store->at_rest, EV_TIMEOUT, 1);
	event_add(store->at_last,
		  &(struct timeval){ .tv_usec = store->relaxed ? RELAXED_US : GROUP_US });
}

/* A task may be woken by others, too; it is the number of groups that tells. */
void store_settle(struct store *store)
{
	uint64_t groups;

	if (!store || !store->group_open || store->relaxed)
		return;
	if (!task_self()) {
		flush(store);
		return;
	}
	groups = store->groups;
	store->waiting = memory_grow(store->waiting, store->waiting_count, &store->waiting_room,
				     sizeof(*store->waiting));
	store->waiting[store->waiting_count++] = task_self();
	while (store->groups == groups)
		task_wait();
}

/* Transactions: savepoints within the group. */

void store_begin(struct store *store)
{
	store_need_group(store);
	store_do(store, "savepoint task");
	store->depth++;
	task_hold();
}

static void end_transaction(struct store *store)
{
	assert(store->depth > 0);
	store_do(store, "release task");
	store->depth--;
	task_let_go();
}

void store_commit(struct store *store)
{
	end_transaction(store);
	if (store->depth == 0)
		store_settle(store);
}

void store_rollback(struct store *store)
{
	store_do(store, "rollback to task");
	end_transaction(store);
}

bool store_in_transaction(const struct store *store)
{
	return store->depth > 0;
}

/* Life. */

static bool run_script(struct store *store, const char *sql, struct error *err)
{
	if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	return error_set(err, "cannot set up '%s': %s", store->path, sqlite3_errmsg(store->db));
}

/* Nobody else has this file open: with the lock kept, there is no shared memory to keep in step. */
static bool set_up(struct store *store, const char *schema, struct error *err)
{
	return run_script(store,
			  "pragma locking_mode = exclusive;"
			  "pragma journal_mode = wal;"
			  "pragma synchronous = full;"
			  "pragma foreign_keys = on;"
			  "pragma wal_autocheckpoint = 4000;"
			  "pragma cache_size = -8000;",
			  err) &&
	       run_script(store, schema, err);
}

struct store *store_open(struct event_base *base, const char *path, const char *schema,
			 struct error *err)
{
	struct store *store = memory_new(sizeof(*store));
	int lowest = event_base_get_npriorities(base) - 1;

	store->path = memory_copy_string(path);
	store->at_rest = event_new(base, -1, 0, on_flush, store);
	store->at_last = event_new(base, -1, 0, on_flush, store);
	event_priority_set(store->at_rest, lowest);
	event_priority_set(store->at_last, 0);
	if (sqlite3_open_v2(path, &store->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK)
		error_set(err, "cannot open '%s': %s", path, sqlite3_errmsg(store->db));
	else if (sqlite3_busy_timeout(store->db, 2000) == SQLITE_OK && set_up(store, schema, err))
		return store;
	store_close(store);
	return NULL;
}

/* A transaction that is open is lost; a group that is not is kept. */
void store_close(struct store *store)
{
	if (!store)
		return;
	if (store->depth == 0)
		flush(store);
	store_drop_statements(store);
	sqlite3_close(store->db);
	event_free(store->at_rest);
	event_free(store->at_last);
	free(store->waiting);
	free(store->path);
	free(store);
}

void store_relax(struct store *store)
{
	store->relaxed = true;
}

uint64_t store_groups(const struct store *store)
{
	return store->groups;
}
