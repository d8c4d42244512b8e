/* The store: transactions that are whole, commits that are grouped and on the disk. */
#include "shop/store.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "shop/task.h"
#include "tests/unit/tap.h"

static const char schema[] =
	"create table if not exists thing (id integer primary key, name text unique, n int,"
	" check (n >= 0));";

static struct event_base *base;
static struct store *store;
static char directory[] = "/tmp/test_store.XXXXXX";
static char path[64];

static bool open_store(void)
{
	struct error err = { "" };

	store = store_open(base, path, schema, &err);
	if (!store)
		printf("# %s\n", err.text);
	return store;
}

static void run_all(void)
{
	event_base_dispatch(base);
}

static int64_t things(void)
{
	return store_int(store, -1, "select count(*) from thing", "");
}

/* What tasks do. */

static int returned, in_memory_early;

static void add_one(void *context)
{
	char name[32];

	snprintf(name, sizeof(name), "%s-%d", (const char *)context, returned + in_memory_early++);
	store_begin(store);
	store_run(store, "insert into thing (name, n) values (?1, 1)", "s", name);
	store_commit(store);
	returned++;
}

static void add_and_take_back(void *context)
{
	(void)context;
	store_begin(store);
	store_run(store, "insert into thing (name, n) values ('taken back', 1)", "");
	store_rollback(store);
}

static int changes_seen[3];
static int64_t ids_seen[3];

static void change_some(void *context)
{
	int which = *(int *)context;

	store_run(store, "update thing set n = n + 1 where id <= ?1", "i", (int64_t)which);
	changes_seen[which] = store_changes(store);
	store_run(store, "insert into thing (id, n) values (?1, 0)", "i", (int64_t)(1000 + which));
	ids_seen[which] = store_last_id(store);
}

static bool settled;

static void settle(void *context)
{
	(void)context;
	store_settle(store);
	settled = true;
}

static void wait_inside(void *context)
{
	(void)context;
	store_begin(store);
	task_sleep_us(1);
}

static int rows_read;

static void read_slowly(void *context)
{
	struct rows rows = store_query(store, "select id from thing order by id limit 5", "");

	(void)context;
	while (rows_next(&rows)) {
		rows_read++;
		task_sleep_us(100);
		store_run(store, "update thing set n = n + 1 where id = ?1", "i",
			  rows_int(&rows, 0));
	}
	rows_end(&rows);
}

static void test_values(void)
{
	struct rows rows;
	json_t *json, *back;

	TEST("what is stored comes back: texts, numbers, nulls, JSON") {
		json = json_pack("{s:i, s:[s]}", "a", 1, "b", "c");
		CHECK(store_run(store, "create table v (s, i, d, j, t, n)", ""));
		CHECK(store_run(store, "insert into v values (?1, ?2, ?3, ?4, ?5, ?6)", "sidjts",
				"it's", INT64_MIN, 0.5, json, (struct text){ "cut off", 3 }, NULL));
		rows = store_query(store, "select * from v", "");
		CHECK(rows_next(&rows));
		CHECK_TEXT(rows_text(&rows, 0), "it's");
		CHECK_INT(rows_int(&rows, 1), INT64_MIN);
		CHECK(rows_double(&rows, 2) == 0.5);
		back = rows_json(&rows, 3);
		CHECK(json_equal(json, back));
		CHECK_TEXT(rows_text(&rows, 4), "cut");
		CHECK(rows_text(&rows, 5) == NULL && rows_json(&rows, 5) == NULL);
		CHECK(!rows_next(&rows) && !rows_next(&rows));
		rows_end(&rows);
		rows_end(&rows);
		json_decref(json);
		json_decref(back);
	}
	TEST("a number, or what was said instead") {
		CHECK_INT(store_int(store, 7, "select i from v", ""), INT64_MIN);
		CHECK_INT(store_int(store, 7, "select n from v", ""), 7);
		CHECK_INT(store_int(store, 7, "select i from v where s = 'no'", ""), 7);
	}
	TEST("a statement that was built anew at the same place is another statement") {
		char sql[64] = "select 1";

		CHECK_INT(store_int(store, 0, sql, ""), 1);
		strcpy(sql, "select 2");
		CHECK_INT(store_int(store, 0, sql, ""), 2);
	}
	TEST("two readers of one statement do not disturb each other") {
		const char *sql = "select value from (select 1 as value union select 2) order by 1";
		struct rows other;

		rows = store_query(store, sql, "");
		CHECK(rows_next(&rows));
		other = store_query(store, sql, "");
		CHECK(rows_next(&other) && rows_next(&rows));
		CHECK_INT(rows_int(&rows, 0), 2);
		CHECK_INT(rows_int(&other, 0), 1);
		rows_end(&rows);
		rows_end(&other);
	}
}

