/*
 * hist_samples DIR: histograms of many shapes as DIR/samples.hlog and DIR/TAG.hgrm, and in
 * DIR/expected.txt what another implementation must read from the log.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/hist.h"
#include "lib/random.h"

static void write_file(const char *directory, const char *name, struct text contents)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	if (!file || fwrite(contents.data, 1, contents.length, file) != contents.length ||
	    fclose(file) != 0)
		perror(path);
}

/* The reference knows no exact max, only the upper end of the bucket. */
static void expect(const struct hist *hist, const char *tag, double start_s, double length_s,
		   struct buffer *out)
{
	static const double percentiles[] = { 0, 1, 10, 50, 75, 90, 95, 99, 99.9, 99.99, 100 };
	uint32_t index = 0;
	int64_t low, high = 0;
	uint64_t count;

	buffer_format(out, "%s start %.3f length %.3f total %" PRIu64 "\n", tag, start_s, length_s,
		      hist->total);
	while (hist_next(hist, &index, &low, &high, &count))
		buffer_format(out, "%" PRId64 "..%" PRId64 ": %" PRIu64 "\n", low, high, count);
	for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++) {
		int64_t value = hist_quantile(hist, percentiles[i] / 100);

		buffer_format(out, "p%.2f: %" PRId64 "\n", percentiles[i],
			      value == hist->max ? high : value);
	}
}

struct samples {
	const char *directory;
	struct buffer log, expected;
	double at_s;
};

static void add(struct samples *samples, const struct hist *hist, const char *tag)
{
	struct buffer table = BUFFER_EMPTY;
	char name[64];

	hist_log_add(&samples->log, hist, tag, samples->at_s, 1.5);
	expect(hist, tag, samples->at_s, 1.5, &samples->expected);
	hist_write_hgrm(hist, &table);
	snprintf(name, sizeof(name), "%s.hgrm", tag);
	write_file(samples->directory, name, buffer_text(&table));
	buffer_release(&table);
	samples->at_s += 1.5;
}

static void add_shapes(struct samples *samples, int digits)
{
	struct random random = random_stream(1, "samples", (uint64_t)digits);
	struct hist *hist = hist_new(digits);
	char tag[32];

	snprintf(tag, sizeof(tag), "empty%d", digits);
	add(samples, hist, tag);
	hist_record_many(hist, 1, 1);
	snprintf(tag, sizeof(tag), "one%d", digits);
	add(samples, hist, tag);
	hist_record_many(hist, HIST_HIGHEST_US, UINT64_C(1) << 40);
	hist_record_many(hist, 0, UINT64_C(12345678901));
	snprintf(tag, sizeof(tag), "ends%d", digits);
	add(samples, hist, tag);
	hist_reset(hist);
	for (int i = 0; i < 123457; i++)
		hist_record(hist, (int64_t)exp(random_normal(&random, 9, 1.5)));
	snprintf(tag, sizeof(tag), "skewed%d", digits);
	add(samples, hist, tag);
	for (int64_t value = 0; value < 5000; value++)
		hist_record(hist, value);
	snprintf(tag, sizeof(tag), "dense%d", digits);
	add(samples, hist, tag);
	hist_free(hist);
}

int main(int argc, char **argv)
{
	struct samples samples = { .directory = argc == 2 ? argv[1] : ".", .at_s = 0.25 };

	hist_log_begin(&samples.log, INT64_C(1700000000250000), "samples");
	for (int digits = 1; digits <= 3; digits++)
		add_shapes(&samples, digits);
	write_file(samples.directory, "samples.hlog", buffer_text(&samples.log));
	write_file(samples.directory, "expected.txt", buffer_text(&samples.expected));
	buffer_release(&samples.log);
	buffer_release(&samples.expected);
	return 0;
}
