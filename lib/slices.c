#include "lib/slices.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/memory.h"

/* Pairs of a journey and a name that are kept; a scenario has some dozens. */
enum { PAIRS_MAX = 4096, PLACES = 2 * PAIRS_MAX, NO_NAME = 65536 };

struct slice {
	int64_t second; /* that `sample` is of */
	struct sample sample;
};

struct pair { /* a journey and a name of its requests; or NO_NAME: its starts */
	uint32_t journey, name;
	struct slice slices[SLICES_SECONDS];
};

struct slices {
	struct pair *pairs[PAIRS_MAX];
	uint32_t count;
	uint16_t places[PLACES]; /* by hash: 1 + the index of a pair; 0: free */
	int64_t newest;
	uint64_t left_out;
};

struct slices *slices_new(void)
{
	return memory_new(sizeof(struct slices));
}

static void pair_free(struct pair *pair)
{
	for (int i = 0; i < SLICES_SECONDS; i++)
		sample_release(&pair->slices[i].sample);
	free(pair);
}

void slices_free(struct slices *slices)
{
	if (!slices)
		return;
	for (uint32_t i = 0; i < slices->count; i++)
		pair_free(slices->pairs[i]);
	free(slices);
}

static struct pair *pair_new(struct slices *slices, uint32_t journey, uint32_t name)
{
	struct pair *pair;

	if (slices->count == PAIRS_MAX)
		return NULL;
	pair = memory_new(sizeof(*pair));
	pair->journey = journey;
	pair->name = name;
	for (int i = 0; i < SLICES_SECONDS; i++)
		pair->slices[i].second = INT64_MIN;
	slices->pairs[slices->count++] = pair;
	return pair;
}

static struct pair *pair_of(struct slices *slices, uint32_t journey, uint32_t name)
{
	uint32_t place = (journey * UINT32_C(2654435761) ^ name * UINT32_C(2246822519)) % PLACES;
	struct pair *pair;

	for (; slices->places[place]; place = (place + 1) % PLACES) {
		pair = slices->pairs[slices->places[place] - 1];
		if (pair->journey == journey && pair->name == name)
			return pair;
	}
	pair = pair_new(slices, journey, name);
	if (pair)
		slices->places[place] = (uint16_t)slices->count;
	return pair;
}

static int64_t second_of(int64_t us)
{
	return us >= 0 ? us / US_PER_S : -1;
}

/* NULL, and counted, when it came too late, or there are too many names. */
static struct sample *sample_at(struct slices *slices, uint32_t journey, uint32_t name,
				int64_t at_us)
{
	int64_t second = second_of(at_us);
	struct slice *slice;
	struct pair *pair;

	if (second > slices->newest)
		slices->newest = second;
	pair = second < 0 || second <= slices->newest - SLICES_SECONDS ?
		       NULL :
		       pair_of(slices, journey, name);
	if (!pair) {
		slices->left_out++;
		return NULL;
	}
	slice = &pair->slices[second % SLICES_SECONDS];
	if (slice->second != second) {
		sample_reset(&slice->sample);
		slice->second = second;
	}
	return &slice->sample;
}

void slices_add_request(struct slices *slices, const struct record_request *request, uint16_t flags)
{
	struct sample *sample = sample_at(slices, request->journey, request->name,
					  request->intended_us + request_latency_us(request));

	if (sample)
		sample_add_request(sample, request, flags, SAMPLE_LATENCY, SLICES_DIGITS);
}

void slices_add_start(struct slices *slices, const struct record_start *start)
{
	struct sample *sample =
		sample_at(slices, start->journey, NO_NAME, start->intended_us + start->duration_us);

	if (sample)
		sample_add_start(sample, start);
}

static bool is_meant(const struct condition *condition, const struct pair *pair)
{
	bool starts = pair->name == NO_NAME;

	if (starts != condition_is_about_starts(condition))
		return false;
	switch (condition->subject) {
	case SUBJECT_RUN:
		return true;
	case SUBJECT_JOURNEY:
		return condition->number == pair->journey;
	case SUBJECT_REQUEST:
		return condition->number == pair->name;
	default:
		return false;
	}
}

void slices_sum(const struct slices *slices, const struct condition *condition, int64_t first,
		int64_t last, struct sample *sample)
{
	for (uint32_t i = 0; i < slices->count; i++) {
		const struct pair *pair = slices->pairs[i];

		if (!is_meant(condition, pair))
			continue;
		for (int j = 0; j < SLICES_SECONDS; j++) {
			const struct slice *slice = &pair->slices[j];

			if (slice->second >= first && slice->second <= last)
				sample_merge(sample, &slice->sample);
		}
	}
}

uint64_t slices_left_out(const struct slices *slices)
{
	return slices->left_out;
}
