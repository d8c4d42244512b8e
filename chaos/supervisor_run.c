/* The supervisor's process: its loop, whom it listens to, how it ends. */
#include "chaos/supervisor_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "lib/signals.h"

enum {
	TURN_US = 500000,       /* a turn waits at most so long */
	LAST_WORDS_US = 2000000, /* for a controller that does not listen */
};

static volatile sig_atomic_t told_to_heal;

static void on_signal(int number)
{
	(void)number;
	told_to_heal = 1;
}

/*
 * Signals for the run do not come here: a session of its own. SIGTERM does when everything is to
 * end (a machine that shuts down): then what is broken is healed, as `chaos heal` asks for by
 * SIGUSR1. Handlers of the run are no longer ours.
 */
static void settle_signals(void)
{
	static const int ignored[] = { SIGINT,	SIGHUP,	 SIGQUIT, SIGPIPE, SIGXFSZ,
				       SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR2 };
	struct sigaction heal = { .sa_handler = on_signal };

	signals_reset();
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigaction(SIGUSR1, &heal, NULL);
	sigaction(SIGTERM, &heal, NULL);
}

static void live_long(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "-900", 4) < 0)
		errno = 0; /* without the right to it we are as mortal as others */
	close(fd);
}

static void close_between(int low, int high)
{
	if (high > low + 1)
		close_range((unsigned)low + 1, (unsigned)high - 1, 0);
}

/*
 * A terminal that goes away, a pipe that someone waits to see closed: not ours to hold. Errors of
 * sanitizers still have where to go.
 */
static void let_go_of_files(int control, struct proxy *proxy)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int other = proxy ? proxy_fd(proxy) : -1;
	int low = other >= 0 && other < control ? other : control;
	int high = other >= 0 && other > control ? other : control;

	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	close_between(STDERR_FILENO, low);
	close_between(low, high);
	close_between(high, INT_MAX);
}

static bool watch_controller(struct guard *guard, int64_t controller)
{
	guard->controller = (int)syscall(SYS_pidfd_open, (pid_t)controller, 0);
	/* Had it died before, its number could be another's; then our parent would be, too. */
	return guard->controller >= 0 && getppid() == (pid_t)controller;
}

static void heal_everything(struct guard *guard)
{
	guard->closed = true;
}

static void heal_as_told(struct guard *guard)
{
	told_to_heal = 0;
	heal_everything(guard);
	for (size_t i = 0; i < guard->ward_count; i++)
		ward_heal_again(guard, &guard->wards[i], clock_now_us());
}

static void lose_controller(struct guard *guard)
{
	if (guard->control >= 0)
		close(guard->control);
	if (guard->controller >= 0)
		close(guard->controller);
	guard->control = guard->controller = -1;
	heal_everything(guard);
	guard->ending = true;
}

static void allow(struct guard *guard)
{
	if (guard->allowed)
		return;
	guard->allowed = true;
	guard_watch_calls(guard);
}

static void obey(struct guard *guard, const struct order *order)
{
	switch ((enum order_kind)order->kind) {
	case ORDER_ALLOW:
		allow(guard);
		break;
	case ORDER_REFUSE:
		snprintf(guard->refusal, sizeof(guard->refusal), "%.*s",
			 (int)sizeof(order->text) - 1, order->text);
		break;
	case ORDER_TRIGGER:
		if (order->fault < guard->ward_count)
			ward_trigger(&guard->wards[order->fault], clock_now_us());
		break;
	case ORDER_HEAL_ALL:
		heal_everything(guard);
		break;
	case ORDER_END:
		heal_everything(guard);
		guard->ending = true;
		break;
	}
}

static void listen_to_controller(struct guard *guard)
{
	struct order order;

	while (guard->control >= 0) {
		ssize_t got = recv(guard->control, &order, sizeof(order), MSG_DONTWAIT);

		if (got == (ssize_t)sizeof(order))
			obey(guard, &order);
		else if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		else
			lose_controller(guard);
	}
}

/* What is armed first: a heal that is due waits for no other fault's beginning. */
static void step_all(struct guard *guard)
{
	for (size_t i = 0; i < guard->ward_count; i++)
		if (guard->wards[i].step > WARD_PLANNING)
			ward_step_on(guard, &guard->wards[i], clock_now_us());
	for (size_t i = 0; i < guard->ward_count; i++)
		if (guard->wards[i].step <= WARD_PLANNING)
			ward_step_on(guard, &guard->wards[i], clock_now_us());
}

static bool all_over(const struct guard *guard)
{
	for (size_t i = 0; i < guard->ward_count; i++)
		if (guard->wards[i].step != WARD_OVER)
			return false;
	return true;
}

static int wait_ms(const struct guard *guard)
{
	int64_t now_us = clock_now_us(), next_us = now_us + TURN_US;

	for (size_t i = 0; i < guard->ward_count; i++) {
		int64_t due_us = ward_next_us(&guard->wards[i], guard);

		if (due_us < next_us)
			next_us = due_us;
	}
	return next_us <= now_us ? 0 : (int)((next_us - now_us + US_PER_MS - 1) / US_PER_MS);
}

