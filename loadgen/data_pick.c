/* Which row a start gets. See data.h. */
#include <math.h>

#include "lib/random.h"
#include "loadgen/data.h"

static void shuffle(struct data_source *source, struct random *random, struct arena *arena)
{
	source->shuffled = arena_array(arena, source->row_count, sizeof(*source->shuffled));
	for (uint32_t i = 0; i < source->row_count; i++) {
		uint32_t other = (uint32_t)random_below(random, (uint64_t)i + 1);

		source->shuffled[i] = source->shuffled[other];
		source->shuffled[other] = i;
	}
}

static void cumulate(struct data_source *source, struct arena *arena)
{
	double sum = 0;

	source->cumulative = arena_array(arena, source->row_count, sizeof(*source->cumulative));
	for (uint32_t i = 0; i < source->row_count; i++)
		source->cumulative[i] = sum += pow(1.0 + i, -source->zipf);
	for (uint32_t i = 0; i < source->row_count; i++)
		source->cumulative[i] /= sum;
}

void data_prepare(struct data_source *source, uint64_t seed, struct arena *arena)
{
	struct random random = random_stream(seed, "data", source->number);

	source->stream = random_next(&random);
	if (source->pick == PICK_UNIQUE)
		shuffle(source, &random, arena);
	if (source->pick == PICK_ZIPF)
		cumulate(source, arena);
}

static uint32_t by_popularity(const struct data_source *source, double at)
{
	uint32_t low = 0, high = source->row_count - 1;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (source->cumulative[middle] <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t data_pick(const struct data_source *source, uint64_t draw, uint32_t again)
{
	struct random random;

	if (!source->row_count)
		return NO_ROW;
	if (source->pick == PICK_SEQUENTIAL)
		return (uint32_t)((draw + again) % source->row_count);
	if (source->pick == PICK_UNIQUE)
		return draw < source->row_count ? source->shuffled[draw] : NO_ROW;
	random = random_stream(source->stream ^ draw << 20, "row", again);
	if (source->pick == PICK_RANDOM)
		return (uint32_t)random_below(&random, source->row_count);
	return by_popularity(source, random_unit(&random));
}

uint32_t data_pick_for_user(const struct data_source *source, uint32_t user)
{
	return user < source->row_count ? source->shuffled[source->row_count - 1 - user] : NO_ROW;
}
