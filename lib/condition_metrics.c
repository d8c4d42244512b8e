/* The metrics, and which subject they are asked of. See condition_parts.h. */
#include <math.h>
#include <stdlib.h>

#include "lib/condition_parts.h"
#include "lib/schema.h"

static const struct metric_row metrics[] = {
	{ "errors", METRIC_ERRORS, UNIT_SHARE, OF_REQUESTS, ARGUMENT_FAILURE, true },
	{ "retries", METRIC_RETRIES, UNIT_SHARE, OF_REQUESTS, ARGUMENT_NONE, true },
	{ "mean", METRIC_MEAN, UNIT_TIME_US, OF_REQUESTS, ARGUMENT_TIME, true },
	{ "max", METRIC_MAX, UNIT_TIME_US, OF_REQUESTS, ARGUMENT_TIME, true },
	{ "ok", METRIC_OK, UNIT_COUNT, OF_REQUESTS, ARGUMENT_NONE, true },
	{ "count", METRIC_COUNT, UNIT_COUNT, OF_REQUESTS, ARGUMENT_NONE, true },
	{ "throughput", METRIC_THROUGHPUT, UNIT_RATE, OF_REQUESTS, ARGUMENT_NONE, true },
	{ "goodput", METRIC_GOODPUT, UNIT_RATE, OF_REQUESTS, ARGUMENT_NONE, true },
	{ "failed", METRIC_FAILED, UNIT_SHARE, OF_STARTS, ARGUMENT_NONE, true },
	{ "dropped", METRIC_DROPPED, UNIT_SHARE, OF_STARTS, ARGUMENT_NONE, false },
	{ "starts", METRIC_STARTS, UNIT_COUNT, OF_STARTS, ARGUMENT_NONE, false },
	{ "achieved_rate", METRIC_ACHIEVED, UNIT_RATE, OF_STARTS, ARGUMENT_NONE, false },
	{ "lag", METRIC_LAG, UNIT_TIME_US, OF_RUN, ARGUMENT_NONE, false },
	{ "recovery", METRIC_RECOVERY, UNIT_TIME_US, OF_RUN, ARGUMENT_FAULT_OR_NONE, false },
	{ "hits", METRIC_HITS, UNIT_COUNT, OF_RUN, ARGUMENT_FAULT_OR_NONE, false },
	{ "verified_goodput", METRIC_VERIFIED_GOODPUT, UNIT_RATE, OF_RUN | OF_SAGAS,
	  ARGUMENT_NONE, false },
	{ "started", METRIC_SAGAS_STARTED, UNIT_COUNT, OF_SAGAS, ARGUMENT_NONE, false },
	{ "succeeded", METRIC_SAGAS_SUCCEEDED, UNIT_COUNT, OF_SAGAS, ARGUMENT_NONE, false },
	{ "compensated", METRIC_SAGAS_COMPENSATED, UNIT_COUNT, OF_SAGAS, ARGUMENT_NONE, false },
	{ "stuck", METRIC_SAGAS_STUCK, UNIT_COUNT, OF_SAGAS, ARGUMENT_NONE, false },
	{ "unknown", METRIC_SAGAS_UNKNOWN, UNIT_COUNT, OF_SAGAS, ARGUMENT_NONE, false },
	{ "violations", METRIC_SAGAS_VIOLATIONS, UNIT_COUNT, OF_SAGAS, ARGUMENT_NONE, false },
};

enum { METRICS = sizeof(metrics) / sizeof(metrics[0]) };

static const struct metric_row quantile_row = { "p99", METRIC_QUANTILE, UNIT_TIME_US, OF_REQUESTS,
						ARGUMENT_TIME, true };

/*
 * "p50", "p99.9"; "p999" is the same as that, as in report.json. 0 when it is none. Whoever writes
 * p100 does not mean p10.
 */
static double quantile_of(struct text name)
{
	char digits[12];
	size_t points = 0;
	double percent;

	if (name.length < 2 || name.length > sizeof(digits) || name.data[0] != 'p')
		return 0;
	for (size_t i = 1; i < name.length; i++) {
		points += name.data[i] == '.';
		if (name.data[i] != '.' && (name.data[i] < '0' || name.data[i] > '9'))
			return 0;
	}
	if (points > 1 || name.data[1] == '.' || name.data[name.length - 1] == '.')
		return 0;
	if (!points && name.length > 3 && name.data[1] != '9')
		return 0;
	memcpy(digits, name.data + 1, name.length - 1);
	digits[name.length - 1] = '\0';
	percent = strtod(digits, NULL);
	if (!points && name.length > 3) /* p999 */
		percent /= pow(10, (double)name.length - 3);
	return percent > 0 && percent < 100 ? percent / 100 : 0;
}

