#include "loadgen/transfer_curl.h"

#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

#include "lib/memory.h"

static void drop_line(struct curl_lane *lane)
{
	struct line *line = lane->line;

	lane->line = NULL;
	lane->base.connected = false;
	lane_end_connecting(&lane->base);
	if (line) {
		line->user.idle = true;
		line_give(line, (struct curl *)lane->base.transport);
	}
}

/* --- the end of an exchange --- */

static void keep_spare(struct buffer *spare, struct buffer *buffer)
{
	if (spare->data || buffer->room > KEPT_BYTES_MAX)
		buffer_release(buffer);
	else
		*spare = *buffer;
}

static struct buffer swap_spare(struct buffer *spare, struct buffer *buffer)
{
	struct buffer taken = *buffer;

	*buffer = *spare;
	*spare = (struct buffer)BUFFER_EMPTY;
	return taken;
}

/*
 * What the owner looks at stays apart from the line meanwhile: the owner may free the lane, or send
 * the next request by it.
 */
static void finish(struct curl_lane *lane, struct exchange_result *result)
{
	struct line *line = lane->line;
	struct curl *curl = (struct curl *)lane->base.transport;
	struct buffer head = swap_spare(&curl->spare_head, &line->head);
	struct buffer body = swap_spare(&curl->spare_body, &line->body);

	if (result->detail) { /* of this line, or without a place of its own */
		error_set(&curl->why, "%s", result->detail);
		result->detail = curl->why.text;
	}
	line->user.idle = true;
	line->user.refused = 0;
	lane_end_connecting(&lane->base);
	lane->base.connected = line->user.open > 0 && !result->failure;
	if (!lane->base.connected)
		drop_line(lane);
	lane_finish(&lane->base, result);
	keep_spare(&curl->spare_head, &head);
	keep_spare(&curl->spare_body, &body);
}

/* Which of the sockets became the connection; none did when it is closed already. */
static void settle(struct line *line)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	curl_easy_getinfo(line->easy, CURLINFO_ACTIVESOCKET, &fd);
	drive_settle(&line->user, fd);
}

static void conclude(struct line *line, CURLcode code)
{
	struct exchange_result result;

	line_judge(line, code, &result);
	if (result.new_connection && line->user.open)
		settle(line);
	result.closes = !line->user.open || result.failure;
	finish(line->lane, &result);
}

void hub_progressed(struct drive *drive)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(drive->multi, &left))) {
		struct line *line = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &line);
		conclude(line, message->data.result);
	}
	lines_begin(((struct hub *)drive)->curl);
}

/*
 * The peer closed a connection that nobody uses, or says something unasked. Over TLS the latter may
 * be in order (tickets, HTTP/2 frames): libcurl reads it with the next request.
 */
void line_readable(struct drive_user *user, int fd)
{
	struct line *line = (struct line *)user;
	char byte;
	ssize_t got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (got > 0 && lane_origin(&line->lane->base)->tls)
		drive_ignore(user, fd);
	else
		drop_line(line->lane);
}

/* libcurl looks after idle connections itself now and then, and may be faster than the loop. */
void line_closed(struct drive_user *user)
{
	struct line *line = (struct line *)user;

	if (user->idle && line->lane)
		line->lane->base.connected = false;
}

/* --- the ops --- */

static struct lane *curl_lane_new(struct transport *transport)
{
	struct curl_lane *lane = memory_new(sizeof(*lane));

	(void)transport;
	return &lane->base;
}

static void curl_lane_free(struct lane *base)
{
	struct curl_lane *lane = (struct curl_lane *)base;

	drop_line(lane);
	free(lane);
}

static void curl_send(struct lane *base)
{
	struct curl_lane *lane = (struct curl_lane *)base;
	struct curl *curl = (struct curl *)base->transport;
	struct line *line;

	if (!lane->line) {
		lane->line = line_take(curl);
		lane->line->lane = lane;
	}
	line = lane->line;
	line->reused = base->connected;
	line->user.idle = false;
	line_expect_answer(line);
	if (line->reused) {
		line_remove(line);
	} else {
		lane_begin_connecting(base);
		line_leave(line); /* where its last connection was */
		line_join(line, curl, curl->targets[base->origin].alone);
		line_aim(line, base->origin);
	}
	line_set_request(line, base->request);
	line_add(line);
}

static void curl_disconnect(struct lane *base)
{
	drop_line((struct curl_lane *)base);
}

static enum failure curl_stage(const struct lane *base)
{
	return line_stage(((const struct curl_lane *)base)->line);
}

static void curl_give_up(struct lane *base, enum failure failure, const char *why)
{
	struct curl_lane *lane = (struct curl_lane *)base;
	struct exchange_result result;

	line_judge(lane->line, CURLE_OPERATION_TIMEDOUT, &result);
	result.failure = failure;
	result.detail = why;
	finish(lane, &result);
}

