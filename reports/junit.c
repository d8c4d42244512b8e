/*
 * junit.xml: what was judged, as cases of tests, for the build servers that show those: whether the
 * run is valid, the steady state, gates, faults that had to be put back, invariants of sagas.
 *
 * A failure is the fault of the system; an error says that it can't be told. An invariant that
 * could not be told is skipped, since it does not fail a run either.
 */
#include <inttypes.h>

#include "lib/clock.h"
#include "reports/format.h"
#include "reports/words.h"

enum { ATTRIBUTE_BYTES_MAX = 300, BODY_BYTES_MAX = 2000 };

enum outcome_kind { CASE_GOOD, CASE_FAILURE, CASE_ERROR, CASE_SKIPPED, CASE_KINDS };

/* One element <testsuite>: its cases are written apart, since it begins with their number. */
struct suite {
	const struct report *report;
	const char *name;
	struct buffer cases;
	size_t counts[CASE_KINDS];
};

struct document {
	struct buffer suites;
	size_t counts[CASE_KINDS];
};

/* XML has no way to say most control characters, nor U+FFFE and U+FFFF. */
static bool is_no_xml(struct text text, size_t i)
{
	const unsigned char *byte = (const unsigned char *)text.data + i;

	if (*byte == 0xef && i + 2 < text.length)
		return byte[1] == 0xbf && byte[2] >= 0xbe;
	return *byte < ' ' || *byte == 0x7f;
}

static void add_character(struct buffer *out, char c)
{
	switch (c) {
	case '<':
		buffer_add_string(out, "&lt;");
		break;
	case '>':
		buffer_add_string(out, "&gt;");
		break;
	case '&':
		buffer_add_string(out, "&amp;");
		break;
	case '"':
		buffer_add_string(out, "&quot;");
		break;
	default:
		buffer_add_char(out, c);
	}
}

static void add_xml(struct buffer *out, const char *words, size_t most)
{
	struct buffer clean = BUFFER_EMPTY;
	struct text text;

	words_add_line(&clean, text_of(words), most);
	text = buffer_text(&clean);
	for (size_t i = 0; i < text.length; i++) {
		if (!is_no_xml(text, i)) {
			add_character(out, text.data[i]);
			continue;
		}
		buffer_add_string(out, "\xef\xbf\xbd");
		i += (unsigned char)text.data[i] == 0xef ? 2 : 0;
	}
	buffer_release(&clean);
}

static void add_attribute(struct buffer *out, const char *name, const char *value)
{
	buffer_format(out, " %s=\"", name);
	add_xml(out, value, ATTRIBUTE_BYTES_MAX);
	buffer_add_char(out, '"');
}

static void add_result(struct buffer *out, enum outcome_kind kind, const char *type,
		       const char *message)
{
	static const char *const elements[] = {
		[CASE_FAILURE] = "failure", [CASE_ERROR] = "error", [CASE_SKIPPED] = "skipped"
	};

	buffer_format(out, "      <%s", elements[kind]);
	if (kind != CASE_SKIPPED)
		add_attribute(out, "type", type);
	add_attribute(out, "message", message);
	if (kind == CASE_SKIPPED) {
		buffer_add_string(out, "/>\n");
		return;
	}
	buffer_add_char(out, '>');
	add_xml(out, message, BODY_BYTES_MAX);
	buffer_format(out, "</%s>\n", elements[kind]);
}

/* `message` may be NULL when it is good. */
static void add_case(struct suite *suite, const char *name, enum outcome_kind kind,
		     const char *message)
{
	struct buffer *out = &suite->cases;

	suite->counts[kind]++;
	buffer_add_string(out, "    <testcase");
	add_attribute(out, "classname", suite->name);
	add_attribute(out, "name", *name ? name : "?");
	buffer_add_string(out, " time=\"0\"");
	if (kind == CASE_GOOD) {
		buffer_add_string(out, "/>\n");
		return;
	}
	buffer_add_string(out, ">\n");
	add_result(out, kind, suite->name, message);
	buffer_add_string(out, "    </testcase>\n");
}

static size_t sum_of(const size_t counts[CASE_KINDS])
{
	return counts[CASE_GOOD] + counts[CASE_FAILURE] + counts[CASE_ERROR] + counts[CASE_SKIPPED];
}

