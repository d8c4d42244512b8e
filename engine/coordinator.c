#include "engine/coordinator.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/coordinator_parts.h"
#include "lib/clock.h"

enum { MESSAGE_MAX = 1 << 20 };

void coordinator_write_event(struct coordinator *coordinator, enum run_event event, uint32_t number,
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

void coordinator_notice(struct coordinator *coordinator, const char *format, ...)
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
	coordinator_write_event(coordinator, EVENT_WORKER_LOST, number, status);
	if (WIFSIGNALED(status))
		coordinator_notice(coordinator, "worker %u was killed by signal %d (%s)", number,
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
	coordinator_show_if_complete(coordinator);
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
		coordinator_notice(coordinator, "worker %u does not answer: killing it", i);
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

static void stop(struct coordinator *coordinator)
{
	if (coordinator->stopping)
		return;
	coordinator->stopping = true;
	command_all(coordinator, WORKER_STOP);
	expect_end(coordinator, coordinator->load->drain_us);
}

static void signal_came(struct coordinator *coordinator)
{
	struct signalfd_siginfo info;

	if (read(coordinator->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (!coordinator->stop_signal) {
		coordinator->stop_signal = (int)info.ssi_signo;
		coordinator_write_event(coordinator, EVENT_STOP_REQUESTED, info.ssi_signo, 0);
		coordinator_notice(coordinator,
				   "stopping: journeys under way may end (once more: at once)");
		stop(coordinator);
	} else if (!coordinator->aborted) {
		coordinator->aborted = true;
		coordinator_write_event(coordinator, EVENT_ABORTED, info.ssi_signo, 0);
		coordinator_notice(coordinator, "aborting");
		command_all(coordinator, WORKER_ABORT);
		expect_end(coordinator, 0);
	}
}

void coordinator_ask_stop(struct coordinator *coordinator)
{
	if (coordinator->stop_signal)
		return;
	coordinator->stop_signal = SIGINT;
	coordinator_write_event(coordinator, EVENT_STOP_REQUESTED, SIGINT, 0);
	coordinator_notice(coordinator, "stopping: journeys under way may end (Ctrl-C: at once)");
	stop(coordinator);
}

void coordinator_ask_pause(struct coordinator *coordinator, bool paused)
{
	if (coordinator->paused == paused || coordinator->stopping)
		return;
	coordinator->paused = paused;
	coordinator_write_event(coordinator, EVENT_PAUSED, paused, 0);
	coordinator_notice(coordinator, paused ? "paused: starts that are due are dropped" :
						 "going on after the pause");
	command_all(coordinator, paused ? WORKER_PAUSE : WORKER_GO_ON);
}

bool coordinator_is_paused(const struct coordinator *coordinator)
{
	return coordinator->paused;
}

bool coordinator_is_stopping(const struct coordinator *coordinator)
{
	return coordinator->stopping;
}

static uint32_t at_work(const struct coordinator *coordinator)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < coordinator->count; i++)
		count += coordinator->hands[i].messages >= 0;
	return count;
}

static void turn_companion(struct coordinator *coordinator)
{
	const struct companion *companion = coordinator->companion;

	if (!companion)
		return;
	companion->turn(companion->context, clock_now_us() - coordinator->start_us);
	if (companion->wants_stop(companion->context) && !coordinator->stopping) {
		coordinator_write_event(coordinator, EVENT_CUT_SHORT, 0, 0);
		coordinator_notice(coordinator, "stopping: the scenario says so");
		stop(coordinator);
	}
}

static void turn(struct coordinator *coordinator)
{
	const struct companion *companion = coordinator->companion;
	struct pollfd polled[WORKERS_MAX + 2];
	nfds_t count = 0;

	for (uint32_t i = 0; i < coordinator->count; i++)
		polled[count++] = (struct pollfd){ coordinator->hands[i].messages, POLLIN, 0 };
	polled[count++] = (struct pollfd){ companion ? companion->fd : -1, POLLIN, 0 };
	polled[count++] = (struct pollfd){ coordinator->signals, POLLIN, 0 };
	if (poll(polled, count, TURN_MS) < 0)
		return;
	for (uint32_t i = 0; i < coordinator->count; i++)
		if (polled[i].fd >= 0 && polled[i].revents)
			read_messages(coordinator, &coordinator->hands[i]);
	turn_companion(coordinator);
	if (polled[count - 1].revents)
		signal_came(coordinator);
	coordinator_announce_phase(coordinator);
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

void coordinator_accompany(struct coordinator *coordinator, const struct companion *companion)
{
	coordinator->companion = companion;
}

bool coordinator_run(struct coordinator *coordinator, int *signal, struct error *err)
{
	const struct load *load = coordinator->load;

	coordinator->turned_us = clock_now_us();
	expect_end(coordinator, coordinator->start_us - coordinator->turned_us +
					plan_duration_us(load->plan) + load->drain_us);
	while (at_work(coordinator))
		turn(coordinator);
	coordinator_add_up(coordinator);
	*signal = coordinator->stop_signal;
	if (coordinator->troubled)
		return error_set(err, "%s", coordinator->trouble.text);
	write_books(coordinator);
	return true;
}
