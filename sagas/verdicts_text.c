/* Violations and their witnesses, for people. */
#include <inttypes.h>
#include <stdlib.h>

#include "lib/fold.h"
#include "lib/visible.h"
#include "sagas/verdicts.h"

enum { SHOWN_MAX = 3, COLUMNS = 100 };

static const char *string_in(const json_t *object, const char *key)
{
	const char *string = json_string_value(json_object_get(object, key));

	return string ? string : "";
}

static void add_line(const json_t *line, struct buffer *out)
{
	const json_t *at = json_object_get(line, "at_s");
	const char *detail = string_in(line, "detail");

	buffer_add_string(out,
			  json_is_true(json_object_get(line, "contradicts")) ? "  >> " : "     ");
	if (json_is_number(at))
		buffer_format(out, "%10.3f s", json_number_value(at));
	else
		buffer_format(out, "%12s", "?");
	buffer_format(out, "  %-24.40s  %s%s%s\n", string_in(line, "source"),
		      string_in(line, "what"), *detail ? ": " : "", detail);
}

static void add_faults(const json_t *faults, struct buffer *out)
{
	struct buffer words = BUFFER_EMPTY;
	const json_t *fault;
	size_t i;

	json_array_foreach(faults, i, fault) {
		buffer_format(&words, "%s%s (%s)", i ? ", " : "", string_in(fault, "name"),
			      string_in(fault, "met"));
	}
	if (words.length) {
		buffer_add_string(out, "     faults: ");
		fold_text(words.data, 13, COLUMNS, out);
		buffer_add_char(out, '\n');
	}
	buffer_release(&words);
}

static void add_witness(const struct judge *judge, const struct violation *witness,
			struct buffer *out)
{
	char shown[VISIBLE_MAX];
	const json_t *line;
	size_t i;

	buffer_format(out, "\n  %s %s\n     ", witness->saga == SAGA_NONE ? "about" : "saga",
		      visible(shown, text_of(witness->subject)));
	fold_text(witness->reason, 5, COLUMNS, out);
	buffer_add_string(out, "\n");
	json_array_foreach(witness->timeline, i, line) {
		add_line(line, out);
	}
	add_faults(witness->faults, out);
	if (judge->seed[0])
		buffer_format(out, "     seed: %s\n", judge->seed);
}

static void add_judgement(const struct judgement *judgement, struct buffer *out)
{
	const struct invariant *invariant = judgement->invariant;

	if (!judgement->violations)
		return;
	buffer_format(out, "%s%s: %s\n%" PRIu64 " of %" PRIu64 " violate it. ",
		      out->length ? "\n" : "", invariant->name, invariant->statement,
		      judgement->violations, judgement->violations + judgement->held);
	buffer_add_string(out, "What may be behind it: ");
	fold_text(invariant->catches, 0, COLUMNS, out);
	buffer_add_string(out, ".\n");
	for (size_t i = 0; i < judgement->witness_count && i < SHOWN_MAX; i++)
		add_witness(judgement->judge, &judgement->witnesses[i], out);
}

void verdicts_print(const struct verdicts *verdicts, struct buffer *out)
{
	for (size_t c = 0; c < verdicts->judge->contract_count; c++)
		for (size_t i = 0; invariants[i]; i++)
			add_judgement(&verdicts->judge->contracts[c].judgements[i], out);
}
