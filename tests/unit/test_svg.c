/* What charts are made of: scales, lines, words, and what happened in which bin. */
#include <math.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "reports/html_write.h"
#include "reports/series.h"
#include "reports/svg.h"
#include "tests/unit/tap.h"

static bool near(double a, double b)
{
	return fabs(a - b) < 1e-6 * fmax(1, fabs(b));
}

static void test_linear(void)
{
	static const double values[] = { 0, 0.003, 1, 7, 61, 99.9, 100, 12345, 4e9 };
	bool covers = true, few = true;

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		struct svg_scale scale = svg_linear(values[i], 20, 130);

		covers = covers && scale.to >= values[i] * (1 - 1e-9) &&
			 scale.ticks[scale.tick_count - 1] >= scale.to * (1 - 1e-9);
		few = few && scale.tick_count >= 3 && scale.tick_count <= 6;
	}
	TEST("a linear axis ends with a round number at or above the largest value") {
		CHECK(covers);
	}
	TEST("it has three to six lines, whatever the values are") {
		CHECK(few);
	}
	TEST("61 needs an axis up to 80") {
		CHECK(near(svg_linear(61, 20, 130).to, 80));
	}
}

static void test_log(void)
{
	struct svg_scale scale = svg_log(150, 42000, 20, 130);

	TEST("a logarithmic axis has whole decades") {
		CHECK(near(scale.from, 100) && near(scale.to, 100000) && scale.tick_count == 4);
	}
	TEST("each decade is as high as the others") {
		CHECK(near(svg_y(&scale, 100), 130) && near(svg_y(&scale, 1000), 130 - 110.0 / 3));
	}
	TEST("what is beyond its ends stays at them") {
		CHECK(near(svg_y(&scale, 0), 130) && near(svg_y(&scale, 1e12), 20));
	}
	scale = svg_log(5, 5, 20, 130);
	TEST("a single value has an axis, too") {
		CHECK(scale.to > scale.from && isfinite(svg_y(&scale, 5)));
	}
}

static void test_line(void)
{
	struct buffer out = BUFFER_EMPTY;
	struct svg_line line = svg_line_begin(&out, 0);

	svg_line_to(&line, 0.5, 10);
	svg_line_to(&line, 1.5, 12.25);
	svg_line_break(&line);
	svg_line_to(&line, 3.5, 1);
	svg_line_end(&line);
	TEST("a line has a gap where nothing is known, and a lonely point is seen") {
		CHECK(strstr(out.data, " d=\"M5 100l10 23M35 10h4\""));
	}
	buffer_release(&out);
}

static void test_words(void)
{
	struct buffer out = BUFFER_EMPTY;
	char words[WORDS_MAX];

	html_add(&out, "<a href=\"x\" onclick='y'>&\n\xe2\x80\xae\xff");
	TEST("no foreign word is markup, turns the direction, or is invalid") {
		CHECK_TEXT(
			out.data,
			"&lt;a href=&quot;x&quot; onclick=&#39;y&#39;&gt;&amp;\\n\\xe2\\x80\\xae\xef\xbf\xbd");
	}
	buffer_clear(&out);
	html_add_text(&out, text_of("&&&&&&&&&&"), 4);
	TEST("what is cut is cut before it is escaped") {
		CHECK_TEXT(out.data, "&amp;&amp;&amp;&amp;...");
	}
	buffer_clear(&out);
	html_cell_number(&out, (double)NAN, "nan");
	TEST("a number that is none is a dash") {
		CHECK(!strstr(out.data, "nan"));
	}
	TEST("microseconds have their sign") {
		CHECK_TEXT(html_duration(words, 350), "350 \xc2\xb5s");
	}
	TEST("milliseconds stay as they are") {
		CHECK_TEXT(html_duration(words, 1230), "1.23 ms");
	}
	buffer_release(&out);
}

static void add(struct series *series, int64_t intended_us, uint32_t service_us,
		enum failure failure)
{
	struct record record = { .kind = RECORD_REQUEST };
	struct record_request request = { .intended_us = intended_us,
					  .lag_us = 100,
					  .service_us = service_us,
					  .failure = (uint8_t)failure };

	memcpy(record.payload, &request, sizeof(request));
	series_add(series, &record);
}

static uint64_t sum_of(const struct series *series, uint64_t *errors)
{
	uint64_t sum = 0;

	*errors = 0;
	for (size_t i = 0; i < series->count; i++) {
		sum += series->bins[i].latency ? series->bins[i].latency->total : 0;
		*errors += bin_errors(&series->bins[i]);
	}
	return sum;
}

