#include "sagas/fetch.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/memory.h"

enum { TRIES_DEFAULT = 4, WAIT_MAX_MS = 100, BACKOFF_US = 100000, BACKOFF_MAX_US = 2000000 };

enum lane_state { LANE_FREE, LANE_WAITING, LANE_ASKING };

/* One request at a time, over a connection that libcurl keeps. */
struct fetch_lane {
	struct fetcher *fetcher;
	CURL *easy;
	struct curl_slist *headers;
	enum lane_state state;
	int64_t due_us;        /* LANE_WAITING: when it is tried again */
	int tries;
	uint64_t tag;
	bool too_large;
	struct buffer url, body;
	char problem[CURL_ERROR_SIZE];
};

struct fetcher {
	struct fetcher_settings settings;
	CURLM *multi;
	struct fetch_lane *lanes;
	int64_t next_us;       /* not before this is anything sent */
	uint64_t requests;
	int asking;
};

static size_t take(char *bytes, size_t each, size_t count, void *context)
{
	struct fetch_lane *lane = context;
	size_t length = each * count;

	if (lane->body.length + length > lane->fetcher->settings.body_max) {
		lane->too_large = true;
		return 0;
	}
	buffer_add(&lane->body, bytes, length);
	return length;
}

static void set_up(struct fetch_lane *lane)
{
	const struct fetcher_settings *settings = &lane->fetcher->settings;
	CURL *easy = lane->easy;

	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, lane);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, lane);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, lane->problem);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "sagastorm-evidence");
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(settings->timeout_us / US_PER_MS));
	if (settings->ca)
		curl_easy_setopt(easy, CURLOPT_CAINFO, settings->ca);
	if (settings->trust_anyone) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

struct fetcher *fetcher_new(const struct fetcher_settings *settings, struct error *err)
{
	struct fetcher *fetcher = memory_new(sizeof(*fetcher));
	size_t count = (size_t)settings->connections;

	fetcher->settings = *settings;
	fetcher->multi = curl_multi_init();
	fetcher->lanes = memory_array(count, sizeof(*fetcher->lanes));
	for (size_t i = 0; i < count && fetcher->multi; i++) {
		fetcher->lanes[i].fetcher = fetcher;
		fetcher->lanes[i].easy = curl_easy_init();
		if (!fetcher->lanes[i].easy)
			break;
		set_up(&fetcher->lanes[i]);
	}
	if (fetcher->multi && (!count || fetcher->lanes[count - 1].easy))
		return fetcher;
	fetcher_free(fetcher);
	error_set(err, "libcurl has no memory");
	return NULL;
}

void fetcher_free(struct fetcher *fetcher)
{
	if (!fetcher)
		return;
	for (int i = 0; i < fetcher->settings.connections; i++) {
		struct fetch_lane *lane = &fetcher->lanes[i];

		if (lane->state == LANE_ASKING)
			curl_multi_remove_handle(fetcher->multi, lane->easy);
		curl_easy_cleanup(lane->easy);
		curl_slist_free_all(lane->headers);
		buffer_release(&lane->url);
		buffer_release(&lane->body);
	}
	curl_multi_cleanup(fetcher->multi);
	free(fetcher->lanes);
	free(fetcher);
}

uint64_t fetcher_requests(const struct fetcher *fetcher)
{
	return fetcher->requests;
}

/* Sending. */

static void add_header(struct fetch_lane *lane, const char *header)
{
	struct curl_slist *longer = curl_slist_append(lane->headers, header);

	if (longer)
		lane->headers = longer;
}

static void set_headers(struct fetch_lane *lane, const struct fetch_plan *plan)
{
	struct buffer line = BUFFER_EMPTY;

	curl_slist_free_all(lane->headers);
	lane->headers = NULL;
	add_header(lane, "Accept: application/json");
	if (plan->body)
		add_header(lane, "Content-Type: application/json");
	if (plan->bearer) {
		buffer_format(&line, "Authorization: Bearer %s", plan->bearer);
		add_header(lane, line.data);
	}
	curl_easy_setopt(lane->easy, CURLOPT_HTTPHEADER, lane->headers);
	buffer_release(&line);
}

static void pace(struct fetcher *fetcher, const struct fetch_plan *plan, int64_t now_us)
{
	double all = fetcher->settings.rate_per_s, rate = plan->rate_per_s;
	int64_t from_us = fetcher->next_us > now_us ? fetcher->next_us : now_us;

	if (all > 0 && (rate <= 0 || all < rate))
		rate = all;
	fetcher->next_us = rate > 0 ? from_us + (int64_t)(1e6 / rate) : now_us;
}

static void send_lane(struct fetch_lane *lane, const struct fetch_plan *plan, int64_t now_us)
{
	struct fetcher *fetcher = lane->fetcher;

	buffer_clear(&lane->body);
	lane->problem[0] = '\0';
	lane->too_large = false;
	lane->tries++;
	set_headers(lane, plan);
	curl_easy_setopt(lane->easy, CURLOPT_URL, lane->url.data);
	if (plan->body)
		curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDS, plan->body);
	else
		curl_easy_setopt(lane->easy, CURLOPT_HTTPGET, 1L);
	lane->state = LANE_ASKING;
	fetcher->asking++;
	fetcher->requests++;
	pace(fetcher, plan, now_us);
	curl_multi_add_handle(fetcher->multi, lane->easy);
}

