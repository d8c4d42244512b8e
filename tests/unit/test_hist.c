#include "lib/hist.h"

#include <stdlib.h>

#include "lib/random.h"
#include "tests/unit/tap.h"

enum { VALUES = 20000 };

/* From a microsecond to minutes, as latencies are. */
static int64_t any_latency(struct random *random)
{
	return (int64_t)exp(random_unit(random) * 19);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static bool same(const struct hist *a, const struct hist *b)
{
	uint32_t i = 0, j = 0;
	int64_t low_a, low_b, high_a, high_b;
	uint64_t count_a, count_b;
	bool more_a, more_b;

	do {
		more_a = hist_next(a, &i, &low_a, &high_a, &count_a);
		more_b = hist_next(b, &j, &low_b, &high_b, &count_b);
		if (more_a != more_b || (more_a && (low_a != low_b || count_a != count_b)))
			return false;
	} while (more_a);
	return a->total == b->total && a->over == b->over && a->min == b->min && a->max == b->max &&
	       fabs(a->sum - b->sum) < 0.5;
}

static void fill(struct hist *hist, int64_t *values, uint64_t seed)
{
	struct random random = random_stream(seed, "hist", 0);

	for (int i = 0; i < VALUES; i++) {
		values[i] = any_latency(&random);
		hist_record(hist, values[i]);
	}
	qsort(values, VALUES, sizeof(*values), by_value);
}

static void test_empty(void)
{
	struct hist *hist = hist_new(3);
	uint32_t index = 0;
	int64_t low, high;
	uint64_t count;

	TEST("an empty histogram has nothing to tell, and says so without dividing by zero") {
		CHECK_INT(hist_quantile(hist, 0.5), 0);
		CHECK_INT(hist_quantile(hist, 1), 0);
		CHECK(hist_mean(hist) == 0);
		CHECK_INT(hist_count_at_or_below(hist, 1000), 0);
		CHECK(!hist_next(hist, &index, &low, &high, &count));
		hist_free(NULL);
	}
	hist_free(hist);
}

static void test_layout(void)
{
	static const struct {
		int digits;
		int64_t value, lowest, highest;
	} buckets[] = {
		{ 3, 0, 0, 0 },		 { 3, 1, 1, 1 },	  { 3, 2047, 2047, 2047 },
		{ 3, 2048, 2048, 2049 }, { 3, 4095, 4094, 4095 }, { 3, 4096, 4096, 4099 },
		{ 2, 255, 255, 255 },	 { 2, 256, 256, 257 },	  { 2, 10000, 9984, 10047 },
		{ 1, 31, 31, 31 },	 { 1, 33, 32, 33 },	  { 3, 1000000, 999936, 1000447 },
	};

	TEST("buckets are where HdrHistogram has them") {
		for (size_t i = 0; i < sizeof(buckets) / sizeof(buckets[0]); i++) {
			struct hist *hist = hist_new(buckets[i].digits);
			uint32_t index = 0;
			int64_t low = -1, high = -1;
			uint64_t count = 0;

			hist_record(hist, buckets[i].value);
			CHECK(hist_next(hist, &index, &low, &high, &count));
			CHECK_INT(low, buckets[i].lowest);
			CHECK_INT(high, buckets[i].highest);
			CHECK_INT(count, 1);
			hist_free(hist);
		}
	}
}

static void test_quantiles(int digits, double bound)
{
	static const double quantiles[] = { 0.001, 0.1, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999 };
	struct hist *hist = hist_new(digits);
	int64_t *values = calloc(VALUES, sizeof(*values));
	double worst = 0;

	fill(hist, values, 7);
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
		int64_t exact = values[(size_t)ceil(quantiles[i] * VALUES - 1e-9) - 1];
		int64_t got = hist_quantile(hist, quantiles[i]);

		CHECK(got >= exact);
		worst = fmax(worst, (double)(got - exact) / (double)exact);
	}
	printf("# %d digits: worst relative error %.5f\n", digits, worst);
	CHECK(worst <= bound);
	CHECK_INT(hist_quantile(hist, 0), values[0]);
	CHECK_INT(hist_quantile(hist, 1), values[VALUES - 1]);
	free(values);
	hist_free(hist);
}