static void free_targets(struct curl *curl)
{
	for (uint16_t i = 0; curl->targets && i < curl->base.settings->origin_count; i++) {
		curl_url_cleanup(curl->targets[i].url);
		curl_slist_free_all(curl->targets[i].connect_to);
		free(curl->targets[i].host_line);
	}
	free(curl->targets);
}

static void curl_free_transport(struct transport *transport)
{
	struct curl *curl = (struct curl *)transport;

	lines_release(curl);
	if (curl->share)
		curl_share_cleanup(curl->share);
	curl_slist_free_all(curl->pins);
	tls_free(curl->tls);
	free_targets(curl);
	buffer_release(&curl->scratch);
	buffer_release(&curl->spare_head);
	buffer_release(&curl->spare_body);
	free(curl);
}

static const struct transport_ops curl_ops = {
	.free = curl_free_transport,
	.lane_new = curl_lane_new,
	.lane_free = curl_lane_free,
	.send = curl_send,
	.disconnect = curl_disconnect,
	.stage = curl_stage,
	.give_up = curl_give_up,
};

/* --- setting up --- */

/* "[fe80::1%eth0]": fe80::/10, where scopes mean what they were meant for. */
static bool is_link_local(struct text host)
{
	return host.length > 4 && strncasecmp(host.data, "[fe", 3) == 0 &&
	       strchr("89abAB", host.data[3]);
}

/*
 * libcurl takes the name for SNI and for checking certificates from the URL, so a borrowed name
 * goes there, and CONNECT_TO says where it really is.
 */
static bool prepare_target(struct target *target, const struct origin *origin,
			   const struct transfer_settings *settings, struct error *err)
{
	struct text host = origin_url_host(origin);
	bool borrowed = settings->sni && origin->tls;
	struct buffer text = BUFFER_EMPTY;
	bool good;

	if (borrowed)
		buffer_format(&text, "https://%s:%d/", settings->sni, origin->port);
	else
		buffer_format(&text, "%s://%.*s:%d/", origin->tls ? "https" : "http",
			      TEXT_ARG(host), origin->port);
	target->url = curl_url();
	good = target->url && curl_url_set(target->url, CURLUPART_URL, text.data, 0) == CURLUE_OK;
	if (!good)
		error_set(err, "libcurl cannot read the address '%s'", text.data);
	buffer_clear(&text);
	buffer_format(&text, "::%.*s:%d", TEXT_ARG(host), origin->port);
	if (borrowed)
		target->connect_to = curl_slist_append(NULL, text.data);
	buffer_clear(&text);
	buffer_format(&text, "Host: %s", origin->host);
	target->host_line = text.data;
	target->alone = is_link_local(host);
	if (settings->proxy && strncasecmp(settings->proxy, "socks", 5) != 0 && !origin->tls)
		target->prefix = origin->url;
	return good;
}

static bool prepare(struct curl *curl, struct error *err)
{
	const struct transfer_settings *settings = curl->base.settings;
	bool any_tls = false;

	if (!curl_ready(err))
		return false;
	curl->share = curl_share_init();
	if (!curl->share)
		return error_set(err, "libcurl gives no shared cache");
	curl_share_setopt(curl->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
	curl->pins = curl_pins(settings);
	curl->targets = memory_array(settings->origin_count, sizeof(*curl->targets));
	for (uint16_t i = 0; i < settings->origin_count; i++) {
		any_tls = any_tls || settings->origins[i].tls;
		if (!prepare_target(&curl->targets[i], &settings->origins[i], settings, err))
			return false;
	}
	return !any_tls || (curl->tls = tls_new(settings, err));
}

/* Two of libcurl's for each hub, and two more for a line while a name is resolved. */
static void share_descriptors(struct curl *curl)
{
	uint32_t left = descriptors_left();
	bool alone = curl->hub_room == 1;

	for (uint16_t i = 0; i < curl->base.settings->origin_count; i++)
		alone = alone || curl->targets[i].alone;
	curl->base.descriptors = alone ? left : left - 2 * (left / (curl->hub_room + 2) + 1);
	curl->base.each = alone ? 3 : 1;
	curl->base.each_opening = alone ? 4 : 2;
}

struct transport *curl_transport_new(const struct transfer_settings *settings, struct loop *loop,
				     struct error *err)
{
	struct curl *curl = memory_new(sizeof(*curl));

	curl->base.ops = &curl_ops;
	curl->base.settings = settings;
	curl->base.loop = loop;
	curl->hub_room = hub_room_of(curl_version_info(CURLVERSION_NOW)->version_num);
	TAILQ_INIT(&curl->waiting);
	curl->sockets.connections = &curl->base.connections;
	if (prepare(curl, err)) {
		share_descriptors(curl);
		return &curl->base;
	}
	curl_free_transport(&curl->base);
	return NULL;
}
