/*
 * Histograms as bytes: the counts as HdrHistogram's V2 encoding has them, and around them what is
 * exact in ours. What is read is checked as a whole before anything is taken from it.
 *
 *	'H' digits total over min max counts_length (LEB128 each) sum (8 bytes) counts
 */
#include "lib/hist.h"

#include <math.h>
#include <string.h>

enum { PACK_MARK = 'H' };

/* LEB128 in at most nine bytes: the ninth carries eight bits. */
static void write_number(struct buffer *out, uint64_t number)
{
	char *to = buffer_reserve(out, 9);
	size_t used = 0;

	while (used < 8 && number >= 0x80) {
		to[used++] = (char)(number | 0x80);
		number >>= 7;
	}
	to[used++] = (char)number;
	out->length += used;
	out->data[out->length] = '\0';
}

static bool read_number(struct text *from, uint64_t *number)
{
	unsigned shift = 0;

	*number = 0;
	for (size_t i = 0; i < from->length && i < 9; i++, shift += 7) {
		uint64_t byte = (unsigned char)from->data[i];

		*number |= (i < 8 ? byte & 0x7f : byte) << shift;
		if (i == 8 || byte < 0x80) {
			from->data += i + 1;
			from->length -= i + 1;
			return true;
		}
	}
	return false;
}

/* ZigZag: 0, -1, 1, -2, ... become 0, 1, 2, 3, ... */
static void write_zigzag(struct buffer *out, int64_t number)
{
	write_number(out, (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0));
}

static bool read_zigzag(struct text *from, int64_t *number)
{
	uint64_t coded;

	if (!read_number(from, &coded))
		return false;
	*number = (int64_t)(coded >> 1 ^ (coded & 1 ? UINT64_MAX : 0));
	return true;
}

static uint32_t counts_end(const struct hist *hist)
{
	uint32_t end = hist->used;

	while (end && hist->counts[end - 1] == 0)
		end--;
	return end;
}

void hist_write_counts(const struct hist *hist, struct buffer *out)
{
	uint32_t end = counts_end(hist);

	for (uint32_t i = 0, zeros; i < end; i += zeros ? zeros : 1) {
		for (zeros = 0; hist->counts[i + zeros] == 0; zeros++)
			;
		write_zigzag(out, zeros > 1 ? -(int64_t)zeros : (int64_t)hist->counts[i]);
	}
}

void hist_pack(const struct hist *hist, struct buffer *out)
{
	struct buffer counts = BUFFER_EMPTY;
	const char mark[] = { PACK_MARK, (char)hist->digits };

	hist_write_counts(hist, &counts);
	buffer_add(out, mark, sizeof(mark));
	write_number(out, hist->total);
	write_number(out, hist->over);
	write_number(out, hist->total ? (uint64_t)hist->min : 0);
	write_number(out, (uint64_t)hist->max);
	write_number(out, counts.length);
	buffer_add(out, &hist->sum, sizeof(hist->sum));
	buffer_add_text(out, buffer_text(&counts));
	buffer_release(&counts);
}

struct packed {
	uint64_t total, over, min, max;
	double sum;
	struct text counts;
};

static bool read_frame(const struct hist *into, struct text *from, struct packed *packed)
{
	uint64_t length;

	if (from->length < 2 || from->data[0] != PACK_MARK || from->data[1] != (char)into->digits)
		return false;
	from->data += 2;
	from->length -= 2;
	if (!read_number(from, &packed->total) || !read_number(from, &packed->over) ||
	    !read_number(from, &packed->min) || !read_number(from, &packed->max) ||
	    !read_number(from, &length))
		return false;
	if (from->length < sizeof(packed->sum) || from->length - sizeof(packed->sum) < length)
		return false;
	memcpy(&packed->sum, from->data, sizeof(packed->sum));
	packed->counts = (struct text){ from->data + sizeof(packed->sum), length };
	from->data += sizeof(packed->sum) + length;
	from->length -= sizeof(packed->sum) + length;
	return true;
}

/* The buckets that hold the extremes, and how much is in all and in the last. */
struct extent {
	uint32_t first, last;
	uint64_t total, in_last;
};

/* Counts go to `counts` unless that is NULL. */
static bool read_counts(struct text from, uint32_t end, struct extent *extent, uint64_t *counts)
{
	uint32_t index = 0;
	int64_t number;

	*extent = (struct extent){ 0 };
	while (from.length) {
		if (!read_zigzag(&from, &number) || index >= end)
			return false;
		if (number < 0 && (number == INT64_MIN || -number > end - index))
			return false;
		if (number > 0) {
			extent->first = extent->total ? extent->first : index;
			extent->last = index;
			extent->in_last = (uint64_t)number;
			if (__builtin_add_overflow(extent->total, (uint64_t)number, &extent->total))
				return false;
			if (counts)
				counts[index] += (uint64_t)number;
		}
		index += number < 0 ? (uint32_t)-number : 1;
	}
	return true;
}

static uint32_t index_of(const struct hist *hist, uint64_t value)
{
	return hist_index(hist,
			  value > (uint64_t)HIST_HIGHEST_US ? HIST_HIGHEST_US : (int64_t)value);
}

/* Everything that the frame says must be what the counts say. */
static bool consistent(const struct hist *into, const struct packed *packed,
		       const struct extent *extent)
{
	bool beyond = packed->max > (uint64_t)HIST_HIGHEST_US;

	if (packed->total != extent->total || packed->max > INT64_MAX || !isfinite(packed->sum) ||
	    packed->sum < 0)
		return false;
	if (packed->total == 0)
		return packed->over == 0 && packed->min == 0 && packed->max == 0 &&
		       packed->sum == 0;
	return packed->min <= packed->max && index_of(into, packed->min) == extent->first &&
	       index_of(into, packed->max) == extent->last && (packed->over > 0) == beyond &&
	       packed->over <= extent->in_last && packed->total <= UINT64_MAX - into->total;
}

static void add_packed(struct hist *into, const struct packed *packed)
{
	uint32_t end = hist_index(into, HIST_HIGHEST_US) + 1;
	struct extent extent;

	if (packed->total == 0)
		return;
	/* The array grows to hold the max, and then the max is counted with the rest. */
	hist_record_many(into, (int64_t)packed->max, 1);
	into->counts[index_of(into, packed->max)]--;
	into->total += packed->total - 1;
	into->over += packed->over - (packed->over > 0);
	into->sum += packed->sum - (double)packed->max;
	into->min = (int64_t)packed->min < into->min ? (int64_t)packed->min : into->min;
	read_counts(packed->counts, end, &extent, into->counts);
}

bool hist_unpack(struct hist *into, struct text *from, struct error *err)
{
	struct text rest = *from;
	struct packed packed;
	struct extent extent;

	if (!read_frame(into, &rest, &packed) ||
	    !read_counts(packed.counts, hist_index(into, HIST_HIGHEST_US) + 1, &extent, NULL) ||
	    !consistent(into, &packed, &extent))
		return error_set(err, "broken histogram of %zu bytes", from->length);
	add_packed(into, &packed);
	*from = rest;
	return true;
}
