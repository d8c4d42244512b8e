/* What faults and the steady state mean for the verdict on a run. See faults.h. */
#include "reports/format.h"

const char *steady_words(enum steady_moment moment)
{
	static const char *const moments[] = { "before any fault was armed", "during a fault",
					       "again after a fault was healed" };

	return (unsigned)moment < sizeof(moments) / sizeof(*moments) ? moments[moment] : "";
}

static const char *why_never(const struct fault_figures *fault)
{
	switch (fault->state) {
	case FAULT_REFUSED:
		return "it was refused";
	case FAULT_FAILED:
		return "it could not be armed";
	default:
		return "its moment never came";
	}
}

/* What was to be tested, and was not, was not tested. */
static void judge_armed(struct report *report, const struct fault_figures *fault)
{
	const struct run_events *events = &report->figures->events;

	if (fault->armed_us >= 0 || report->faults->unsteady || events->signal || events->cut_short)
		return;
	if (!events->ended && fault->state == FAULT_PLANNED)
		report_add_reason(report, "the run ended before fault '%s' was armed", fault->name);
	else
		report_add_reason(report, "fault '%s' was never armed: %s%s%s", fault->name,
				  why_never(fault), fault->words ? ": " : "",
				  fault->words ? fault->words : "");
}

void report_judge_faults(struct report *report)
{
	const struct faults *faults = report->faults;

	for (size_t i = 0; i < faults->count; i++) {
		if (faults->items[i].broken)
			report->findings |= FOUND_NOT_HEALED;
		judge_armed(report, &faults->items[i]);
	}
	if (faults->strange)
		report_add_reason(report,
				  "%llu records are about faults that meta.json does not "
				  "know",
				  (unsigned long long)faults->strange);
	if (faults->unsteady)
		report->findings |= FOUND_UNSTEADY;
	if (report->figures->events.cut_short && !faults->unsteady && !faults->gate_broken)
		report_add_reason(report, "the run was stopped early");
}
