/* Faults, gates and events in the live view. See live_parts.h. */
#include <inttypes.h>
#include <stdio.h>

#include "chaos/chaos_read.h"
#include "cli/live_parts.h"
#include "engine/gate_watch.h"
#include "engine/scenario.h"
#include "engine/watch.h"
#include "lib/clock.h"

/* One line of a list: a mark, what it is, and to the right how it is. */
struct line {
	int rank; /* lower ones come first, and are the last to be left out */
	enum ink ink;
	const char *mark;
	const char *what;
	char how[120];
};

enum { LINES_MAX = 128, MARK_COLUMNS = 2, GAP = 3 };

struct lines {
	struct line items[LINES_MAX];
	size_t count, most;
};

/* What it is takes `width` columns; how it is stands behind that in all lines. */
static void draw_line(struct live *live, struct box box, const struct line *line, int width)
{
	int column = box.column + LABEL_COLUMNS;

	screen_put(&live->screen, box.row, column, line->ink, line->mark);
	screen_fit(&live->screen, box.row, column + MARK_COLUMNS, width, INK_PLAIN, line->what);
	screen_put(&live->screen, box.row, column + MARK_COLUMNS + width + GAP, line->ink,
		   line->how);
}

static int widest(int a, int b)
{
	return a > b ? a : b;
}

static int what_width(struct box box, const struct lines *lines)
{
	int what = 0, how = 0, room;

	for (size_t i = 0; i < lines->count; i++) {
		what = widest(what, screen_width(lines->items[i].what));
		how = widest(how, screen_width(lines->items[i].how));
	}
	room = box.columns - LABEL_COLUMNS - MARK_COLUMNS - GAP - how;
	return what < room ? what : widest(room, 0);
}

static size_t lines_of_rank(struct live *live, struct box *box, const struct lines *lines, int rank,
			    size_t room)
{
	int width = what_width(*box, lines);
	size_t drawn = 0;

	for (size_t i = 0; i < lines->count && drawn < room; i++) {
		if (lines->items[i].rank != rank)
			continue;
		draw_line(live, *box, &lines->items[i], width);
		box->row++;
		drawn++;
	}
	return drawn;
}

/* What has no room is counted, in the last row. */
static void draw_lines(struct live *live, struct box box, const struct lines *lines)
{
	size_t rows = box.rows > 0 ? (size_t)box.rows : 0, drawn = 0;
	size_t room = lines->most > rows && rows ? rows - 1 : rows;

	for (int rank = 0; rank < 5; rank++)
		drawn += lines_of_rank(live, &box, lines, rank, room - drawn);
	if (lines->most > drawn && rows)
		screen_format(&live->screen, box.row, box.column + LABEL_COLUMNS, INK_DIM,
			      "… and %zu more", lines->most - drawn);
}

static struct line *add_line(struct lines *lines)
{
	lines->most++;
	if (lines->count == LINES_MAX)
		return NULL;
	lines->items[lines->count] = (struct line){ .mark = " ", .what = "" };
	return &lines->items[lines->count++];
}

/* Faults. */

size_t live_fault_count(const struct live *live)
{
	const struct chaos_section *chaos = live->view->scenario->chaos;

	return chaos ? chaos->fault_count : 0;
}

static void say_hits(const struct watch_fault *seen, char *out, size_t bytes)
{
	char count[WORDS_BYTES];

	if (seen->hits < 0)
		out[0] = '\0';
	else if (seen->hits == 1)
		snprintf(out, bytes, "1 hit");
	else
		snprintf(out, bytes, "%s hits", live_say_count(count, (uint64_t)seen->hits));
}

static void say_active(const struct live *live, const struct fault *fault,
		       const struct watch_fault *seen, struct line *line)
{
	int64_t left_us = seen->armed_us + fault->duration_us - live->view->now_us;
	char hits[WORDS_BYTES + 8], left[WORDS_BYTES];

	say_hits(seen, hits, sizeof(hits));
	line->rank = 0;
	line->ink = INK_BAD;
	line->mark = "●";
	snprintf(line->how, sizeof(line->how), "%s%s%s left", hits, *hits ? ", " : "",
		 live_say_clock(left, (double)left_us / 1e6 + 0.999));
}

static void say_waiting(const struct live *live, const struct fault *fault, struct line *line)
{
	double in_s = (double)(fault->trigger.at_us - live->view->now_us) / 1e6;
	char left[WORDS_BYTES];

	line->rank = 2;
	line->ink = INK_PLAIN;
	line->mark = "○";
	if (fault->trigger.kind == TRIGGER_ON)
		snprintf(line->how, sizeof(line->how), "waits for a call");
	else if (fault->trigger.kind == TRIGGER_WHEN)
		snprintf(line->how, sizeof(line->how), "waits for a saga");
	else if (in_s > 0)
		snprintf(line->how, sizeof(line->how), "in %s", live_say_clock(left, in_s + 0.999));
	else
		snprintf(line->how, sizeof(line->how), "due");
}

