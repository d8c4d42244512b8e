/* Title, time line, keys and help of the live view. See live_parts.h. */
#include "cli/live_parts.h"

#include <stdio.h>

#include "chaos/chaos_read.h"
#include "cli/terminal.h"
#include "engine/scenario.h"
#include "engine/watch.h"

enum { BAR_THICK = 0x2501, BAR_THIN = 0x2500, FAULT_MARK = 0x2580, NAME_COLUMNS = 28 };

static const struct chaos_section *chaos_of(const struct live *live)
{
	return live->view->scenario->chaos;
}

static bool has_faults(const struct live *live)
{
	return chaos_of(live) && chaos_of(live)->fault_count > 0;
}

/* Title, bar, names of the phases; and the faults on the same line of time. */
int live_head_rows(const struct live *live)
{
	return 3 + has_faults(live);
}

static double now_s(const struct live *live)
{
	return live->view->now_us > 0 ? (double)live->view->now_us / 1e6 : 0;
}

static double planned_s(const struct live *live)
{
	return (double)plan_duration_us(&live->view->scenario->plan) / 1e6;
}

const struct phase *live_phase(const struct live *live)
{
	const struct plan *plan = &live->view->scenario->plan;
	int64_t now_us = live->view->now_us;

	for (uint8_t i = 0; i < plan->phase_count; i++)
		if (now_us >= plan->phases[i].start_us &&
		    now_us < plan->phases[i].start_us + plan->phases[i].duration_us)
			return &plan->phases[i];
	return NULL;
}

/* The title. */

static enum ink title_ink(const struct live *live)
{
	return live->view->stopping || live->view->paused ? INK_TITLE_WARN : INK_TITLE;
}

static void say_state(const struct live *live, char *state, size_t bytes)
{
	const struct phase *phase = live_phase(live);
	char so_far[WORDS_BYTES], all[WORDS_BYTES];

	if (live->view->now_us < 0)
		snprintf(state, bytes, "starting");
	else if (live->view->stopping || !phase)
		snprintf(state, bytes, "%s, %s visitors under way",
			 live->view->stopping ? "stopping" : "draining",
			 live_say_count(so_far, live->total.under_way));
	else
		snprintf(state, bytes, "%s%.*s, %s of %s", live->view->paused ? "PAUSED in " : "",
			 NAME_COLUMNS, phase->name,
			 live_say_clock(so_far, now_s(live) - (double)phase->start_us / 1e6),
			 live_say_clock(all, (double)phase->duration_us / 1e6));
}

static void say_time(const struct live *live, char *time, size_t bytes)
{
	double left_s = planned_s(live) - now_s(live);
	char now[WORDS_BYTES], all[WORDS_BYTES], left[WORDS_BYTES];

	live_say_clock(now, now_s(live));
	live_say_clock(all, planned_s(live));
	if (left_s > 0 && !live->view->stopping)
		snprintf(time, bytes, "%s of %s, %s left", now, all,
			 live_say_clock(left, left_s + 1));
	else
		snprintf(time, bytes, "%s of %s", now, all);
}

static void draw_title(struct live *live, struct box box)
{
	enum ink ink = title_ink(live);
	char state[200], time[200], name[200];
	int column, right;

	for (int i = 0; i < live->screen.columns; i++)
		screen_set(&live->screen, box.row, i, ink, ' ');
	say_state(live, state, sizeof(state));
	say_time(live, time, sizeof(time));
	snprintf(name, sizeof(name), "%.*s", NAME_COLUMNS, live->view->scenario->name);
	right = box.column + box.columns - screen_width(time);
	column = box.column;
	if (column + screen_width(name) + screen_width(state) + 5 < right)
		column = screen_put(&live->screen, box.row, column, ink, name) + 3;
	column = screen_put(&live->screen, box.row, column, ink, state);
	if (column + 2 <= right)
		screen_put(&live->screen, box.row, right, ink, time);
}

/* The line of time. */

static int column_of(const struct live *live, struct box box, double at_s)
{
	double all_s = planned_s(live);
	double share = all_s > 0 ? at_s / all_s : 0;

	share = share < 0 ? 0 : share > 1 ? 1 : share;
	return box.column + (int)(share * box.columns);
}

static void draw_bar(struct live *live, struct box box)
{
	int passed = column_of(live, box, now_s(live));

	for (int i = box.column; i < box.column + box.columns; i++)
		screen_set(&live->screen, box.row, i, i <= passed ? INK_GOOD : INK_DIM,
			   i <= passed ? BAR_THICK : BAR_THIN);
}

