#include "lib/sample.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

/* How many samples a figure of so many is worth talking of; beyond these it is noise. */
enum {
	BEYOND_GATE = 10,  /* samples above a quantile, for a verdict on a run */
	LEAST_WATCH = 20,  /* samples for anything said about some seconds */
	LEAST_MEAN = 20,
	LEAST_SHARE_MOST = 10000, /* nobody is asked for more than this because of a share */
};

void sample_release(struct sample *sample)
{
	hist_free(sample->latency);
	hist_free(sample->service);
	hist_free(sample->lag);
	*sample = (struct sample){ 0 };
}

static void reset(struct hist *hist)
{
	if (hist && hist->total)
		hist_reset(hist);
}

void sample_reset(struct sample *sample)
{
	struct hist *latency = sample->latency, *service = sample->service, *lag = sample->lag;

	reset(latency);
	reset(service);
	reset(lag);
	*sample = (struct sample){ .latency = latency, .service = service, .lag = lag };
}

static void record(struct hist **hist, int digits, int64_t value_us)
{
	if (!*hist)
		*hist = hist_new(digits);
	hist_record(*hist, value_us);
}

void sample_add_request(struct sample *sample, const struct record_request *request, uint16_t flags,
			unsigned wants, int digits)
{
	/* Before a retry the visitor waited, not the generator. */
	if (wants & SAMPLE_LAG && !request->attempt)
		record(&sample->lag, digits, request->lag_us);
	if (!request_counts(request, flags)) {
		sample->retries += request->failure != FAILURE_INTERRUPTED;
		return;
	}
	sample->count++;
	sample->errors += request->failure != FAILURE_NONE;
	sample->by_failure[request->failure]++;
	if (wants & SAMPLE_LATENCY)
		record(&sample->latency, digits, request_latency_us(request));
	if (wants & SAMPLE_SERVICE)
		record(&sample->service, digits, request->service_us);
}

void sample_add_start(struct sample *sample, const struct record_start *start)
{
	if (start->failure != FAILURE_INTERRUPTED)
		sample->starts[start->outcome]++;
}

static void merge(struct hist **into, const struct hist *from)
{
	if (!from || !from->total)
		return;
	if (!*into)
		*into = hist_new(from->digits);
	hist_merge(*into, from);
}

void sample_merge(struct sample *into, const struct sample *from)
{
	into->count += from->count;
	into->errors += from->errors;
	into->retries += from->retries;
	for (int i = 0; i < FAILURE_COUNT; i++)
		into->by_failure[i] += from->by_failure[i];
	for (int i = 0; i < OUTCOME_COUNT; i++)
		into->starts[i] += from->starts[i];
	merge(&into->latency, from->latency);
	merge(&into->service, from->service);
	merge(&into->lag, from->lag);
}

unsigned condition_wants(const struct condition *condition)
{
	switch (condition->metric) {
	case METRIC_QUANTILE:
	case METRIC_MEAN:
	case METRIC_MAX:
		return condition->service ? SAMPLE_SERVICE : SAMPLE_LATENCY;
	case METRIC_LAG:
		return SAMPLE_LAG;
	default:
		return 0;
	}
}

bool condition_means_request(const struct condition *condition,
			     const struct record_request *request)
{
	switch (condition->subject) {
	case SUBJECT_RUN:
		return true;
	case SUBJECT_JOURNEY:
		return condition->number == request->journey;
	case SUBJECT_REQUEST:
		return condition->number == request->name;
	default:
		return false;
	}
}

bool condition_means_start(const struct condition *condition, const struct record_start *start)
{
	return condition->subject == SUBJECT_RUN ||
	       (condition->subject == SUBJECT_JOURNEY && condition->number == start->journey);
}

/* Judging. */

void judgement_unknown(struct judgement *judgement, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(judgement->why, sizeof(judgement->why), format, arguments);
	va_end(arguments);
	judgement->holding = NOT_KNOWN;
}

void condition_judge_number(const struct condition *condition, double actual,
			    struct judgement *judgement)
{
	judgement->actual = actual;
	judgement->measured = true;
	judgement->holding = condition_compare(condition, actual) ? HOLDS : DOES_NOT_HOLD;
}

static void say_too_few(const struct condition *condition, struct judgement *judgement,
			const char *what)
{
	(void)condition;
	judgement_unknown(judgement, "too few %s: %llu, and it takes %llu", what,
			  (unsigned long long)judgement->samples,
			  (unsigned long long)judgement->needed);
}

/*
 * A quantile is a statement about the samples above it, so there must be some. If the bound is
 * broken by as many as would be needed to trust the quantile, it is broken, however few there are.
 */
static void judge_quantile(const struct condition *condition, const struct hist *hist,
			   enum rigour rigour, struct judgement *judgement)
{
	double quantile = condition->metric == METRIC_LAG ? 0.99 : condition->quantile;
	uint64_t beyond = rigour == RIGOUR_GATE ? BEYOND_GATE : 1, total = hist ? hist->total : 0;

