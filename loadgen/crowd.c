/*
 * Closed phases: a crowd of seats; who leaves one begins again at once. See crew.h.
 *
 * Seat s of the phase is taken while phase_users_at() is above s, by the worker that
 * plan_segment_of_user() names. A phase with `iterations` gives each worker its share of them.
 */
#include <math.h>
#include <stdlib.h>

#include "lib/memory.h"
#include "loadgen/crew.h"

enum {
	SEATS_PER_TURN = 64,
	TRY_AGAIN_US = 100000, /* a seat that was not taken: no room in the worker, or a pause */
};

struct seat {
	struct crowd *crowd;
	struct alarm alarm; /* until it is taken again */
};

struct crowd {
	struct worker *worker;
	const struct phase *phase;
	uint8_t number;       /* of the phase */
	struct seat *seats;
	uint32_t next_seat;   /* to be taken for the first time */
	uint32_t seated;      /* users under way */
	uint64_t first_number; /* of closed starts: they follow the open ones */
	uint64_t left;        /* starts of a phase with `iterations` still to make */
	uint64_t draws[SOURCES_MAX];
	struct deck deck;
	struct alarm alarm;
	bool over;            /* nobody sits down any more */
};

static uint32_t seats(const struct phase *phase)
{
	return phase->users_from > phase->users_to ? phase->users_from : phase->users_to;
}

static int64_t since_start_us(const struct crowd *crowd, int64_t at_us)
{
	return worker_since_start(crowd->worker, at_us) - crowd->phase->start_us;
}

static bool may_begin(const struct crowd *crowd, uint32_t seat, int64_t at_us)
{
	if (crowd->over || crowd->worker->stopping)
		return false;
	if (crowd->phase->kind == PHASE_COUNT && !crowd->left)
		return false;
	return phase_users_at(crowd->phase, since_start_us(crowd, at_us)) > seat;
}

/* Each worker has its own residue. */
static uint32_t start_number(const struct crowd *crowd)
{
	const struct worker *worker = crowd->worker;
	uint64_t mine = worker->closed_starts * worker->place->segments + worker->place->segment;

	return (uint32_t)(crowd->first_number + mine);
}

static void sit_down_again(void *context);

/* In a pause the seat stays empty. Nobody planned a start, so none is dropped. */
static void wait_in_seat(struct crowd *crowd, uint32_t seat)
{
	struct loop *loop = crowd->worker->loop;

	alarm_set(loop, &crowd->seats[seat].alarm, loop_now(loop) + TRY_AGAIN_US, sit_down_again,
		  &crowd->seats[seat]);
}

static void begin(struct crowd *crowd, uint32_t seat, int64_t at_us)
{
	struct worker *worker = crowd->worker;
	struct beginning beginning = {
		.start = { .at_us = worker_since_start(worker, at_us),
			   .number = start_number(crowd),
			   .journey = deck_deal(&crowd->deck),
			   .phase = crowd->number },
		.draws = crowd->draws,
		.crowd = crowd,
		.seat = seat,
	};

	crowd->seated++;
	if (worker->paused) {
		wait_in_seat(crowd, seat);
		return;
	}
	worker->closed_starts++;
	for (uint8_t i = 0; i < worker->load->source_count; i++)
		crowd->draws[i] = beginning.start.number;
	crowd->left -= crowd->left > 0;
	if (!user_begin(worker, &beginning))
		wait_in_seat(crowd, seat);
}

/* When seat s is first taken: at once, or when the ramp has come to it. */
static int64_t taken_at_us(const struct crowd *crowd, uint32_t seat)
{
	const struct phase *phase = crowd->phase;
	int64_t start_us = crowd->worker->place->start_us + phase->start_us;
	double share;

	if (seat < phase->users_from)
		return start_us;
	share = (seat + 0.5 - phase->users_from) / ((double)phase->users_to - phase->users_from);
	return start_us + (int64_t)ceil(share * (double)phase->duration_us);
}

static bool is_ours(const struct crowd *crowd, uint32_t seat)
{
	const struct worker_place *place = crowd->worker->place;

	return plan_segment_of_user(crowd->worker->load->plan, seat, place->segments) ==
	       place->segment;
}

static void close_phase(void *context)
{
	struct crowd *crowd = context;

	crowd->over = true;
	worker_consider_end(crowd->worker);
}

