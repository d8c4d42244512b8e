/* Each wire fault, and what they have in common: composition, share, change, removal, hits. */
#include <math.h>
#include <signal.h>

#include "lib/history.h"
#include "lib/record.h"
#include "lib/saga_key.h"
#include "tests/unit/proxying.h"

static struct proxying p;

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* How long words take from the caller to upstream, in milliseconds. */
static double trip_ms(struct through *one)
{
	int64_t before_us = clock_now_us();

	if (!tell(one->caller, "ping") || !hears(one->upstream, "ping"))
		return (double)NAN;
	return (double)(clock_now_us() - before_us) / 1e3;
}

enum { TRIPS = 400, AT_ONCE = 100 };

/* The nth of the sorted trips, many connections at a time so that it does not take all day. */
static void measure(double *trips)
{
	struct through all[AT_ONCE];
	int64_t sent_us[AT_ONCE];

	for (int i = 0; i < AT_ONCE; i++)
		all[i] = through_open(&p);
	for (int round = 0; round < TRIPS / AT_ONCE; round++) {
		struct pollfd waiting[AT_ONCE];
		int left = AT_ONCE;

		for (int i = 0; i < AT_ONCE; i++) {
			sent_us[i] = clock_now_us();
			tell(all[i].caller, "x");
			waiting[i] = (struct pollfd){ all[i].upstream, POLLIN, 0 };
		}
		while (left && poll(waiting, AT_ONCE, PATIENCE_MS) > 0)
			for (int i = 0; i < AT_ONCE; i++) {
				char byte;

				if (!(waiting[i].revents & POLLIN))
					continue;
				trips[round * AT_ONCE + i] =
					(double)(clock_now_us() - sent_us[i]) / 1e3;
				left -= recv(waiting[i].fd, &byte, 1, 0) == 1;
				waiting[i].fd = -1;
			}
	}
	for (int i = 0; i < AT_ONCE; i++)
		through_close(&all[i]);
	qsort(trips, TRIPS, sizeof(*trips), compare);
}

static double quantile(const double *trips, double share)
{
	return trips[(int)(share * (TRIPS - 1))];
}

/* The fastest of a few: what the machine adds by itself is not always there. */
static double fastest_trip_ms(struct through *one)
{
	double fastest = trip_ms(one);

	for (int i = 1; i < 5; i++)
		fastest = fmin(fastest, trip_ms(one));
	return fastest;
}

static void latency_is_what_was_asked(void)
{
	double with[TRIPS], without[TRIPS];
	struct through one = through_open(&p);

	for (int i = 0; i < 50; i++)
		without[i] = trip_ms(&one);
	qsort(without, 50, sizeof(*without), compare);
	proxying_arm(&p, 0, "latency", "{ edge: a -> b, delay: 20ms, direction: requests }");
	for (int i = 0; i < 50; i++)
		with[i] = trip_ms(&one);
	qsort(with, 50, sizeof(*with), compare);
	/* Of the quick ones: what a busy machine adds comes and goes. */
	CHECK_NEAR(with[5] - without[5], 20, 1 * slowdown());
	CHECK(proxy_heal(p.proxy, 0, &p.err));
	CHECK(trip_ms(&one) < 15);
	through_close(&one);
}

/* What the quantiles of the asked distribution are, beside those measured. */
static void jitter_is_distributed(const char *name, const double *wanted)
{
	static const double shares[] = { 0.1, 0.5, 0.9 };
	double trips[TRIPS], without[TRIPS];
	char settings[128];

	snprintf(settings, sizeof(settings),
		 "{ edge: a -> b, delay: 40ms, jitter: 20ms, distribution: %s, "
		 "direction: requests }",
		 name);
	proxying_arm(&p, 0, "latency", settings);
	measure(trips);
	proxy_heal(p.proxy, 0, &p.err);
	measure(without);
	printf("# %s: fastest %.1f ms, slowest %.1f ms, without it %.1f ms\n", name, trips[0],
	       trips[TRIPS - 1], without[TRIPS - 1]);
	/* A machine that others use is late by itself, by about as much as right after. */
	for (int i = 0; i < 3; i++)
		CHECK_NEAR(quantile(trips, shares[i]), wanted[i],
			   4 + 2 * slowdown() + quantile(without, shares[i]));
}

