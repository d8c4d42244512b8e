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

void hist_record(struct hist *hist, int64_t value_us);
void hist_record_many(struct hist *hist, int64_t value_us, uint64_t count);
void hist_merge(struct hist *into, const struct hist *from); /* same digits (asserted) */

int64_t hist_quantile(const struct hist *hist, double quantile); /* 0 when empty; 1.0 is the max */
double hist_mean(const struct hist *hist);
uint64_t hist_count_at_or_below(const struct hist *hist, int64_t value_us);

/* Walks the non-empty buckets: start with *index = 0; false at the end. */
bool hist_next(const struct hist *hist, uint32_t *index, int64_t *lowest, int64_t *highest,
	       uint64_t *count);

/* For a pipe between processes: compact, checked on reading (it may come from elsewhere). */
void hist_pack(const struct hist *hist, struct buffer *out);
bool hist_unpack(struct hist *into, struct text *from, struct error *err); /* merges */

/* lib/hist_hgrm.c: the percentile table that HdrHistogram's plotters read, in milliseconds. */
void hist_write_hgrm(const struct hist *hist, struct buffer *out);

/* lib/hist_log.c: HdrHistogram V2 log; one header, then a line per interval. */
void hist_log_begin(struct buffer *out, int64_t wall_start_us, const char *comment);
void hist_log_add(struct buffer *out, const struct hist *hist, const char *tag, double start_s,
		  double length_s);

#endif
