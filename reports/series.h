/*
 * series: what happened when, in a bounded number of equal bins.
 *
 *	struct series *series = series_new(meta, faults);
 *	... for each record that makes sense: series_add(series, record);
 *	... series_finish(series, duration_us);
 *
 * A bin is a second. When a run is longer than SERIES_BINS_MAX of them, two become one, as often as
 * it takes, exactly: histograms are merged. So memory is bounded however long a run was.
 */
#ifndef REPORTS_SERIES_H
#define REPORTS_SERIES_H

#include "lib/hist.h"
#include "reports/faults.h"

enum { SERIES_BINS_MAX = 900, SERIES_FAULTS_MAX = 50, AROUND_FAULT_S = 30 };

/* How sagas end, as verdicts.json has it. */
enum { SERIES_ENDS = 4 };
extern const char *const series_ends[SERIES_ENDS];

/* Of one bin. */
struct bin {
	/* Starts that were meant for it, by what became of them. */
	uint64_t begun, dropped;
	/* Journeys and sagas that came to their good end in it. */
	uint64_t ok, acknowledged;
	/* Sagas that were acknowledged in it and later proven correct; by how they ended. */
	uint64_t verified, ended[SERIES_ENDS];
	/* Requests whose answer was complete in it. */
	struct hist *latency; /* NULL: none */
	uint64_t errors[FAILURE_COUNT];
	struct hist *lag;     /* of those that were meant for it; NULL: none */
	uint32_t in_flight, cpu_us; /* the most of a second; CPU of the busiest worker */
};

/* Latencies near a fault: before it, during it, after it. */
enum fault_moment { BEFORE_FAULT, DURING_FAULT, AFTER_FAULT, FAULT_MOMENTS };

struct around_fault {
	struct hist *latency[FAULT_MOMENTS]; /* NULL: none */
	uint64_t errors[FAULT_MOMENTS];
	int64_t span_us[FAULT_MOMENTS];      /* how long was looked at; 0: not at all */
};

struct series {
	const struct meta *meta;
	const struct faults *faults;
	struct bin *bins;
	size_t count;
	int64_t width_us;
	int64_t duration_us; /* of the run; the last bin may be longer than what is left of it */
	struct around_fault *around; /* of the first `around_count` faults */
	size_t around_count;
	struct series_window *windows; /* those of the second at hand come first */
	size_t window_count, window_now;
	int64_t window_second;
};

struct series *series_new(const struct meta *meta, const struct faults *faults);
void series_free(struct series *series);

void series_add(struct series *series, const struct record *record);
/* What the judge of sagas counted by the second. */
void series_add_sagas(struct series *series, const json_t *sagas);
/* The last bins may be empty: the run went on without anything happening. */
void series_finish(struct series *series, int64_t duration_us);

/* The same in bins that are `factor` times as wide. */
struct series *series_coarser(const struct series *series, size_t factor);

/* What was planned to start in a bin, per second; negative: nothing was, or along a curve. */
double series_target(const struct series *series, size_t bin);

/* How much of a bin belongs to the run. */
double series_length_s(const struct series *series, size_t bin);

static inline double series_bin_s(const struct series *series)
{
	return (double)series->width_us / 1e6;
}

uint64_t bin_errors(const struct bin *bin);

#endif
