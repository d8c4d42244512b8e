/* Processes, pipes and signals of a run, from start to end. See coordinator_parts.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/coordinator_parts.h"
#include "lib/memory.h"

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

/*
 * A worker whose coordinator is gone ends by itself: its commands end, too. One that is too lost to
 * notice that is ended by the kernel.
 */
enum { LAST_SECONDS = 5 };

static void count_down(int signal)
{
	(void)signal;
	alarm(LAST_SECONDS);
}

static void end_with_coordinator(void)
{
	struct sigaction action = { .sa_handler = count_down, .sa_flags = SA_RESTART };

	sigaction(SIGUSR2, &action, NULL);
	signal(SIGALRM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGUSR2);
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
	end_with_coordinator();
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
	coordinator_write_event(coordinator, EVENT_RUN_STARTED, workers, 0);
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
