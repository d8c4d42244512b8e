#include "reports/compare.h"

#include <stdlib.h>

#include "lib/memory.h"

static bool read_side(const struct compare_side *side, struct compare_run **runs, size_t *count,
		      struct error *err)
{
	struct error why;

	if (side->count == 0 || side->count > COMPARE_RUNS_MAX)
		return error_set(err, "from 1 to %d runs a side can be compared, not %zu",
				 COMPARE_RUNS_MAX, side->count);
	for (; *count < side->count; ++*count) {
		runs[*count] = compare_run_read(side->directories[*count], &why);
		if (!runs[*count])
			return error_set(err, "'%s' is no run: %s", side->directories[*count],
					 why.text);
	}
	return true;
}

static void do_it(struct comparison *comparison)
{
	comparison->same_plan = true;
	compare_check(comparison);
	if (comparison->mismatch_count && !comparison->options.force)
		return;
	compare_make_rows(comparison);
	if (comparison->base_count == 1 && comparison->new_count == 1)
		compare_pair(comparison);
	else
		compare_runs(comparison);
	compare_judge(comparison);
}

struct comparison *compare(const struct compare_side *base, const struct compare_side *new,
			   const struct compare_options *options, struct error *err)
{
	struct comparison *comparison = memory_new(sizeof(*comparison));

	comparison->options = *options;
	comparison->verdict = COMPARE_INCONCLUSIVE;
	comparison->method = "";
	if (!read_side(base, comparison->base, &comparison->base_count, err) ||
	    !read_side(new, comparison->new, &comparison->new_count, err)) {
		comparison_free(comparison);
		return NULL;
	}
	do_it(comparison);
	return comparison;
}

void comparison_free(struct comparison *comparison)
{
	if (!comparison)
		return;
	for (size_t i = 0; i < comparison->base_count; i++)
		compare_run_free(comparison->base[i]);
	for (size_t i = 0; i < comparison->new_count; i++)
		compare_run_free(comparison->new[i]);
	arena_release(&comparison->arena);
	free(comparison);
}
