#include "loadgen/worker.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "loadgen/crew.h"

enum { UNREAD_MAX = 16 << 10 }; /* a quarter of a pipe: what is written then never waits */

/* The end. */

void worker_consider_end(struct worker *worker)
{
	if (!worker->flow || !flow_over(worker->flow) || !crowds_over(worker))
		return;
	if (worker->users == 0)
		loop_stop(worker->loop);
}

static void cut_everyone_off(struct worker *worker)
{
	worker->cutting_off = true;
	while (worker->youngest)
		user_cut_off(worker->youngest);
	worker_consider_end(worker);
}

static void drained(void *context)
{
	cut_everyone_off(context);
}

static void stop(struct worker *worker)
{
	if (worker->stopping)
		return;
	worker->stopping = true;
	flow_stop(worker->flow);
	crowds_stop(worker);
	alarm_set(worker->loop, &worker->drained, loop_now(worker->loop) + worker->load->drain_us,
		  drained, worker);
	worker_consider_end(worker);
}

static void abort_now(struct worker *worker)
{
	stop(worker);
	worker->aborting = true;
	cut_everyone_off(worker);
}

/* The coordinator's end of the pipe closed: there is no one left to work for. */
static void command_came(evutil_socket_t pipe, short events, void *context)
{
	struct worker *worker = context;
	char command;
	ssize_t got = read(pipe, &command, 1);

	(void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got == 1 && (command == WORKER_PAUSE || command == WORKER_GO_ON))
		worker->paused = command == WORKER_PAUSE;
	else if (got == 1 && command == WORKER_STOP)
		stop(worker);
	else
		abort_now(worker);
	if (got <= 0)
		event_del(worker->command_event);
}

/* Once a second. */

static uint32_t resident_kib(void)
{
	unsigned long total, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file)
		return 0;
	if (fscanf(file, "%lu %lu", &total, &resident) != 2)
		resident = 0;
	fclose(file);
	return (uint32_t)(resident * (unsigned long)sysconf(_SC_PAGESIZE) / 1024);
}

/*
 * A turn that took long, or one that came late: a process that was stopped while it waited has done
 * nothing slowly, but it was not there.
 */
static int64_t stalled_us(struct worker *worker)
{
	int64_t turn_us = loop_longest_turn(worker->loop), late_us = worker->tick_late_us;

	worker->tick_late_us = 0;
	return turn_us > late_us ? turn_us : late_us;
}

static void write_health(struct worker *worker, int64_t now_us, int64_t length_us)
{
	struct record_health *record = history_next(worker->history);
	int64_t cpu_us = clock_cpu_us();
	int64_t spent_us = cpu_us - worker->cpu_before_us;
	int64_t stall_us = stalled_us(worker);

	worker->cpu_before_us = cpu_us;
	if (!record)
		return;
	record->at_us = worker_since_start(worker, now_us);
	record->worker = worker->place->segment;
	/* As if the second had been exactly one: the last one of a run is shorter. */
	record->cpu_us = clamp_u32(length_us > 0 ? spent_us * US_PER_S / length_us : spent_us);
	record->stall_us = clamp_u32(stall_us);
	record->lag_max_us = clamp_u32(worker->tally.lag_max_us);
	record->users = worker->users;
	record->in_flight = worker->visits;
	record->connections = transport_connections(worker->transport);
	record->memory_kib = resident_kib();
	record->sent = (uint32_t)(worker->tally.sent - worker->sent_before);
	record->done = (uint32_t)(worker->tally.done - worker->done_before);
	record->waited = worker->waited;
	record->exhausted = worker->exhausted;
	history_commit(worker->history, RECORD_HEALTH, 0);
}

/* Whoever reads may be held up, by a terminal that was paused: the load goes on without. */
static bool is_listened_to(const struct worker *worker)
{
	int unread = 0;

	return ioctl(worker->place->reports, FIONREAD, &unread) != 0 || unread < UNREAD_MAX;
}

static void report(struct worker *worker)
{
	struct buffer message = BUFFER_EMPTY;

	if (!worker->ended && !is_listened_to(worker))
		return;
	worker->tally.connections = transport_connections(worker->transport);
	worker->tally.lost_records = history_lost(worker->history);
	tally_pack(&worker->tally, &message);
	if (!worker_tell(worker->place->reports, WORKER_TALLY, buffer_text(&message)))
		abort_now(worker);
	buffer_release(&message);
}

