#include "loadgen/transfer_curl.h"

#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

#include "lib/memory.h"

/* Lines without a connection that are kept for the next lane in need of one. */
enum { LINES_KEPT_MOST = 64 };

static void progressed(struct drive *drive);
static void idle_readable(struct drive *drive, int fd);

/* --- lines --- */

static void line_free(struct line *line)
{
	if (!line)
		return;
	if (line->under_way)
		curl_multi_remove_handle(line->drive.multi, line->easy);
	if (line->easy)
		curl_easy_cleanup(line->easy);
	drive_release(&line->drive);
	curl_slist_free_all(line->set.list);
	buffer_release(&line->set.headers);
	buffer_release(&line->head);
	buffer_release(&line->body);
	free(line);
}

/* Without memory for handles libcurl is as lost as lib/memory.h. */
static struct line *line_new(struct curl *curl)
{
	struct line *line = memory_new(sizeof(*line));

	line->drive.progressed = progressed;
	line->drive.idle_readable = idle_readable;
	line->drive.keeps = true;
	line->drive.binds = curl->base.settings->from && curl->base.settings->from[0];
	line->drive.connections = &curl->base.connections;
	line->easy = curl_easy_init();
	if (!line->easy || !drive_init(&line->drive, curl->base.loop, NULL))
		abort();
	line_set_up(line, curl);
	return line;
}

static void take_line(struct curl_lane *lane)
{
	struct curl *curl = (struct curl *)lane->base.transport;

	lane->line = curl->lines;
	if (lane->line) {
		curl->lines = lane->line->next;
		curl->line_count--;
	} else {
		lane->line = line_new(curl);
	}
	lane->line->lane = lane;
}

/* A line whose connection is gone is as good as new; one that still has it takes it along. */
static void drop_line(struct curl_lane *lane)
{
	struct curl *curl = (struct curl *)lane->base.transport;
	struct line *line = lane->line;

	lane->line = NULL;
	lane->base.connected = false;
	lane_end_connecting(&lane->base);
	if (!line)
		return;
	if (line->under_way || line->drive.open || curl->line_count >= curl->lines_kept) {
		line_free(line);
		return;
	}
	line->lane = NULL;
	line->next = curl->lines;
	curl->lines = line;
	curl->line_count++;
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
	line->drive.idle = true;
	line->drive.refused = 0;
	lane_end_connecting(&lane->base);
	lane->base.connected = line->drive.open > 0 && !result->failure;
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
	drive_settle(&line->drive, fd);
}

static void take_out(struct line *line)
{
	curl_multi_remove_handle(line->drive.multi, line->easy);
	line->under_way = false;
}

static void progressed(struct drive *drive)
{
	struct line *line = (struct line *)drive;
	struct exchange_result result;
	CURLMsg *message;
	CURLcode code;
	int left;

	message = curl_multi_info_read(drive->multi, &left);
	if (!message || message->msg != CURLMSG_DONE || !line->lane)
		return;
	code = message->data.result;
	line_judge(line, code, &result);
	if (result.new_connection && line->drive.open)
		settle(line);
	take_out(line);
	result.closes = !line->drive.open || result.failure;
	finish(line->lane, &result);
}

/*
 * The peer closed a connection that nobody uses, or says something unasked. Over TLS the latter may
 * be in order (tickets, HTTP/2 frames): libcurl reads it with the next request.
 */
static void idle_readable(struct drive *drive, int fd)
{
	struct line *line = (struct line *)drive;
	char byte;
	ssize_t got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (got > 0 && lane_origin(&line->lane->base)->tls)
		drive_ignore(drive, fd);
	else
		drop_line(line->lane);
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
	struct line *line;

	if (!lane->line)
		take_line(lane);
	line = lane->line;
	line->reused = base->connected;
	line->drive.idle = false;
	line_expect_answer(line);
	if (!line->reused) {
		lane_begin_connecting(base);
		line_aim(line, base->origin);
	}
	line_set_request(line, base->request);
	curl_multi_add_handle(line->drive.multi, line->easy);
	line->under_way = true;
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
	take_out(lane->line);
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
	struct line *line;

	while ((line = curl->lines)) {
		curl->lines = line->next;
		line_free(line);
	}
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

/* Two of libcurl's for each line, kept ones too; and two more while a name is resolved. */
static void share_descriptors(struct curl *curl)
{
	uint32_t left = descriptors_left();

	curl->lines_kept = left / 16 < LINES_KEPT_MOST ? left / 16 : LINES_KEPT_MOST;
	curl->base.descriptors = left - 2 * curl->lines_kept;
	curl->base.each = 3;
	curl->base.each_opening = 4;
}

struct transport *curl_transport_new(const struct transfer_settings *settings, struct loop *loop,
				     struct error *err)
{
	struct curl *curl = memory_new(sizeof(*curl));

	curl->base.ops = &curl_ops;
	curl->base.settings = settings;
	curl->base.loop = loop;
	if (prepare(curl, err)) {
		share_descriptors(curl);
		return &curl->base;
	}
	curl_free_transport(&curl->base);
	return NULL;
}