static void test_transactions(void)
{
	TEST("a violated constraint is false, and undoes only itself") {
		store_begin(store);
		CHECK(store_run(store, "insert into thing (name, n) values ('a', 1)", ""));
		CHECK(!store_run(store, "insert into thing (name, n) values ('a', 2)", ""));
		CHECK(!store_run(store, "update thing set n = -1", ""));
		CHECK_INT(store_changes(store), 0);
		store_commit(store);
		CHECK_INT(things(), 1);
	}
	TEST("a rollback undoes its own transaction, not its neighbour's in the group") {
		task_start(add_one, (char[]){ "neighbour" });
		task_start(add_and_take_back, NULL);
		task_start(add_one, (char[]){ "neighbour" });
		run_all();
		CHECK_INT(things(), 3);
		CHECK_INT(returned, 2);
	}
	TEST("an inner transaction can be rolled back alone") {
		store_begin(store);
		store_run(store, "insert into thing (name, n) values ('outer', 1)", "");
		store_begin(store);
		store_run(store, "insert into thing (name, n) values ('inner', 1)", "");
		store_rollback(store);
		CHECK(store_in_transaction(store));
		store_commit(store);
		CHECK(!store_in_transaction(store));
		CHECK_INT(store_int(store, 0, "select count(*) from thing where name = 'inner'",
				    ""),
			  0);
		CHECK_INT(store_int(store, 0, "select count(*) from thing where name = 'outer'",
				    ""),
			  1);
	}
	TEST("changes and ids are one's own, although others ran while one waited") {
		int which[3] = { 0, 1, 2 };

		for (int i = 0; i < 3; i++)
			task_start(change_some, &which[i]);
		run_all();
		for (int i = 0; i < 3; i++) {
			CHECK_INT(changes_seen[i], i);
			CHECK_INT(ids_seen[i], 1000 + i);
		}
	}
	TEST("rows may be read slowly, across commits of their own") {
		task_start(read_slowly, NULL);
		run_all();
		CHECK_INT(rows_read, 5);
	}
}

static void keep_busy(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	event_add(*(struct event **)context, &(struct timeval){ 0 });
}

static void test_groups(void)
{
	uint64_t before = store_groups(store);

	TEST("commits of one turn share one trip to the disk, and none returns before it") {
		returned = 0;
		for (int i = 0; i < 100; i++)
			task_start(add_one, (char[]){ "grouped" });
		CHECK_INT(returned, 0);
		CHECK_INT(store_groups(store), before);
		task_start(settle, NULL);
		CHECK(!settled);
		run_all();
		CHECK_INT(returned, 100);
		CHECK(settled);
		CHECK_INT(store_groups(store), before + 1);
	}
	TEST("who has nothing to wait for does not wait") {
		settled = false;
		task_start(settle, NULL);
		CHECK(settled);
		CHECK_INT(store_groups(store), before + 1);
	}
	TEST("a busy loop does not keep anyone from the disk") {
		struct event *busy = event_new(base, -1, 0, keep_busy, &busy);
		int64_t start_us = clock_now_us();

		event_add(busy, &(struct timeval){ 0 });
		returned = 0;
		task_start(add_one, (char[]){ "while busy" });
		while (returned == 0 && clock_now_us() - start_us < US_PER_S)
			event_base_loop(base, EVLOOP_ONCE);
		event_free(busy);
		CHECK_INT(returned, 1);
	}
}

/* A child that is killed after it said that a commit had returned. */

static int tell;

static void commit_and_tell(void *context)
{
	add_one(context);
	if (write(tell, "x", 1) != 1)
		_exit(1);
}

static void be_killed(void)
{
	event_reinit(base);
	if (!open_store())
		_exit(1);
	for (;;) {
		task_start(commit_and_tell, (char[]){ "k" });
		task_start(commit_and_tell, (char[]){ "k" });
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
}

static int kill_in_the_middle(void)
{
	int pipes[2], told = 0;
	char waste[256];
	ssize_t got;
	pid_t child;

	if (pipe(pipes) != 0)
		return -1;
	tell = pipes[1];
	child = fork();
	if (child == 0)
		be_killed();
	close(pipes[1]);
	while (told < 200 && (got = read(pipes[0], waste, sizeof(waste))) > 0)
		told += (int)got;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	while ((got = read(pipes[0], waste, sizeof(waste))) > 0)
		told += (int)got;
	close(pipes[0]);
	return told;
}

static void test_kill(void)
{
	TEST("what was committed is there after kill -9") {
		int64_t before = things();
		int told;

		store_close(store);
		told = kill_in_the_middle();
		CHECK(open_store());
		CHECK(told >= 200);
		printf("#   told of %d, found %d\n", told, (int)(things() - before));
		CHECK(things() - before >= told);
		CHECK(things() - before <= told + 2);
	}
}

static bool child_ends(void (*run)(void), int signal, int status)
{
	pid_t child = fork();
	int seen;

	if (child == 0) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(3);
		run();
		_exit(0);
	}
	waitpid(child, &seen, 0);
	return signal ? WIFSIGNALED(seen) && WTERMSIG(seen) == signal :
			WIFEXITED(seen) && WEXITSTATUS(seen) == status;
}

static void make_task_wait_inside(void)
{
	task_start(wait_inside, NULL);
}

static void run_wrong_sql(void)
{
	store_run(store, "insert into nowhere values (1)", "");
}

static void test_mistakes(void)
{
	struct error err;

	TEST("waiting inside a transaction ends the program") {
		CHECK(child_ends(make_task_wait_inside, SIGABRT, 0));
	}
	TEST("an error that is no constraint ends the program, with its status") {
		CHECK(child_ends(run_wrong_sql, 0, 1));
	}
	TEST("a store that cannot be opened says so") {
		CHECK(!store_open(base, "/nowhere/at/all.db", schema, &err));
		CHECK(strstr(err.text, "/nowhere/at/all.db"));
		CHECK(!store_open(base, ":memory:", "create nonsense", &err));
		CHECK(strstr(err.text, "nonsense"));
	}
}

int main(void)
{
	char command[96];

	if (!mkdtemp(directory))
		return 1;
	snprintf(path, sizeof(path), "%s/test.db", directory);
	base = event_base_new();
	event_base_priority_init(base, 3);
	tasks_init(base);
	if (!open_store())
		return 1;
	test_values();
	test_transactions();
	test_groups();
	test_kill();
	test_mistakes();
	store_close(store);
	tasks_release();
	event_base_free(base);
	snprintf(command, sizeof(command), "rm -r '%s'", directory);
	return tap_done() | (system(command) != 0);
}