static void bandwidth_is_what_was_asked(void)
{
	enum { BYTES = 400 * 1000 };
	struct through one;
	char *bytes = calloc(1, BYTES);
	int64_t begun_us;
	double per_s;

	proxying_arm(&p, 0, "bandwidth", "{ edge: a -> b, rate: 500KB, direction: answers }");
	one = through_open(&p);
	begun_us = clock_now_us();
	fcntl(one.upstream, F_SETFL, O_NONBLOCK);
	for (size_t sent = 0, had = 0; had < BYTES;) {
		ssize_t took =
			sent < BYTES ? send(one.upstream, bytes, BYTES - sent, MSG_NOSIGNAL) : 0;
		char some[8192];
		ssize_t got = take(one.caller, some, sizeof(some), PATIENCE_MS);

		sent += took > 0 ? (size_t)took : 0;
		if (!CHECK(got > 0))
			break;
		had += (size_t)got;
	}
	per_s = BYTES / ((double)(clock_now_us() - begun_us) / 1e6);
	CHECK_NEAR(per_s / 1000, 500, 25 * slowdown());
	CHECK(tell(one.caller, "the other way is free") &&
	      hears(one.upstream, "the other way is free"));
	CHECK(proxy_heal(p.proxy, 0, &p.err));
	free(bytes);
	through_close(&one);
}

static void blackhole_swallows(void)
{
	struct through one = through_open(&p);

	CHECK(tell(one.caller, "before") && hears(one.upstream, "before"));
	proxying_arm(&p, 0, "blackhole", "{ edge: a -> b, direction: requests }");
	tell(one.caller, "lost");
	CHECK(hears_nothing(one.upstream, 100));
	CHECK(tell(one.upstream, "answers") && hears(one.caller, "answers"));
	CHECK_INT(proxying_hits(&p, 0), 1);
	CHECK(proxy_heal(p.proxy, 0, &p.err));
	CHECK(tell(one.caller, "after") && hears(one.upstream, "after"));
	proxying_arm(&p, 0, "blackhole", "{ edge: a -> b }");
	close(one.caller);
	CHECK(hears_nothing(one.upstream, 100));
	CHECK(proxy_heal(p.proxy, 0, &p.err));
	CHECK_INT(how_it_ends(one.upstream), 0);
	close(one.upstream);
}

static void reset_resets(void)
{
	struct through one = through_open(&p);

	proxying_arm(&p, 0, "reset", "{ edge: a -> b, after-bytes: 4, direction: requests }");
	CHECK(tell(one.caller, "four") && hears(one.upstream, "four"));
	tell(one.caller, "more");
	CHECK_INT(how_it_ends(one.caller), -ECONNRESET);
	CHECK_INT(how_it_ends(one.upstream), -ECONNRESET);
	through_close(&one);
	proxy_heal(p.proxy, 0, &p.err);
	one = through_open(&p);
	proxying_arm(&p, 0, "reset", "{ edge: a -> b, after: 50ms }");
	CHECK(tell(one.caller, "x") && hears(one.upstream, "x"));
	CHECK_INT(how_it_ends(one.caller), -ECONNRESET);
	CHECK_INT(proxying_hits(&p, 0), 1);
	through_close(&one);
	proxy_heal(p.proxy, 0, &p.err);
}

