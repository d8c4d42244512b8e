/*
 * transfer_bench: what one exchange costs, without journeys, histories and reports around it.
 *
 *	transfer_bench direct|curl LANES REQUESTS URL [CA-FILE]
 *
 * Each lane asks again as soon as it was answered. Connecting is warmed up and not counted.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "loadgen/loop.h"
#include "loadgen/transfer.h"

static struct loop *loop;
static struct exchange_request request = {
	.method = METHOD_GET,
	.headers = { "Accept: */*\r\n", 13 },
	.timeout_us = 30 * US_PER_S,
	.want_body = true,
};
static uint64_t left, under_way, failures, bytes;
static struct lane **lanes;

static void answered(void *context, const struct exchange_result *result)
{
	struct lane *lane = context;

	bytes += result->body.length;
	if (result->failure || result->status != 200) {
		if (!failures++)
			fprintf(stderr, "status %d: %s\n", result->status,
				result->detail ? result->detail : "");
	}
	if (left) {
		left--;
		lane_send(lane, &request, answered, lane);
	} else if (!--under_way) {
		loop_stop(loop);
	}
}

static void run(uint64_t lane_count, uint64_t requests)
{
	left = requests > lane_count ? requests - lane_count : 0;
	under_way = lane_count;
	for (uint64_t i = 0; i < lane_count; i++)
		lane_send(lanes[i], &request, answered, lanes[i]);
	loop_run(loop);
}

static int64_t since(struct timeval then, struct timeval now)
{
	return (now.tv_sec - then.tv_sec) * US_PER_S + now.tv_usec - then.tv_usec;
}

static void read_url(char *url, struct origin *origin)
{
	char *host = strstr(url, "://") + 3, *path = strchr(host, '/'), *colon;

	request.path = text_of(path ? memory_copy_string(path) : "/");
	if (path)
		*path = '\0';
	origin->url = url;
	origin->host = host;
	origin->name = memory_copy_string(host);
	origin->tls = strncmp(url, "https", 5) == 0;
	origin->port = origin->tls ? 443 : 80;
	colon = strchr(origin->name, ':');
	if (!colon)
		return;
	*colon = '\0';
	origin->port = (uint16_t)atoi(colon + 1);
}

static void measure(uint64_t lane_count, uint64_t requests, const char *label)
{
	struct rusage before, after;
	int64_t start_us, wall_us, user_us, system_us;

	run(lane_count, lane_count * 2);
	getrusage(RUSAGE_SELF, &before);
	start_us = clock_now_us();
	run(lane_count, requests);
	wall_us = clock_now_us() - start_us;
	getrusage(RUSAGE_SELF, &after);
	user_us = since(before.ru_utime, after.ru_utime);
	system_us = since(before.ru_stime, after.ru_stime);
	printf("%s lanes %" PRIu64 " requests %" PRIu64 " failures %" PRIu64
	       " cpu %.3f us/request user %.3f sys %.3f rate %.0f/s memory %ld KiB\n",
	       label, lane_count, requests, failures,
	       (double)(user_us + system_us) / (double)requests, (double)user_us / (double)requests,
	       (double)system_us / (double)requests, (double)requests * 1e6 / (double)wall_us,
	       after.ru_maxrss);
}

int main(int argc, char **argv)
{
	struct origin origin;
	struct transfer_settings settings = { .origins = &origin,
					      .origin_count = 1,
					      .verify = true,
					      .connect_timeout_us = 10 * US_PER_S,
					      .max_body_bytes = 1 << 20,
					      .keep_alive = true };
	struct transport *transport;
	struct error error;
	uint64_t lane_count;
	bool direct;

	if (argc < 5) {
		fputs("usage: transfer_bench direct|curl LANES REQUESTS URL [CA-FILE]\n", stderr);
		return 2;
	}
	direct = strcmp(argv[1], "direct") == 0;
	lane_count = strtoull(argv[2], NULL, 10);
	read_url(argv[4], &origin);
	settings.ca = argc > 5 ? argv[5] : NULL;
	loop = loop_new(&error);
	transport = loop ? transport_new(direct ? TRANSPORT_DIRECT : TRANSPORT_CURL, &settings,
					 loop, &error) :
			   NULL;
	if (!transport) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	lanes = memory_array(lane_count, sizeof(*lanes));
	for (uint64_t i = 0; i < lane_count; i++)
		lanes[i] = lane_new(transport, 0);
	measure(lane_count, strtoull(argv[3], NULL, 10), argv[1]);
	for (uint64_t i = 0; i < lane_count; i++)
		lane_free(lanes[i]);
	free(lanes);
	transport_free(transport);
	loop_free(loop);
	return failures ? 1 : 0;
}