static void test_ranks(void)
{
	struct hist *hist = hist_new(3);

	TEST("a quantile is the smallest value that enough others do not exceed") {
		for (int64_t value = 1; value <= 10; value++)
			hist_record(hist, value);
		CHECK_INT(hist_quantile(hist, 0.9), 9);
		CHECK_INT(hist_quantile(hist, 0.91), 10);
		CHECK_INT(hist_quantile(hist, 0.5), 5);
		CHECK_INT(hist_quantile(hist, 0.01), 1);
		CHECK_INT(hist_quantile(hist, -3), 1);
		CHECK_INT(hist_quantile(hist, 17), 10);
		CHECK_INT(hist_count_at_or_below(hist, 4), 4);
		CHECK_INT(hist_count_at_or_below(hist, -1), 0);
		CHECK(hist_mean(hist) == 5.5);
	}
	hist_free(hist);
}

static void test_merge(void)
{
	struct hist *parts[4], *merged = hist_new(3), *together = hist_new(3);
	struct random random = random_stream(3, "merge", 0);

	for (int i = 0; i < 4; i++)
		parts[i] = hist_new(3);
	for (int i = 0; i < VALUES; i++) {
		int64_t value = any_latency(&random) * (i % 1000 == 0 ? 100 : 1);

		hist_record(parts[random_below(&random, 3)], value); /* the fourth stays empty */
		hist_record(together, value);
	}
	for (int i = 0; i < 4; i++)
		hist_merge(merged, parts[i]);
	TEST("merging loses nothing: merged is the same as recorded together") {
		CHECK(same(merged, together));
		CHECK(together->over > 0);
		hist_record(merged, 5);
		CHECK(!same(merged, together));
	}
	for (int i = 0; i < 4; i++)
		hist_free(parts[i]);
	hist_free(merged);
	hist_free(together);
}

static void test_extremes(void)
{
	struct hist *hist = hist_new(3);

	TEST("values out of range are counted at the ends, and known as such") {
		hist_record(hist, -5);
		hist_record(hist, INT64_MIN);
		CHECK_INT(hist->min, 0);
		CHECK_INT(hist->max, 0);
		hist_record(hist, HIST_HIGHEST_US);
		CHECK_INT(hist->over, 0);
		hist_record(hist, HIST_HIGHEST_US + 1);
		hist_record(hist, INT64_MAX);
		CHECK_INT(hist->over, 2);
		CHECK_INT(hist->total, 5);
		CHECK_INT(hist->max, INT64_MAX);
		CHECK_INT(hist_count_at_or_below(hist, 0), 2);
		CHECK_INT(hist_count_at_or_below(hist, INT64_MAX), 5);
	}
	TEST("a reset histogram is as new") {
		hist_reset(hist);
		CHECK_INT(hist->total, 0);
		CHECK_INT(hist_quantile(hist, 0.99), 0);
		hist_record_many(hist, 70, 3);
		hist_record_many(hist, 90, 0);
		CHECK_INT(hist->min, 70);
		CHECK_INT(hist->max, 70);
		CHECK_INT(hist->total, 3);
	}
	hist_free(hist);
}

static void test_memory(void)
{
	struct hist *hist = hist_new(2);

	TEST("memory follows the values seen: 2 digits up to a second stay under 16 KiB") {
		hist_record(hist, 100);
		CHECK(hist->used * sizeof(*hist->counts) <= 1024);
		hist_record(hist, 1000000);
		CHECK(hist->used * sizeof(*hist->counts) <= 16384);
		hist_record(hist, INT64_MAX);
		CHECK(hist->used * sizeof(*hist->counts) <= 32768);
	}
	hist_free(hist);
}

