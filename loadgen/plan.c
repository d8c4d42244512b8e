#include "loadgen/plan.h"

#include <math.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/memory.h"

/* A stretch of a phase in which the rate goes along a straight line. */
struct piece {
	double from_s, length_s;
	double rate_from, rate_to;
};

static bool is_open(const struct phase *phase)
{
	return phase->kind == PHASE_RATE || phase->kind == PHASE_CURVE;
}

static uint32_t phase_pieces(const struct phase *phase)
{
	if (phase->kind == PHASE_CURVE)
		return phase->curve_count ? phase->curve_count - 1 : 0;
	return phase->kind == PHASE_RATE ? 1 : 0;
}

static struct piece phase_piece(const struct phase *phase, uint32_t number)
{
	if (phase->kind == PHASE_CURVE) {
		const struct curve_point *a = &phase->curve[number], *b = a + 1;

		return (struct piece){ (double)a->at_us / 1e6, (double)(b->at_us - a->at_us) / 1e6,
				       a->rate, b->rate };
	}
	return (struct piece){ 0, (double)phase->duration_us / 1e6, phase->rate_from,
			       phase->rate_to };
}

static double piece_area(struct piece piece)
{
	return piece.length_s * (piece.rate_from + piece.rate_to) / 2;
}

/* When, within its piece, the area under the rate has reached `area`: a quadratic equation. */
static double piece_time(struct piece piece, double area)
{
	double slope, root;

	if (piece.length_s <= 0 || area <= 0)
		return piece.from_s;
	slope = (piece.rate_to - piece.rate_from) / piece.length_s;
	root = piece.rate_from * piece.rate_from + 2 * slope * area;
	/* This form of the solution is stable when the slope is small, or zero. */
	return piece.from_s +
	       fmin(piece.length_s, 2 * area / (piece.rate_from + sqrt(fmax(root, 0))));
}

static double phase_area(const struct phase *phase)
{
	double area = 0;

	for (uint32_t i = 0; i < phase_pieces(phase); i++)
		area += piece_area(phase_piece(phase, i));
	return area;
}

uint64_t plan_starts_in_phase(const struct plan *plan, uint8_t phase)
{
	return (uint64_t)llround(phase_area(&plan->phases[phase]));
}

uint64_t plan_starts(const struct plan *plan)
{
	uint64_t starts = 0;

	for (uint8_t i = 0; i < plan->phase_count; i++)
		starts += plan_starts_in_phase(plan, i);
	return starts;
}

int64_t plan_duration_us(const struct plan *plan)
{
	const struct phase *last = plan->phase_count ? &plan->phases[plan->phase_count - 1] : NULL;

	return last ? last->start_us + last->duration_us : 0;
}

double phase_rate_at(const struct phase *phase, int64_t since_start_us)
{
	double at_s = (double)since_start_us / 1e6;

	for (uint32_t i = 0; i < phase_pieces(phase); i++) {
		struct piece piece = phase_piece(phase, i);

		if (at_s >= piece.from_s && at_s < piece.from_s + piece.length_s)
			return piece.rate_from + (piece.rate_to - piece.rate_from) *
							 (at_s - piece.from_s) / piece.length_s;
	}
	return 0;
}

uint32_t phase_users_at(const struct phase *phase, int64_t since_start_us)
{
	double share;

	if (phase->kind != PHASE_USERS && phase->kind != PHASE_COUNT)
		return 0;
	if (since_start_us < 0 || since_start_us >= phase->duration_us)
		return 0;
	if (phase->users_from == phase->users_to)
		return phase->users_to;
	share = (double)since_start_us / (double)phase->duration_us;
	return (uint32_t)llround(phase->users_from +
				 share * ((double)phase->users_to - phase->users_from));
}

/* The walk. */

