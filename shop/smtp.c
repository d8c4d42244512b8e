#include "shop/smtp.h"

#include <ctype.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "shop/task.h"

enum { REPLY_BYTES_MAX = 16 * 1024, REPLY_LINES_MAX = 100 };

struct smtp {
	struct event_base *base;
	char *host;
	int port;
	struct timeval timeout;
	struct bufferevent *connection; /* NULL: none yet, or no more */
	struct task *waiting;
	bool ended;    /* by the server, by an error, or by time */
	bool greeted;
};

/* Waiting for the server. */

static void wake(struct smtp *smtp)
{
	if (smtp->waiting)
		task_wake(smtp->waiting);
}

static void on_read(struct bufferevent *connection, void *context)
{
	(void)connection;
	wake(context);
}

static void on_event(struct bufferevent *connection, short what, void *context)
{
	struct smtp *smtp = context;

	(void)connection;
	if (what == BEV_EVENT_CONNECTED)
		return;
	smtp->ended = true;
	wake(smtp);
}

static void hang_up(struct smtp *smtp)
{
	if (smtp->connection)
		bufferevent_free(smtp->connection);
	smtp->connection = NULL;
	smtp->ended = smtp->greeted = false;
}

/* The next line; the caller frees it. NULL: none will come. */
static char *read_line(struct smtp *smtp)
{
	struct evbuffer *input = bufferevent_get_input(smtp->connection);
	char *line;

	while (!(line = evbuffer_readln(input, NULL, EVBUFFER_EOL_CRLF))) {
		if (smtp->ended || evbuffer_get_length(input) > REPLY_BYTES_MAX)
			return NULL;
		smtp->waiting = task_self();
		task_wait();
		smtp->waiting = NULL;
	}
	return line;
}

/* The code of the reply, which may have several lines; 0: there is none, or it is no SMTP. */
static int read_reply(struct smtp *smtp, struct error *err)
{
	for (int i = 0; i < REPLY_LINES_MAX; i++) {
		char *line = read_line(smtp);
		bool good = line && isdigit((unsigned char)line[0]) &&
			    isdigit((unsigned char)line[1]) && isdigit((unsigned char)line[2]);
		int code = good ? atoi(line) : 0;
		bool last = !good || line[3] != '-';

		if (!good)
			error_set(err, line ? "the mail server speaks no SMTP" :
					      "the mail server does not answer");
		else if (last && code / 100 != 2 && code / 100 != 3)
			error_set(err, "the mail server says '%.80s'", line);
		free(line);
		if (last)
			return code;
	}
	error_set(err, "the mail server does not come to an end");
	return 0;
}

static void write_text(struct smtp *smtp, struct text text)
{
	evbuffer_add(bufferevent_get_output(smtp->connection), text.data, text.length);
}

static void write_string(struct smtp *smtp, const char *string)
{
	write_text(smtp, text_of(string));
}

/* Connecting. */

