#include "loadgen/transfer.h"

#include <dirent.h>
#include <strings.h>
#include <sys/resource.h>

#include "loadgen/transport.h"

static const char *const method_names[METHOD_COUNT] = {
	[METHOD_GET] = "GET",     [METHOD_HEAD] = "HEAD",     [METHOD_POST] = "POST",
	[METHOD_PUT] = "PUT",     [METHOD_PATCH] = "PATCH",   [METHOD_DELETE] = "DELETE",
	[METHOD_OPTIONS] = "OPTIONS",
};

const char *http_method_name(enum http_method method)
{
	return method_names[method];
}

/* --- choosing --- */

static bool proxy_is(const struct transfer_settings *settings, const char *scheme)
{
	return settings->proxy && strncasecmp(settings->proxy, scheme, strlen(scheme)) == 0;
}

static bool has_cleartext(const struct transfer_settings *settings)
{
	for (uint16_t i = 0; i < settings->origin_count; i++)
		if (!settings->origins[i].tls)
			return true;
	return false;
}

static const char *why_not_direct(const struct transfer_settings *settings)
{
	if (settings->version == HTTP_2)
		return "HTTP/2 is asked for";
	if (proxy_is(settings, "https:"))
		return "the proxy wants TLS";
	if (settings->proxy && !proxy_is(settings, "socks") && has_cleartext(settings))
		return "an HTTP proxy wants to read cleartext requests";
	return NULL;
}

enum transport_kind transport_choose(const struct transfer_settings *settings, const char **why)
{
	const char *reason = why_not_direct(settings);

	if (why)
		*why = reason ? reason : "plain HTTP/1.1 is all that is needed";
	return reason ? TRANSPORT_CURL : TRANSPORT_DIRECT;
}

struct transport *transport_new(enum transport_kind kind, const struct transfer_settings *settings,
				struct loop *loop, struct error *err)
{
	if (kind == TRANSPORT_CURL)
		return curl_transport_new(settings, loop, err);
	if (kind != TRANSPORT_DIRECT) {
		error_set(err, "no transport was chosen");
		return NULL;
	}
	if (settings->version == HTTP_2 || proxy_is(settings, "https:")) {
		error_set(err, "the direct transport cannot do this: %s", why_not_direct(settings));
		return NULL;
	}
	return direct_transport_new(settings, loop, err);
}

void transport_free(struct transport *transport)
{
	if (transport)
		transport->ops->free(transport);
}

/* Files that are opened for a moment: of names to resolve, of /proc. */
enum { DESCRIPTORS_KEPT = 8 };

static uint32_t descriptors_open(void)
{
	DIR *directory = opendir("/proc/self/fd");
	uint32_t count = 0;

	while (directory && readdir(directory))
		count++;
	if (directory)
		closedir(directory);
	return count ? count - 3 : 32; /* ".", ".." and itself; without /proc, more than likely */
}

uint32_t descriptors_left(void)
{
	uint32_t used = descriptors_open() + DESCRIPTORS_KEPT;
	struct rlimit limit = { .rlim_cur = 1024 };

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur > INT32_MAX)
		limit.rlim_cur = INT32_MAX;
	return limit.rlim_cur > used ? (uint32_t)limit.rlim_cur - used : 0;
}

/* One is always tried: whoever has so little learns it from the failure. */
bool transport_has_room(const struct transport *transport)
{
	uint64_t used = (uint64_t)transport->connections * transport->each +
			(uint64_t)transport->opening * transport->each_opening;

	return used == 0 || used + transport->each_opening <= transport->descriptors;
}

uint32_t transport_connections(const struct transport *transport)
{
	return transport->connections;
}

/* --- lanes --- */

struct lane *lane_new(struct transport *transport, uint16_t origin)
{
	struct lane *lane = transport->ops->lane_new(transport);

	lane->transport = transport;
	lane->origin = origin;
	return lane;
}

void lane_free(struct lane *lane)
{
	if (!lane)
		return;
	timeout_clear(&lane->timeout);
	lane->transport->ops->lane_free(lane);
}

bool lane_connected(const struct lane *lane)
{
	return lane->connected;
}

void lane_disconnect(struct lane *lane)
{
	if (!lane->request)
		lane->transport->ops->disconnect(lane);
}

/*
 * Timeouts are lazy: a request does not clear the one of the request before, it only moves its
 * deadline; when the timeout finds that it came too early, it sets itself again.
 */
static void lane_expired(void *context);

static void watch(struct lane *lane, int64_t due_us)
{
	if (!timeout_is_set(&lane->timeout) || due_us < lane->timeout.due_us)
		timeout_set(lane->transport->loop, &lane->timeout, due_us, lane_expired, lane);
}

static const char *const too_late[FAILURE_COUNT] = {
	[FAILURE_DNS] = "the name was not resolved in time",
	[FAILURE_CONNECT] = "the connection was not accepted in time",
	[FAILURE_TLS] = "the TLS handshake did not end in time",
	[FAILURE_TIMEOUT] = "the answer did not come in time",
};

static void lane_expired(void *context)
{
	struct lane *lane = context;
	int64_t now_us = loop_now(lane->transport->loop);
	enum failure stage;

	if (!lane->request)
		return;
	stage = lane->transport->ops->stage(lane);
	if (now_us >= lane->deadline_us)
		stage = FAILURE_TIMEOUT;
	else if (stage == FAILURE_NONE || now_us < lane->connect_deadline_us)
		return watch(lane, stage && lane->connect_deadline_us < lane->deadline_us ?
					   lane->connect_deadline_us :
					   lane->deadline_us);
	lane->transport->ops->give_up(lane, stage, too_late[stage]);
}

void lane_begin_connecting(struct lane *lane)
{
	int64_t limit_us = lane->transport->settings->connect_timeout_us;

	lane->transport->opening += !lane->opening;
	lane->opening = true;
	lane->connect_deadline_us = INT64_MAX;
	if (limit_us <= 0)
		return;
	lane->connect_deadline_us = loop_now(lane->transport->loop) + limit_us;
	watch(lane, lane->connect_deadline_us);
}

void lane_end_connecting(struct lane *lane)
{
	lane->transport->opening -= lane->opening;
	lane->opening = false;
}

void lane_send(struct lane *lane, const struct exchange_request *request, exchange_done *done,
	       void *context)
{
	lane->request = request;
	lane->done = done;
	lane->context = context;
	lane->sent_us = loop_clock(lane->transport->loop);
	lane->deadline_us = lane->sent_us + request->timeout_us;
	watch(lane, lane->deadline_us);
	lane->transport->ops->send(lane);
}
