/* The mix as a deck of cards. See plan.h. */
#include <math.h>
#include <stdlib.h>

#include "lib/memory.h"
#include "loadgen/plan.h"

/* Weights like 78, 20, 2 fit as they are; others are brought to so many cards. */
enum { CARDS_MAX = 1000 };

static bool are_whole(const struct plan *plan)
{
	double sum = 0;

	for (uint16_t i = 0; i < plan->mix_count; i++) {
		double weight = plan->mix[i].weight;

		if (weight != floor(weight))
			return false;
		sum += weight;
	}
	return sum <= CARDS_MAX;
}

static uint32_t divisor(uint32_t a, uint32_t b)
{
	return b ? divisor(b, a % b) : a;
}

/* The smallest deck with exactly these shares. */
static void count_whole(const struct plan *plan, uint32_t *counts)
{
	uint32_t common = 0;

	for (uint16_t i = 0; i < plan->mix_count; i++)
		common = divisor((uint32_t)plan->mix[i].weight, common);
	for (uint16_t i = 0; i < plan->mix_count; i++)
		counts[i] = (uint32_t)plan->mix[i].weight / common;
}

/* Every journey gets at least one card; what rounding leaves over goes to the largest share. */
static void count_rounded(const struct plan *plan, uint32_t *counts)
{
	double sum = 0;
	uint32_t dealt = 0;
	uint16_t largest = 0;

	for (uint16_t i = 0; i < plan->mix_count; i++)
		sum += plan->mix[i].weight;
	for (uint16_t i = 0; i < plan->mix_count; i++) {
		double cards = plan->mix[i].weight / sum * CARDS_MAX;

		counts[i] = cards < 1 ? 1 : (uint32_t)cards;
		dealt += counts[i];
		if (counts[i] > counts[largest])
			largest = i;
	}
	if (dealt < CARDS_MAX)
		counts[largest] += CARDS_MAX - dealt;
}

void deck_begin(struct deck *deck, const struct plan *plan, const char *stream, uint64_t index)
{
	uint32_t *counts = memory_array(plan->mix_count, sizeof(*counts));
	uint32_t at = 0;

	*deck = (struct deck){ .random = random_stream(plan->seed, stream, index) };
	if (are_whole(plan))
		count_whole(plan, counts);
	else
		count_rounded(plan, counts);
	for (uint16_t i = 0; i < plan->mix_count; i++)
		deck->size += counts[i];
	deck->cards = memory_array(deck->size, sizeof(*deck->cards));
	for (uint16_t i = 0; i < plan->mix_count; i++)
		for (uint32_t n = 0; n < counts[i]; n++)
			deck->cards[at++] = plan->mix[i].journey;
	deck->dealt = deck->size;
	free(counts);
}

void deck_release(struct deck *deck)
{
	if (!deck)
		return;
	free(deck->cards);
	deck->cards = NULL;
}

static void shuffle(struct deck *deck)
{
	for (uint32_t i = deck->size; i > 1; i--) {
		uint32_t other = (uint32_t)random_below(&deck->random, i);
		uint16_t card = deck->cards[i - 1];

		deck->cards[i - 1] = deck->cards[other];
		deck->cards[other] = card;
	}
	deck->dealt = 0;
}

uint16_t deck_deal(struct deck *deck)
{
	if (deck->dealt == deck->size)
		shuffle(deck);
	return deck->cards[deck->dealt++];
}
