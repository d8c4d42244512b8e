/*
 * fuzz_condition: the text of a gate. What compiles reads well again, as the same condition; what
 * does not has a reason with a place in it.
 */
#include <assert.h>
#include <stdint.h>

#include "lib/condition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const journeys[] = { "browse", "check out" };
static const char *const requests[] = { "GET /v1.2", "a < b", "p99" };
static const char *const phases[] = { "warmup", "sale", "climb 1", "climb 2" };
static const char *const faults[] = { "a -> b", "kill (twice)" };
static const char *const sagas[] = { "order" };

static const struct condition_names names = { .journeys = journeys,
					      .requests = requests,
					      .phases = phases,
					      .faults = faults,
					      .sagas = sagas,
					      .journey_count = 2,
					      .request_count = 3,
					      .phase_count = 4,
					      .fault_count = 2,
					      .saga_count = 1 };

static void check_again(const struct condition *first, enum condition_use use, struct arena *arena)
{
	struct condition second;
	bool good = condition_compile(text_of(first->text), &names, use, (struct place){ "", 1, 1 },
				      arena, &second, NULL);

	assert(good);
	assert(second.subject == first->subject && second.number == first->number);
	assert(second.metric == first->metric && second.scope == first->scope);
	assert(second.form == first->form && second.fault == first->fault);
	assert(strcmp(second.text, first->text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct text text = { (const char *)data, size };
	struct arena arena = ARENA_EMPTY;
	struct condition condition;
	struct error err = { "" };

	for (int use = CONDITION_GATE; use <= CONDITION_STEADY; use++) {
		if (condition_compile(text, &names, (enum condition_use)use,
				      (struct place){ "f", 1, 1 }, &arena, &condition, &err))
			check_again(&condition, (enum condition_use)use, &arena);
		else
			assert(strncmp(err.text, "f:1:", 4) == 0);
	}
	arena_release(&arena);
	return 0;
}
