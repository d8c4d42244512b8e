#include "reports/sagas.h"

#include <inttypes.h>

#include "lib/file.h"
#include "lib/fold.h"
#include "reports/words.h"

enum { COLUMNS = 80, INDENT = 4, UNKNOWN_SHOWN_MAX = 30 };

json_t *sagas_read(const char *directory)
{
	struct buffer path = BUFFER_EMPTY, text = BUFFER_EMPTY;
	json_t *root = NULL, *sagas = NULL;

	buffer_format(&path, "%s/history/verdicts.json", directory);
	if (file_read(path.data, &text, NULL))
		root = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, NULL);
	sagas = json_incref(json_object_get(root, "sagas"));
	json_decref(root);
	buffer_release(&path);
	buffer_release(&text);
	if (json_is_object(sagas))
		return sagas;
	json_decref(sagas);
	return json_object();
}

static const char *string_in(const json_t *object, const char *key)
{
	const char *string = json_string_value(json_object_get(object, key));

	return string ? string : "";
}

static uint64_t count_in(const json_t *object, const char *key)
{
	json_int_t count = json_integer_value(json_object_get(object, key));

	return count > 0 ? (uint64_t)count : 0;
}

static bool is_verdict(const json_t *invariant, const char *verdict)
{
	return strcmp(string_in(invariant, "verdict"), verdict) == 0;
}

bool sagas_any_violated(const json_t *sagas)
{
	const char *name;
	json_t *saga;

	json_object_foreach((json_t *)(uintptr_t)sagas, name, saga) {
		const json_t *invariant;
		size_t i;

		json_array_foreach(json_object_get(saga, "invariants"), i, invariant) {
			if (is_verdict(invariant, "invalid"))
				return true;
		}
	}
	return false;
}

static size_t blame(const json_t *saga, struct buffer *out)
{
	const json_t *invariant;
	size_t i, count = 0;

	json_array_foreach(json_object_get(saga, "invariants"), i, invariant) {
		if (!is_verdict(invariant, "invalid"))
			continue;
		buffer_format(out, "%s%s (%" PRIu64 ")", count++ ? ", " : "",
			      string_in(invariant, "name"), count_in(invariant, "violations"));
	}
	return count;
}

void sagas_blame(const json_t *sagas, void (*tell)(void *context, const char *line), void *context)
{
	const char *name;
	json_t *saga;

	json_object_foreach((json_t *)(uintptr_t)sagas, name, saga) {
		struct buffer line = BUFFER_EMPTY;

		buffer_format(&line, "saga %s violates ", name);
		if (blame(saga, &line))
			tell(context, line.data);
		buffer_release(&line);
	}
}

/* A paragraph of foreign words, INDENT from the left. */
static void add_words(struct buffer *out, const char *words)
{
	struct buffer clean = BUFFER_EMPTY;

	words_add_line(&clean, text_of(words), 500);
	buffer_format(out, "%*s", INDENT, "");
	fold_text(clean.data ? clean.data : "", INDENT, COLUMNS, out);
	buffer_add_char(out, '\n');
	buffer_release(&clean);
}

/* The identity, written as one. */
static void write_ends(const char *name, const json_t *saga, struct buffer *out)
{
	static const char *const ends[] = { "succeeded", "compensated", "stuck", "unknown" };
	struct buffer line = BUFFER_EMPTY;
	char words[WORDS_MAX];

	buffer_format(&line, "%s: %s started", name, words_count(words, count_in(saga, "started")));
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		buffer_format(&line, " %s %s %s", i ? "+" : "=",
			      words_count(words, count_in(saga, ends[i])), ends[i]);
	if (count_in(saga, "refused"))
		buffer_format(&line, "; %s refused", words_count(words, count_in(saga, "refused")));
	add_words(out, line.data);
	buffer_release(&line);
}

static void write_goodput(const json_t *saga, struct buffer *out)
{
	double goodput = json_number_value(json_object_get(saga, "verified_goodput"));
	char words[WORDS_MAX], verified[WORDS_MAX];

	buffer_format(out, "%*sverified goodput %s (%s acknowledged and proven correct)\n", INDENT,
		      "", words_rate(words, goodput),
		      words_count(verified, count_in(saga, "verified")));
}

static void write_violation(const json_t *invariant, const char *paint, struct buffer *out)
{
	const json_t *witness = json_array_get(json_object_get(invariant, "witnesses"), 0);
	struct buffer line = BUFFER_EMPTY;
	uint64_t violations = count_in(invariant, "violations");
	char words[WORDS_MAX];

	buffer_format(out, "%*s%s%s VIOLATED%s", INDENT, "", paint, string_in(invariant, "name"),
		      *paint ? "\033[0m" : "");
	buffer_format(out, ", %s of %s:\n", words_count(words, violations),
		      words_count((char[WORDS_MAX]){ 0 }, count_in(invariant, "checked")));
	buffer_format(&line, "%s: %s", string_in(witness, "saga"), string_in(witness, "reason"));
	add_words(out, line.data);
	buffer_release(&line);
}

/* Names alone: why is in report.json. */
static void write_unknown(const json_t *invariants, struct buffer *out)
{
	struct buffer line = BUFFER_EMPTY;
	size_t i, valid = 0, unknown = 0;
	const json_t *invariant;

	json_array_foreach(invariants, i, invariant) {
		valid += is_verdict(invariant, "valid");
		unknown += is_verdict(invariant, "unknown");
	}
	buffer_format(&line, "%zu invariants valid, %zu unknown", valid, unknown);
	unknown = 0;
	json_array_foreach(invariants, i, invariant) {
		if (is_verdict(invariant, "unknown") && unknown < UNKNOWN_SHOWN_MAX)
			buffer_format(&line, "%s %s", unknown++ ? "," : ":",
				      string_in(invariant, "name"));
	}
	add_words(out, line.data);
	buffer_release(&line);
}

static void write_saga(const char *name, const json_t *saga, const char *paint, struct buffer *out)
{
	const json_t *invariants = json_object_get(saga, "invariants"), *invariant;
	size_t i;

	write_ends(name, saga, out);
	write_goodput(saga, out);
	json_array_foreach(invariants, i, invariant) {
		if (is_verdict(invariant, "invalid"))
			write_violation(invariant, paint, out);
	}
	write_unknown(invariants, out);
}

void sagas_write(const json_t *sagas, const char *paint, struct buffer *out)
{
	const char *name;
	json_t *saga;

	json_object_foreach((json_t *)(uintptr_t)sagas, name, saga) {
		write_saga(name, saga, paint, out);
	}
}
