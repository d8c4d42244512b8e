/*
 * plan: phases -> intended start times. Pure: the same (plan, seed) gives the same starts on every
 * machine, and segment i of n can be told without talking to the others.
 *
 *	struct plan_walk walk = plan_walk_begin(&plan, segment, segments);
 *	while (plan_next(&walk, &start)) ...    // in time order, only this segment's starts
 *
 * Open phases plan every start. Closed phases plan their users; how often those start is up to the
 * system, so their starts are not here (see loadgen/crowd.c).
 *
 * Even arrivals come where the cumulated rate reaches 0, 1, 2, ... Poisson arrivals are as many,
 * but scattered: a Poisson process given its count, so that the load is exactly what was promised.
 */
#ifndef LOADGEN_PLAN_H
#define LOADGEN_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buffer.h"
#include "lib/random.h"

enum { PHASES_MAX = 200, JOURNEYS_MAX = 250 };

enum phase_kind {
	PHASE_RATE,  /* open: a rate, or a ramp from one rate to another */
	PHASE_CURVE, /* open: a recorded arrival curve */
	PHASE_USERS, /* closed: so many users, for a time; may ramp */
	PHASE_COUNT, /* closed: so many users, until they have made so many starts in all */
	PHASE_PAUSE, /* nothing starts */
};

enum arrivals { ARRIVALS_EVEN, ARRIVALS_POISSON };

struct curve_point {
	int64_t at_us;
	double rate;
};

struct phase {
	char *name;
	enum phase_kind kind;
	int64_t start_us;    /* since the start of the run */
	int64_t duration_us; /* PHASE_COUNT: at most */
	double rate_from, rate_to;
	enum arrivals arrivals;
	struct curve_point *curve;
	uint32_t curve_count;
	uint32_t users_from, users_to;
	uint64_t iterations;
	bool measured;
};

struct mix_entry {
	uint16_t journey;
	double weight;
};

struct plan {
	uint64_t seed;
	struct phase *phases; /* `steps` and `spike` were unfolded into these */
	uint8_t phase_count;
	struct mix_entry *mix;
	uint16_t mix_count;
	uint16_t journey_count;
	const uint32_t *meets;   /* per journey: users per rendezvous, or 0 */
	const uint64_t *sources; /* per journey: bit per data source that it draws from */
	uint32_t max_users;      /* in all segments together */
};

struct start {
	int64_t at_us;
	uint32_t number;  /* unique in the run */
	uint16_t journey;
	uint8_t phase;
};

int64_t plan_duration_us(const struct plan *plan);
uint64_t plan_starts(const struct plan *plan); /* planned ones, of open phases */
uint64_t plan_starts_in_phase(const struct plan *plan, uint8_t phase);
double phase_rate_at(const struct phase *phase, int64_t since_start_us);
uint32_t phase_users_at(const struct phase *phase, int64_t since_start_us);

/*
 * The mix, dealt from a seeded deck: any run of a deck's length has exactly the shares asked for.
 * Every segment deals the whole deck, so all agree on the journey of start k.
 */
struct deck {
	struct random random;
	uint16_t *cards;
	uint32_t size, dealt;
};
void deck_begin(struct deck *deck, const struct plan *plan, const char *stream, uint64_t index);
uint16_t deck_deal(struct deck *deck);
void deck_release(struct deck *deck);

/*
 * Start k belongs to segment k mod n, except that users of one rendezvous stay together: the j-th
 * start of a meeting journey belongs to segment (j / users) mod n.
 *
 * `drawn` counts, for each data source, the starts so far that draw from it, this one included: the
 * same in every segment, so each start has its own row without anyone asking anyone.
 */
enum { SOURCES_MAX = 64 };

struct plan_walk {
	const struct plan *plan;
	uint32_t segment, segments;
	uint8_t phase;
	uint32_t number;     /* of the next start of any segment */
	uint64_t in_phase;   /* starts made in this phase so far */
	uint64_t of_phase;   /* starts this phase makes in all */
	double area;         /* the same, before it was rounded */
	double scattered;    /* Poisson: share of the phase's area passed so far */
	uint32_t piece;      /* of the phase's rate, see phase_piece() in plan.c */
	double piece_area;   /* starts before that piece */
	struct random arrivals;
	struct deck deck;
	uint64_t *by_journey; /* starts so far */
	uint64_t drawn[SOURCES_MAX];
};
void plan_walk_begin(struct plan_walk *walk, const struct plan *plan, uint32_t segment,
		     uint32_t segments);
bool plan_next(struct plan_walk *walk, struct start *start);
void plan_walk_release(struct plan_walk *walk);

/* Which segment a user of a closed phase belongs to: those who may meet stay together. */
uint32_t plan_segment_of_user(const struct plan *plan, uint32_t user, uint32_t segments);

/*
 * For `check --plan`: phases with times, rates and planned starts per journey, and a digest that
 * is the same for the same plan.
 */
void plan_describe(const struct plan *plan, char *const *journey_names, struct buffer *out);

#endif
