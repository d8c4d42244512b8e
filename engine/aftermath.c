#include "engine/aftermath.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include "engine/sources.h"
#include "lib/clock.h"
#include "sagas/judge.h"
#include "sagas/settle.h"

/* For as long as readings differ: what a system still does when every saga has come to its end. */
#define QUIET_WITHIN_US (10 * US_PER_S)

__attribute__((format(printf, 2, 3))) static void notice(const struct aftermath *aftermath,
							 const char *format, ...)
{
	char line[300];
	va_list arguments;

	if (!aftermath->notice)
		return;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	aftermath->notice(aftermath->context, line);
}

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static bool is_interrupted(void *context)
{
	(void)context;
	return interrupted != 0;
}

struct handlers {
	struct sigaction old[2];
};

static const int ending[] = { SIGINT, SIGTERM };

/* What whoever started us wants ignored stays so; after a first signal it was us who ignored it. */
static void listen_for_signals(const struct aftermath *aftermath, struct handlers *handlers)
{
	const struct sigaction action = { .sa_handler = interrupt };

	interrupted = 0;
	for (size_t i = 0; i < 2; i++) {
		sigaction(ending[i], NULL, &handlers->old[i]);
		if (aftermath->stopped || handlers->old[i].sa_handler != SIG_IGN)
			sigaction(ending[i], &action, NULL);
	}
}

static void stop_listening(const struct handlers *handlers)
{
	for (size_t i = 0; i < 2; i++)
		sigaction(ending[i], &handlers->old[i], NULL);
}

static struct evidence_settings settings_of(const struct aftermath *aftermath, struct arena *arena,
					    struct history *history)
{
	struct evidence_settings settings =
		sources_of(aftermath->scenario, aftermath->site, aftermath->start_us, arena);

	settings.run = aftermath->run;
	settings.directory = aftermath->history_directory;
	settings.history = history;
	settings.interrupted = is_interrupted;
	return settings;
}

/* A message that waits for its next attempt is not lost, until its time is up. */
static bool owes(void *context)
{
	const struct aftermath *aftermath = context;
	struct error why;
	struct verdicts *verdicts = judge_history(aftermath->history_directory, &why);
	bool any = verdicts && verdicts_any_owed(verdicts);

	verdicts_free(verdicts);
	return any;
}

static int64_t due_us(const struct aftermath *aftermath)
{
	const struct scenario *scenario = aftermath->scenario;
	int64_t within_us = 0;

	for (size_t i = 0; i < scenario->contract_count; i++)
		if (scenario->contracts[i].settles_within_us > within_us)
			within_us = scenario->contracts[i].settles_within_us;
	return aftermath->since_us + within_us;
}

static bool read_all(const struct aftermath *aftermath, struct evidence *evidence,
		     struct error *err)
{
	struct patience patience = { .owes = owes, .context = (void *)(uintptr_t)aftermath };
	struct settled settled;
	bool quiet;

	notice(aftermath, "asking how %" PRIu64 " sagas ended", evidence_sagas(evidence));
	if (!sagas_settle(evidence, aftermath->since_us, &settled, err))
		return interrupted;
	if (settled.open || settled.unreadable)
		notice(aftermath, "%" PRIu64 " sagas have not ended, %" PRIu64 " can't be read",
		       settled.open, settled.unreadable);
	patience.rest_by_us = clock_now_us() + QUIET_WITHIN_US;
	patience.due_us = due_us(aftermath);
	if (!sagas_snapshots(evidence, &patience, &quiet, err))
		return interrupted;
	if (!quiet)
		notice(aftermath, "the system does not come to rest");
	return true;
}

bool aftermath_read(const struct aftermath *aftermath, struct error *err)
{
	struct arena arena = ARENA_EMPTY;
	struct handlers handlers;
	struct evidence_settings settings;
	struct evidence *evidence;
	struct history *history;
	bool good;

	if (!aftermath->scenario->contract_count)
		return true;
	history = history_create(aftermath->history_directory, "evidence", err);
	if (!history)
		return false;
	settings = settings_of(aftermath, &arena, history);
	listen_for_signals(aftermath, &handlers);
	evidence = evidence_new(&settings, err);
	good = evidence && (evidence_sagas(evidence) == 0 || read_all(aftermath, evidence, err));
	evidence_free(evidence);
	stop_listening(&handlers);
	history_close(history);
	arena_release(&arena);
	return good;
}
