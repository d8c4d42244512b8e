#include "reports/measure.h"

enum { DIGITS = 3, TIMING_DIGITS = 2 };

const char *const timing_names[TIMING_COUNT] = { "dns", "connect", "tls", "first_byte" };

void measure_release(struct measure *measure)
{
	hist_free(measure->ok);
	hist_free(measure->failed);
	hist_free(measure->service);
	for (int i = 0; i < TIMING_COUNT; i++)
		hist_free(measure->timings[i]);
	*measure = (struct measure){ 0 };
}

static void record(struct hist **hist, int digits, int64_t value_us)
{
	if (!*hist)
		*hist = hist_new(digits);
	hist_record(*hist, value_us);
}

/* Zero of these means that there was none: no TLS, an address instead of a name. */
static void record_timing(struct measure *measure, enum timing timing, uint32_t value_us)
{
	if (value_us)
		record(&measure->timings[timing], TIMING_DIGITS, value_us);
}

static void add_timings(struct measure *measure, const struct record_request *request,
			uint16_t flags)
{
	if (flags & REQUEST_NEW_CONNECTION) {
		record_timing(measure, TIMING_DNS, request->dns_us);
		record_timing(measure, TIMING_CONNECT, request->connect_us);
		record_timing(measure, TIMING_TLS, request->tls_us);
	}
	record_timing(measure, TIMING_FIRST_BYTE, request->first_byte_us);
}

void measure_add(struct measure *measure, const struct record_request *request, uint16_t flags)
{
	bool failed = request->failure != FAILURE_NONE;

	measure->bytes_in += request->bytes_in;
	measure->bytes_out += request->bytes_out;
	if (request->failure == FAILURE_INTERRUPTED) {
		measure->interrupted++;
		return;
	}
	if (flags & REQUEST_WILL_RETRY) {
		measure->retries++;
		return;
	}
	measure->count++;
	measure->errors += failed;
	record(failed ? &measure->failed : &measure->ok, DIGITS, request_latency_us(request));
	record(&measure->service, DIGITS, request->service_us);
	add_timings(measure, request, flags);
}

static void merge(struct hist **into, const struct hist *from)
{
	if (!from)
		return;
	if (!*into)
		*into = hist_new(from->digits);
	hist_merge(*into, from);
}

void measure_merge(struct measure *into, const struct measure *from)
{
	into->count += from->count;
	into->errors += from->errors;
	into->retries += from->retries;
	into->interrupted += from->interrupted;
	into->bytes_in += from->bytes_in;
	into->bytes_out += from->bytes_out;
	merge(&into->ok, from->ok);
	merge(&into->failed, from->failed);
	merge(&into->service, from->service);
	for (int i = 0; i < TIMING_COUNT; i++)
		merge(&into->timings[i], from->timings[i]);
}

struct hist *measure_latency(const struct measure *measure)
{
	struct hist *latency = hist_new(DIGITS);

	if (measure->ok)
		hist_merge(latency, measure->ok);
	if (measure->failed)
		hist_merge(latency, measure->failed);
	return latency;
}