/* What waits for another try goes before what was never sent. False: nothing can be sent now. */
static bool send_one(struct fetcher *fetcher, const struct fetch_plan *plan, bool *more,
		     int64_t now_us)
{
	struct fetch_lane *free_lane = NULL;

	for (int i = 0; i < fetcher->settings.connections; i++) {
		struct fetch_lane *lane = &fetcher->lanes[i];

		if (lane->state == LANE_WAITING && lane->due_us <= now_us) {
			send_lane(lane, plan, now_us);
			return true;
		}
		if (lane->state == LANE_FREE)
			free_lane = lane;
	}
	if (!free_lane || !*more)
		return false;
	buffer_clear(&free_lane->url);
	*more = plan->next(plan->context, &free_lane->url, &free_lane->tag);
	if (!*more)
		return false;
	free_lane->tries = 0;
	send_lane(free_lane, plan, now_us);
	return true;
}

static void send_due(struct fetcher *fetcher, const struct fetch_plan *plan, bool *more)
{
	int64_t now_us = clock_now_us();

	while (fetcher->next_us <= now_us && send_one(fetcher, plan, more, now_us))
		now_us = clock_now_us();
}

/* Answers. */

static bool is_worth_another(const struct fetched *fetched, const struct fetch_lane *lane)
{
	if (lane->too_large)
		return false;
	return fetched->problem || fetched->status == 429 || fetched->status >= 500;
}

static int64_t backoff_us(int tries)
{
	int64_t wait_us = BACKOFF_US;

	while (--tries > 0 && wait_us < BACKOFF_MAX_US)
		wait_us *= 2;
	return wait_us;
}

static const char *problem_of(const struct fetch_lane *lane, CURLcode code)
{
	if (lane->too_large)
		return "too large an answer";
	if (code == CURLE_OK)
		return NULL;
	return lane->problem[0] ? lane->problem : curl_easy_strerror(code);
}

static void end_lane(struct fetch_lane *lane, const struct fetch_plan *plan, CURLcode code)
{
	int tries = plan->tries ? plan->tries : TRIES_DEFAULT;
	struct fetched fetched = { .problem = problem_of(lane, code) };
	long status = 0;

	curl_easy_getinfo(lane->easy, CURLINFO_RESPONSE_CODE, &status);
	fetched.status = (int)status;
	fetched.body = buffer_text(&lane->body);
	curl_multi_remove_handle(lane->fetcher->multi, lane->easy);
	lane->fetcher->asking--;
	lane->state = LANE_FREE;
	if (lane->tries < tries && is_worth_another(&fetched, lane)) {
		lane->state = LANE_WAITING;
		lane->due_us = clock_now_us() + backoff_us(lane->tries);
		return;
	}
	plan->done(plan->context, lane->tag, &fetched);
}

static void take_answers(struct fetcher *fetcher, const struct fetch_plan *plan)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(fetcher->multi, &left))) {
		CURLcode code = message->data.result;
		char *private = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
		end_lane((struct fetch_lane *)(void *)private, plan, code);
	}
}

static bool anything_waits(const struct fetcher *fetcher)
{
	for (int i = 0; i < fetcher->settings.connections; i++)
		if (fetcher->lanes[i].state == LANE_WAITING)
			return true;
	return false;
}

static int wait_ms(const struct fetcher *fetcher)
{
	int64_t wait_us = fetcher->next_us - clock_now_us();

	if (wait_us <= 0)
		return fetcher->asking ? WAIT_MAX_MS : 10;
	return wait_us / US_PER_MS < WAIT_MAX_MS ? (int)(wait_us / US_PER_MS) + 1 : WAIT_MAX_MS;
}

static void drop_all(struct fetcher *fetcher)
{
	for (int i = 0; i < fetcher->settings.connections; i++) {
		struct fetch_lane *lane = &fetcher->lanes[i];

		if (lane->state == LANE_ASKING)
			curl_multi_remove_handle(fetcher->multi, lane->easy);
		lane->state = LANE_FREE;
	}
	fetcher->asking = 0;
}

bool fetcher_run(struct fetcher *fetcher, const struct fetch_plan *plan, struct error *err)
{
	const struct fetcher_settings *settings = &fetcher->settings;
	bool more = true;
	int running;

	for (;;) {
		if (settings->interrupted && settings->interrupted(settings->context)) {
			drop_all(fetcher);
			return error_set(err, "interrupted");
		}
		send_due(fetcher, plan, &more);
		if (!more && !fetcher->asking && !anything_waits(fetcher))
			return true;
		curl_multi_perform(fetcher->multi, &running);
		take_answers(fetcher, plan);
		if (fetcher->asking || more || anything_waits(fetcher))
			curl_multi_poll(fetcher->multi, NULL, 0,
					fetcher->asking == 0 &&
							fetcher->next_us <= clock_now_us() &&
							more && !anything_waits(fetcher) ?
						0 :
						wait_ms(fetcher),
					NULL);
	}
}
