#include "sagas/judge.h"
#include "tests/bench/many_sagas.h"
#include "tests/unit/tap.h"

enum { SAGAS = 20000 };

static json_t *judged(struct many *many, uint32_t planted_every, struct verdicts **verdicts)
{
	struct error err;

	many_write(many, SAGAS, planted_every);
	*verdicts = judge_history(many->directory, &err);
	if (!CHECK(*verdicts)) {
		printf("#   %s\n", err.text);
		return NULL;
	}
	return verdicts_to_json(*verdicts);
}

static const json_t *order_of(const json_t *json)
{
	return json_object_get(json_object_get(json, "sagas"), "order");
}

static void check_found(const struct many *many, const json_t *json)
{
	const json_t *invariant;
	size_t i;

	json_array_foreach(json_object_get(order_of(json), "invariants"), i, invariant) {
		const char *name = json_string_value(json_object_get(invariant, "name"));
		json_int_t found = json_integer_value(json_object_get(invariant, "violations"));

		CHECK_INT(found, many_expected(many, name));
		if ((uint64_t)found != many_expected(many, name))
			printf("#   %s\n", name);
		CHECK_INT(json_array_size(json_object_get(invariant, "witnesses")),
			  found < WITNESSES_MAX ? found : WITNESSES_MAX);
	}
}

static int64_t count_in(const json_t *json, const char *key)
{
	return json_integer_value(json_object_get(order_of(json), key));
}

int main(void)
{
	struct verdicts *verdicts;
	struct many many;
	json_t *json;

	TEST("in twenty thousand right sagas nothing is found") {
		json = judged(&many, 0, &verdicts);
		check_found(&many, json);
		CHECK_INT(count_in(json, "started"), SAGAS);
		CHECK_INT(count_in(json, "succeeded") + count_in(json, "compensated"), SAGAS);
		CHECK_INT(count_in(json, "verified"), count_in(json, "succeeded"));
		CHECK(!verdicts_any_invalid(verdicts));
		json_decref(json);
		verdicts_free(verdicts);
		many_remove(&many);
	}
	TEST("exactly what was planted is found, and counted beyond the witnesses that are kept") {
		json = judged(&many, 50, &verdicts);
		check_found(&many, json);
		CHECK_INT(count_in(json, "started"), SAGAS);
		CHECK_INT(count_in(json, "stuck"), many.planted[PLANT_STUCK]);
		CHECK_INT(count_in(json, "started"),
			  count_in(json, "succeeded") + count_in(json, "compensated") +
				  count_in(json, "stuck") + count_in(json, "unknown"));
		CHECK_INT(json_integer_value(
				  json_object_get(json_object_get(order_of(json), "anomalies"),
						  "violated")),
			  SAGAS / 50);
		CHECK(verdicts_any_invalid(verdicts));
		json_decref(json);
		verdicts_free(verdicts);
		many_remove(&many);
	}
	return tap_done();
}
