#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/server_parts.h"

enum { KEPT_BYTES = 64 * 1024 };

static const char *date_of(struct server *server)
{
	time_t now_s = time(NULL);
	struct tm parts;

	if (now_s != server->date_s && gmtime_r(&now_s, &parts)) {
		server->date_s = now_s;
		strftime(server->date, sizeof(server->date), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n",
			 &parts);
	}
	return server->date;
}

static bool has_length(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

static void add_head(struct server_call *call, int status, struct text headers, size_t body_bytes)
{
	struct buffer *out = &call->out;

	buffer_add_string(out, "HTTP/1.1 ");
	buffer_add_number(out, status);
	buffer_add_char(out, ' ');
	buffer_add_string(out, http1_reason(status));
	buffer_add(out, "\r\n", 2);
	buffer_add_string(out, date_of(call->server));
	buffer_add_text(out, headers);
	if (has_length(status)) {
		buffer_add_string(out, "Content-Length: ");
		buffer_add_number(out, (int64_t)body_bytes);
		buffer_add(out, "\r\n", 2);
	}
	if (call->last)
		buffer_add_string(out, "Connection: close\r\n");
	else if (call->head.minor == 0)
		buffer_add_string(out, "Connection: keep-alive\r\n");
	buffer_add(out, "\r\n", 2);
}

static void reply(struct server_call *call, int status, struct text headers, struct text body)
{
	bool head_only = text_is(call->head.method, "HEAD") || !has_length(status);

	buffer_clear(&call->out);
	call->sent = 0;
	add_head(call, status, headers, body.length);
	if (!head_only)
		buffer_add_text(&call->out, body);
	connection_set_state(call, CONNECTION_REPLYING);
	connection_write(call);
}

void server_reply(struct server_call *call, int status, struct text headers, struct text body)
{
	assert(call->state == CONNECTION_CALLED);
	if (call->server->stopping)
		call->last = true;
	reply(call, status, headers, body);
}

void server_hang_up(struct server_call *call)
{
	assert(call->state == CONNECTION_CALLED);
	connection_end(call);
}

void connection_refuse(struct server_call *call, int status)
{
	call->last = true;
	call->head = (struct http1_head){ .minor = 1 }; /* its slices may point nowhere by now */
	reply(call, status, text_of("Content-Type: text/plain\r\n"), text_of(http1_reason(status)));
}

static void all_sent(struct server_call *call)
{
	event_del(call->writable);
	if (call->out.room > KEPT_BYTES)
		buffer_release(&call->out);
	if (!call->last) {
		connection_set_state(call, CONNECTION_READING);
		connection_go_on(call);
		return;
	}
	shutdown(call->fd, SHUT_WR);
	connection_set_state(call, CONNECTION_LINGERING);
	if (call->deaf)
		event_add(call->readable, NULL);
}

void connection_write(struct server_call *call)
{
	size_t left = call->out.length - call->sent;
	ssize_t sent = send(call->fd, call->out.data + call->sent, left, MSG_NOSIGNAL);

	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		connection_end(call);
		return;
	}
	if (sent > 0)
		call->sent += (size_t)sent;
	if (call->sent == call->out.length)
		all_sent(call);
	else
		event_add(call->writable, NULL);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* What is no proper escape stands for itself. */
static void add_decoded(struct buffer *out, struct text raw)
{
	for (size_t i = 0; i < raw.length; i++) {
		char c = raw.data[i];

		if (c == '%' && i + 2 < raw.length && hex_digit(raw.data[i + 1]) >= 0 &&
		    hex_digit(raw.data[i + 2]) >= 0) {
			c = (char)(hex_digit(raw.data[i + 1]) << 4 | hex_digit(raw.data[i + 2]));
			i += 2;
		} else if (c == '+') {
			c = ' ';
		}
		buffer_add_char(out, c);
	}
}

bool server_parameter(struct text query, const char *name, struct buffer *out)
{
	while (query.length) {
		const char *end = memchr(query.data, '&', query.length);
		size_t length = end ? (size_t)(end - query.data) : query.length;
		const char *equals = memchr(query.data, '=', length);
		size_t name_length = equals ? (size_t)(equals - query.data) : length;

		if (text_is((struct text){ query.data, name_length }, name)) {
			struct text raw = { query.data + name_length, length - name_length };

			if (equals)
				raw = (struct text){ equals + 1, length - name_length - 1 };
			buffer_add_text(out, text_of(""));
			add_decoded(out, raw);
			return true;
		}
		query.data += end ? length + 1 : length;
		query.length -= end ? length + 1 : length;
	}
	return false;
}
