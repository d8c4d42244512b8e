#include "engine/coordinator.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/memory.h"

enum { MESSAGE_MAX = 1 << 20, WORKERS_MAX = 256 };

struct hand { /* a worker, seen from here */
	pid_t pid;
	int commands; /* we write */
	int messages; /* we read; -1 when it ended */
	struct buffer unread;
	struct tally last; /* counters so far, latency of its last second */
	bool reported;     /* anything at all */
};

struct coordinator {
	const struct load *load;
	const struct run_options *options;
	struct history *history;
	int64_t start_us;
	struct hand *hands;
	uint32_t count;
	int signals;       /* a signalfd */
	sigset_t old_mask;
	int stop_signal;
	bool aborted;
	int64_t deadline_us;  /* when all workers should have ended; see patience */
	int64_t turned_us;    /* the last turn */
	int64_t overdue_us;
	uint32_t shown_second;
	uint8_t phase;     /* last one announced */
	struct tally total, before, second;
	struct error trouble; /* of a worker that could not work */
	bool troubled;
};

static void write_event(struct coordinator *coordinator, enum run_event event, uint32_t number,
			int64_t value)
{
	struct record_event *record = history_next(coordinator->history);

	if (!record)
		return;
	record->at_us = clock_now_us() - coordinator->start_us;
	record->event = event;
	record->number = number;
	record->value = value;
	history_commit(coordinator->history, RECORD_EVENT, 0);
}

__attribute__((format(printf, 2, 3))) static void notice(struct coordinator *coordinator,
							 const char *format, ...)
{
	char line[256];
	va_list arguments;

	if (!coordinator->options->notice)
		return;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	coordinator->options->notice(coordinator->options->context, line);
}

/* Starting. */

