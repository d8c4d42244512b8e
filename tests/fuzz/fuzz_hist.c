/*
 * A packed histogram, of any bytes: refused without a trace, or merged with its books right, and
 * then it packs and unpacks to the same.
 */
#include <assert.h>

#include "lib/hist.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static uint64_t sum_of(const struct hist *hist)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < hist->used; i++)
		sum += hist->counts[i];
	return sum;
}

static void check_round_trip(const struct hist *hist)
{
	struct hist *back = hist_new(hist->digits);
	struct buffer packed = BUFFER_EMPTY;
	struct text from;

	hist_pack(hist, &packed);
	from = buffer_text(&packed);
	assert(hist_unpack(back, &from, NULL));
	assert(from.length == 0 && back->total == hist->total && back->over == hist->over);
	assert(back->max == hist->max && back->min == hist->min);
	buffer_release(&packed);
	hist_free(back);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct hist *hist = hist_new(size && data[size - 1] % 2 ? 2 : 3);
	struct text from = { (const char *)data, size };

	if (hist_unpack(hist, &from, NULL)) {
		assert(from.length < size);
		check_round_trip(hist);
	} else {
		assert(hist->total == 0 && hist->used == 0 && from.length == size);
	}
	assert(sum_of(hist) == hist->total && hist->over <= hist->total);
	hist_free(hist);
	return 0;
}
