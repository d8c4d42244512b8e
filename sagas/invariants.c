/*
 * The invariants, and how what they find becomes a verdict. Adding one: docs/invariants.md.
 */
#include "sagas/invariants.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"
#include "lib/saga_key.h"

const struct invariant *const invariants[] = {
	&invariant_atomic,	     &invariant_charge_has_order, &invariant_order_has_charge,
	&invariant_charge_once,	     &invariant_idempotent,	  &invariant_undo_once,
	&invariant_undo_full,	     &invariant_undo_order,	  &invariant_no_hang,
	&invariant_no_oversell,	     &invariant_stock_conserved,  &invariant_terminal,
	&invariant_legal_moves,	     &invariant_monotonic,	  &invariant_read_your_writes,
	&invariant_durable,	     &invariant_no_phantom,	  &invariant_notify,
	&invariant_outbox,	     &invariant_dead_letters,	  &invariant_ledger_balanced,
	&invariant_price_intact,     &invariant_budget,		  &invariant_cancel_wins,
	&invariant_breaker,	     &invariant_rate_limited,	  &invariant_regions_converge,
	&invariant_vacuity,	     NULL,
};

struct moment moment_of(int64_t at_us)
{
	struct moment moment;

	if (at_us == TIME_NONE)
		snprintf(moment.text, sizeof(moment.text), "an unknown time");
	else
		snprintf(moment.text, sizeof(moment.text), "%.3f s", (double)at_us / 1e6);
	return moment;
}

bool is_before(int64_t a_us, int64_t b_us)
{
	return a_us != TIME_NONE && b_us != TIME_NONE && a_us + TIME_SLACK_US < b_us;
}

enum check check_held(bool held)
{
	return held ? CHECK_HELD : CHECK_NONE;
}

static void format_why(struct finding *found, const char *format, va_list arguments)
{
	buffer_clear(&found->why);
	buffer_reserve(&found->why, 512);
	vsnprintf(found->why.data, 512, format, arguments);
	found->why.length = strlen(found->why.data);
}

enum check found(struct finding *found, enum check check, int64_t at_us, const char *format, ...)
{
	va_list arguments;

	found->at_us = at_us;
	if (!found->wanted)
		return check;
	va_start(arguments, format);
	format_why(found, format, arguments);
	va_end(arguments);
	return check;
}

/* Where a violation belongs among the witnesses, the smallest first; WITNESSES_MAX: nowhere. */
static size_t place_of(const struct judgement *judgement, size_t length)
{
	size_t at = judgement->witness_count;

	while (at && length < judgement->lengths[at - 1])
		at--;
	return at;
}

static void keep_witness(struct judgement *judgement, const struct violation *witness,
			 size_t length)
{
	size_t at = place_of(judgement, length);

	if (judgement->witness_count == WITNESSES_MAX) {
		free(judgement->witnesses[WITNESSES_MAX - 1].subject);
		free(judgement->witnesses[WITNESSES_MAX - 1].reason);
	} else {
		judgement->witness_count++;
	}
	for (size_t i = judgement->witness_count - 1; i > at; i--) {
		judgement->witnesses[i] = judgement->witnesses[i - 1];
		judgement->lengths[i] = judgement->lengths[i - 1];
	}
	judgement->witnesses[at] = *witness;
	judgement->lengths[at] = length;
}

static void leave_open(struct judgement *judgement, const char *why)
{
	judgement->open++;
	if (!judgement->why && why)
		judgement->why = memory_copy_string(why);
}

static char *subject_of(const struct judgement *judgement, uint32_t saga, const char *subject)
{
	char key[SAGA_KEY_BYTES];

	if (subject)
		return memory_copy_string(subject);
	judge_key(judgement->judge, saga, key);
	return memory_copy_string(key);
}

static void mark(const struct judgement *judgement, uint32_t number, enum saga_flag flag)
{
	struct saga *saga = number == SAGA_NONE ? NULL : judge_saga(judgement->judge, number);

	if (saga)
		saga->flags |= flag;
}

