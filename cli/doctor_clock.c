/* doctor_clock: what time is worth here. Measured, not looked up. */
#include "cli/doctor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

enum {
	CLOCK_READS = 20000,
	WAKE_UPS = 300,
	WAKE_UP_EVERY_NS = 1000000,
	SLOW_READ_NS = 200,
	LATE_US = 200,
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static double read_cost_ns(void)
{
	int64_t start = now_ns(), last = start;

	for (int i = 0; i < CLOCK_READS; i++)
		last = now_ns();
	return (double)(last - start) / CLOCK_READS;
}

void look_at_clock(struct finding *finding)
{
	double cost = read_cost_ns();
	char source[64];

	read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", source,
		  sizeof(source));
	buffer_format(&finding->seen, "source %s, %.0f ns per reading",
		      source[0] ? source : "unknown", cost);
	if (cost > SLOW_READ_NS)
		finding_warn(finding, "reading the clock needs the kernel here: prefer the clock "
				      "source tsc or kvm-clock");
}

static int compare(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

static void sleep_until_ns(int64_t at_ns)
{
	struct timespec at = { at_ns / 1000000000, at_ns % 1000000000 };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

/* How late absolute sleeps end, sorted. */
static void measure_lateness(int64_t *late_ns)
{
	int64_t due = now_ns() + WAKE_UP_EVERY_NS;

	for (int i = 0; i < WAKE_UPS; i++, due += WAKE_UP_EVERY_NS) {
		sleep_until_ns(due);
		late_ns[i] = now_ns() - due;
		if (late_ns[i] > WAKE_UP_EVERY_NS)
			due += late_ns[i];
	}
	qsort(late_ns, WAKE_UPS, sizeof(*late_ns), compare);
}

void look_at_wake_up(struct finding *finding)
{
	int slack_ns = prctl(PR_GET_TIMERSLACK);
	int64_t late_ns[WAKE_UPS];
	int64_t p50_us, p99_us;

	prctl(PR_SET_TIMERSLACK, 1UL); /* as a worker does */
	measure_lateness(late_ns);
	prctl(PR_SET_TIMERSLACK, (unsigned long)slack_ns);
	p50_us = late_ns[WAKE_UPS / 2] / 1000;
	p99_us = late_ns[WAKE_UPS * 99 / 100] / 1000;
	buffer_format(&finding->seen,
		      "late by p50 %" PRId64 " us, p99 %" PRId64 " us, at most %" PRId64 " us",
		      p50_us, p99_us, late_ns[WAKE_UPS - 1] / 1000);
	if (p99_us > LATE_US)
		finding_warn(finding, "the scheduler wakes us late: leave a core idle, or take a "
				      "machine of your own");
}
