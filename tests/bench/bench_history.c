/*
 * bench_history [DIR]: what a record costs, and the longest that one made the loop wait.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/hist.h"
#include "lib/record.h"

enum { RECORDS = 2000000, BATCH = 100 };

static void write_batch(struct history *history, uint32_t first)
{
	for (uint32_t i = 0; i < BATCH; i++) {
		struct record_request *request = history_next(history);

		if (!request)
			exit(1);
		request->intended_us = first + i;
		request->service_us = 1234 + i;
		request->start = first + i;
		request->status = 200;
		history_commit(history, RECORD_REQUEST, REQUEST_MEASURED);
	}
}

int main(int argc, char **argv)
{
	char directory[4096], path[4200];
	struct history *history;
	struct hist *batches = hist_new(3);
	struct error err;
	int64_t began_us, cpu_us, wall_us;
	struct stat status = { 0 };

	snprintf(directory, sizeof(directory), "%s/bench-history-%d", argc > 1 ? argv[1] : "build",
		 (int)getpid());
	history = history_create(directory, "bench", &err);
	if (!history) {
		fprintf(stderr, "bench_history: %s\n", err.text);
		return 1;
	}
	began_us = clock_now_us();
	cpu_us = clock_cpu_us();
	for (uint32_t i = 0; i < RECORDS; i += BATCH) {
		int64_t at_us = clock_now_us();

		write_batch(history, i);
		hist_record(batches, clock_now_us() - at_us);
	}
	cpu_us = clock_cpu_us() - cpu_us;
	wall_us = clock_now_us() - began_us;
	history_close(history);
	snprintf(path, sizeof(path), "%s/bench.history", directory);
	stat(path, &status);
	unlink(path);
	rmdir(directory);
	printf("history: %.1f ns CPU, %.1f ns wall per record (%d records, %lld bytes)\n",
	       (double)cpu_us * 1000 / RECORDS, (double)wall_us * 1000 / RECORDS, RECORDS,
	       (long long)status.st_size);
	printf("history: 100 records take p50 %lld, p99 %lld, at most %lld us\n",
	       (long long)hist_quantile(batches, 0.5), (long long)hist_quantile(batches, 0.99),
	       (long long)batches->max);
	hist_free(batches);
	return status.st_size == (RECORDS + 1) * (long long)RECORD_BYTES ? 0 : 1;
}