static void test_series(void)
{
	struct meta_phase phases[] = { { .name = "one",
					 .kind = "rate",
					 .duration_us = 10 * US_PER_S,
					 .rate_to = 20,
					 .planned = 100,
					 .measured = true } };
	struct meta meta = { .phases = phases, .phase_count = 1 };
	struct faults faults = { 0 };
	struct series *series = series_new(&meta, &faults), *coarser;
	uint64_t errors;

	TEST("of a ramp each second has the rate that is planned in its middle") {
		CHECK(near(series_target(series, 0), 1) && near(series_target(series, 9), 19));
	}
	TEST("where nothing is planned there is no rate") {
		CHECK(series_target(series, 10) < 0);
	}
	for (int i = 0; i < 5000; i++)
		add(series, i * US_PER_S, 900, i % 10 ? FAILURE_NONE : FAILURE_TIMEOUT);
	series_finish(series, 4999 * US_PER_S + 500);
	TEST("a long run has wider bins, not more") {
		CHECK(series->count <= SERIES_BINS_MAX && series->width_us == 8 * US_PER_S);
	}
	TEST("no request is lost where two bins become one") {
		CHECK_INT(sum_of(series, &errors), 5000);
	}
	TEST("nor an error") {
		CHECK_INT(errors, 500);
	}
	TEST("each bin has those of its own seconds") {
		CHECK(series->bins[0].latency->total == 8 && series->bins[100].latency->total == 8);
	}
	coarser = series_coarser(series, 7);
	TEST("coarser ones have them all, too") {
		CHECK_INT(sum_of(coarser, &errors), 5000);
	}
	TEST("the last bin ends where the run does") {
		CHECK(series_length_s(coarser, 0) == 56 &&
		      series_length_s(coarser, coarser->count - 1) < 56);
	}
	series_free(coarser);
	series_free(series);
}

static void test_bad_times(void)
{
	struct meta meta = { 0 };
	struct faults faults = { 0 };
	struct series *series = series_new(&meta, &faults);
	uint64_t errors;

	add(series, -5 * US_PER_S, 10, FAILURE_NONE);
	add(series, INT64_C(365) * 86400 * US_PER_S, 10, FAILURE_NONE);
	add(series, 1, UINT32_MAX, FAILURE_NONE);
	series_finish(series, US_PER_S);
	TEST("a year fits into as many bins") {
		CHECK(series->count <= SERIES_BINS_MAX);
	}
	TEST("what is before the beginning is at the beginning") {
		CHECK_INT(sum_of(series, &errors), 3);
	}
	series_free(series);
}

static void test_around(void)
{
	struct meta_phase phases[] = { { .name = "one", .kind = "rate", .measured = true } };
	struct meta meta = { .phases = phases, .phase_count = 1 };
	struct fault_spans spans[2] = {
		{ .items = { { 10 * US_PER_S, 20 * US_PER_S } }, .count = 1 },
		{ .items = { { 25 * US_PER_S, 30 * US_PER_S } }, .count = 1 },
	};
	struct faults faults = { .spans = spans, .count = 2 };
	struct series *series = series_new(&meta, &faults);
	const struct around_fault *first = &series->around[0], *second = &series->around[1];

	for (int i = 0; i < 100; i++)
		add(series, i * US_PER_S + 5, i >= 10 && i < 20 ? 90000 : 1000,
		    i == 12 ? FAILURE_RESET : FAILURE_NONE);
	series_finish(series, 100 * US_PER_S);
	TEST("after a fault is until the next one begins") {
		CHECK(first->latency[BEFORE_FAULT]->total == 10 &&
		      first->latency[DURING_FAULT]->total == 10 &&
		      first->latency[AFTER_FAULT]->total == 5);
	}
	TEST("before one is from the end of the one before, after it are 30 s") {
		CHECK(second->latency[BEFORE_FAULT]->total == 5 &&
		      second->latency[AFTER_FAULT]->total == 30);
	}
	TEST("what was slow during a fault is not before it") {
		CHECK(first->latency[BEFORE_FAULT]->max < 2000 &&
		      first->latency[DURING_FAULT]->min > 80000);
	}
	TEST("its errors and its length are told") {
		CHECK(first->errors[DURING_FAULT] == 1 && !first->errors[BEFORE_FAULT] &&
		      first->span_us[AFTER_FAULT] == 5 * US_PER_S);
	}
	series_free(series);
}

int main(void)
{
	test_linear();
	test_log();
	test_line();
	test_words();
	test_series();
	test_bad_times();
	test_around();
	return tap_done();
}
