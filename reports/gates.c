/*
 * The gate that every run has, whatever its scenario says: a system that answers nothing does not
 * pass.
 */
#include "reports/format.h"

void report_judge_gates(struct report *report)
{
	const struct measure *all = &report->figures->all;
	struct gate_result *gate = arena_array(&report->arena, 1, sizeof(*gate));

	gate->gate = "ok > 0";
	gate->scope = "all";
	gate->expected = "> 0";
	gate->actual = (double)(all->count - all->errors);
	gate->verdict = all->count == 0 ? "unknown" : gate->actual > 0 ? "pass" : "fail";
	if (all->count && all->count == all->errors)
		report->findings |= FOUND_GATE_FAILED;
	report->gates = gate;
	report->gate_count = 1;
}