static void add_hand(const struct hand *hand, struct pollfd *polled, nfds_t *count)
{
	if (hand->pid && !hand->ended)
		polled[(*count)++] = (struct pollfd){ hand->fd, POLLIN, 0 };
}

static void wait_for_something(struct guard *guard, struct pollfd *polled)
{
	bool unsent = guard->notice_first < guard->notice_count;
	nfds_t count = 0;

	polled[count++] =
		(struct pollfd){ guard->control, (short)(POLLIN | (unsent ? POLLOUT : 0)), 0 };
	polled[count++] = (struct pollfd){ guard->controller, POLLIN, 0 };
	polled[count++] = (struct pollfd){ guard_call_fd(guard), POLLIN, 0 };
	for (size_t i = 0; i < guard->ward_count; i++) {
		add_hand(&guard->wards[i].keeper, polled, &count);
		add_hand(&guard->wards[i].healer, polled, &count);
	}
	poll(polled, count, wait_ms(guard));
	if (polled[1].revents)
		lose_controller(guard);
}

static void run(struct guard *guard)
{
	struct pollfd *polled = memory_array(3 + 2 * guard->ward_count, sizeof(*polled));

	while (!guard->ending || !all_over(guard)) {
		step_all(guard);
		guard_send(guard);
		if (guard->ending && all_over(guard))
			break;
		wait_for_something(guard, polled);
		listen_to_controller(guard);
		guard_hear_calls(guard);
		if (told_to_heal)
			heal_as_told(guard);
	}
	free(polled);
}

static void make_wards(struct guard *guard)
{
	const struct chaos_section *section = guard->settings->section;

	guard->ward_count = section->fault_count < FAULTS_MAX ? section->fault_count : FAULTS_MAX;
	guard->wards = memory_array(guard->ward_count + 1, sizeof(*guard->wards));
	for (size_t i = 0; i < guard->ward_count; i++) {
		const struct fault *fault = &section->faults[i];
		bool timed = fault->trigger.kind == TRIGGER_AT;

		guard->wards[i] = (struct ward){
			.fault = fault,
			.due_us = timed ? guard->settings->start_us + fault->trigger.at_us :
					  INT64_MAX,
			.keeper = { .fd = -1 },
			.healer = { .fd = -1 },
			.hits = 0,
		};
	}
}

/* The history first: the journal says where it is, for who heals later. */
static bool open_books(struct guard *guard, struct error *err)
{
	const struct supervisor_settings *settings = guard->settings;
	struct journal_settings journal = { settings->state_directory, settings->run,
					    settings->history, settings->start_us };

	if (settings->history)
		guard->history = history_create(settings->history, "chaos", err);
	if (settings->history && !guard->history)
		return false;
	guard->journal = journal_create(&journal, err);
	if (!guard->journal)
		history_close(guard->history);
	return guard->journal != NULL;
}

static void greet(struct guard *guard, enum notice_kind kind, const char *text)
{
	struct notice notice = { .kind = kind };

	snprintf(notice.text, sizeof(notice.text), "%s", text);
	guard_queue(guard, &notice);
}

/* The outcome is the last word; a controller that does not take it gets no more time for it. */
static void say_goodbye(struct guard *guard)
{
	int64_t end_us = clock_now_us() + LAST_WORDS_US;

	guard_tell_outcome(guard);
	while (guard->control >= 0 && guard->notice_count && clock_now_us() < end_us) {
		struct pollfd polled = { guard->control, POLLOUT, 0 };

		poll(&polled, 1, 50);
		guard_send(guard);
	}
}

void supervisor_main(const struct supervisor_settings *settings, int control, int64_t controller)
{
	struct guard guard = {
		.settings = settings, .control = control, .controller = -1, .proxy = settings->proxy
	};
	struct error err;

	setsid();
	settle_signals();
	prctl(PR_SET_NAME, SUPERVISOR_NAME);
	prctl(PR_SET_PDEATHSIG, 0);
	let_go_of_files(control, settings->proxy);
	live_long();
	if (!watch_controller(&guard, controller))
		_exit(0); /* it died at once: nothing was done */
	if (!open_books(&guard, &err)) {
		greet(&guard, NOTICE_BROKEN, err.text);
		_exit(1);
	}
	greet(&guard, NOTICE_READY, journal_path(guard.journal));
	make_wards(&guard);
	run(&guard);
	/* Before the last word, so that who hears it finds no journal of what is healed. */
	journal_close(guard.journal);
	history_close(guard.history);
	say_goodbye(&guard);
	for (size_t i = 0; i < guard.ward_count; i++)
		ward_release(&guard.wards[i]);
	free(guard.wards);
	free(guard.notices);
	_exit(0);
}