static void slow_close_closes_slowly(void)
{
	struct through one = through_open(&p);
	int64_t closed_us;

	proxying_arm(&p, 0, "slow-close", "{ edge: a -> b, delay: 150ms }");
	tell(one.caller, "bye");
	closed_us = clock_now_us();
	close(one.caller);
	CHECK(hears(one.upstream, "bye"));
	CHECK_INT(how_it_ends(one.upstream), 0);
	CHECK_NEAR((double)(clock_now_us() - closed_us) / 1e3, 150, 20 * slowdown());
	CHECK_INT(proxying_hits(&p, 0), 1);
	close(one.upstream);
	proxy_heal(p.proxy, 0, &p.err);
}

static void slice_slices(void)
{
	struct through one = through_open(&p);
	char bytes[100];
	int pieces = 0;
	size_t had = 0;
	ssize_t got;

	proxying_arm(&p, 0, "slice", "{ edge: a -> b, size: 5, gap: 5ms }");
	tell(one.caller, "twenty bytes are four");
	while (had < 21 && (got = take(one.upstream, bytes + had, 21 - had, PATIENCE_MS)) > 0) {
		had += (size_t)got;
		pieces++;
	}
	CHECK_INT(had, 21);
	CHECK(had == 21 && memcmp(bytes, "twenty bytes are four", 21) == 0);
	CHECK(pieces >= 3);
	printf("# %d pieces\n", pieces);
	through_close(&one);
	proxy_heal(p.proxy, 0, &p.err);
}

static void limit_data_limits(void)
{
	struct through one = through_open(&p);
	char bytes[64];

	proxying_arm(&p, 0, "limit-data", "{ edge: a -> b, bytes: 10, direction: answers }");
	CHECK(tell(one.caller, "any number of these") &&
	      hears(one.upstream, "any number of these"));
	tell(one.upstream, "0123456789abcdef");
	CHECK_INT(take_all(one.caller, bytes, sizeof(bytes)), 10);
	CHECK_INT(how_it_ends(one.caller), 0);
	CHECK_INT(how_it_ends(one.upstream), 0);
	CHECK_INT(proxying_hits(&p, 0), 1);
	through_close(&one);
	proxy_heal(p.proxy, 0, &p.err);
}

static int flipped_bits(const unsigned char *bytes, size_t length)
{
	int bits = 0;

	for (size_t i = 0; i < length; i++)
		bits += __builtin_popcount(bytes[i]);
	return bits;
}

static int corrupted(void)
{
	enum { BYTES = 50000 };
	struct through one = through_open(&p);
	char *bytes = calloc(1, BYTES);
	int bits;

	send(one.caller, bytes, BYTES, 0);
	CHECK_INT(take_all(one.upstream, bytes, BYTES), BYTES);
	bits = flipped_bits((unsigned char *)bytes, BYTES);
	free(bytes);
	through_close(&one);
	return bits;
}

static void corrupt_corrupts(void)
{
	CHECK_INT(corrupted(), 0);
	proxying_arm(&p, 0, "corrupt", "{ edge: a -> b, rate: 1% }");
	CHECK_NEAR(corrupted(), 500, 120);
	proxy_heal(p.proxy, 0, &p.err);
	CHECK_INT(corrupted(), 0);
}

static void refuse_refuses(void)
{
	struct through one = through_open(&p);
	int caller;

	CHECK(tell(one.caller, "x") && hears(one.upstream, "x"));
	proxying_arm(&p, 0, "refuse", "{ edge: a -> b }");
	caller = dial_port(p.port);
	CHECK_INT(how_it_ends(caller), -ECONNRESET);
	CHECK(hears_nothing(p.listener, 50));
	CHECK(tell(one.caller, "those that live") && hears(one.upstream, "those that live"));
	CHECK_INT(proxying_hits(&p, 0), 1);
	close(caller);
	through_close(&one);
	proxy_heal(p.proxy, 0, &p.err);
}

/* ---- What they have in common ---- */