/* As many descriptors as we may have: each user's connection is one. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static const int stopping[] = { SIGINT, SIGTERM, SIGHUP };

/* Without those that whoever started us wants ignored, as nohup does. */
static sigset_t stop_signals(void)
{
	struct sigaction action;
	sigset_t mask;

	sigemptyset(&mask);
	for (size_t i = 0; i < sizeof(stopping) / sizeof(stopping[0]); i++)
		if (sigaction(stopping[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(&mask, stopping[i]);
	return mask;
}

static void ignore_stop_signals(void)
{
	for (size_t i = 0; i < sizeof(stopping) / sizeof(stopping[0]); i++)
		signal(stopping[i], SIG_IGN);
}

/* What the coordinator holds of the others must not stay open here: their pipes would never end. */
static void close_others(const struct coordinator *coordinator)
{
	for (uint32_t i = 0; i < coordinator->count; i++) {
		close(coordinator->hands[i].commands);
		close(coordinator->hands[i].messages);
	}
	close(coordinator->signals);
}

__attribute__((noreturn)) static void be_worker(const struct coordinator *coordinator,
						const struct worker_place *place)
{
	struct error err;
	bool good;

	prctl(PR_SET_NAME, "sagastorm-load");
	/* Terminals and supervisors send them to all of us; the coordinator says what to do. */
	ignore_stop_signals();
	signal(SIGPIPE, SIG_IGN);
	close_others(coordinator);
	sigprocmask(SIG_SETMASK, &coordinator->old_mask, NULL);
	raise_limits();
	good = worker_run(coordinator->load, place, &err);
	if (!good)
		worker_tell(place->reports, WORKER_ERROR, text_of(err.text));
	_exit(good ? 0 : 1);
}

static bool start_worker(struct coordinator *coordinator, uint32_t segments,
			 const char *history_directory, struct error *err)
{
	struct worker_place place = { .segment = coordinator->count,
				      .segments = segments,
				      .start_us = coordinator->start_us,
				      .history = history_directory };
	struct hand *hand = &coordinator->hands[coordinator->count];
	int commands[2], messages[2];

	if (pipe2(commands, O_CLOEXEC) != 0)
		return error_errno(err, "cannot make a pipe");
	if (pipe2(messages, O_CLOEXEC) != 0) {
		close(commands[0]);
		close(commands[1]);
		return error_errno(err, "cannot make a pipe");
	}
	place.commands = commands[0];
	place.reports = messages[1];
	fflush(NULL);
	hand->pid = fork();
	if (hand->pid == 0) {
		close(commands[1]);
		close(messages[0]);
		be_worker(coordinator, &place);
	}
	close(commands[0]);
	close(messages[1]);
	hand->commands = commands[1];
	hand->messages = messages[0];
	if (hand->pid < 0) {
		close(commands[1]);
		close(messages[0]);
		return error_errno(err, "cannot start a worker");
	}
	tally_init(&hand->last);
	coordinator->count++;
	return true;
}

static bool watch_signals(struct coordinator *coordinator, struct error *err)
{
	sigset_t mask = stop_signals();

	sigprocmask(SIG_BLOCK, &mask, &coordinator->old_mask);
	coordinator->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return coordinator->signals >= 0 || error_errno(err, "cannot watch for signals");
}

/*
 * What came too late for the run is not for its report to die of. Nor is what still comes from
 * someone who was heard already: the run stops, and its report is all that is left to do.
 */
static void unwatch_signals(struct coordinator *coordinator)
{
	const struct timespec now = { 0, 0 };
	sigset_t mask = stop_signals();

	if (coordinator->signals < 0)
		return;
	close(coordinator->signals);
	while (sigtimedwait(&mask, NULL, &now) > 0)
		continue;
	if (coordinator->stop_signal)
		ignore_stop_signals();
	sigprocmask(SIG_SETMASK, &coordinator->old_mask, NULL);
}

struct coordinator *coordinator_new(const struct load *load, uint32_t workers, int64_t start_us,
				    const char *history_directory, struct history *history,
				    const struct run_options *options, struct error *err)
{
	struct coordinator *coordinator = memory_new(sizeof(*coordinator));

	coordinator->signals = -1;
	coordinator->load = load;
	coordinator->options = options;
	coordinator->history = history;
	coordinator->start_us = start_us;
	coordinator->phase = UINT8_MAX;
	coordinator->hands = memory_array(workers, sizeof(*coordinator->hands));
	tally_init(&coordinator->total);
	tally_init(&coordinator->before);
	tally_init(&coordinator->second);
	if (!watch_signals(coordinator, err))
		goto failed;
	write_event(coordinator, EVENT_RUN_STARTED, workers, 0);
	for (uint32_t i = 0; i < workers; i++)
		if (!start_worker(coordinator, workers, history_directory, err))
			goto failed;
	return coordinator;
failed:
	coordinator_free(coordinator);
	return NULL;
}

/* A worker whose commands end gives up at once; then it is waited for. */
void coordinator_free(struct coordinator *coordinator)
{
	if (!coordinator)
		return;
	for (uint32_t i = 0; i < coordinator->count; i++) {
		struct hand *hand = &coordinator->hands[i];

		close(hand->commands);
		if (hand->messages >= 0)
			close(hand->messages);
		if (hand->pid > 0)
			waitpid(hand->pid, NULL, 0);
		buffer_release(&hand->unread);
		tally_release(&hand->last);
	}
	unwatch_signals(coordinator);
	tally_release(&coordinator->total);
	tally_release(&coordinator->before);
	tally_release(&coordinator->second);
	free(coordinator->hands);
	free(coordinator);
}

const struct tally *coordinator_total(const struct coordinator *coordinator)
{
	return &coordinator->total;
}

/* Progress. */

static void add_up(struct coordinator *coordinator)
{
	tally_release(&coordinator->total);
	tally_init(&coordinator->total);
	for (uint32_t i = 0; i < coordinator->count; i++)
		tally_merge(&coordinator->total, &coordinator->hands[i].last);
}

/* What the second added: the difference of the counters, and its own latencies. */
static void take_second(struct coordinator *coordinator)
{
	const struct tally *now = &coordinator->total;
	struct tally *before = &coordinator->before, *second = &coordinator->second;

	hist_reset(second->latency);
	hist_merge(second->latency, now->latency);
	second->lag_max_us = now->lag_max_us;
	second->scheduled = now->scheduled - before->scheduled;
	second->sent = now->sent - before->sent;
	second->done = now->done - before->done;
	for (int i = 0; i < OUTCOME_COUNT; i++)
		second->outcomes[i] = now->outcomes[i] - before->outcomes[i];
	for (int i = 0; i < FAILURE_COUNT; i++)
		second->failures[i] = now->failures[i] - before->failures[i];
	hist_reset(before->latency);
	*before = (struct tally){ .latency = before->latency };
	tally_merge(before, now);
}

static const struct phase *phase_at(struct coordinator *coordinator, int64_t at_us, uint8_t *number)
{
	const struct plan *plan = coordinator->load->plan;

	for (*number = 0; *number < plan->phase_count; ++*number) {
		const struct phase *phase = &plan->phases[*number];

		if (at_us >= phase->start_us && at_us < phase->start_us + phase->duration_us)
			return phase;
	}
	return NULL;
}

static void announce_phase(struct coordinator *coordinator)
{
	int64_t at_us = clock_now_us() - coordinator->start_us;
	uint8_t number;
	const struct phase *phase = phase_at(coordinator, at_us, &number);

	if (!phase || number == coordinator->phase || coordinator->stop_signal)
		return;
	coordinator->phase = number;
	write_event(coordinator, EVENT_PHASE_STARTED, number, 0);
	notice(coordinator, "phase '%s' for %g s", phase->name, (double)phase->duration_us / 1e6);
}

static void show(struct coordinator *coordinator)
{
	int64_t at_us = clock_now_us() - coordinator->start_us;
	int64_t middle_us = at_us - US_PER_S / 2; /* of the second that is shown */
	uint8_t number;
	const struct phase *phase = phase_at(coordinator, middle_us, &number);
	struct run_progress progress = {
		.at_s = (double)at_us / 1e6,
		.planned_s = (double)plan_duration_us(coordinator->load->plan) / 1e6,
		.total = &coordinator->total,
		.second = &coordinator->second,
		.stopping = coordinator->stop_signal != 0,
	};

	if (phase && !coordinator->stop_signal) {
		progress.phase = phase->name;
		progress.target_rate = phase_rate_at(phase, middle_us - phase->start_us);
		progress.target_users = phase_users_at(phase, middle_us - phase->start_us);
	}
	if (coordinator->options->progress)
		coordinator->options->progress(coordinator->options->context, &progress);
}

/* The last second that every worker at work has told about. */
static uint32_t complete_second(const struct coordinator *coordinator)
{
	uint32_t second = UINT32_MAX;

	for (uint32_t i = 0; i < coordinator->count; i++)
		if (coordinator->hands[i].messages >= 0 &&
		    coordinator->hands[i].last.seconds < second)
			second = coordinator->hands[i].last.seconds;
	return second == UINT32_MAX ? coordinator->shown_second : second;
}

static void show_if_complete(struct coordinator *coordinator)
{
	uint32_t second = complete_second(coordinator);

	if (second <= coordinator->shown_second)
		return;
	coordinator->shown_second = second;
	add_up(coordinator);
	take_second(coordinator);
	show(coordinator);
}

/* Messages. */

static void note_trouble(struct coordinator *coordinator, struct text text)
{
	if (!coordinator->troubled)
		error_set(&coordinator->trouble, "%.*s", TEXT_ARG(text));
	coordinator->troubled = true;
}

static void take_message(struct coordinator *coordinator, struct hand *hand, char kind,
			 struct text text)
{
	struct error why;

	if (kind == WORKER_ERROR)
		note_trouble(coordinator, text);
	else if (kind == WORKER_TALLY && !tally_unpack(&hand->last, &text, &why))
		note_trouble(coordinator, text_of(why.text));
	hand->reported = true;
}

static uint32_t read_length(const char *bytes)
{
	uint32_t length = 0;

	for (int i = 0; i < 4; i++)
		length |= (uint32_t)(unsigned char)bytes[i] << (8 * i);
	return length;
}

static void take_messages(struct coordinator *coordinator, struct hand *hand)
{
	size_t at = 0;

	while (hand->unread.length - at >= 5) {
		const char *message = hand->unread.data + at;
		uint32_t length = read_length(message);

		if (length < 1 || length > MESSAGE_MAX) {
			note_trouble(coordinator, text_of("a worker sent what is not a message"));
			at = hand->unread.length;
			break;
		}
		if (hand->unread.length - at < 4 + (size_t)length)
			break;
		take_message(coordinator, hand, message[4],
			     (struct text){ message + 5, length - 1 });
		at += 4 + (size_t)length;
	}
	memmove(hand->unread.data, hand->unread.data + at, hand->unread.length - at);
	hand->unread.length -= at;
}

static void hand_ended(struct coordinator *coordinator, struct hand *hand)
{
	uint32_t number = (uint32_t)(hand - coordinator->hands);
	int status = 0;

	close(hand->messages);
	hand->messages = -1;
	waitpid(hand->pid, &status, 0);
	hand->pid = -1;
	if (status == 0)
		return;
	write_event(coordinator, EVENT_WORKER_LOST, number, status);
	if (WIFSIGNALED(status))
		notice(coordinator, "worker %u was killed by signal %d (%s)", number,
		       WTERMSIG(status), strsignal(WTERMSIG(status)));
}

static void read_messages(struct coordinator *coordinator, struct hand *hand)
{
	ssize_t got = read(hand->messages, buffer_reserve(&hand->unread, 64 * 1024), 64 * 1024);

	if (got < 0 && errno == EINTR)
		return;
	if (got <= 0) {
		hand_ended(coordinator, hand);
	} else {
		hand->unread.length += (size_t)got;
		take_messages(coordinator, hand);
	}
	show_if_complete(coordinator);
}

/* Patience: a worker that does not end would keep the run from ending. */

/*
 * Waking up, writing what was under way into the history, on a machine that has other things to do.
 */
enum { PATIENCE_US = 30000000, PATIENCE_ABORTED_US = 5000000, TURN_MS = 100 };

static void expect_end(struct coordinator *coordinator, int64_t in_us)
{
	coordinator->deadline_us = clock_now_us() + in_us;
	coordinator->overdue_us = 0;
}

static void kill_all(struct coordinator *coordinator)
{
	for (uint32_t i = 0; i < coordinator->count; i++) {
		if (coordinator->hands[i].messages < 0)
			continue;
		notice(coordinator, "worker %u does not answer: killing it", i);
		kill(coordinator->hands[i].pid, SIGKILL);
	}
}

/*
 * Only the time that we saw pass counts: we may all have been stopped together, and nobody is late.
 */
static void lose_patience(struct coordinator *coordinator)
{
	int64_t now_us = clock_now_us(), passed_us = now_us - coordinator->turned_us;
	int64_t patience_us = coordinator->aborted ? PATIENCE_ABORTED_US : PATIENCE_US;

	coordinator->turned_us = now_us;
	if (now_us < coordinator->deadline_us)
		return;
	coordinator->overdue_us +=
		passed_us < 2 * TURN_MS * US_PER_MS ? passed_us : 2 * TURN_MS * US_PER_MS;
	if (coordinator->overdue_us < patience_us)
		return;
	coordinator->overdue_us = 0;
	kill_all(coordinator);
}

/* Signals. */

static void command_all(struct coordinator *coordinator, enum worker_command command)
{
	char byte = (char)command;

	for (uint32_t i = 0; i < coordinator->count; i++)
		if (write(coordinator->hands[i].commands, &byte, 1) != 1)
			continue; /* it has ended; its messages will say so */
}

static void signal_came(struct coordinator *coordinator)
{
	struct signalfd_siginfo info;

	if (read(coordinator->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (!coordinator->stop_signal) {
		coordinator->stop_signal = (int)info.ssi_signo;
		write_event(coordinator, EVENT_STOP_REQUESTED, info.ssi_signo, 0);
		notice(coordinator, "stopping: journeys under way may end (once more: at once)");
		command_all(coordinator, WORKER_STOP);
		expect_end(coordinator, coordinator->load->drain_us);
	} else if (!coordinator->aborted) {
		coordinator->aborted = true;
		write_event(coordinator, EVENT_ABORTED, info.ssi_signo, 0);
		notice(coordinator, "aborting");
		command_all(coordinator, WORKER_ABORT);
		expect_end(coordinator, 0);
	}
}

static uint32_t at_work(const struct coordinator *coordinator)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < coordinator->count; i++)
		count += coordinator->hands[i].messages >= 0;
	return count;
}

static void turn(struct coordinator *coordinator)
{
	struct pollfd polled[WORKERS_MAX + 1];
	nfds_t count = 0;

	for (uint32_t i = 0; i < coordinator->count; i++)
		polled[count++] = (struct pollfd){ coordinator->hands[i].messages, POLLIN, 0 };
	polled[count++] = (struct pollfd){ coordinator->signals, POLLIN, 0 };
	if (poll(polled, count, TURN_MS) < 0)
		return;
	for (uint32_t i = 0; i < coordinator->count; i++)
		if (polled[i].fd >= 0 && polled[i].revents)
			read_messages(coordinator, &coordinator->hands[i]);
	if (polled[count - 1].revents)
		signal_came(coordinator);
	announce_phase(coordinator);
	lose_patience(coordinator);
}

static void write_books(struct coordinator *coordinator)
{
	struct record_event *record = history_next(coordinator->history);

	if (!record)
		return;
	record->at_us = clock_now_us() - coordinator->start_us;
	record->event = EVENT_RUN_ENDED;
	record->value = (int64_t)coordinator->total.lost_records;
	memcpy(record->books, coordinator->total.outcomes, sizeof(record->books));
	history_commit(coordinator->history, RECORD_EVENT, 0);
}

bool coordinator_run(struct coordinator *coordinator, int *signal, struct error *err)
{
	const struct load *load = coordinator->load;

	coordinator->turned_us = clock_now_us();
	expect_end(coordinator, coordinator->start_us - coordinator->turned_us +
					plan_duration_us(load->plan) + load->drain_us);
	while (at_work(coordinator))
		turn(coordinator);
	add_up(coordinator);
	*signal = coordinator->stop_signal;
	if (coordinator->troubled)
		return error_set(err, "%s", coordinator->trouble.text);
	write_books(coordinator);
	return true;
}