static void begin_phase(struct plan_walk *walk)
{
	walk->in_phase = 0;
	walk->scattered = 0;
	walk->piece = 0;
	walk->piece_area = 0;
	if (walk->phase >= walk->plan->phase_count)
		return;
	walk->of_phase = plan_starts_in_phase(walk->plan, walk->phase);
	walk->area = phase_area(&walk->plan->phases[walk->phase]);
	walk->arrivals = random_stream(walk->plan->seed, "arrivals", walk->phase);
}

void plan_walk_begin(struct plan_walk *walk, const struct plan *plan, uint32_t segment,
		     uint32_t segments)
{
	*walk = (struct plan_walk){ .plan = plan, .segment = segment, .segments = segments };
	deck_begin(&walk->deck, plan, "mix", 0);
	walk->by_journey = memory_array(plan->journey_count, sizeof(*walk->by_journey));
	begin_phase(walk);
}

void plan_walk_release(struct plan_walk *walk)
{
	if (!walk)
		return;
	deck_release(&walk->deck);
	free(walk->by_journey);
	walk->by_journey = NULL;
}

/*
 * The smallest of the numbers still to come, of `left` evenly scattered ones between `from` and 1.
 */
static double next_scattered(struct random *random, double from, uint64_t left)
{
	return from + (1 - from) * -expm1(log1p(-random_unit(random)) / (double)left);
}

/* Where on the phase's area the next arrival lies. */
static double next_area(struct plan_walk *walk, const struct phase *phase)
{
	if (phase->arrivals == ARRIVALS_EVEN)
		return (double)walk->in_phase;
	walk->scattered =
		next_scattered(&walk->arrivals, walk->scattered, walk->of_phase - walk->in_phase);
	return walk->scattered * walk->area;
}

static int64_t area_time_us(struct plan_walk *walk, const struct phase *phase, double area)
{
	struct piece piece = phase_piece(phase, walk->piece);

	while (area >= walk->piece_area + piece_area(piece) &&
	       walk->piece + 1 < phase_pieces(phase)) {
		walk->piece_area += piece_area(piece);
		piece = phase_piece(phase, ++walk->piece);
	}
	return phase->start_us + llround(1e6 * piece_time(piece, area - walk->piece_area));
}

static bool belongs_here(const struct plan_walk *walk, const struct start *start)
{
	uint32_t together = walk->plan->meets ? walk->plan->meets[start->journey] : 0;
	uint64_t group =
		together ? (walk->by_journey[start->journey] - 1) / together : start->number;

	return group % walk->segments == walk->segment;
}

static void count_draws(struct plan_walk *walk, uint16_t journey)
{
	uint64_t sources = walk->plan->sources ? walk->plan->sources[journey] : 0;

	for (; sources; sources &= sources - 1)
		walk->drawn[__builtin_ctzll(sources)]++;
}

static void make_start(struct plan_walk *walk, struct start *start)
{
	const struct phase *phase = &walk->plan->phases[walk->phase];

	start->at_us = area_time_us(walk, phase, next_area(walk, phase));
	start->number = walk->number++;
	start->journey = deck_deal(&walk->deck);
	start->phase = walk->phase;
	walk->in_phase++;
	walk->by_journey[start->journey]++;
	count_draws(walk, start->journey);
}

bool plan_next(struct plan_walk *walk, struct start *start)
{
	while (walk->phase < walk->plan->phase_count) {
		if (!is_open(&walk->plan->phases[walk->phase]) ||
		    walk->in_phase >= walk->of_phase) {
			walk->phase++;
			begin_phase(walk);
			continue;
		}
		make_start(walk, start);
		if (belongs_here(walk, start))
			return true;
	}
	return false;
}

uint32_t plan_segment_of_user(const struct plan *plan, uint32_t user, uint32_t segments)
{
	uint32_t together = 1;

	for (uint16_t i = 0; plan->meets && i < plan->journey_count; i++)
		if (plan->meets[i] > together)
			together = plan->meets[i];
	return user / together % segments;
}