static void say_over(const struct watch_fault *seen, struct line *line)
{
	bool bad = seen->state != FAULT_HEALED;
	char hits[WORDS_BYTES + 8];

	say_hits(seen, hits, sizeof(hits));
	line->rank = bad ? 1 : 3;
	line->ink = bad ? INK_BAD : INK_GOOD;
	line->mark = bad ? "✗" : "✓";
	snprintf(line->how, sizeof(line->how), "%s%s%s", hits, *hits ? ", " : "",
		 fault_state_name(seen->state));
}

static void say_fault(const struct live *live, size_t number, struct line *line)
{
	const struct fault *fault = &live->view->scenario->chaos->faults[number];
	const struct watch_fault *seen = watch_fault(live->view->watch, (uint32_t)number);

	line->what = fault->name;
	if (!seen || seen->state == FAULT_PLANNED) {
		say_waiting(live, fault, line);
	} else if (seen->state == FAULT_ARMED) {
		say_active(live, fault, seen, line);
	} else if (seen->state == FAULT_ARMING || seen->state == FAULT_HEALING) {
		line->rank = 0;
		line->ink = INK_WARN;
		line->mark = "◐";
		snprintf(line->how, sizeof(line->how), "%s", fault_state_name(seen->state));
	} else {
		say_over(seen, line);
	}
}

void live_draw_faults(struct live *live, struct box box)
{
	struct lines lines = { .count = 0 };

	if (box.rows <= 0)
		return;
	live_label(live, box, "faults");
	for (size_t i = 0; i < live_fault_count(live); i++) {
		struct line *line = add_line(&lines);

		if (line)
			say_fault(live, i, line);
	}
	draw_lines(live, box, &lines);
}

/* Gates. */

size_t live_gate_count(const struct live *live)
{
	return live->view->scenario->gate_count;
}

static void say_judged(const struct condition *condition, const struct judgement *judgement,
		       struct line *line)
{
	static const struct {
		int rank;
		enum ink ink;
		const char *mark;
	} holdings[] = {
		[HOLDS] = { 3, INK_GOOD, "✓" },
		[DOES_NOT_HOLD] = { 0, INK_BAD, "✗" },
		[NOT_KNOWN] = { 2, INK_PLAIN, "?" },
	};
	struct buffer shown = BUFFER_EMPTY;

	line->rank = holdings[judgement->holding].rank;
	line->ink = holdings[judgement->holding].ink;
	line->mark = holdings[judgement->holding].mark;
	if (judgement->measured)
		condition_show(condition, judgement->actual, &shown);
	snprintf(line->how, sizeof(line->how), "%s%s", shown.data ? shown.data : "nothing yet",
		 shown.data && judgement->holding == NOT_KNOWN ? ", too few yet" : "");
	buffer_release(&shown);
}

static void say_gate(const struct live *live, size_t number, struct line *line)
{
	const struct gate_setting *gate = &live->view->scenario->gates[number];
	struct judgement judgement;

	line->what = gate->name;
	if (gate_watch_judge(live->view->gates, number, &judgement)) {
		say_judged(&gate->condition, &judgement, line);
		return;
	}
	line->rank = 4;
	line->ink = INK_DIM;
	line->mark = "·";
	snprintf(line->how, sizeof(line->how), "after the run");
}

void live_draw_gates(struct live *live, struct box box)
{
	struct lines lines = { .count = 0 };

	if (box.rows <= 0)
		return;
	live_label(live, box, "gates");
	for (size_t i = 0; i < live_gate_count(live); i++) {
		struct line *line = add_line(&lines);

		if (line)
			say_gate(live, i, line);
	}
	draw_lines(live, box, &lines);
}

/* Events, the last one below. */

void live_draw_events(struct live *live, struct box box)
{
	size_t rows = box.rows > 0 ? (size_t)box.rows : 0;
	size_t first = live->event_count > rows ? live->event_count - rows : 0;
	int room = box.columns - LABEL_COLUMNS - 7;

	if (!rows)
		return;
	live_label(live, box, "events");
	for (size_t i = first; i < live->event_count; i++, box.row++) {
		const struct live_event *event = &live->events[i];
		int column = box.column + LABEL_COLUMNS;
		char at[WORDS_BYTES];

		live_say_clock(at, (double)event->at_us / 1e6);
		screen_format(&live->screen, box.row, column, INK_DIM, "%5s", at);
		screen_fit(&live->screen, box.row, column + 7, room, INK_PLAIN, event->text);
	}
}