static void faults_compose(void)
{
	struct through one = through_open(&p);
	char bytes[16];

	proxying_arm(&p, 0, "latency", "{ edge: a -> b, delay: 30ms, direction: requests }");
	proxying_arm(&p, 1, "latency", "{ edge: a -> b, delay: 40ms, direction: requests }");
	CHECK_NEAR(fastest_trip_ms(&one), 70, 8 * slowdown());
	proxying_arm(&p, 2, "limit-data", "{ edge: a -> b, bytes: 6, direction: requests }");
	CHECK(trip_ms(&one) > 70 - 8 * slowdown());
	tell(one.caller, "more");
	CHECK_INT(take_all(one.upstream, bytes, sizeof(bytes)), 2);
	CHECK_INT(proxying_hits(&p, 0), 1);
	CHECK_INT(proxying_hits(&p, 1), 1);
	CHECK_INT(proxying_hits(&p, 2), 1);
	through_close(&one);
	for (uint32_t i = 0; i < 3; i++)
		CHECK(proxy_heal(p.proxy, i, &p.err));
}

static void faults_change_under_way(void)
{
	struct through one = through_open(&p);

	CHECK(trip_ms(&one) < 15 * slowdown());
	proxying_arm(&p, 0, "latency", "{ edge: a -> b, delay: 50ms, direction: requests }");
	CHECK_NEAR(trip_ms(&one), 50, 8 * slowdown());
	proxying_arm(&p, 0, "latency", "{ edge: a -> b, delay: 100ms, direction: requests }");
	CHECK_NEAR(trip_ms(&one), 100, 8 * slowdown());
	proxying_arm(&p, 0, "latency", "{ edge: a -> b, delay: 10s, direction: requests }");
	tell(one.caller, "waiting");
	CHECK(hears_nothing(one.upstream, 50));
	CHECK(proxy_heal(p.proxy, 0, &p.err));
	CHECK(hears(one.upstream, "waiting"));
	CHECK(trip_ms(&one) < 15 * slowdown());
	through_close(&one);
}

enum { MANY = 200 };

static int count_swallowed(struct through *all, bool *swallowed)
{
	int count = 0;

	for (int i = 0; i < MANY; i++)
		tell(all[i].caller, "x");
	usleep(100000);
	for (int i = 0; i < MANY; i++) {
		char bytes[16];

		swallowed[i] = !comes(all[i].upstream, 0);
		if (!swallowed[i])
			take(all[i].upstream, bytes, sizeof(bytes), 0);
		count += swallowed[i];
	}
	return count;
}

static void share_is_decided_once(void)
{
	static struct through all[MANY];
	bool first[MANY], again[MANY], wider[MANY];
	struct fault fault;
	char settings[] = "{ edge: a -> b, direction: requests }";
	bool same = true, kept = true;

	for (int i = 0; i < MANY; i++)
		all[i] = through_open(&p);
	fault = proxying_fault(&p, 0, "blackhole", settings);
	fault.share = 0.3;
	proxying_arm_fault(&p, &fault);
	CHECK_NEAR(count_swallowed(all, first), 60, 25);
	count_swallowed(all, again);
	fault.share = 0.6;
	proxying_arm_fault(&p, &fault);
	CHECK_NEAR(count_swallowed(all, wider), 120, 27);
	for (int i = 0; i < MANY; i++) {
		same = same && first[i] == again[i];
		kept = kept && (!first[i] || wider[i]);
		through_close(&all[i]);
	}
	CHECK(same);
	CHECK(kept);
	proxy_heal(p.proxy, 0, &p.err);
}

static void times_ends(void)
{
	struct through first = through_open(&p), second = through_open(&p);
	char settings[] = "{ edge: a -> b, direction: requests }";
	struct fault fault = proxying_fault(&p, 0, "blackhole", settings);

	fault.times = 1;
	proxying_arm_fault(&p, &fault);
	tell(first.caller, "x");
	CHECK(hears_nothing(first.upstream, 50));
	CHECK(tell(second.caller, "free") && hears(second.upstream, "free"));
	tell(first.caller, "x");
	CHECK(hears_nothing(first.upstream, 50));
	CHECK_INT(proxying_hits(&p, 0), 1);
	through_close(&first);
	through_close(&second);
	proxy_heal(p.proxy, 0, &p.err);
}

