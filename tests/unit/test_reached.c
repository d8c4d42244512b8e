#include "engine/reached.h"

#include "tests/unit/tap.h"

static void see(struct reached *reached, uint32_t saga, uint8_t contract, uint8_t state)
{
	const struct record_saga record = { .saga = saga, .contract = contract, .state = state };

	reached_add(reached, &record);
}

int main(void)
{
	struct reached reached = { .states = NULL };

	TEST("a saga that is read in a state many times has reached it once") {
		for (int i = 0; i < 5; i++)
			see(&reached, 7, 0, 2);
		CHECK_INT(reached_count(&reached, 0, 2), 1);
		see(&reached, 8, 0, 2);
		see(&reached, 7, 0, 3);
		CHECK_INT(reached_count(&reached, 0, 2), 2);
		CHECK_INT(reached_count(&reached, 0, 3), 1);
		CHECK_INT(reached_count(&reached, 1, 2), 0);
	}
	TEST("a hundred thousand sagas are each counted") {
		for (uint32_t i = 0; i < 100000; i++)
			see(&reached, i, 1, 4);
		CHECK_INT(reached_count(&reached, 1, 4), 100000);
		CHECK_INT(reached_count(&reached, 0, 2), 2);
	}
	TEST("what no run has is left out") {
		see(&reached, SAGA_NONE, 0, 1);
		see(&reached, 1, 200, 1);
		see(&reached, 1, 0, STATE_NONE);
		CHECK_INT(reached_count(&reached, 0, 1), 0);
		CHECK_INT(reached_count(&reached, 200, 1), 0);
		CHECK_INT(reached_count(&reached, 0, STATE_NONE), 0);
	}
	reached_release(&reached);
	return tap_done();
}
