/* Which part of the live view gets which rows. See live_parts.h. */
#include "cli/live_parts.h"

enum {
	WIDE_COLUMNS = 140, /* from here on lists stand beside figures */
	LEAST_COLUMNS = 30,
	EVENTS_LEAST = 2,
	CHARTS_LEAST = 9,  /* rows for three of them with a caption each */
	CHARTS_MOST = 27,
	MARGIN = 1,
};

/* Rows of what stands below each other. */
struct shares {
	int gap; /* between them */
	int faults, gates, charts, events;
};

static int least(int a, int b)
{
	return a < b ? a : b;
}

static int take(int *rest, int wanted)
{
	int taken = least(*rest > 0 ? *rest : 0, wanted);

	*rest -= taken;
	return taken;
}

/* When both can't have all, neither gets more than half as long as the other wants some. */
static void share_lists(struct shares *shares, int *rest, int faults, int gates)
{
	int half = *rest / 2;

	if (faults + gates > *rest && gates > *rest - half)
		gates = faults < half ? *rest - faults : *rest - half;
	shares->gates = take(rest, gates);
	shares->faults = take(rest, faults);
}

static int sections(const struct shares *shares)
{
	return (shares->faults > 0) + (shares->gates > 0) + (shares->events > 0);
}

/* `gaps` of them beside those before the lists. */
static struct shares share(const struct live *live, int rest, int gaps, bool charts)
{
	struct shares shares = { .events = take(&rest, EVENTS_LEAST) };

	share_lists(&shares, &rest, (int)live_fault_count(live), (int)live_gate_count(live));
	gaps += sections(&shares);
	if (rest >= gaps) {
		shares.gap = 1;
		rest -= gaps;
	}
	if (charts && rest > CHARTS_LEAST + 3)
		shares.charts = take(&rest, least((rest - 3) / 3 * 3, CHARTS_MOST));
	shares.events += rest;
	return shares;
}

static struct box next(struct box *left, int rows, int gap)
{
	struct box box = *left;

	if (!rows)
		return (struct box){ left->row, left->column, 0, left->columns };
	gap = least(gap, left->rows);
	box.row += gap;
	box.rows = least(rows, left->rows - gap);
	left->row += gap + box.rows;
	left->rows -= gap + box.rows;
	return box;
}

static void draw_lists(struct live *live, struct box *box, const struct shares *shares)
{
	live_draw_faults(live, next(box, shares->faults, shares->gap));
	live_draw_gates(live, next(box, shares->gates, shares->gap));
	live_draw_events(live, next(box, shares->events, shares->gap));
}

static void draw_narrow(struct live *live, struct box box)
{
	int groups = live_figure_groups(live), figures = live_figure_rows(live);
	struct shares shares = share(live, box.rows - figures, groups, true);
	struct box above = next(&box, figures + (groups - 1) * shares.gap, shares.gap);

	live_draw_figures(live, above, shares.gap);
	if (shares.charts)
		live_draw_charts(live, next(&box, shares.charts - shares.gap, shares.gap));
	draw_lists(live, &box, &shares);
}

static void draw_wide(struct live *live, struct box box)
{
	int groups = live_figure_groups(live), figures = live_figure_rows(live);
	struct box left = box, right = box;
	struct shares shares = share(live, box.rows, 0, false);
	int gap = box.rows > figures + groups;

	left.columns = box.columns * 11 / 20;
	right.column += left.columns + 2;
	right.columns -= left.columns + 2;
	live_draw_figures(live, next(&left, figures + (groups - 1) * gap, gap), gap);
	if (left.rows > CHARTS_LEAST)
		live_draw_charts(live, next(&left, least(left.rows - 1, CHARTS_MOST), 1));
	shares.gap = 1;
	draw_lists(live, &right, &shares);
}

static void draw_body(struct live *live, struct box box)
{
	if (live->help)
		live_draw_help(live, box);
	else if (box.columns >= WIDE_COLUMNS)
		draw_wide(live, box);
	else
		draw_narrow(live, box);
}

void live_draw(struct live *live)
{
	const struct screen *screen = &live->screen;
	struct box box = { 0, MARGIN, screen->rows, screen->columns - 2 * MARGIN };

	if (box.columns < LEAST_COLUMNS) {
		screen_put(&live->screen, 0, 0, INK_PLAIN, "too narrow");
		return;
	}
	if (box.rows > 2) {
		live_draw_keys(live, (struct box){ box.rows - 1, MARGIN, 1, box.columns });
		box.rows--;
	}
	live_draw_head(live, next(&box, live_head_rows(live), 0));
	if (box.rows > 0)
		draw_body(live, box);
}
