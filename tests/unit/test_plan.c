#include "loadgen/plan.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

static char phase_name[] = "p";
static struct mix_entry shopper_mix[] = { { 0, 78 }, { 1, 20 }, { 2, 2 } };

static struct plan plan_of(struct phase *phases, uint8_t count)
{
	return (struct plan){ .seed = 42,
			      .phases = phases,
			      .phase_count = count,
			      .mix = shopper_mix,
			      .mix_count = 3,
			      .journey_count = 3,
			      .max_users = 1000 };
}

static struct phase constant(int64_t start_s, int64_t for_s, double rate, enum arrivals arrivals)
{
	return (struct phase){ .name = phase_name,
			       .start_us = start_s * 1000000,
			       .duration_us = for_s * 1000000,
			       .rate_from = rate,
			       .rate_to = rate,
			       .arrivals = arrivals,
			       .measured = true };
}

struct seen {
	uint64_t count;
	int64_t first_us, last_us;
	uint64_t by_journey[3];
	bool ordered;
	uint64_t before_half;
};

static struct seen walk(const struct plan *plan, uint32_t segment, uint32_t segments)
{
	struct seen seen = { .first_us = -1, .ordered = true };
	struct plan_walk walk;
	struct start start;

	plan_walk_begin(&walk, plan, segment, segments);
	while (plan_next(&walk, &start)) {
		if (seen.first_us < 0)
			seen.first_us = start.at_us;
		seen.ordered = seen.ordered && start.at_us >= seen.last_us;
		seen.last_us = start.at_us;
		seen.by_journey[start.journey]++;
		seen.count++;
		seen.before_half += start.at_us < plan_duration_us(plan) / 2;
	}
	plan_walk_release(&walk);
	return seen;
}

static void test_counts(void)
{
	TEST("a constant rate makes exactly rate times seconds starts, evenly") {
		struct phase phase = constant(0, 60, 2000, ARRIVALS_EVEN);
		struct plan plan = plan_of(&phase, 1);
		struct seen seen = walk(&plan, 0, 1);

		CHECK_INT(seen.count, 120000);
		CHECK_INT(plan_starts(&plan), 120000);
		CHECK_INT(seen.first_us, 0);
		CHECK_INT(seen.last_us, 60000000 - 500);
		CHECK(seen.ordered);
	}
	TEST("poisson arrivals are as many as promised, in order, within the phase, scattered") {
		struct phase phase = constant(5, 10, 1000, ARRIVALS_POISSON);
		struct plan plan = plan_of(&phase, 1);
		struct plan_walk walk_;
		struct start start;
		double sum = 0, squares = 0;
		int64_t before = 5000000;
		uint64_t count = 0;

		plan_walk_begin(&walk_, &plan, 0, 1);
		while (plan_next(&walk_, &start)) {
			double gap = (double)(start.at_us - before);

			CHECK(start.at_us >= before && start.at_us < 15000000);
			sum += gap;
			squares += gap * gap;
			before = start.at_us;
			count++;
		}
		plan_walk_release(&walk_);
		CHECK_INT(count, 10000);
		/* Gaps of a Poisson process have a deviation as large as their mean. */
		CHECK_NEAR(sqrt(squares / 10000 - sum / 10000 * sum / 10000) / (sum / 10000), 1,
			   0.05);
	}
	TEST("a ramp makes its area of starts, three quarters of them in its second half") {
		struct phase phase = constant(0, 20, 0, ARRIVALS_EVEN);
		struct plan plan = plan_of(&phase, 1);
		struct seen seen;

		phase.rate_to = 100;
		seen = walk(&plan, 0, 1);
		CHECK_INT(seen.count, 1000);
		CHECK_INT(seen.before_half, 250);
		CHECK(seen.last_us < 20000000);
	}
	TEST("a ramp down ends where it should") {
		struct phase phase = constant(0, 10, 100, ARRIVALS_EVEN);
		struct plan plan = plan_of(&phase, 1);
		struct seen seen;

		phase.rate_to = 0;
		seen = walk(&plan, 0, 1);
		CHECK_INT(seen.count, 500);
		CHECK(seen.ordered && seen.last_us <= 10000000);
		CHECK_INT(seen.before_half, 375);
	}
	TEST("a recorded curve is followed piece by piece") {
		struct curve_point points[] = { { 0, 10 }, { 10000000, 10 }, { 20000000, 110 } };
		struct phase phase = constant(0, 20, 0, ARRIVALS_EVEN);
		struct plan plan = plan_of(&phase, 1);
		struct seen seen;

		phase.kind = PHASE_CURVE;
		phase.curve = points;
		phase.curve_count = 3;
		seen = walk(&plan, 0, 1);
		CHECK_INT(seen.count, 700);
		CHECK_INT(seen.before_half, 100);
		CHECK_NEAR(phase_rate_at(&phase, 15000000), 60, 1e-9);
	}
}