static void close_second(struct worker *worker)
{
	int64_t now_us = loop_clock(worker->loop);

	write_health(worker, now_us, now_us - worker->second_began_us);
	report(worker);
	worker->second_began_us = now_us;
	worker->sent_before = worker->tally.sent;
	worker->done_before = worker->tally.done;
	worker->tally.lag_max_us = 0;
	worker->waited = worker->exhausted = 0;
	hist_reset(worker->tally.latency);
}

static void tick(void *context)
{
	struct worker *worker = context;
	int64_t due_us = worker->tick.due_us;
	int64_t late_us = loop_now(worker->loop) - due_us;
	int64_t missed = late_us / US_PER_S;

	worker->tally.seconds += (uint32_t)missed + 1;
	worker->tick_late_us = late_us;
	worker->wall_us = clock_wall_us();
	close_second(worker);
	alarm_set(worker->loop, &worker->tick, due_us + (missed + 1) * US_PER_S, tick, worker);
}

/* Set up and take down. */

static uint8_t most_slots(const struct load *load)
{
	uint8_t most = 0;

	for (uint16_t i = 0; i < load->journey_count; i++)
		if (load->journeys[i].slot_count > most)
			most = load->journeys[i].slot_count;
	return most;
}

static uint32_t share_of_users(const struct load *load, const struct worker_place *place)
{
	uint32_t all = load->plan->max_users;
	uint32_t share = all / place->segments + (place->segment < all % place->segments);

	return share ? share : 1;
}

static bool open_history(struct worker *worker, struct error *err)
{
	char name[32];

	snprintf(name, sizeof(name), "worker-%u", worker->place->segment);
	worker->history = history_create(worker->place->history, name, err);
	return worker->history != NULL;
}

static bool init(struct worker *worker, const struct load *load, const struct worker_place *place,
		 struct error *err)
{
	worker->load = load;
	worker->place = place;
	worker->slot_count = most_slots(load);
	worker->users_max = share_of_users(load, place);
	worker->sampled = memory_array((size_t)load->request_name_count * FAILURE_COUNT / 8 + 1, 1);
	worker->cpu_before_us = clock_cpu_us();
	worker->wall_us = clock_wall_us();
	worker->second_began_us = place->start_us;
	TAILQ_INIT(&worker->idle);
	TAILQ_INIT(&worker->waiting);
	tally_init(&worker->tally);
	signal(SIGPIPE, SIG_IGN);
	worker->loop = loop_new(err);
	if (!worker->loop || !open_history(worker, err))
		return false;
	worker->transport = transport_new(load->transport, load->transfer, worker->loop, err);
	if (!worker->transport)
		return false;
	worker->command_event = event_new(loop_base(worker->loop), place->commands,
					  EV_READ | EV_PERSIST, command_came, worker);
	return worker->command_event && event_add(worker->command_event, NULL) == 0;
}

static void release(struct worker *worker)
{
	crowds_release(worker);
	flow_free(worker->flow);
	users_free(worker);
	visits_free(worker);
	meetings_free(worker);
	transport_free(worker->transport);
	if (worker->command_event)
		event_free(worker->command_event);
	loop_free(worker->loop);
	history_close(worker->history);
	tally_release(&worker->tally);
	buffer_release(&worker->scratch);
	buffer_release(&worker->inflated);
	free(worker->sampled);
}

static void begin(struct worker *worker)
{
	int64_t end_us = worker->place->start_us + plan_duration_us(worker->load->plan);

	fcntl(worker->place->commands, F_SETFL, O_NONBLOCK);
	alarm_set(worker->loop, &worker->tick, worker->place->start_us + US_PER_S, tick, worker);
	alarm_set(worker->loop, &worker->drained, end_us + worker->load->drain_us, drained, worker);
	crowds_begin(worker);
	worker->flow = flow_new(worker);
	worker_consider_end(worker);
}

bool worker_run(const struct load *load, const struct worker_place *place, struct error *err)
{
	struct worker *worker = memory_new(sizeof(*worker));
	bool good = init(worker, load, place, err);

	if (good) {
		begin(worker);
		loop_run(worker->loop);
		worker->ended = true;
		worker->tally.seconds++;
		close_second(worker);
		assert(worker->tally.under_way == 0 && tally_balances(&worker->tally));
	}
	release(worker);
	free(worker);
	return good;
}
