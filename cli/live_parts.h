/*
 * What the files of the live view share, and no one else sees.
 *
 *	live.c         its turn: keys, seconds, events, frames
 *	live_layout.c  which part gets which rows, for any size
 *	live_head.c    title, time line, keys, help
 *	live_figures.c load, latency, errors, sagas
 *	live_charts.c  sparklines, and charts where there is room
 *	live_lists.c   faults, gates, events
 */
#ifndef CLI_LIVE_PARTS_H
#define CLI_LIVE_PARTS_H

#include "cli/live.h"
#include "cli/screen.h"
#include "lib/hist.h"
#include "lib/record.h"

enum {
	LIVE_SECONDS = 512, /* that charts can reach back */
	LIVE_EVENTS = 500,
	LABEL_COLUMNS = 11,
	WORDS_BYTES = 64,
};

/* A second of the run, as far as the history has it. */
struct live_second {
	uint64_t requests, errors;
	int64_t p99_us;
};

struct live_event {
	int64_t at_us;
	char *text;
};

struct live {
	FILE *out;
	int in;
	bool shown, given_up; /* given up: the terminal could not be taken */
	bool help;
	struct screen screen;
	struct buffer frame;
	int64_t drawn_us;
	const struct run_view *view; /* while drawing */
	int64_t now_us;              /* of the last look */
	int64_t seconds_taken;       /* complete ones, in `seconds` */
	struct live_second seconds[LIVE_SECONDS];
	struct hist *whole, *recent; /* latencies of all, and of the last ten seconds */
	struct tally total, second;  /* counters, as workers told them last */
	struct live_event *events;
	size_t event_count, event_room;
};

/* Where a part may draw. */
struct box {
	int row, column, rows, columns;
};

/* live_layout.c */
void live_draw(struct live *live);

/* live_head.c: the rows that it takes; the last row of all is for the keys. */
int live_head_rows(const struct live *live);
/* NULL: before the first, or after the last one. */
const struct phase *live_phase(const struct live *live);
void live_draw_head(struct live *live, struct box box);
void live_draw_keys(struct live *live, struct box box);
void live_draw_help(struct live *live, struct box box);

/* live_figures.c */
int live_figure_rows(const struct live *live);
/* `gap` rows between groups. */
void live_draw_figures(struct live *live, struct box box, int gap);
int live_figure_groups(const struct live *live);

/* live_charts.c */
enum live_series { SERIES_REQUESTS, SERIES_P99, SERIES_ERRORS, SERIES };
void live_draw_spark(struct live *live, struct box box, enum live_series series);
void live_draw_charts(struct live *live, struct box box);

/* live_lists.c */
size_t live_fault_count(const struct live *live);
size_t live_gate_count(const struct live *live);
void live_draw_faults(struct live *live, struct box box);
void live_draw_gates(struct live *live, struct box box);
void live_draw_events(struct live *live, struct box box);

/* For people: "1.2 ms", "12,345", "1:05". */
const char *live_say_us(char out[WORDS_BYTES], int64_t us);
const char *live_say_count(char out[WORDS_BYTES], uint64_t count);
const char *live_say_clock(char out[WORDS_BYTES], double seconds);
void live_label(struct live *live, struct box box, const char *label);

#endif