static int count_hits(const char *path)
{
	struct history_reader *reader = history_open(path, &p.err);
	const struct record *record;
	int hits = 0;

	while (CHECK(reader != NULL) && (record = history_read(reader)))
		hits += record->kind == RECORD_HIT;
	history_reader_free(reader);
	return hits;
}

/* The proxy was there first; one run at a time has its hits. */
static void hits_are_recorded_later(const char *directory)
{
	struct proxy *other;
	struct through one;
	char path[256];

	snprintf(path, sizeof(path), "%s/proxy.history", directory);
	if (!proxying_start(&p, EDGE_TCP, NULL))
		return;
	other = proxy_connect(proxy_control(p.proxy), &p.err);
	CHECK(proxy_record(other, directory, clock_now_us(), &p.err));
	CHECK(!proxy_record(p.proxy, directory, clock_now_us(), &p.err));
	one = through_open(&p);
	proxying_arm(&p, 7, "latency", "{ edge: a -> b, delay: 1ms }");
	CHECK(!isnan(trip_ms(&one)));
	CHECK_INT(proxying_hits(&p, 7), 1);
	proxy_free(other);
	through_close(&one);
	proxying_end(&p);
	CHECK_INT(count_hits(path), 1);
	unlink(path);
}

static void hits_are_recorded(const char *directory)
{
	struct history_reader *reader;
	const struct record *record;
	struct through one;
	char path[256];
	int hits = 0, calls = 0;

	snprintf(path, sizeof(path), "%s/proxy.history", directory);
	if (!proxying_start(&p, EDGE_TCP, directory))
		return;
	one = through_open(&p);
	proxying_arm(&p, 7, "latency", "{ edge: a -> b, delay: 1ms }");
	CHECK(!isnan(trip_ms(&one)) && !isnan(trip_ms(&one)));
	CHECK_INT(proxying_hits(&p, 7), 1);
	through_close(&one);
	proxying_end(&p);
	reader = history_open(path, &p.err);
	while (CHECK(reader != NULL) && (record = history_read(reader)))
		if (record->kind == RECORD_HIT) {
			struct record_hit hit;

			memcpy(&hit, record->payload, sizeof(hit));
			hits++;
			calls += hit.call != 0;
			CHECK_INT(hit.fault, 7);
			CHECK_INT(hit.kind, HIT_CONNECTION);
			CHECK_INT(hit.connection, 1);
			CHECK_INT(hit.delay_us, 1000);
		}
	CHECK_INT(hits, 1);
	CHECK_INT(calls, 0);
	history_reader_free(reader);
	unlink(path);
}

/* Three calls over one connection: each met the fault, and is known by its correlation. */
static void calls_are_recorded(const char *directory)
{
	static const char asked[] = "GET /%d HTTP/1.1\r\nHost: x\r\nX-Correlation-Id: c%d\r\n\r\n";
	static const char answered[] = "HTTP/1.1 204 No Content\r\n\r\n";
	struct history_reader *reader;
	const struct record *record;
	struct through one;
	char path[256], words[128], id[8];
	uint32_t hits = 0;

	snprintf(path, sizeof(path), "%s/proxy.history", directory);
	if (!proxying_start(&p, EDGE_HTTP, directory))
		return;
	one = through_open(&p);
	proxying_arm(&p, 2, "latency", "{ edge: a -> b, delay: 1ms, direction: both }");
	for (int i = 1; i <= 3; i++) {
		snprintf(words, sizeof(words), asked, i, i);
		CHECK(tell(one.caller, words) && hears(one.upstream, words));
		CHECK(tell(one.upstream, answered) && hears(one.caller, answered));
	}
	CHECK_INT(proxying_hits(&p, 2), 3);
	through_close(&one);
	proxying_end(&p);
	reader = history_open(path, &p.err);
	while (CHECK(reader != NULL) && (record = history_read(reader)))
		if (record->kind == RECORD_HIT) {
			struct record_hit hit;

			memcpy(&hit, record->payload, sizeof(hit));
			snprintf(id, sizeof(id), "c%u", (unsigned)++hits);
			CHECK_INT(hit.call, hits);
			CHECK(hit.correlation == text_hash(text_of(id)));
		}
	CHECK_INT(hits, 3);
	history_reader_free(reader);
	unlink(path);
}

