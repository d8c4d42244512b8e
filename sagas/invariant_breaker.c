#include "sagas/invariants.h"

/* Words of READING_BREAKER. */
enum { CLOSED, OPEN, HALF_OPEN };

enum { CALLS_MAX = 50 }; /* of one saga over one edge in a second: no backoff comes to that */

/* Somebody must have tried it: an open breaker that nobody asks stays as it is. */
static bool was_tried(const struct judgement *judgement, int64_t from_us, int64_t to_us)
{
	for (uint32_t i = 0; i < judgement->judge->highest; i++) {
		const struct saga *saga = judge_saga(judgement->judge, i);

		if (saga && saga->flags & SAGA_HAS_OK && (int64_t)saga->ok_ms * 1000 > from_us &&
		    (int64_t)saga->ok_ms * 1000 < to_us)
			return true;
	}
	return false;
}

static void look(struct judgement *judgement, const struct record_reading *first, size_t count)
{
	int64_t settled_us =
		judgement->judge->healed_us + judgement->of->contract->settles_within_us;
	const struct record_reading *last = &first[count - 1];
	bool opened = false;
	char name[32];

	for (size_t i = 0; i < count; i++)
		opened = opened || first[i].value != CLOSED;
	if (!opened)
		return;
	reading_name(last, name);
	if (last->value != OPEN)
		judgement_held(judgement, 1);
	else if (last->at_us > settled_us && was_tried(judgement, settled_us, last->at_us))
		judgement_found(judgement, CHECK_FACT, SAGA_NONE, name, last->at_us,
				"still open at %s; all was healed at %s", AT(last->at_us),
				AT(judgement->judge->healed_us));
	else
		judgement_found(judgement, CHECK_UNKNOWN, SAGA_NONE, name, last->at_us,
				"it was open at the end, and nothing went over it since the heal");
}

static bool same_calls(const struct judge_hit *a, const struct judge_hit *b)
{
	return a->correlation == b->correlation && a->edge == b->edge;
}

/* Hits are sorted by correlation, edge and time. */
static void floods(struct judgement *judgement)
{
	const struct judge *judge = judgement->judge;
	size_t from = 0, told = SIZE_MAX;

	for (size_t i = 0; i < judge->hit_count; i++) {
		const struct judge_hit *hit = &judge->hits[i];

		while (!same_calls(&judge->hits[from], hit) ||
		       judge->hits[from].at_us + 1000000 < hit->at_us)
			from++;
		if (i - from < CALLS_MAX ||
		    (told != SIZE_MAX && same_calls(&judge->hits[told], hit)))
			continue;
		told = i;
		judgement_found(judgement, CHECK_FACT, SAGA_NONE,
				hit->edge < judge->edge_count ? judge->edges[hit->edge] : "an edge",
				hit->at_us,
				"one saga's call was tried more than %d times within a second (%s)",
				CALLS_MAX, AT(hit->at_us));
	}
}

static void breaker(struct judgement *judgement)
{
	struct reading_range range = readings_of(judgement->judge, judgement->of->contract->number,
						 READING_BREAKER, READING_BREAKER);
	size_t count;

	for (size_t i = 0; i < range.count; i += count) {
		count = readings_same_item(range, i);
		look(judgement, range.first + i, count);
	}
	floods(judgement);
}

const struct invariant invariant_breaker = {
	.name = "breaker",
	.statement = "it opens after its failures, lets nothing through, closes again",
	.catches = "an open breaker stays open for good, or a loop tries until it works",
	.needs = NEED_BREAKER,
	.all = breaker,
};
