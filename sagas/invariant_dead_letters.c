#include "sagas/invariants.h"

static enum check left_behind(const struct saga_case *about, struct finding *finding)
{
	if (!(about->saga->flags & SAGA_HAS_DEAD))
		return CHECK_NONE;
	if (about->fate == FATE_UNKNOWN)
		return found(finding, CHECK_UNKNOWN, 0,
			     "a saga with a dead letter could not be asked for");
	if (about->fate == FATE_SUCCEEDED || about->fate == FATE_COMPENSATED)
		return CHECK_HELD;
	return found(finding, CHECK_VIOLATED, -1,
		     "a dead letter is about it, and it is %s: nobody took care",
		     case_ending(about));
}

static void count_queue(struct judgement *judgement, const struct record_reading *first,
			size_t count, uint16_t snapshot)
{
	int64_t sums[3] = { 0 };
	char name[32];

	for (size_t i = 0; i < count; i++)
		if (first[i].snapshot == snapshot)
			sums[first[i].what - READING_PUBLISHED] = first[i].value;
	if (sums[0] == sums[1] + sums[2])
		judgement_held(judgement, 1);
	else
		judgement_found(judgement, CHECK_VIOLATED, SAGA_NONE, reading_name(first, name),
				first[count - 1].at_us,
				"%" PRId64 " published, %" PRId64 " consumed and %" PRId64
				" dead: %" PRId64 " %s",
				sums[0], sums[1], sums[2], imaxabs(sums[0] - sums[1] - sums[2]),
				sums[0] > sums[1] + sums[2] ? "are lost" : "too many");
}

static void queues(struct judgement *judgement)
{
	struct reading_range range = readings_of(judgement->judge, judgement->of->contract->number,
						 READING_PUBLISHED, READING_DEAD);
	uint16_t last = readings_last(range);
	size_t count;

	for (size_t i = 0; i < range.count; i += count) {
		count = readings_same_item(range, i);
		count_queue(judgement, range.first + i, count, last);
	}
}

const struct invariant invariant_dead_letters = {
	.name = "dead-letters",
	.statement = "published = consumed + dead-lettered; what a dead letter is about has settled",
	.catches = "a message that fails too often, or is acknowledged too early, is gone",
	.needs = NEED_DEAD,
	.reads = READS_DEAD | READS_COUNTS,
	.marks = 1 << SAGA_DEAD,
	.saga = left_behind,
	.all = queues,
};