static void test_mix(void)
{
	TEST("the mix holds exactly over every hundred starts") {
		struct phase phase = constant(0, 1, 300, ARRIVALS_EVEN);
		struct plan plan = plan_of(&phase, 1);
		struct seen seen = walk(&plan, 0, 1);

		CHECK_INT(seen.by_journey[0], 234);
		CHECK_INT(seen.by_journey[1], 60);
		CHECK_INT(seen.by_journey[2], 6);
	}
	TEST("odd weights are dealt within a thousandth") {
		struct mix_entry odd[] = { { 0, 1 / 3. }, { 1, 2 / 3. }, { 2, 0.0001 } };
		struct phase phase = constant(0, 10, 1000, ARRIVALS_EVEN);
		struct plan plan = plan_of(&phase, 1);
		struct seen seen;

		plan.mix = odd;
		seen = walk(&plan, 0, 1);
		CHECK_NEAR((double)seen.by_journey[0], 3333, 20);
		CHECK_NEAR((double)seen.by_journey[1], 6667, 20);
		CHECK(seen.by_journey[2] > 0);
	}
}

static void test_segments(void)
{
	TEST("segments share the plan without gap or overlap") {
		struct phase phases[] = { constant(0, 5, 100, ARRIVALS_POISSON),
					  constant(5, 5, 200, ARRIVALS_EVEN) };
		struct plan plan = plan_of(phases, 2);
		bool taken[1500] = { false };

		for (uint32_t segment = 0; segment < 3; segment++) {
			struct plan_walk walk_;
			struct start start;

			plan_walk_begin(&walk_, &plan, segment, 3);
			while (plan_next(&walk_, &start)) {
				CHECK(!taken[start.number]);
				taken[start.number] = true;
			}
			plan_walk_release(&walk_);
		}
		for (int i = 0; i < 1500; i++)
			CHECK(taken[i]);
	}
	TEST("users of one rendezvous are in one segment") {
		struct phase phase = constant(0, 10, 100, ARRIVALS_EVEN);
		struct plan plan = plan_of(&phase, 1);
		uint32_t meets[] = { 0, 5, 0 };
		int counts[2] = { 0, 0 };

		plan.meets = meets;
		for (uint32_t segment = 0; segment < 2; segment++) {
			struct plan_walk walk_;
			struct start start;

			plan_walk_begin(&walk_, &plan, segment, 2);
			while (plan_next(&walk_, &start))
				counts[segment] += start.journey == 1;
			plan_walk_release(&walk_);
			CHECK_INT(counts[segment] % 5, 0);
		}
		CHECK_INT(counts[0] + counts[1], 200);
		CHECK(counts[0] > 0 && counts[1] > 0);
	}
	TEST("every segment counts the same draws, so no two starts share one") {
		struct phase phase = constant(0, 10, 100, ARRIVALS_EVEN);
		struct plan plan = plan_of(&phase, 1);
		uint64_t sources[] = { 0, 1, 1 };
		bool drawn[220] = { false };

		plan.sources = sources;
		for (uint32_t segment = 0; segment < 4; segment++) {
			struct plan_walk walk_;
			struct start start;

			plan_walk_begin(&walk_, &plan, segment, 4);
			while (plan_next(&walk_, &start)) {
				if (!start.journey)
					continue;
				CHECK(!drawn[walk_.drawn[0] - 1]);
				drawn[walk_.drawn[0] - 1] = true;
			}
			plan_walk_release(&walk_);
		}
		for (int i = 0; i < 220; i++)
			CHECK(drawn[i]);
	}
}

static void test_same_seed(void)
{
	char *names[] = { (char[]){ "browse" }, (char[]){ "checkout" }, (char[]){ "cancel" } };
	struct phase phase = constant(0, 10, 100, ARRIVALS_POISSON);
	struct plan plan = plan_of(&phase, 1);
	struct buffer first = BUFFER_EMPTY, second = BUFFER_EMPTY, other = BUFFER_EMPTY;

	plan_describe(&plan, names, &first);
	plan_describe(&plan, names, &second);
	plan.seed = 43;
	plan_describe(&plan, names, &other);
	TEST("the same seed gives the same plan")
		CHECK_TEXT(first.data, second.data);
	TEST("another seed gives another plan")
		CHECK(strcmp(strstr(first.data, "digest"), strstr(other.data, "digest")) != 0);
	buffer_release(&first);
	buffer_release(&second);
	buffer_release(&other);
}

static void test_users(void)
{
	TEST("a closed phase ramps its users and has none outside of itself") {
		struct phase phase = { .kind = PHASE_USERS,
				       .duration_us = 10000000,
				       .users_from = 10,
				       .users_to = 20 };

		CHECK_INT(phase_users_at(&phase, 0), 10);
		CHECK_INT(phase_users_at(&phase, 5000000), 15);
		CHECK_INT(phase_users_at(&phase, 9999999), 20);
		CHECK_INT(phase_users_at(&phase, 10000000), 0);
		CHECK_INT(phase_users_at(&phase, -1), 0);
	}
}

int main(void)
{
	test_counts();
	test_mix();
	test_segments();
	test_same_seed();
	test_users();
	return tap_done();
}
