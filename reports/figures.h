/*
 * figures: everything that reports say, from one pass over a history in bounded memory.
 *
 *	struct figures *figures = figures_read(directory, meta, &listener, err);
 *
 * Memory follows the number of names and phases, not the length of the run. Where the history is
 * damaged or incomplete, the figures are of what is there, and say what is missing.
 */
#ifndef REPORTS_FIGURES_H
#define REPORTS_FIGURES_H

#include "reports/measure.h"
#include "reports/meta.h"

/* The errors of one class under one name, in measured phases, attempts tried again included. */
struct error_figures {
	uint64_t count;
	char *sample; /* the first that was kept, or NULL */
	size_t sample_bytes;
};

struct phase_figures {
	uint64_t outcomes[OUTCOME_COUNT]; /* of its starts */
	int64_t last_done_us;
};

struct worker_figures {
	struct hist *cpu_us; /* per second of a measured phase; NULL: none */
	uint32_t memory_kib; /* the most */
};

struct run_events {
	bool ended;                     /* the books below were closed */
	int64_t ended_us;
	uint64_t books[OUTCOME_COUNT];
	int signal;                     /* that stopped it, or 0 */
	int64_t stopped_us;
	bool cut_short;                 /* stopped by the run itself: a gate, the steady state */
	bool paused;                    /* by hand, since paused_since_us */
	int64_t paused_since_us;
	int64_t paused_us;              /* in all; see figures_paused_us() */
	uint32_t lost_workers;
	uint32_t first_lost;            /* its number */
	int first_lost_status;          /* as wait(2) says it */
};

struct figures {
	const struct meta *meta;
	struct measure **cells;         /* of name n in phase p: [n * phases + p]; NULL: nothing */
	struct measure *names;          /* in all measured phases */
	struct measure all;             /* of all names */
	struct error_figures *errors;   /* [name * FAILURE_COUNT + class] */
	uint8_t *journeys;              /* which journeys made requests of that name: a bit each */
	struct phase_figures *phases;
	uint64_t outcomes[OUTCOME_COUNT], measured_outcomes[OUTCOME_COUNT];
	uint64_t interrupted_starts;    /* among the failed ones */
	struct hist *lag;               /* of requests in measured phases */
	struct worker_figures *workers;
	size_t worker_count;
	uint64_t waited, exhausted;     /* requests, see struct record_health */
	uint32_t stall_us;              /* the longest in a measured phase */
	int64_t last_us;                /* when the last thing recorded happened */
	struct run_events events;
	/* What is wrong with the history itself. */
	uint64_t lost_records;
	uint64_t strange_records;       /* that name what meta.json does not know */
	char **damaged;                 /* sentences about files */
	size_t damaged_count;
};

/* What was done in one second of the run, for those who draw or log it. In order of time. */
struct second {
	int64_t start_us;
	struct hist *const *latencies; /* per request name, 2 digits; NULL: nothing was done */
	size_t name_count;
};

struct second_listener {
	void (*second)(void *context, const struct second *second);
	/* Each request and start that makes sense, before its second; may be NULL. */
	void (*record)(void *context, const struct record *record);
	void *context;
};

/* No run lasts longer; a later time is a damaged one, and must not become an empty century. */
#define FIGURES_TIME_MAX_US (INT64_C(366) * 86400 * INT64_C(1000000))

static inline bool time_is_sane(int64_t at_us)
{
	return at_us > -FIGURES_TIME_MAX_US && at_us < FIGURES_TIME_MAX_US;
}

/* NULL when there is no history at all. */
struct figures *figures_read(const char *directory, const struct meta *meta,
			     const struct second_listener *listener, struct error *err);
void figures_free(struct figures *figures);

uint64_t outcomes_sum(const uint64_t outcomes[OUTCOME_COUNT]);

/* How long starts were paused by hand, to the end if nobody went on. */
int64_t figures_paused_us(const struct figures *figures);
/* How long the phase really was: less than planned when the run was stopped, or its work done. */
int64_t figures_phase_us(const struct figures *figures, size_t phase);
int64_t figures_measured_us(const struct figures *figures);
int64_t figures_duration_us(const struct figures *figures);

/* Starts per second in measured phases; negative when nothing was planned. */
double figures_target_rate(const struct figures *figures);
double figures_achieved_rate(const struct figures *figures);

/* Share of a core that the busiest worker used in its median second; negative when not known. */
double figures_cpu(const struct figures *figures);

/* For the reader: reports/figures_add.c. Ignores records of kinds that others read. */
struct figures *figures_new(const struct meta *meta);
bool figures_add(struct figures *figures, const struct record *record); /* false: strange */
void figures_add_sample(struct figures *figures, uint32_t subject, struct text sample);
void figures_add_damage(struct figures *figures, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void figures_sum_up(struct figures *figures);

#endif