static void test_pack(void)
{
	struct hist *hist = hist_new(2), *back = hist_new(2), *empty = hist_new(2);
	int64_t *values = calloc(VALUES, sizeof(*values));
	struct buffer packed = BUFFER_EMPTY;
	struct text from;
	struct error err;

	fill(hist, values, 11);
	hist_record_many(hist, HIST_HIGHEST_US * 3, 2);
	TEST("what was packed comes back, several in a row, and merges") {
		hist_pack(hist, &packed);
		printf("# %d values in %zu bytes\n", VALUES, packed.length);
		hist_pack(empty, &packed);
		hist_pack(hist, &packed);
		from = buffer_text(&packed);
		CHECK(hist_unpack(back, &from, &err));
		CHECK(same(hist, back));
		CHECK(hist_unpack(back, &from, &err));
		CHECK(same(hist, back));
		CHECK(hist_unpack(back, &from, &err));
		CHECK_INT(from.length, 0);
		hist_merge(hist, hist);
		CHECK(same(hist, back));
	}
	free(values);
	buffer_release(&packed);
	hist_free(hist);
	hist_free(back);
	hist_free(empty);
}

/* Whatever was done to the bytes: refused without a trace, or a histogram whose books are right. */
static void check_hostile(struct text bytes)
{
	struct hist *into = hist_new(2), *before = hist_new(2);
	struct text from = bytes;
	struct error err;
	uint64_t sum = 0;

	hist_record(into, 77);
	hist_record(before, 77);
	if (!hist_unpack(into, &from, &err)) {
		CHECK(same(into, before));
		CHECK(from.data == bytes.data && from.length == bytes.length);
	}
	for (uint32_t i = 0; i < into->used; i++)
		sum += into->counts[i];
	CHECK(sum == into->total);
	CHECK(into->over <= into->total);
	hist_free(into);
	hist_free(before);
}

static void test_hostile_pack(void)
{
	struct hist *hist = hist_new(2);
	struct random random = random_stream(5, "hostile", 0);
	struct buffer packed = BUFFER_EMPTY;
	char *bytes;

	for (int i = 0; i < 300; i++)
		hist_record(hist, any_latency(&random));
	hist_pack(hist, &packed);
	bytes = malloc(packed.length);
	TEST("cut short anywhere, a packed histogram is refused") {
		for (size_t length = 0; length < packed.length; length++) {
			struct text from = { bytes, length };

			memcpy(bytes, packed.data, length);
			CHECK(!hist_unpack(hist, &from, NULL));
		}
	}
	TEST("with any bytes changed it is refused as a whole, or its books are right") {
		for (int i = 0; i < 20000; i++) {
			memcpy(bytes, packed.data, packed.length);
			for (uint64_t n = random_below(&random, 3) + 1; n; n--)
				bytes[random_below(&random, packed.length)] =
					(char)random_next(&random);
			check_hostile((struct text){ bytes, packed.length });
		}
	}
	TEST("other digits are refused") {
		struct hist *other = hist_new(3);
		struct text from = buffer_text(&packed);
		struct error err;

		CHECK(!hist_unpack(other, &from, &err));
		CHECK(strstr(err.text, "broken histogram") != NULL);
		hist_free(other);
	}
	free(bytes);
	buffer_release(&packed);
	hist_free(hist);
}

static void test_exports(void)
{
	struct hist *hist = hist_new(3);
	struct buffer out = BUFFER_EMPTY;

	TEST("an empty histogram exports as an empty table") {
		hist_write_hgrm(hist, &out);
		CHECK(strstr(out.data, "Total count    =            0]") != NULL);
		CHECK(strstr(out.data, "nan") == NULL);
	}
	TEST("a tag with commas and line ends stays one field of one line") {
		buffer_clear(&out);
		hist_record(hist, 1234);
		hist_log_begin(&out, INT64_C(1700000000123456), "of\na run");
		hist_log_add(&out, hist, "view, product\n", 1, 1);
		CHECK(strstr(out.data, "#[of a run]\n") == out.data);
		CHECK(strstr(out.data, "\nTag=view__product_,1.000,1.000,1.234,HISTFAAAA") != NULL);
		CHECK(strstr(out.data, "#[StartTime: 1700000000.123 (seconds since epoch), "
				       "2023-11-14T22:13:20Z]") != NULL);
	}
	buffer_release(&out);
	hist_free(hist);
}

int main(void)
{
	test_empty();
	test_layout();
	TEST("three digits keep every quantile within 0.1%")
		test_quantiles(3, 0.001);
	TEST("two digits keep every quantile within 1%")
		test_quantiles(2, 0.01);
	test_ranks();
	test_merge();
	test_extremes();
	test_memory();
	test_pack();
	test_hostile_pack();
	test_exports();
	return tap_done();
}
