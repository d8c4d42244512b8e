/*
 * hist: how long things took, in bounded memory, with bounded error, mergeable without loss.
 *
 * An HDR histogram (high dynamic range): linear sub-buckets inside powers of two. With `digits` = 3
 * every value is kept within 0.1%, with 2 within 1%. Values are microseconds from 1 to `highest`
 * (an hour by default); larger ones are counted in the highest bucket and in `over`, 0 counts as 0.
 * Layout and rounding are those of HdrHistogram, so its tools read our exports.
 *
 *	struct hist *hist = hist_new(3);
 *	hist_record(hist, latency_us);
 *	hist_merge(total, hist);                 // exact: as if recorded there
 *	hist_quantile(total, 0.99);
 *
 * The counts array grows with the values seen, so a thousand mostly empty ones are cheap.
 */
#ifndef LIB_HIST_H
#define LIB_HIST_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buffer.h"
#include "lib/error.h"

#define HIST_HIGHEST_US INT64_C(3600000000)

struct hist {
	uint64_t *counts;
	uint32_t used;      /* counts[0 .. used) exist */
	uint8_t digits;
	uint8_t sub_bits;   /* log2 of the sub-buckets per half */
	uint64_t total;
	uint64_t over;
	int64_t min, max;   /* exact; min is INT64_MAX while empty */
	double sum;         /* for the mean; exact below 2^53 */
};

struct hist *hist_new(int digits);
void hist_free(struct hist *hist);
void hist_reset(struct hist *hist);

/* What hist_record() does when the value is out of range or its bucket does not exist yet. */
void hist_record_many(struct hist *hist, int64_t value_us, uint64_t count);

/* The bucket of a value from 0 to HIST_HIGHEST_US. */
static inline uint32_t hist_index(const struct hist *hist, int64_t value_us)
{
	uint64_t value = (uint64_t)value_us;
	uint64_t mask = (UINT64_C(2) << hist->sub_bits) - 1;
	uint32_t shift = 63u - hist->sub_bits - (uint32_t)__builtin_clzll(value | mask);

	return (shift << hist->sub_bits) + (uint32_t)(value >> shift);
}

/* Less than nothing counts as 0. */
static inline void hist_record(struct hist *hist, int64_t value_us)
{
	uint32_t index;

	if ((uint64_t)value_us > (uint64_t)HIST_HIGHEST_US ||
	    (index = hist_index(hist, value_us)) >= hist->used) {
		hist_record_many(hist, value_us, 1);
		return;
	}
	hist->counts[index]++;
	hist->total++;
	hist->min = value_us < hist->min ? value_us : hist->min;
	hist->max = value_us > hist->max ? value_us : hist->max;
	hist->sum += (double)value_us;
}

void hist_merge(struct hist *into, const struct hist *from); /* same digits (asserted) */

/*
 * The value that this share of all values does not exceed: the upper end of its bucket, as
 * HdrHistogram has it, but never above the exact max (and never below the exact min). 0 when empty.
 */
int64_t hist_quantile(const struct hist *hist, double quantile);
double hist_mean(const struct hist *hist);
/* Counts whole buckets: the one of `value_us` is included. */
uint64_t hist_count_at_or_below(const struct hist *hist, int64_t value_us);

/* Walks the non-empty buckets: start with *index = 0; false at the end. */
bool hist_next(const struct hist *hist, uint32_t *index, int64_t *lowest, int64_t *highest,
	       uint64_t *count);

/* For a pipe between processes: compact, checked on reading (it may come from elsewhere). */
void hist_pack(const struct hist *hist, struct buffer *out);
/* Merges, takes what it read from `from`; changes neither when it fails. */
bool hist_unpack(struct hist *into, struct text *from, struct error *err);

/*
 * The counts as HdrHistogram's V2 encoding has them (ZigZag LEB128, runs of zeros as negative
 * numbers): what hist_pack() and the V2 log share.
 */
void hist_write_counts(const struct hist *hist, struct buffer *out);

/* lib/hist_hgrm.c: the percentile table that HdrHistogram's plotters read, in milliseconds. */
void hist_write_hgrm(const struct hist *hist, struct buffer *out);

/*
 * lib/hist_log.c: HdrHistogram V2 log; one header, then a line per interval. `start_s` counts from
 * the start given in the header. Commas, blanks and control characters in a tag become '_'.
 */
void hist_log_begin(struct buffer *out, int64_t wall_start_us, const char *comment);
void hist_log_add(struct buffer *out, const struct hist *hist, const char *tag, double start_s,
		  double length_s);

#endif