static void settings_are_checked(void)
{
	char wrong[] = "{ edge: a -> b, delya: 1ms }";
	struct fault fault = proxying_fault(&p, 0, "latency", wrong);
	bool armed = true;

	CHECK(!proxy_arm(p.proxy, &fault, &p.err));
	CHECK(strstr(p.err.text, "did you mean 'delay'?") != NULL);
	CHECK(proxy_is_armed(p.proxy, 0, &armed, &p.err) && !armed);
	CHECK(proxy_heal(p.proxy, 0, &p.err));
}

static void calls_need_http(void)
{
	char settings[] = "{ edge: a -> b, by: 10ms }";
	struct fault fault = proxying_fault(&p, 0, "delay", settings);

	CHECK(!proxy_arm(p.proxy, &fault, &p.err));
	fault.trigger.edge = p.aimed[0];
	CHECK(!proxy_watch(p.proxy, &fault, &p.err));
	CHECK_TEXT(p.err.text, "no calls are seen on edge 'a -> b': it is tcp");
}

int main(void)
{
	char directory[] = "/tmp/test_proxy_wire-XXXXXX";

	signal(SIGPIPE, SIG_IGN);
	TEST("the proxy starts")
		if (!proxying_start(&p, EDGE_TCP, NULL))
			return tap_done();
	TEST("latency is within 1 ms of what was asked")
		latency_is_what_was_asked();
	TEST("jitter is uniform")
		jitter_is_distributed("uniform", (double[]){ 24, 40, 56 });
	TEST("jitter is normal")
		jitter_is_distributed("normal", (double[]){ 14.4, 40, 65.6 });
	TEST("jitter is exponential")
		jitter_is_distributed("exponential", (double[]){ 42.1, 53.9, 86.1 });
	TEST("jitter is pareto")
		jitter_is_distributed("pareto", (double[]){ 52.5, 55.8, 70.1 });
	TEST("bandwidth is within 5% of what was asked")
		bandwidth_is_what_was_asked();
	TEST("a blackhole swallows bytes and ends, until it is healed")
		blackhole_swallows();
	TEST("a reset comes after so many bytes, or so long")
		reset_resets();
	TEST("a slow close is late")
		slow_close_closes_slowly();
	TEST("slices are small and complete")
		slice_slices();
	TEST("a limit closes in order after so many bytes")
		limit_data_limits();
	TEST("corruption flips as many bits as asked")
		corrupt_corrupts();
	TEST("new connections are refused, living ones left alone")
		refuse_refuses();
	TEST("several faults on an edge compose")
		faults_compose();
	TEST("a fault is armed, changed and healed on a live connection")
		faults_change_under_way();
	TEST("a share is decided once per connection, and a wider one keeps it")
		share_is_decided_once();
	TEST("a fault that may hit once hits once")
		times_ends();
	TEST("a misspelt setting is refused, with a suggestion")
		settings_are_checked();
	TEST("a call fault or a watch on an edge without calls is refused")
		calls_need_http();
	proxying_end(&p);
	TEST("every hit is in the history")
		if (CHECK(mkdtemp(directory) != NULL))
			hits_are_recorded(directory);
	TEST("a run that is there later than the proxy has its hits, too")
		hits_are_recorded_later(directory);
	TEST("over an HTTP edge each call is a hit, with its correlation")
		calls_are_recorded(directory);
	rmdir(directory);
	return tap_done();
}
