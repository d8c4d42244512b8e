/* Recorded arrival curves. See plan_read.h. */
#include <math.h>
#include <stdlib.h>

#include "lib/file.h"
#include "lib/memory.h"
#include "loadgen/plan_read.h"

enum { POINTS_MAX = 1000000 };

struct points {
	struct curve_point *items;
	size_t count, room;
};

/* Takes the next line off the front, without its end. */
static bool take_line(struct text *rest, struct text *line)
{
	const char *end;

	if (!rest->length)
		return false;
	end = memchr(rest->data, '\n', rest->length);
	line->data = rest->data;
	line->length = end ? (size_t)(end - rest->data) : rest->length;
	rest->data += line->length + (end != NULL);
	rest->length -= line->length + (end != NULL);
	if (line->length && line->data[line->length - 1] == '\r')
		line->length--;
	return true;
}

static bool split_pair(struct text line, struct text *left, struct text *right)
{
	const char *comma = memchr(line.data, ',', line.length);

	if (!comma)
		return false;
	*left = text_trim((struct text){ line.data, (size_t)(comma - line.data) });
	*right = text_trim(
		(struct text){ comma + 1, line.length - (size_t)(comma + 1 - line.data) });
	return true;
}

static bool check_header(struct text line, struct place at, struct error *err)
{
	struct text left, right;

	if (split_pair(line, &left, &right) && text_is(left, "time_s") &&
	    text_is(right, "rate_per_s"))
		return true;
	return error_at(err, at, "the first line of a curve is 'time_s,rate_per_s', not '%.*s'",
			line.length > 60 ? 60 : (int)line.length, line.data);
}

static bool read_point(struct text line, double *time_s, double *rate, struct place at,
		       struct error *err)
{
	struct text left, right;
	struct error why;

	if (!split_pair(line, &left, &right))
		return error_at(err, at, "wants a time and a rate, with a comma between");
	if (!unit_number(left, time_s, &why) || !unit_number(right, rate, &why))
		return error_at(err, at, "%s", why.text);
	if (*time_s < 0)
		return error_at(err, at, "a time before the start");
	if (*rate < 0 || *rate > RATE_MAX)
		return error_at(err, at, "a rate is between 0 and 1,000,000 per second");
	return true;
}

static bool add_point(struct points *points, double time_s, double rate, struct place at,
		      struct error *err)
{
	struct curve_point point;

	if (time_s > PHASE_DAYS_MAX * 86400.0)
		return error_at(err, at, "a phase takes at most %d days", PHASE_DAYS_MAX);
	if (rate > RATE_MAX)
		return error_at(err, at, "scaled, this is more than 1,000,000/s");
	if (points->count == POINTS_MAX)
		return error_at(err, at, "more than %d points", POINTS_MAX);
	point = (struct curve_point){ llround(time_s * 1e6), rate };
	if (points->count && point.at_us <= points->items[points->count - 1].at_us)
		return error_at(err, at, "times must go up");
	points->items = memory_grow(points->items, points->count, &points->room, sizeof(point));
	points->items[points->count++] = point;
	return true;
}

static bool read_points(struct text rest, const char *path, double scale, double speed,
			struct points *points, struct error *err)
{
	struct place at = { path, 1, 1 };
	struct text line;

	if (!take_line(&rest, &line))
		return error_at(err, at, "the file is empty");
	if (!check_header(line, at, err))
		return false;
	while (at.line++, take_line(&rest, &line)) {
		double time_s, rate;

		if (!text_trim(line).length)
			continue;
		if (!read_point(line, &time_s, &rate, at, err) ||
		    !add_point(points, time_s / speed, rate * scale, at, err))
			return false;
	}
	if (points->count < 2)
		return error_at(err, at, "a curve has at least two points");
	return true;
}

bool curve_read(const char *path, double scale, double speed, struct phase *phase,
		struct arena *arena, struct error *err)
{
	struct buffer bytes = BUFFER_EMPTY;
	struct points points = { NULL, 0, 0 };
	bool good = file_read(path, &bytes, err) &&
		    read_points(buffer_text(&bytes), path, scale, speed, &points, err);

	if (good && points.items) {
		phase->curve = arena_array(arena, points.count, sizeof(*points.items));
		memcpy(phase->curve, points.items, points.count * sizeof(*points.items));
		phase->curve_count = (uint32_t)points.count;
		phase->duration_us = points.items[points.count - 1].at_us;
	}
	free(points.items);
	buffer_release(&bytes);
	return good;
}
