#include "engine/observer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/sources.h"
#include "lib/clock.h"
#include "lib/history.h"
#include "lib/memory.h"
#include "sagas/anytime.h"

enum {
	TURN_MS = 500,
	TIMEOUT_US = 2000000, /* of one request: what is slow now is read later */
	END_MS = 5000,
	ORDERS = 3,           /* the descriptor that is left to the process */
};

struct observer {
	pid_t pid;  /* 0: there is none */
	int orders; /* a byte: come to an end */
};

/* The process. */

static bool is_told_to_end(int wait_ms)
{
	struct pollfd orders = { ORDERS, POLLIN, 0 };

	return poll(&orders, 1, wait_ms) > 0;
}

/* The last look is not to be interrupted by the word that it is the last one. */
static void forget_order(void)
{
	char byte;

	if (read(ORDERS, &byte, 1) < 0)
		errno = 0;
}

static bool is_interrupted(void *context)
{
	(void)context;
	return is_told_to_end(0);
}

static void look(const struct observer_settings *settings, struct history *history)
{
	struct arena arena = ARENA_EMPTY;
	struct evidence_settings sources =
		sources_of(settings->scenario, settings->site, settings->start_us, &arena);
	struct error err = { "" };
	struct anytime *anytime;
	bool ending = false;

	sources.live = true;
	sources.run = settings->run;
	sources.directory = settings->history_directory;
	sources.history = history;
	sources.timeout_us = TIMEOUT_US;
	sources.most_us = TIMEOUT_US;
	sources.interrupted = is_interrupted;
	anytime = anytime_new(&sources, &err);
	while (anytime && !ending) {
		ending = is_told_to_end(TURN_MS);
		if (ending)
			forget_order();
		anytime_turn(anytime);
	}
	anytime_free(anytime);
	arena_release(&arena);
}

/* A signal to the run's group is not for it: it is told when to end. */
static void settle(int orders, pid_t parent)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	prctl(PR_SET_NAME, "saga-observer");
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (orders != ORDERS)
		dup2(orders, ORDERS);
	close_range(ORDERS + 1, ~0U, 0);
}

__attribute__((noreturn)) static void observe(const struct observer_settings *settings, int orders,
					      pid_t parent)
{
	struct history *history;

	settle(orders, parent);
	history = history_create(settings->history_directory, "observer", NULL);
	if (history)
		look(settings, history);
	history_close(history);
	_exit(history ? 0 : 1);
}

/* The run's side. */

static bool is_needed(const struct scenario *scenario)
{
	for (size_t i = 0; i < scenario->contract_count; i++)
		if (scenario->contracts[i].source_count)
			return true;
	return false;
}

struct observer *observer_start(const struct observer_settings *settings, struct error *err)
{
	struct observer *observer = memory_new(sizeof(*observer));
	pid_t parent = getpid();
	int orders[2];

	observer->orders = -1;
	if (!is_needed(settings->scenario))
		return observer;
	if (pipe2(orders, O_CLOEXEC) != 0) {
		error_errno(err, "cannot make a pipe");
		free(observer);
		return NULL;
	}
	observer->pid = fork();
	if (observer->pid == 0)
		observe(settings, orders[0], parent);
	close(orders[0]);
	observer->orders = orders[1];
	if (observer->pid > 0)
		return observer;
	error_errno(err, "cannot start the observer");
	observer->pid = 0;
	observer_end(observer);
	return NULL;
}

static void wait_for(const struct observer *observer)
{
	int64_t until_us = clock_now_us() + END_MS * US_PER_MS;

	while (waitpid(observer->pid, NULL, WNOHANG) == 0) {
		if (clock_now_us() > until_us) {
			kill(observer->pid, SIGKILL);
			waitpid(observer->pid, NULL, 0);
			return;
		}
		poll(NULL, 0, 5);
	}
}

void observer_end(struct observer *observer)
{
	if (!observer)
		return;
	if (observer->pid > 0) {
		if (write(observer->orders, "e", 1) == 1)
			wait_for(observer);
		else
			waitpid(observer->pid, NULL, 0); /* it has ended by itself */
	}
	if (observer->orders >= 0)
		close(observer->orders);
	free(observer);
}