static bool connect_to(struct smtp *smtp, struct error *err)
{
	smtp->connection = bufferevent_socket_new(smtp->base, -1,
						  BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	bufferevent_setcb(smtp->connection, on_read, NULL, on_event, smtp);
	bufferevent_set_timeouts(smtp->connection, &smtp->timeout, &smtp->timeout);
	bufferevent_enable(smtp->connection, EV_READ | EV_WRITE);
	if (bufferevent_socket_connect_hostname(smtp->connection, NULL, AF_UNSPEC, smtp->host,
						smtp->port) != 0)
		return error_set(err, "cannot connect to '%s'", smtp->host);
	return read_reply(smtp, err) == 220;
}

static bool greet(struct smtp *smtp, struct error *err)
{
	if (!connect_to(smtp, err))
		return false;
	write_string(smtp, "EHLO shop.example\r\n");
	smtp->greeted = read_reply(smtp, err) == 250;
	return smtp->greeted;
}

/* An idle connection may have ended, or time out while nobody waits: it is asked before use. */
static bool is_usable(struct smtp *smtp)
{
	if (!smtp->connection || !smtp->greeted || smtp->ended)
		return false;
	bufferevent_enable(smtp->connection, EV_READ);
	write_string(smtp, "RSET\r\n");
	return read_reply(smtp, NULL) == 250;
}

/* Sending. */

/* Line ends as the wire wants them, and a dot more where a line starts with one. */
static void write_body(struct smtp *smtp, struct text body)
{
	while (body.length) {
		const char *end = memchr(body.data, '\n', body.length);
		size_t length = end ? (size_t)(end - body.data) : body.length;
		struct text line = { body.data, length };

		if (line.length && line.data[line.length - 1] == '\r')
			line.length--;
		if (line.length && *line.data == '.')
			write_string(smtp, ".");
		write_text(smtp, line);
		write_string(smtp, "\r\n");
		length += end != NULL;
		body = (struct text){ body.data + length, body.length - length };
	}
}

/* "RCPT TO:<address>"; the code of the reply. */
static int say(struct smtp *smtp, const char *command, const char *address, struct error *err)
{
	write_string(smtp, command);
	if (address) {
		write_string(smtp, "<");
		write_string(smtp, address);
		write_string(smtp, ">");
	}
	write_string(smtp, "\r\n");
	return read_reply(smtp, err);
}

static enum smtp_result result_of(int code)
{
	return code / 100 == 5 ? SMTP_REFUSED : SMTP_UNKNOWN;
}

static enum smtp_result send_mail(struct smtp *smtp, const struct smtp_mail *mail,
				  struct error *err)
{
	int code = say(smtp, "MAIL FROM:", mail->from, err);

	if (code == 250)
		code = say(smtp, "RCPT TO:", mail->to, err);
	if (code == 250 || code == 251)
		code = say(smtp, "DATA", NULL, err);
	if (code != 354)
		return result_of(code);
	write_text(smtp, mail->headers);
	write_string(smtp, "\r\n");
	write_body(smtp, mail->body);
	code = say(smtp, ".", NULL, err);
	return code == 250 ? SMTP_SENT : result_of(code);
}

/* An address that would say more than an address is none. */
static bool is_address(const char *address)
{
	size_t length = strlen(address);

	for (const char *c = address; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == '<' || *c == '>')
			return false;
	return length >= 3 && length <= 254 && strchr(address, '@');
}

enum smtp_result smtp_send(struct smtp *smtp, const struct smtp_mail *mail, struct error *err)
{
	enum smtp_result result;

	if (!is_address(mail->from) || !is_address(mail->to)) {
		error_set(err, "no address to write to");
		return SMTP_REFUSED;
	}
	if (!is_usable(smtp)) {
		hang_up(smtp);
		if (!greet(smtp, err)) {
			hang_up(smtp);
			return SMTP_UNKNOWN;
		}
	}
	result = send_mail(smtp, mail, err);
	if (result != SMTP_SENT)
		hang_up(smtp);
	else
		bufferevent_disable(smtp->connection, EV_READ); /* idle is no reason to time out */
	return result;
}

struct smtp *smtp_new(struct event_base *base, const char *address, int64_t timeout_us)
{
	struct smtp *smtp = memory_new(sizeof(*smtp));
	const char *scheme = strstr(address, "://");
	const char *colon;

	if (scheme)
		address = scheme + 3;
	colon = strrchr(address, ':');
	smtp->base = base;
	smtp->host = memory_copy_string(address);
	smtp->port = colon ? atoi(colon + 1) : 25;
	if (colon)
		smtp->host[colon - address] = '\0';
	smtp->timeout = (struct timeval){ timeout_us / US_PER_S, timeout_us % US_PER_S };
	return smtp;
}

void smtp_free(struct smtp *smtp)
{
	if (!smtp)
		return;
	hang_up(smtp);
	free(smtp->host);
	free(smtp);
}
