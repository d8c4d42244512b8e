/*
 * Figures: how many came to what end, how long compensation took, and the verified goodput: what
 * was acknowledged and later proven correct.
 */
#include <math.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "sagas/judge_parts.h"

enum { SECONDS_MAX = 7 * 86400 };

static void add_second(struct per_second *of, uint32_t at_ms)
{
	size_t second = at_ms / 1000;

	if (second >= SECONDS_MAX)
		return;
	if (second >= of->seconds) {
		of->counts = memory_resize(of->counts, second + 1, sizeof(*of->counts));
		while (of->seconds <= second)
			of->counts[of->seconds++] = 0;
	}
	of->counts[second]++;
}

/* Who was acknowledged and is not there any more is lost, not absent. */
static enum saga_end end_of(const struct saga_case *about)
{
	switch (about->fate) {
	case FATE_SUCCEEDED:
		return END_SUCCEEDED;
	case FATE_COMPENSATED:
		return END_COMPENSATED;
	case FATE_MOVING:
		return END_STUCK;
	default:
		return END_UNKNOWN;
	}
}

static void count_fate(struct contract_judge *of, const struct saga_case *about)
{
	const struct saga *saga = about->saga;

	if (!saga->sent && !(saga->flags & SAGA_HAS_OK)) {
		of->unsent++;
		return;
	}
	if (about->fate == FATE_ABSENT && !(saga->flags & SAGA_HAS_OK)) {
		if (case_was_refused(about))
			of->refused++;
		else
			of->absent++;
		return;
	}
	if (about->fate == FATE_UNKNOWN && case_was_refused(about)) {
		of->refused++;
		return;
	}
	of->started++;
	of->ended[end_of(about)]++;
	add_second(&of->ended_per_s[end_of(about)], saga->minted_ms);
}

static void later(int64_t *latest_us, int64_t at_us)
{
	if (at_us != TIME_NONE && at_us > *latest_us)
		*latest_us = at_us;
}

/*
 * From the failure to the moment from which all is undone. The failure is the cancel, or else the
 * last thing that went forward.
 */
static void time_compensation(struct contract_judge *of, const struct saga_case *about)
{
	const struct entry *ended = case_first_was(about, STATE_COMPENSATED);
	int64_t from_us = TIME_NONE, to_us = TIME_NONE;

	for (size_t i = 0; i < about->effect_count; i++) {
		const struct entry *entry = about->effects[i];

		if (entry->step != about->of->messages)
			later(entry->undo ? &to_us : &from_us, entry->at_us);
	}
	for (size_t i = 0; i < about->was_count; i++)
		if (!state_is(about->contract, about->was[i]->state, STATE_COMPENSATED))
			later(&from_us, about->was[i]->at_us);
	if (about->cancel)
		from_us = about->cancel->at_us;
	if (ended)
		later(&to_us, ended->at_us);
	if (from_us != TIME_NONE && to_us != TIME_NONE)
		hist_record(of->compensation, to_us > from_us ? to_us - from_us : 0);
}

static void count_exercise(struct contract_judge *of, const struct saga_case *about)
{
	for (uint8_t i = 0; i < about->contract->step_count; i++) {
		of->steps_done[i][0] += about->steps[i].did;
		of->steps_done[i][1] += about->steps[i].undid;
	}
	of->cancels += (about->saga->flags & SAGA_CANCEL_TRIED) != 0;
}

void figures_count(struct judge *judge, struct contract_judge *of, const struct saga_case *about)
{
	const struct saga *saga = about->saga;
	bool verified = saga->flags & SAGA_HAS_OK && about->fate == FATE_SUCCEEDED &&
			!(saga->flags & (SAGA_IS_VIOLATED | SAGA_IS_OPEN));

	of->minted += case_was_minted(about);
	of->acknowledged += (saga->flags & SAGA_HAS_OK) != 0;
	count_exercise(of, about);
	if (case_was_minted(about))
		count_fate(of, about);
	if (about->fate == FATE_COMPENSATED)
		time_compensation(of, about);
	if (verified)
		judge_saga(judge, about->number)->flags |= SAGA_IS_VERIFIED;
}

static bool is_measured(const struct judge *judge, int64_t at_us)
{
	for (size_t i = 0; i < judge->measured_count; i++)
		if (at_us >= judge->measured[i].start_us &&
		    at_us - judge->measured[i].start_us < judge->measured[i].duration_us)
			return true;
	return false;
}

/* After the checks of everything: those, too, say which sagas are wrong. */
void figures_verify(struct judge *judge, struct contract_judge *of)
{
	for (uint32_t i = 0; i < judge->highest; i++) {
		const struct saga *saga = judge_saga(judge, i);

		if (!saga || saga->contract != of->contract->number)
			continue;
		of->violated += (saga->flags & SAGA_IS_VIOLATED) != 0;
		of->judged += !(saga->flags & SAGA_IS_OPEN) || saga->flags & SAGA_IS_VIOLATED;
		if (!(saga->flags & SAGA_IS_VERIFIED) || saga->flags & SAGA_IS_VIOLATED)
			continue;
		of->verified++;
		of->verified_measured += is_measured(judge, (int64_t)saga->ok_ms * 1000);
		add_second(&of->verified_per_s, saga->ok_ms);
	}
}

/* Wilson's score interval, 95%: holds for few cases and for none, too. */
struct interval wilson(uint64_t hits, uint64_t of)
{
	const double z = 1.959963984540054;
	double n = (double)of, p, middle, half;

	if (!of)
		return (struct interval){ 0, 1 };
	p = (double)hits / n;
	middle = (p + z * z / (2 * n)) / (1 + z * z / n);
	half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n);
	return (struct interval){ hits ? fmax(middle - half, 0) : 0,
				  hits < of ? fmin(middle + half, 1) : 1 };
}