	judgement->samples = total;
	judgement->needed = (uint64_t)ceil((double)beyond / (1 - quantile) - 1e-6);
	if (judgement->needed < LEAST_WATCH)
		judgement->needed = LEAST_WATCH;
	if (!total) {
		say_too_few(condition, judgement, "requests");
		return;
	}
	condition_judge_number(condition, (double)hist_quantile(hist, quantile), judgement);
	if (total >= judgement->needed)
		return;
	if (judgement->holding == DOES_NOT_HOLD && condition->comparator <= LESS_OR_EQUAL &&
	    total - hist_count_at_or_below(hist, (int64_t)condition->bound) >= BEYOND_GATE)
		return;
	say_too_few(condition, judgement, "requests");
}

static void judge_of_hist(const struct condition *condition, const struct hist *hist,
			  struct judgement *judgement)
{
	bool mean = condition->metric == METRIC_MEAN;

	judgement->samples = hist ? hist->total : 0;
	judgement->needed = mean ? LEAST_MEAN : 1;
	if (judgement->samples)
		condition_judge_number(condition, mean ? hist_mean(hist) : (double)hist->max,
				       judgement);
	/* One that is too slow is too slow; that none was can't be said of a handful. */
	if (judgement->samples < judgement->needed)
		say_too_few(condition, judgement, "requests");
}

/*
 * Nothing of 10 is not less than 1%: it takes as many as one in which a single error would break
 * the bound. A broken bound is broken, though.
 */
static void judge_share(const struct condition *condition, uint64_t part, uint64_t whole,
			enum rigour rigour, const char *what, struct judgement *judgement)
{
	bool upper = condition->comparator <= LESS_OR_EQUAL && condition->bound > 0;
	double least = upper ? ceil(1 / condition->bound - 1e-9) : 1;

	least = fmin(least, LEAST_SHARE_MOST);
	if (rigour == RIGOUR_WATCH)
		least = LEAST_WATCH;
	judgement->samples = whole;
	judgement->needed = (uint64_t)least;
	if (whole)
		condition_judge_number(condition, (double)part / (double)whole, judgement);
	if (!whole || (whole < judgement->needed && judgement->holding == HOLDS) ||
	    (whole < judgement->needed && rigour == RIGOUR_WATCH))
		say_too_few(condition, judgement, what);
}

/* Counts and rates are what they are; but of nothing at all nothing is said. */
static void judge_amount(const struct condition *condition, uint64_t amount, uint64_t seen,
			 int64_t span_us, struct judgement *judgement)
{
	judgement->samples = seen;
	judgement->needed = 1;
	if (condition->unit == UNIT_RATE && span_us <= 0)
		judgement_unknown(judgement, "there was no time to measure it in");
	else if (condition->unit == UNIT_RATE)
		condition_judge_number(condition, (double)amount * 1e6 / (double)span_us,
				       judgement);
	else if (!seen)
		say_too_few(condition, judgement, "requests");
	else
		condition_judge_number(condition, (double)amount, judgement);
}

static uint64_t starts_made(const struct sample *sample)
{
	return sample->starts[OUTCOME_OK] + sample->starts[OUTCOME_FAILED] +
	       sample->starts[OUTCOME_TIMED_OUT];
}

static void judge_starts(const struct condition *condition, const struct sample *sample,
			 int64_t span_us, enum rigour rigour, struct judgement *judgement)
{
	uint64_t made = starts_made(sample), dropped = sample->starts[OUTCOME_DROPPED];

	if (condition->metric == METRIC_FAILED)
		judge_share(condition, made - sample->starts[OUTCOME_OK], made, rigour, "starts",
			    judgement);
	else if (condition->metric == METRIC_DROPPED)
		judge_share(condition, dropped, made + dropped, rigour, "starts", judgement);
	else
		judge_amount(condition, made, made + dropped, span_us, judgement);
}

void condition_judge(const struct condition *condition, const struct sample *sample,
		     int64_t span_us, enum rigour rigour, struct judgement *judgement)
{
	uint64_t good = sample->count - sample->errors;
	uint64_t bad = condition->failure ? sample->by_failure[condition->failure] : sample->errors;
	const struct hist *hist = condition->service ? sample->service : sample->latency;

	*judgement = (struct judgement){ .holding = NOT_KNOWN };
	switch (condition->metric) {
	case METRIC_QUANTILE:
		judge_quantile(condition, hist, rigour, judgement);
		return;
	case METRIC_LAG:
		judge_quantile(condition, sample->lag, rigour, judgement);
		return;
	case METRIC_MEAN:
	case METRIC_MAX:
		judge_of_hist(condition, hist, judgement);
		return;
	case METRIC_ERRORS:
		judge_share(condition, bad, sample->count, rigour, "requests", judgement);
		return;
	case METRIC_RETRIES:
		judge_share(condition, sample->retries, sample->count + sample->retries, rigour,
			    "requests", judgement);
		return;
	case METRIC_OK:
	case METRIC_GOODPUT:
		judge_amount(condition, good, sample->count, span_us, judgement);
		return;
	case METRIC_COUNT:
	case METRIC_THROUGHPUT:
		judge_amount(condition, sample->count, sample->count, span_us, judgement);
		return;
	default:
		judge_starts(condition, sample, span_us, rigour, judgement);
	}
}
