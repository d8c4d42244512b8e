/* Tasks: they run at once, wait without anyone else waiting, and their stacks are used again. */
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "shop/task.h"
#include "tests/unit/tap.h"

static struct event_base *base;
static char trace[256];

static void note(const char *what)
{
	strncat(trace, what, sizeof(trace) - strlen(trace) - 1);
}

static void turn_loop(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static void run_at_once(void *context)
{
	note(context);
}

static struct task *parked;
static bool may_go;

static void park(void *context)
{
	char mine[2] = { *(const char *)context, '\0' };

	note(mine);
	parked = task_self();
	while (!may_go)
		task_wait();
	note(mine);
}

/* Two that wake each other for ever, until the loop's timer has its turn. */
static struct task *players[2];
static bool game_over;
static int64_t volleys;

static void play(void *context)
{
	int me = *(int *)context;

	players[me] = task_self();
	while (!game_over) {
		volleys++;
		if (players[!me])
			task_wake(players[!me]);
		task_wait();
	}
	if (players[!me])
		task_wake(players[!me]);
	players[me] = NULL;
}

static void end_game(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)context;
	game_over = true;
}

static void wake_myself(void *context)
{
	(void)context;
	task_wake(task_self());
	task_wake(task_self());
	task_wait();
	note("through");
}

static void start_another(void *context)
{
	(void)context;
	note("<");
	may_go = false;
	task_start(park, (char[]){ "p" });
	note(">");
}

static int64_t slept_us;

static void sleep_a_bit(void *context)
{
	int64_t start_us = clock_now_us();

	(void)context;
	task_sleep_us(20 * US_PER_MS);
	slept_us = clock_now_us() - start_us;
}

static void sleep_though_woken(void *context)
{
	task_wake(task_self());
	sleep_a_bit(context);
}

/* Deep enough to need most of a stack, and different for each. */
static int dig(int depth, int seed)
{
	volatile char pit[512];

	memset((char *)(uintptr_t)pit, seed & 127, sizeof(pit));
	if (depth == 0) {
		task_sleep_us(seed % 7 * 100);
		return 0;
	}
	return dig(depth - 1, seed) + (pit[depth % 512] == (seed & 127) ? 0 : 1);
}

static int dug, damaged;

static void digger(void *context)
{
	damaged += dig(60, (int)(intptr_t)context);
	dug++;
}

/* What a child that does it dies of. */
static int dies_of(void (*run)(void *context))
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(3);
		task_start(run, NULL);
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void wait_while_held(void *context)
{
	(void)context;
	task_hold();
	task_sleep_us(1);
}

static void end_while_held(void *context)
{
	(void)context;
	task_hold();
}

static void wait_when_let_go(void *context)
{
	(void)context;
	task_hold();
	task_let_go();
	task_sleep_us(1);
}

static void test_turns(void)
{
	TEST("a task runs until it first waits, then its starter goes on") {
		trace[0] = '\0';
		task_start(run_at_once, (char[]){ "a" });
		note("b");
		CHECK_TEXT(trace, "ab");
		CHECK_INT(tasks_alive(), 0);
	}
	TEST("a parked task goes on where it was when it is woken, and not before") {
		trace[0] = '\0';
		may_go = false;
		task_start(park, (char[]){ "w" });
		note("-");
		turn_loop();
		CHECK_TEXT(trace, "w-");
		may_go = true;
		task_wake(parked);
		task_wake(parked);
		CHECK_TEXT(trace, "w-");
		turn_loop();
		CHECK_TEXT(trace, "w-w");
		CHECK_INT(tasks_alive(), 0);
	}
	TEST("woken before it waits, it does not wait") {
		trace[0] = '\0';
		task_start(wake_myself, NULL);
		CHECK_TEXT(trace, "through");
	}
	TEST("a task starts another, and both end in any order") {
		trace[0] = '\0';
		task_start(start_another, NULL);
		CHECK_TEXT(trace, "<p>");
		CHECK_INT(tasks_alive(), 1);
		may_go = true;
		task_wake(parked);
		turn_loop();
		CHECK_TEXT(trace, "<p>p");
		CHECK_INT(tasks_alive(), 0);
	}
}

static void test_time(void)
{
	TEST("sleep lasts as long as said, also for one that was woken meanwhile") {
		task_start(sleep_a_bit, NULL);
		event_base_dispatch(base);
		CHECK(slept_us >= 19 * US_PER_MS && slept_us < 500 * US_PER_MS);
		slept_us = 0;
		task_start(sleep_though_woken, NULL);
		event_base_dispatch(base);
		CHECK(slept_us >= 19 * US_PER_MS);
	}
	TEST("tasks that wake each other keep nobody from the loop") {
		event_base_once(base, -1, EV_TIMEOUT, end_game, NULL,
				&(struct timeval){ .tv_usec = 5000 });
		task_start(play, &(int){ 0 });
		task_start(play, &(int){ 1 });
		event_base_dispatch(base);
		CHECK(volleys > 100);
		CHECK_INT(tasks_alive(), 0);
	}
	TEST("2,000 tasks at a time keep their own stacks") {
		for (int round = 0; round < 2; round++) {
			for (int i = 0; i < 2000; i++)
				task_start(digger, (void *)(intptr_t)i);
			event_base_dispatch(base);
		}
		CHECK_INT(dug, 4000);
		CHECK_INT(damaged, 0);
		CHECK_INT(tasks_alive(), 0);
	}
}

static void test_mistakes(void)
{
	TEST("waiting inside a transaction, or leaving one open, ends the program") {
		CHECK_INT(dies_of(wait_while_held), SIGABRT);
		CHECK_INT(dies_of(end_while_held), SIGABRT);
		CHECK_INT(dies_of(wait_when_let_go), 0);
	}
}

int main(void)
{
	base = event_base_new();
	tasks_init(base);
	test_turns();
	test_time();
	test_mistakes();
	tasks_release();
	event_base_free(base);
	return tap_done();
}