static void take_seats(void *context)
{
	struct crowd *crowd = context;
	struct loop *loop = crowd->worker->loop;
	uint32_t all = seats(crowd->phase);

	for (int i = 0; crowd->next_seat < all && i < SEATS_PER_TURN; crowd->next_seat++) {
		int64_t due_us = taken_at_us(crowd, crowd->next_seat);

		if (due_us > loop_now(loop))
			break;
		if (!is_ours(crowd, crowd->next_seat))
			continue;
		if (may_begin(crowd, crowd->next_seat, due_us))
			begin(crowd, crowd->next_seat, due_us);
		i++;
	}
	if (crowd->phase->kind == PHASE_COUNT && !crowd->left && !crowd->seated)
		crowd->over = true;
	if (crowd->over)
		worker_consider_end(crowd->worker);
	else if (crowd->next_seat < all)
		alarm_set(loop, &crowd->alarm, taken_at_us(crowd, crowd->next_seat), take_seats,
			  crowd);
	else
		alarm_set(loop, &crowd->alarm,
			  crowd->worker->place->start_us + crowd->phase->start_us +
				  crowd->phase->duration_us,
			  close_phase, crowd);
}

static void rest(struct crowd *crowd)
{
	crowd->seated--;
	if (crowd->phase->kind == PHASE_COUNT && !crowd->left && !crowd->seated)
		crowd->over = true;
}

static void sit_down_again(void *context)
{
	struct seat *seat = context;
	struct crowd *crowd = seat->crowd;
	uint32_t number = (uint32_t)(seat - crowd->seats);

	rest(crowd);
	if (may_begin(crowd, number, seat->alarm.due_us))
		begin(crowd, number, seat->alarm.due_us);
	else
		worker_consider_end(crowd->worker);
}

/*
 * Begins again at once when the journey asked for something: the next one then lets go, too. One
 * that asked for nothing might never; it begins again from an alarm.
 */
void crowd_user_left(struct crowd *crowd, uint32_t seat, bool asked, int64_t at_us)
{
	if (!may_begin(crowd, seat, at_us)) {
		rest(crowd);
	} else if (asked) {
		rest(crowd);
		begin(crowd, seat, at_us);
	} else {
		alarm_set(crowd->worker->loop, &crowd->seats[seat].alarm, at_us, sit_down_again,
			  &crowd->seats[seat]);
	}
}

static uint64_t share_of(uint64_t all, const struct worker_place *place)
{
	return all / place->segments + (place->segment < all % place->segments);
}

static void begin_crowd(struct crowd *crowd, struct worker *worker, uint8_t number)
{
	const struct phase *phase = &worker->load->plan->phases[number];

	*crowd = (struct crowd){ .worker = worker, .phase = phase, .number = number };
	crowd->left = share_of(phase->iterations, worker->place);
	crowd->first_number = plan_starts(worker->load->plan);
	crowd->seats = memory_array(seats(phase), sizeof(*crowd->seats));
	for (uint32_t i = 0; i < seats(phase); i++)
		crowd->seats[i].crowd = crowd;
	deck_begin(&crowd->deck, worker->load->plan, "crowd",
		   (uint64_t)number << 32 | worker->place->segment);
	alarm_set(worker->loop, &crowd->alarm, worker->place->start_us + phase->start_us,
		  take_seats, crowd);
}

void crowds_begin(struct worker *worker)
{
	const struct plan *plan = worker->load->plan;

	worker->crowds = memory_array(plan->phase_count, sizeof(*worker->crowds));
	for (uint8_t i = 0; i < plan->phase_count; i++)
		if (plan->phases[i].kind == PHASE_USERS || plan->phases[i].kind == PHASE_COUNT)
			begin_crowd(&worker->crowds[worker->crowd_count++], worker, i);
}

static void stop(struct crowd *crowd)
{
	crowd->over = true;
	alarm_clear(crowd->worker->loop, &crowd->alarm);
	for (uint32_t i = 0; i < seats(crowd->phase); i++) {
		if (!crowd->seats[i].alarm.place)
			continue;
		alarm_clear(crowd->worker->loop, &crowd->seats[i].alarm);
		crowd->seated--;
	}
}

void crowds_stop(struct worker *worker)
{
	for (size_t i = 0; i < worker->crowd_count; i++)
		stop(&worker->crowds[i]);
}

static void release(struct crowd *crowd)
{
	deck_release(&crowd->deck);
	free(crowd->seats);
}

void crowds_release(struct worker *worker)
{
	crowds_stop(worker);
	for (size_t i = 0; i < worker->crowd_count; i++)
		release(&worker->crowds[i]);
	free(worker->crowds);
}

bool crowds_over(const struct worker *worker)
{
	for (size_t i = 0; i < worker->crowd_count; i++)
		if (!worker->crowds[i].over || worker->crowds[i].seated)
			return false;
	return true;
}