static void add_counts(struct buffer *out, const size_t counts[CASE_KINDS], bool skipped)
{
	buffer_format(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\"", sum_of(counts),
		      counts[CASE_FAILURE], counts[CASE_ERROR]);
	if (skipped)
		buffer_format(out, " skipped=\"%zu\"", counts[CASE_SKIPPED]);
}

static void add_property(struct buffer *out, const char *name, const char *value)
{
	buffer_add_string(out, "      <property");
	add_attribute(out, "name", name);
	add_attribute(out, "value", value);
	buffer_add_string(out, "/>\n");
}

static void add_properties(struct buffer *out, const struct meta *meta)
{
	buffer_add_string(out, "    <properties>\n");
	add_property(out, "seed", meta->seed);
	add_property(out, "target", meta->target);
	add_property(out, "scenario", meta->scenario);
	add_property(out, "sagastorm", meta->version);
	buffer_add_string(out, "    </properties>\n");
}

static const char *host_of(const struct meta *meta)
{
	const char *host = json_string_value(json_object_get(meta->environment, "host"));

	return host && *host ? host : "localhost";
}

/* Ends the suite; one without cases is left out. */
static void close_suite(struct suite *suite, struct document *document)
{
	const struct meta *meta = suite->report->meta;
	struct buffer *out = &document->suites;
	double took_s = (double)figures_duration_us(suite->report->figures) / (double)US_PER_S;

	if (suite->cases.length) {
		buffer_add_string(out, "  <testsuite");
		add_attribute(out, "name", suite->name);
		add_counts(out, suite->counts, true);
		buffer_format(out, " time=\"%.3f\" timestamp=\"%.19s\"", took_s,
			      meta->wall_start_us ? meta->started : "1970-01-01T00:00:00");
		add_attribute(out, "hostname", host_of(meta));
		buffer_add_string(out, ">\n");
		add_properties(out, meta);
		buffer_add_text(out, buffer_text(&suite->cases));
		buffer_add_string(out, "  </testsuite>\n");
	}
	for (int i = 0; i < CASE_KINDS; i++)
		document->counts[i] += suite->counts[i];
	buffer_release(&suite->cases);
}

static void add_run(const struct report *report, struct document *document)
{
	struct suite suite = { .report = report, .name = "run" };
	struct buffer reasons = BUFFER_EMPTY;

	for (size_t i = 0; i < report->reason_count; i++)
		buffer_format(&reasons, "%s%s", i ? "; " : "", report->reasons[i]);
	add_case(&suite, "the run is valid", report->reason_count ? CASE_ERROR : CASE_GOOD,
		 reasons.data);
	if (report->figures->events.signal)
		add_case(&suite, "the run went to its end", CASE_ERROR, report->verdict.reason);
	close_suite(&suite, document);
	buffer_release(&reasons);
}

static void add_condition(struct suite *suite, const struct faults *faults, size_t number,
			  const char *condition)
{
	struct buffer message = BUFFER_EMPTY;
	bool looked = faults->looks[0] + faults->looks[1] + faults->looks[2] > 0;

	if (faults->unsteady && faults->unsteady_condition == number) {
		buffer_format(&message, "it did not hold %s",
			      steady_words(faults->unsteady_moment));
		add_case(suite, condition, CASE_FAILURE, message.data);
	} else
		add_case(suite, condition, looked ? CASE_GOOD : CASE_SKIPPED,
			 "nobody came to look at it");
	buffer_release(&message);
}

static void add_hypothesis(const struct report *report, struct document *document)
{
	struct suite suite = { .report = report, .name = "steady state" };
	const struct faults *faults = report->faults;
	size_t count = report->meta->steady_count;

	for (size_t i = 0; i < count; i++)
		add_condition(&suite, faults, i, report->meta->steady[i]);
	if (faults->unsteady && faults->unsteady_condition >= count)
		add_condition(&suite, faults, faults->unsteady_condition, "the steady state");
	close_suite(&suite, document);
}