/* Counts it, and keeps it if it is among the smallest. */
static void violate(struct judgement *judgement, uint32_t saga, const char *subject, size_t length,
		    const struct finding *finding)
{
	struct violation witness = { .saga = saga, .at_us = finding->at_us };

	judgement->violations++;
	mark(judgement, saga, SAGA_IS_VIOLATED);
	if (place_of(judgement, length) == WITNESSES_MAX)
		return;
	witness.subject = subject_of(judgement, saga, subject);
	witness.reason = memory_copy_string(finding->why.data ? finding->why.data : "");
	keep_witness(judgement, &witness, length);
}

static enum check weaken(const struct judgement *judgement, enum check check)
{
	bool needs_all = check == CHECK_HELD || check == CHECK_VIOLATED;

	return needs_all && judgement->incomplete ? CHECK_UNKNOWN : check;
}

void judgement_saga(struct judgement *judgement, const struct saga_case *about)
{
	const struct invariant *invariant = judgement->invariant;
	struct finding finding = { .wanted = true };
	enum check check;

	if (!invariant->saga || judgement->missing)
		return;
	finding.wanted = place_of(judgement, about->length) < WITNESSES_MAX || !judgement->why;
	check = invariant->saga(about, &finding);
	if (about->saga->flags & SAGA_IS_CROWDED && check == CHECK_HELD)
		check = found(&finding, CHECK_UNKNOWN, 0,
			      "there is more evidence about one saga than is looked at");
	switch (weaken(judgement, check)) {
	case CHECK_HELD:
		judgement->held++;
		break;
	case CHECK_VIOLATED:
		judgement->owed++;
		/* fall through */
	case CHECK_FACT:
		violate(judgement, about->number, NULL, about->length, &finding);
		break;
	case CHECK_UNKNOWN:
		leave_open(judgement, check == CHECK_UNKNOWN ? finding.why.data : NULL);
		mark(judgement, about->number, SAGA_IS_OPEN);
		break;
	case CHECK_NONE:
		break;
	}
	buffer_release(&finding.why);
}

void judgement_held(struct judgement *judgement, uint64_t count)
{
	if (judgement->incomplete)
		judgement->open += count;
	else
		judgement->held += count;
}

void judgement_found(struct judgement *judgement, enum check check, uint32_t saga,
		     const char *subject, int64_t at_us, const char *format, ...)
{
	struct finding finding = { .wanted = true, .at_us = at_us };
	va_list arguments;

	va_start(arguments, format);
	format_why(&finding, format, arguments);
	va_end(arguments);
	switch (weaken(judgement, check)) {
	case CHECK_VIOLATED:
		judgement->owed++;
		/* fall through */
	case CHECK_FACT:
		violate(judgement, saga, subject, 0, &finding);
		break;
	case CHECK_UNKNOWN:
		leave_open(judgement, check == CHECK_UNKNOWN ? finding.why.data : NULL);
		break;
	default:
		judgement_held(judgement, 1);
	}
	buffer_release(&finding.why);
}

static char *too_few(const struct judgement *judgement, uint64_t checked)
{
	struct buffer why = BUFFER_EMPTY;

	if (checked == 0)
		buffer_format(&why, "nothing in this run could have shown it");
	else
		buffer_format(&why, "only %" PRIu64 " cases, at least %" PRId64 " are wanted",
			      checked, judgement->of->contract->minimum);
	return why.data;
}

static char *some_open(const struct judgement *judgement, uint64_t checked)
{
	struct buffer why = BUFFER_EMPTY;

	buffer_format(&why, "%" PRIu64 " of %" PRIu64 " could not be judged", judgement->open,
		      checked + judgement->open);
	if (judgement->why)
		buffer_format(&why, ": %s", judgement->why);
	return why.data;
}

/* `*why` is owned by the caller; NULL unless it is unknown. */
enum verdict judgement_verdict(const struct judgement *judgement, char **why)
{
	uint64_t checked = judgement->held + judgement->violations;
	int64_t minimum = judgement->of->contract->minimum;

	*why = NULL;
	if (judgement->violations)
		return VERDICT_INVALID;
	if (judgement->missing)
		*why = memory_copy_string(judgement->why);
	else if (judgement->incomplete)
		*why = memory_copy_string(judgement->incomplete);
	else if (judgement->open)
		*why = some_open(judgement, checked);
	else if (!judgement->invariant->no_minimum &&
		 (checked == 0 || checked < (uint64_t)(minimum > 0 ? minimum : 0)))
		*why = too_few(judgement, checked);
	return *why ? VERDICT_UNKNOWN : VERDICT_VALID;
}