static const struct metric_row *find_metric(struct text name, double *quantile)
{
	*quantile = quantile_of(name);
	if (*quantile > 0)
		return &quantile_row;
	for (size_t i = 0; i < METRICS; i++)
		if (text_is(name, metrics[i].name))
			return &metrics[i];
	return NULL;
}

static bool fail_metric(struct condition_parser *parser, struct text name)
{
	static const char *const more[] = { "p50", "p90", "p95", "p99", "p99.9" };
	const char *known[METRICS + 5];

	for (size_t i = 0; i < 5; i++)
		known[i] = more[i];
	for (size_t i = 0; i < METRICS; i++)
		known[5 + i] = metrics[i].name;
	return condition_fail_unknown(parser, "metric", name, known, METRICS + 5);
}

/* The first point with a metric behind it parts the subject from the metric (p99.9 has one too). */
static const struct metric_row *split(struct text text, struct text *subject, struct text *name,
				      double *quantile)
{
	const struct metric_row *row = find_metric(text, quantile);
	char quote = '\0';

	*subject = (struct text){ text.data, 0 };
	*name = text;
	for (size_t i = 0; !row && i < text.length; i++) {
		char c = text.data[i];

		if (quote || (!i && (c == '"' || c == '\'')))
			quote = !quote ? c : c == quote ? '\0' : quote;
		if (quote || c != '.')
			continue;
		*subject = (struct text){ text.data, i };
		*name = (struct text){ text.data + i + 1, text.length - i - 1 };
		row = find_metric(*name, quantile);
	}
	return row;
}

static bool take_prefix(struct text *text, const char *prefix)
{
	size_t length = strlen(prefix);

	if (!text_starts_with(*text, prefix) || text->length == length || text->data[length] != ' ')
		return false;
	*text = text_trim((struct text){ text->data + length, text->length - length });
	return true;
}

static bool read_sagas(struct condition_parser *parser, struct text name)
{
	const struct condition_names *names = parser->names;
	struct condition *condition = parser->condition;
	int64_t number;

	condition->subject = SUBJECT_SAGAS;
	condition->number = SAGAS_ALL;
	if (!names->saga_count && !names->doubtful)
		return condition_fail(parser, name.data, "this scenario has no sagas");
	if (text_is(name, "sagas") || names->doubtful)
		return true;
	name = condition_unquote((struct text){ name.data + 6, name.length - 6 });
	number = condition_find(name, names->sagas, names->saga_count);
	condition->number = (uint32_t)number;
	return number >= 0 ||
	       condition_fail_unknown(parser, "saga", name, names->sagas, names->saga_count);
}

static bool fail_subject(struct condition_parser *parser, struct text name)
{
	const struct condition_names *names = parser->names;
	size_t count = names->journey_count + names->request_count + 1;
	const char **known = arena_array(parser->arena, count, sizeof(*known));
	size_t at = 0;

	for (size_t i = 0; i < names->journey_count; i++)
		known[at++] = names->journeys[i];
	for (size_t i = 0; i < names->request_count; i++)
		known[at++] = names->requests[i];
	if (names->saga_count)
		known[at++] = "sagas";
	return condition_fail_unknown(parser, "journey or request", name, known, at);
}

static bool read_subject(struct condition_parser *parser, struct text text)
{
	const struct condition_names *names = parser->names;
	struct condition *condition = parser->condition;
	bool journey = take_prefix(&text, "journey"), request = take_prefix(&text, "request");
	struct text name = condition_unquote(text);
	int64_t number = -1;

	if (text_is(text, "sagas") || text_starts_with(text, "sagas."))
		return read_sagas(parser, text);
	condition->subject = SUBJECT_JOURNEY;
	if (!request)
		number = condition_find(name, names->journeys, names->journey_count);
	if (number < 0 && !journey) {
		condition->subject = SUBJECT_REQUEST;
		number = condition_find(name, names->requests, names->request_count);
	}
	condition->number = (uint32_t)number;
	return number >= 0 || names->doubtful || fail_subject(parser, name);
}

static bool read_failure(struct condition_parser *parser, struct text name)
{
	const char *known[FAILURE_INTERRUPTED];

	for (unsigned i = FAILURE_NONE + 1; i < FAILURE_INTERRUPTED; i++) {
		known[i - 1] = failure_name((enum failure)i);
		if (text_is(name, known[i - 1]))
			parser->condition->failure = (enum failure)i;
	}
	return parser->condition->failure != FAILURE_NONE ||
	       condition_fail_unknown(parser, "class of errors", name, known,
				      FAILURE_INTERRUPTED - 1);
}