static void add_gate(struct suite *suite, const struct gate_result *gate)
{
	static const enum outcome_kind kinds[] = {
		[HOLDS] = CASE_GOOD, [DOES_NOT_HOLD] = CASE_FAILURE, [NOT_KNOWN] = CASE_ERROR
	};
	struct buffer message = BUFFER_EMPTY;

	buffer_format(&message, "%s%s", gate->holding == NOT_KNOWN ? "it can't be told" : "it is ",
		      gate->holding == NOT_KNOWN ? "" :
		      *gate->shown		 ? gate->shown :
						   "broken");
	if (*gate->reason)
		buffer_format(&message, " (%s)", gate->reason);
	if (strcmp(gate->name, gate->gate) != 0)
		buffer_format(&message, "; the gate is: %s", gate->gate);
	add_case(suite, gate->name, kinds[gate->holding], message.data);
	buffer_release(&message);
}

static void add_gates(const struct report *report, struct document *document)
{
	struct suite suite = { .report = report, .name = "gates" };

	for (size_t i = 0; i < report->gate_count; i++)
		add_gate(&suite, &report->gates[i]);
	close_suite(&suite, document);
}

/* That each is gone. What it did to the system is for gates to say. */
static void add_faults(const struct report *report, struct document *document)
{
	struct suite suite = { .report = report, .name = "faults are healed" };

	for (size_t i = 0; i < report->faults->count; i++) {
		const struct fault_figures *fault = &report->faults->items[i];

		add_case(&suite, fault->name,
			 fault->broken	     ? CASE_FAILURE :
			 fault->armed_us < 0 ? CASE_SKIPPED :
					       CASE_GOOD,
			 fault->words && *fault->words ? fault->words :
			 fault->broken		       ? "it is not known to be gone" :
							 "it was never armed");
	}
	close_suite(&suite, document);
}

static const char *string_in(const json_t *object, const char *key)
{
	const char *string = json_string_value(json_object_get(object, key));

	return string ? string : "";
}

static void add_invariant(struct suite *suite, const json_t *invariant)
{
	const char *verdict = string_in(invariant, "verdict");
	const json_t *witness = json_array_get(json_object_get(invariant, "witnesses"), 0);
	json_int_t violations = json_integer_value(json_object_get(invariant, "violations"));
	struct buffer message = BUFFER_EMPTY;
	enum outcome_kind kind = strcmp(verdict, "valid") == 0	 ? CASE_GOOD :
				 strcmp(verdict, "invalid") == 0 ? CASE_FAILURE :
								   CASE_SKIPPED;

	if (kind == CASE_FAILURE)
		buffer_format(&message, "%" JSON_INTEGER_FORMAT " violations; saga %s: %s",
			      violations, string_in(witness, "saga"), string_in(witness, "reason"));
	else
		buffer_format(&message, "unknown: %s", string_in(invariant, "why"));
	add_case(suite, string_in(invariant, "name"), kind, message.data);
	buffer_release(&message);
}

static void add_sagas(const struct report *report, struct document *document)
{
	const char *name;
	json_t *saga;

	json_object_foreach(report->sagas, name, saga) {
		struct buffer title = BUFFER_EMPTY;
		struct suite suite = { .report = report };
		const json_t *invariant;
		size_t i;

		buffer_format(&title, "sagas: %s", name);
		suite.name = title.data;
		json_array_foreach(json_object_get(saga, "invariants"), i, invariant) {
			add_invariant(&suite, invariant);
		}
		close_suite(&suite, document);
		buffer_release(&title);
	}
}

static bool finish(void *state, const struct report *report, struct error *err)
{
	struct document document = { 0 };
	struct buffer out = BUFFER_EMPTY;
	bool good;

	(void)state;
	add_run(report, &document);
	add_hypothesis(report, &document);
	add_gates(report, &document);
	add_faults(report, &document);
	add_sagas(report, &document);
	buffer_add_string(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
	add_attribute(&out, "name", *report->meta->name ? report->meta->name : "run");
	add_counts(&out, document.counts, false);
	buffer_format(&out, " time=\"%.3f\">\n",
		      (double)figures_duration_us(report->figures) / (double)US_PER_S);
	buffer_add_text(&out, buffer_text(&document.suites));
	buffer_add_string(&out, "</testsuites>\n");
	good = report_write_file(report, "junit.xml", buffer_text(&out), err);
	buffer_release(&document.suites);
	buffer_release(&out);
	return good;
}

const struct report_format report_format_junit = {
	.name = "junit",
	.writes = "junit.xml",
	.finish = finish,
};