/* A phase begins with a mark in the bar, and its name below as far as there is room. */
static void draw_phase(struct live *live, struct box box, int name_row, const struct phase *phase)
{
	double end_s = (double)(phase->start_us + phase->duration_us) / 1e6;
	int from = column_of(live, box, (double)phase->start_us / 1e6);
	int room = column_of(live, box, end_s) - from - 1;
	bool current = phase == live_phase(live) && !live->view->stopping;

	if (from > box.column)
		screen_set(&live->screen, box.row, from,
			   from <= column_of(live, box, now_s(live)) ? INK_GOOD : INK_DIM, 0x253c);
	if (room > 1)
		screen_fit(&live->screen, name_row, from, room, current ? INK_BOLD : INK_DIM,
			   phase->name);
}

/* From where it is known when that is: by the clock, or since it was armed. */
static bool fault_span(const struct live *live, size_t number, int64_t *from_us, int64_t *to_us)
{
	const struct fault *fault = &chaos_of(live)->faults[number];
	const struct watch_fault *seen = watch_fault(live->view->watch, (uint32_t)number);
	bool armed = seen && seen->armed_us >= 0;

	*from_us = armed ? seen->armed_us : fault->trigger.at_us;
	*to_us = armed && seen->healed_us >= 0 ? seen->healed_us : *from_us + fault->duration_us;
	return armed || fault->trigger.kind == TRIGGER_AT;
}

static void draw_fault(struct live *live, struct box box, size_t number)
{
	const struct watch_fault *seen = watch_fault(live->view->watch, (uint32_t)number);
	bool armed = seen && seen->armed_us >= 0;
	int64_t from_us, to_us;
	int to;

	if (!fault_span(live, number, &from_us, &to_us))
		return;
	to = column_of(live, box, (double)to_us / 1e6);
	for (int i = column_of(live, box, (double)from_us / 1e6); i <= to; i++)
		if (i < box.column + box.columns)
			screen_set(&live->screen, box.row, i, armed ? INK_BAD : INK_DIM,
				   FAULT_MARK);
}

void live_draw_head(struct live *live, struct box box)
{
	const struct plan *plan = &live->view->scenario->plan;
	int name_row = box.row + live_head_rows(live) - 1;

	draw_title(live, box);
	if (box.rows < live_head_rows(live))
		return;
	box.row++;
	draw_bar(live, box);
	for (uint8_t i = 0; i < plan->phase_count; i++)
		draw_phase(live, box, name_row, &plan->phases[i]);
	box.row++;
	for (size_t i = 0; has_faults(live) && i < chaos_of(live)->fault_count; i++)
		draw_fault(live, box, i);
}

/* Keys. */

struct key_help {
	const char *key, *does;
};

static int draw_key(struct live *live, struct box box, int column, struct key_help key)
{
	int end = column + screen_width(key.key) + 1 + screen_width(key.does);

	if (end > box.column + box.columns)
		return column;
	column = screen_put(&live->screen, box.row, column, INK_BOLD, key.key);
	return screen_put(&live->screen, box.row, column + 1, INK_DIM, key.does) + 3;
}

void live_draw_keys(struct live *live, struct box box)
{
	int column = box.column;

	if (live->view->stopping) {
		draw_key(live, box, column, (struct key_help){ "Ctrl-C", "stop at once" });
		return;
	}
	if (!terminal_has_keys()) {
		draw_key(live, box, column, (struct key_help){ "Ctrl-C", "stop" });
		return;
	}
	column = draw_key(live, box, column, (struct key_help){ "q", "stop" });
	column = draw_key(live, box, column,
			  (struct key_help){ "p", live->view->paused ? "go on" : "pause starts" });
	if (has_faults(live))
		column = draw_key(live, box, column, (struct key_help){ "!", "heal all faults" });
	draw_key(live, box, column, (struct key_help){ "?", live->help ? "back" : "help" });
}

static const struct key_help help[] = {
	{ "q", "stop: nothing new starts, journeys under way may end; exit code 130" },
	{ "Ctrl-C", "the same; a second one stops at once" },
	{ "p", "pause: starts that are due are dropped and counted; again to go on" },
	{ "", "A run that was paused is no measurement: exit code 10" },
	{ "!", "heal all faults now; none is armed after that" },
	{ "?", "this" },
	{ "", "" },
	{ "planned", "what the phase asks for, now" },
	{ "lag", "how late we were, at worst in the last second; part of latency" },
	{ "in flight", "requests that were sent and are not answered" },
	{ "dropped", "starts that found no room, or came in a pause" },
	{ "stuck", "sagas not seen to end within their time, so far; a judge asks later" },
	{ "gates", "as of now, by the rules of the report: too little is '?'" },
};

void live_draw_help(struct live *live, struct box box)
{
	for (size_t i = 0; i < sizeof(help) / sizeof(help[0]) && (int)i + 1 < box.rows; i++) {
		screen_put(&live->screen, box.row + 1 + (int)i, box.column, INK_BOLD, help[i].key);
		screen_put(&live->screen, box.row + 1 + (int)i, box.column + LABEL_COLUMNS,
			   INK_PLAIN, help[i].does);
	}
}
