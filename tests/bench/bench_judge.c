/*
 * bench_judge [SAGAS]: judges that many sagas (a million) with ten records each, without and with
 * violations planted in them, and says how long it took and in what memory. Exits 1 when it found
 * anything else than what was planted.
 */
#include <inttypes.h>
#include <sys/resource.h>

#include "lib/clock.h"
#include "sagas/judge.h"
#include "tests/bench/many_sagas.h"

static bool as_planted(const struct many *many, json_t *verdicts)
{
	json_t *sagas = json_object_get(json_object_get(verdicts, "sagas"), "order"), *invariant;
	bool good = true;
	size_t i;

	json_array_foreach(json_object_get(sagas, "invariants"), i, invariant) {
		const char *name = json_string_value(json_object_get(invariant, "name"));
		uint64_t found =
			(uint64_t)json_integer_value(json_object_get(invariant, "violations"));

		if (found == many_expected(many, name))
			continue;
		printf("%s: found %" PRIu64 ", planted %" PRIu64 "\n", name, found,
		       many_expected(many, name));
		good = false;
	}
	return good;
}

static bool judge(uint32_t sagas, uint32_t planted_every)
{
	struct error err;
	struct many many;
	struct verdicts *verdicts;
	struct rusage usage;
	int64_t begun_us;
	json_t *json;
	bool good;

	many_write(&many, sagas, planted_every);
	begun_us = clock_now_us();
	verdicts = judge_history(many.directory, &err);
	if (!verdicts) {
		fprintf(stderr, "bench_judge: %s\n", err.text);
		many_remove(&many);
		return false;
	}
	getrusage(RUSAGE_SELF, &usage);
	printf("%" PRIu32 " sagas, %" PRIu64 " records, %" PRIu64
	       " planted: %.2f s, at most %ld MiB\n",
	       sagas, many.records, sagas - many.planted[PLANT_NONE],
	       (double)(clock_now_us() - begun_us) / 1e6, usage.ru_maxrss / 1024);
	json = verdicts_to_json(verdicts);
	good = as_planted(&many, json);
	json_decref(json);
	verdicts_free(verdicts);
	many_remove(&many);
	return good;
}

int main(int argc, char **argv)
{
	uint32_t sagas = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;

	return judge(sagas, 0) && judge(sagas, 1000) ? 0 : 1;
}
