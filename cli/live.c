#include "cli/live.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cli/live_parts.h"
#include "cli/terminal.h"
#include "engine/watch.h"
#include "lib/clock.h"
#include "lib/memory.h"
#include "lib/schema.h"

enum { FRAME_US = 250000, RECENT_SECONDS = 10, HIST_DIGITS = 2 };

/* The marks we draw with are there where text is UTF-8. */
static bool speaks_unicode(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < 3; i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
	}
	return false;
}

/* https://no-color.org: set, and not empty. */
static bool likes_colours(void)
{
	const char *value = getenv("NO_COLOR");

	return !value || !*value;
}

struct live *live_new(FILE *out, int in)
{
	struct live *live = memory_new(sizeof(*live));

	live->out = out;
	live->in = in;
	live->whole = hist_new(HIST_DIGITS);
	live->recent = hist_new(HIST_DIGITS);
	screen_init(&live->screen, likes_colours(), speaks_unicode());
	return live;
}

void live_free(struct live *live)
{
	if (!live)
		return;
	live_end(live);
	for (size_t i = 0; i < live->event_count; i++)
		free(live->events[i].text);
	free(live->events);
	hist_free(live->whole);
	hist_free(live->recent);
	buffer_release(&live->frame);
	screen_release(&live->screen);
	free(live);
}

/* Seconds of the history. */

static const struct condition everything = { .subject = SUBJECT_RUN,
					     .metric = METRIC_QUANTILE,
					     .quantile = 0.99 };

static void take_second(struct live *live, const struct slices *slices, int64_t second)
{
	struct sample sample = { 0 };

	slices_sum(slices, &everything, second, second, &sample);
	live->seconds[second % LIVE_SECONDS] = (struct live_second){
		.requests = sample.count,
		.errors = sample.errors,
		.p99_us = sample.latency ? hist_quantile(sample.latency, 0.99) : 0,
	};
	if (sample.latency)
		hist_merge(live->whole, sample.latency);
	sample_release(&sample);
}

static void sum_recent(struct live *live, const struct slices *slices)
{
	struct sample sample = { 0 };
	int64_t last = live->seconds_taken - 1;

	slices_sum(slices, &everything, last >= RECENT_SECONDS ? last - RECENT_SECONDS + 1 : 0,
		   last, &sample);
	hist_reset(live->recent);
	if (sample.latency)
		hist_merge(live->recent, sample.latency);
	sample_release(&sample);
}

static void take_seconds(struct live *live, const struct watch *watch)
{
	const struct slices *slices = watch_slices(watch);
	int64_t complete = watch_complete(watch);

	if (live->seconds_taken >= complete)
		return;
	while (live->seconds_taken < complete)
		take_second(live, slices, live->seconds_taken++);
	sum_recent(live, slices);
}

/* Frames. */

/* False: nobody takes it. Then there is no next one before this one is gone. */
static bool flush(struct live *live)
{
	if (live->frame.length && !terminal_write(buffer_text(&live->frame)))
		return false;
	buffer_clear(&live->frame);
	return true;
}

static void draw(struct live *live, const struct run_view *view)
{
	int rows, columns;
	bool fresh;

	if (!terminal_is_ours(&fresh) || !flush(live))
		return;
	if (fresh)
		screen_forget(&live->screen);
	terminal_size(&rows, &columns);
	screen_begin(&live->screen, rows, columns);
	live->view = view;
	live_draw(live);
	live->view = NULL;
	screen_write(&live->screen, &live->frame);
	flush(live);
}

static unsigned press(struct live *live, int key)
{
	bool helped = live->help;

	live->drawn_us = key ? INT64_MIN : live->drawn_us; /* seen at once */
	live->help = key ? false : helped;
	switch (key) {
	case 'q':
		return WISH_STOP;
	case '!':
		return WISH_HEAL;
	case 'p':
		return WISH_PAUSE;
	case '?':
	case 'h':
		live->help = !helped;
		return 0;
	case 'L' - '@':
		screen_forget(&live->screen);
		return 0;
	default:
		return 0;
	}
}

unsigned live_look(struct live *live, const struct run_view *view)
{
	unsigned wishes = 0;

	live->now_us = view->now_us;
	if (!live->shown && !live->given_up) {
		fflush(live->out);
		live->shown = terminal_take(fileno(live->out), live->in);
		live->given_up = !live->shown;
		live->drawn_us = INT64_MIN;
	}
	if (!live->shown)
		return 0;
	take_seconds(live, view->watch);
	wishes = press(live, terminal_key());
	if (live->drawn_us == INT64_MIN || view->now_us - live->drawn_us >= FRAME_US) {
		live->drawn_us = view->now_us;
		draw(live, view);
	}
	return wishes;
}

bool live_is_shown(const struct live *live)
{
	return live && live->shown;
}

static struct tally counters_of(const struct tally *tally)
{
	struct tally counters = *tally;

	counters.latency = NULL;
	return counters;
}

void live_take_second(struct live *live, const struct run_progress *now)
{
	live->total = counters_of(now->total);
	live->second = counters_of(now->second);
}

/* What happened. */

void live_notice(struct live *live, const char *line)
{
	if (live->event_count == LIVE_EVENTS) {
		free(live->events[0].text);
		memmove(live->events, live->events + 1, (LIVE_EVENTS - 1) * sizeof(*live->events));
		live->event_count--;
	}
	live->events = memory_grow(live->events, live->event_count, &live->event_room,
				   sizeof(*live->events));
	live->events[live->event_count++] =
		(struct live_event){ live->now_us, memory_copy_string(line) };
}

/* The other screen is gone with all that was on it; what happened stays. */
void live_end(struct live *live)
{
	char at[WORDS_BYTES];

	if (!live->shown)
		return;
	live->shown = false;
	live->given_up = true;
	terminal_give_back();
	for (size_t i = 0; i < live->event_count; i++)
		fprintf(live->out, "%6s  %s\n",
			live_say_clock(at, (double)live->events[i].at_us / 1e6),
			live->events[i].text);
	fflush(live->out);
}

/* Words. */

static const char *hand_out(char out[WORDS_BYTES], struct buffer *words)
{
	snprintf(out, WORDS_BYTES, "%s", words->data ? words->data : "");
	buffer_release(words);
	return out;
}

const char *live_say_us(char out[WORDS_BYTES], int64_t us)
{
	struct buffer words = BUFFER_EMPTY;

	unit_show_duration(&words, us);
	return hand_out(out, &words);
}

const char *live_say_count(char out[WORDS_BYTES], uint64_t count)
{
	struct buffer words = BUFFER_EMPTY;

	unit_show_count(&words, count);
	return hand_out(out, &words);
}

const char *live_say_clock(char out[WORDS_BYTES], double seconds)
{
	int64_t whole = seconds > 0 ? (int64_t)seconds : 0;
	int64_t hours = whole / 3600, minutes = whole / 60 % 60;

	if (hours)
		snprintf(out, WORDS_BYTES, "%" PRId64 ":%02" PRId64 ":%02" PRId64, hours, minutes,
			 whole % 60);
	else
		snprintf(out, WORDS_BYTES, "%" PRId64 ":%02" PRId64, minutes, whole % 60);
	return out;
}
