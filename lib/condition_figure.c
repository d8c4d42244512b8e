/* Comparing and showing figures. See condition_parts.h. */
#include <math.h>
#include <stdio.h>

#include "lib/condition_parts.h"
#include "lib/schema.h"

bool condition_compare(const struct condition *condition, double actual)
{
	switch (condition->comparator) {
	case LESS:
		return actual < condition->bound;
	case LESS_OR_EQUAL:
		return actual <= condition->bound;
	case MORE:
		return actual > condition->bound;
	case MORE_OR_EQUAL:
		return actual >= condition->bound;
	case EQUAL:
		return fabs(actual - condition->bound) < 1e-12;
	default:
		return fabs(actual - condition->bound) >= 1e-12;
	}
}

double condition_margin(const struct condition *condition, double actual)
{
	double room = condition->bound - actual;

	if (condition->bound <= 0 || condition->comparator >= EQUAL)
		return (double)NAN;
	if (condition->comparator == MORE || condition->comparator == MORE_OR_EQUAL)
		room = -room;
	return room / condition->bound;
}

static void show_rate(double per_s, struct buffer *out)
{
	if (per_s >= 999.95)
		unit_show_count(out, (uint64_t)llround(per_s));
	else
		buffer_format(out, "%.*f", per_s > 0 && per_s < 9.995 ? 2 : 1, per_s);
	buffer_add_string(out, "/s");
}

/* Never "2%" for what is a little more. */
static void show_share(double share, struct buffer *out)
{
	double percent = 100 * share;
	char digits[32];

	snprintf(digits, sizeof(digits), "%.*f",
		 percent >= 99.995 || percent == 0 ? 0 :
		 percent >= 1			   ? 2 :
						     3,
		 percent);
	buffer_format(out, "%s%%", digits);
}

void condition_show(const struct condition *condition, double actual, struct buffer *out)
{
	switch (condition->unit) {
	case UNIT_TIME_US:
		unit_show_duration(out, (int64_t)fmin(actual, 9e15));
		break;
	case UNIT_SHARE:
		show_share(actual, out);
		break;
	case UNIT_RATE:
		show_rate(actual, out);
		break;
	default:
		unit_show_count(out, actual > 0 ? (uint64_t)fmin(actual, 9e15) : 0);
	}
}

bool condition_is_about_starts(const struct condition *condition)
{
	switch (condition->metric) {
	case METRIC_STARTS:
	case METRIC_FAILED:
	case METRIC_DROPPED:
	case METRIC_ACHIEVED:
		return true;
	default:
		return false;
	}
}

bool condition_is_about_requests(const struct condition *condition)
{
	return condition->metric < METRIC_RECOVERY && !condition_is_about_starts(condition);
}

bool condition_is_about_sagas(const struct condition *condition)
{
	return condition->metric >= METRIC_VERIFIED_GOODPUT;
}