static bool read_time(struct condition_parser *parser, struct text name)
{
	static const char *const known[] = { "service", "latency" };

	if (!text_is(name, "service") && !text_is(name, "latency"))
		return condition_fail_unknown(parser, "time", name, known, 2);
	parser->condition->service = text_is(name, "service");
	return true;
}

static bool read_argument(struct condition_parser *parser, const struct metric_row *row,
			  struct text name)
{
	switch (row->argument) {
	case ARGUMENT_FAILURE:
		return read_failure(parser, name);
	case ARGUMENT_TIME:
		return read_time(parser, name);
	case ARGUMENT_FAULT:
	case ARGUMENT_FAULT_OR_NONE:
		return condition_read_fault(parser, name);
	default:
		return condition_fail(parser, name.data, "'%s' takes no argument", row->name);
	}
}

/* What is in the parentheses at the end, taken off; no data when there are none. */
static bool take_argument(struct condition_parser *parser, struct text *text, struct text *argument)
{
	const char *open = NULL;
	char quote = '\0';

	*argument = (struct text){ NULL, 0 };
	for (size_t i = 0; i < text->length && !open; i++) {
		char c = text->data[i];

		if (quote || c == '"' || c == '\'')
			quote = !quote ? c : c == quote ? '\0' : quote;
		else if (c == '(')
			open = text->data + i;
	}
	if (!open)
		return true;
	if (text->data[text->length - 1] != ')')
		return condition_fail(parser, open, "'(' is never closed");
	*argument = condition_unquote(
		(struct text){ open + 1, (size_t)(text->data + text->length - 1 - (open + 1)) });
	*text = text_trim((struct text){ text->data, (size_t)(open - text->data) });
	return true;
}

static bool check_subject(struct condition_parser *parser, const struct metric_row *row,
			  struct text name)
{
	static const char *const of[] = { "the run", "a journey", "a request", "sagas" };
	const struct condition *condition = parser->condition;
	char where[64] = "";

	if (row->subjects & 1u << condition->subject) {
		if (row->metric != METRIC_VERIFIED_GOODPUT || parser->names->saga_count ||
		    parser->names->doubtful)
			return true;
		return condition_fail(parser, name.data, "this scenario has no sagas");
	}
	for (unsigned i = 0; i < 4; i++)
		if (row->subjects & 1u << i) {
			strcat(where, *where ? " or " : "");
			strcat(where, of[i]);
		}
	return condition_fail(parser, name.data, "'%s' is asked of %s, not of %s", row->name, where,
			      of[condition->subject]);
}

bool condition_read_figure(struct condition_parser *parser, struct text text,
			   const struct metric_row **row)
{
	struct condition *condition = parser->condition;
	struct text subject, name, argument;

	text = text_trim(text);
	if (!text.length)
		return condition_fail(parser, text.data,
				      "nothing is compared (write 'checkout.p99 < 800ms')");
	if (!take_argument(parser, &text, &argument))
		return false;
	*row = split(text, &subject, &name, &condition->quantile);
	if (!*row) {
		/* No subject has a point and blanks in it as often as a metric is misspelt. */
		const char *point = memrchr(text.data, '.', text.length);
		size_t skipped = point ? (size_t)(point + 1 - text.data) : 0;

		return fail_metric(parser,
				   (struct text){ text.data + skipped, text.length - skipped });
	}
	condition->metric = (*row)->metric;
	condition->unit = (*row)->unit;
	if (subject.data + subject.length < name.data && !read_subject(parser, text_trim(subject)))
		return false;
	if (!check_subject(parser, *row, name))
		return false;
	if (argument.data)
		return read_argument(parser, *row, argument);
	if ((*row)->argument == ARGUMENT_FAULT_OR_NONE && !parser->names->fault_count &&
	    !parser->names->doubtful)
		return condition_fail(parser, name.data, "this scenario has no faults");
	return true;
}

bool condition_read_bound(struct condition_parser *parser, struct text text,
			  const struct metric_row *row)
{
	struct condition *condition = parser->condition;
	int64_t integer = 0;
	struct error why;
	bool good;

	if (!text.length)
		return condition_fail(parser, text.data, "the bound is missing");
	switch (row->unit) {
	case UNIT_TIME_US:
		good = unit_duration(text, &integer, &why);
		condition->bound = (double)integer;
		break;
	case UNIT_SHARE:
		good = unit_share(text, &condition->bound, &why);
		break;
	case UNIT_RATE:
		good = unit_rate(text, &condition->bound, &why);
		break;
	default:
		good = unit_integer(text, &integer, &why);
		if (good && integer < 0)
			good = error_set(&why, "'%.*s' is less than nothing", TEXT_ARG(text));
		condition->bound = (double)integer;
	}
	return good || condition_fail(parser, text.data, "%s", why.text);
}
