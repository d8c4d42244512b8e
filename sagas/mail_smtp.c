/* SMTP as RFC 5321 has it, for who sends properly; everything is bounded. */
#include "sagas/mail_parts.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/memory.h"

enum {
	LINE_MAX_BYTES = 2000, /* without its CRLF; the RFC asks for 998 */
	MISTAKES_MAX = 20,
	CONNECTIONS_MAX = 4096,
	IDLE_S = 60,
};

enum state {
	GREETED,  /* waits for HELO or EHLO: then IDLE */
	IDLE,     /* waits for MAIL: then ADDRESSED */
	ADDRESSED, /* has a sender; RCPT adds recipients, DATA: then READING */
	READING,  /* lines of the message, until a dot: then KEEPING, or IDLE if it was refused */
	KEEPING,  /* the message is on its way to the disk; then IDLE. No line is looked at */
	LEAVING,  /* the last reply is on its way out */
};

struct session {
	struct smtp_sink *sink;
	struct session *next, **link;
	struct bufferevent *connection; /* NULL: it has gone while KEEPING */
	enum state state;
	char *from;
	json_t *to;
	struct buffer data;
	struct event *wait; /* KEEPING: it is on the disk, and is answered later; else NULL */
	bool too_large;
	int mistakes;
};

struct smtp_sink {
	struct mail *mail;
	int listener;
	struct event *accept;
	struct session *sessions;
	size_t count;
};

static void session_free(struct session *session)
{
	*session->link = session->next;
	if (session->next)
		session->next->link = session->link;
	session->sink->count--;
	event_add(session->sink->accept, NULL); /* it may have waited for a descriptor */
	if (session->connection)
		bufferevent_free(session->connection);
	if (session->wait)
		event_free(session->wait);
	buffer_release(&session->data);
	json_decref(session->to);
	free(session->from);
	free(session);
}

static void say(struct session *session, const char *line)
{
	struct evbuffer *output = bufferevent_get_output(session->connection);

	evbuffer_add(output, line, strlen(line));
	evbuffer_add(output, "\r\n", 2);
}

static void forget(struct session *session)
{
	free(session->from);
	session->from = NULL;
	json_array_clear(session->to);
	buffer_release(&session->data);
	session->too_large = false;
	if (session->state != GREETED)
		session->state = IDLE;
}

static void complain(struct session *session, const char *line)
{
	if (++session->mistakes > MISTAKES_MAX) {
		say(session, "421 too many mistakes");
		session->state = LEAVING;
		return;
	}
	say(session, line);
}

/* Commands. */

/* "FROM:<a@b> SIZE=9" -> "a@b". False: it is no such thing. */
static bool read_path(struct text rest, const char *word, struct text *path)
{
	size_t length = strlen(word);
	const char *end;

	if (rest.length < length || !text_is_nocase((struct text){ rest.data, length }, word))
		return false;
	rest = text_trim((struct text){ rest.data + length, rest.length - length });
	if (!rest.length || *rest.data != '<')
		return false;
	end = memchr(rest.data, '>', rest.length);
	if (!end || (end + 1 < rest.data + rest.length && end[1] != ' '))
		return false;
	*path = (struct text){ rest.data + 1, (size_t)(end - rest.data - 1) };
	for (size_t i = 0; i < path->length; i++)
		if (path->data[i] <= ' ' || path->data[i] > '~')
			return false;
	return path->length <= 254;
}

static void do_hello(struct session *session, struct text rest)
{
	(void)rest;
	session->state = IDLE;
	forget(session);
	say(session, "250 sagastorm");
}

static void do_ehlo(struct session *session, struct text rest)
{
	(void)rest;
	session->state = IDLE;
	forget(session);
	say(session, "250-sagastorm\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 1048576");
}

static void do_mail(struct session *session, struct text rest)
{
	struct text path;

	if (session->state != IDLE) {
		complain(session, "503 bad sequence of commands");
	} else if (!read_path(rest, "FROM:", &path)) {
		complain(session, "501 MAIL FROM:<address>");
	} else {
		session->from = memory_array(path.length + 1, 1);
		memcpy(session->from, path.data, path.length);
		session->state = ADDRESSED;
		say(session, "250 ok");
	}
}

/* True: it was refused on purpose. */
static bool bounce(struct session *session, enum misdeed_place place)
{
	const struct misdeed_chance chance = { .kind = MISDEED_BOUNCE, .place = place };
	const struct misdeed *misdeed = misdeeds_meet(session->sink->mail->misdeeds, chance);
	char line[80];

	if (!misdeed)
		return false;
	snprintf(line, sizeof(line), "%d %s", (int)misdeed->settings.status,
		 misdeed->settings.status < 500 ? "not now, try again later" : "not wanted here");
	say(session, line);
	return true;
}

static void do_recipient(struct session *session, struct text rest)
{
	struct text path;

	if (session->state != ADDRESSED) {
		complain(session, "503 bad sequence of commands");
	} else if (!read_path(rest, "TO:", &path) || !path.length) {
		complain(session, "501 RCPT TO:<address>");
	} else if (json_array_size(session->to) == MAIL_RECIPIENTS_MAX) {
		complain(session, "452 too many recipients");
	} else if (!bounce(session, MISDEED_AT_RCPT)) {
		json_array_append_new(session->to, json_stringn(path.data, path.length));
		say(session, "250 ok");
	}
}

static void do_data(struct session *session, struct text rest)
{
	if (rest.length) {
		complain(session, "501 DATA takes nothing");
	} else if (session->state != ADDRESSED || !json_array_size(session->to)) {
		complain(session, "503 bad sequence of commands");
	} else {
		session->state = READING;
		say(session, "354 go ahead, end with a dot");
	}
}

static void do_reset(struct session *session, struct text rest)
{
	(void)rest;
	forget(session);
	say(session, "250 ok");
}

static void do_nothing(struct session *session, struct text rest)
{
	(void)rest;
	say(session, "250 ok");
}

static void do_verify(struct session *session, struct text rest)
{
	(void)rest;
	say(session, "252 send it and see");
}

static void do_quit(struct session *session, struct text rest)
{
	(void)rest;
	say(session, "221 goodbye");
	session->state = LEAVING;
}

static const struct {
	const char *word;
	void (*run)(struct session *session, struct text rest);
} commands[] = {
	{ "HELO", do_hello },	  { "EHLO", do_ehlo },	 { "MAIL", do_mail },
	{ "RCPT", do_recipient }, { "DATA", do_data },	 { "RSET", do_reset },
	{ "NOOP", do_nothing },	  { "VRFY", do_verify }, { "QUIT", do_quit },
};

static void run_command(struct session *session, struct text line)
{
	const char *blank = memchr(line.data, ' ', line.length);
	struct text word = { line.data, blank ? (size_t)(blank - line.data) : line.length };
	struct text rest =
		text_trim((struct text){ line.data + word.length, line.length - word.length });

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (text_is_nocase(word, commands[i].word)) {
			commands[i].run(session, rest);
			return;
		}
	}
	complain(session, "500 unknown command");
}

/* The message. */

static void read_lines(struct session *session);

static void answer_kept(struct session *session)
{
	const struct misdeed_chance chance = { .kind = MISDEED_LOSE_REPLY };

	if (!session->connection || misdeeds_meet(session->sink->mail->misdeeds, chance)) {
		session_free(session);
		return;
	}
	forget(session);
	say(session, "250 kept");
	read_lines(session);
}

static void on_time(evutil_socket_t fd, short what, void *context)
{
	struct session *session = context;

	(void)fd;
	(void)what;
	event_free(session->wait);
	session->wait = NULL;
	answer_kept(session);
}

static void on_kept(void *context)
{
	const struct misdeed_chance chance = { .kind = MISDEED_DELAY };
	struct session *session = context;
	struct mail *mail = session->sink->mail;
	const struct misdeed *misdeed = misdeeds_meet(mail->misdeeds, chance);
	struct timeval wait;

	if (!misdeed || !misdeed->delay_us) {
		answer_kept(session);
		return;
	}
	wait = (struct timeval){ misdeed->delay_us / US_PER_S, misdeed->delay_us % US_PER_S };
	session->wait = evtimer_new(mail->base, on_time, session);
	event_add(session->wait, &wait);
}

static void end_message(struct session *session)
{
	struct mail *mail = session->sink->mail;

	if (session->too_large) {
		forget(session);
		complain(session, "552 too large");
		return;
	}
	if (bounce(session, MISDEED_AT_DATA)) {
		forget(session);
		return;
	}
	mail_receive(mail, session->from, session->to, buffer_text(&session->data));
	session->state = KEEPING;
	ledger_settle(mail->ledger, on_kept, session);
}

static void add_line(struct session *session, struct text line)
{
	if (line.length == 1 && *line.data == '.') {
		end_message(session);
		return;
	}
	if (line.length && *line.data == '.') {
		line.data++;
		line.length--;
	}
	if (session->data.length + line.length + 2 > MAIL_BYTES_MAX)
		session->too_large = true;
	if (session->too_large)
		return;
	buffer_add_text(&session->data, line);
	buffer_add_string(&session->data, "\r\n");
}

/* Connections. */

static void read_lines(struct session *session)
{
	struct evbuffer *input = bufferevent_get_input(session->connection);

	while (session->state != KEEPING && session->state != LEAVING) {
		size_t length;
		char *line = evbuffer_readln(input, &length, EVBUFFER_EOL_CRLF_STRICT);
		struct text text = { line, length };

		if (!line && evbuffer_get_length(input) <= LINE_MAX_BYTES)
			return;
		if (!line || length > LINE_MAX_BYTES) {
			say(session, "500 line too long");
			session->state = LEAVING;
		} else if (session->state == READING) {
			add_line(session, text);
		} else {
			run_command(session, text);
		}
		free(line);
	}
}

static void on_read(struct bufferevent *connection, void *context)
{
	(void)connection;
	read_lines(context);
}

static void on_written(struct bufferevent *connection, void *context)
{
	struct session *session = context;

	(void)connection;
	if (session->state == LEAVING)
		session_free(session);
}

static void on_event(struct bufferevent *connection, short what, void *context)
{
	struct session *session = context;

	(void)what;
	if (session->state != KEEPING) {
		session_free(session);
		return;
	}
	/* The ledger will call back, and must find someone there. */
	bufferevent_free(connection);
	session->connection = NULL;
}

static void session_new(struct smtp_sink *sink, int fd)
{
	struct session *session = memory_new(sizeof(*session));
	struct timeval idle = { IDLE_S, 0 };

	session->sink = sink;
	session->next = sink->sessions;
	session->link = &sink->sessions;
	if (session->next)
		session->next->link = &session->next;
	sink->sessions = session;
	sink->count++;
	session->to = json_array();
	session->connection = bufferevent_socket_new(sink->mail->base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(session->connection, on_read, on_written, on_event, session);
	bufferevent_set_timeouts(session->connection, &idle, &idle);
	bufferevent_setwatermark(session->connection, EV_READ, 0, 64 * 1024);
	bufferevent_enable(session->connection, EV_READ | EV_WRITE);
	say(session, "220 sagastorm ESMTP");
}

static void on_connection(evutil_socket_t listener, short what, void *context)
{
	struct smtp_sink *sink = context;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (fd >= 0)
		session_new(sink, fd);
	if (sink->count == CONNECTIONS_MAX || (fd < 0 && sink->count && errno == EMFILE))
		event_del(sink->accept);
}

struct smtp_sink *smtp_sink_new(struct mail *mail, int listener, struct error *err)
{
	struct smtp_sink *sink = memory_new(sizeof(*sink));

	sink->mail = mail;
	sink->listener = listener;
	evutil_make_socket_nonblocking(listener);
	sink->accept = event_new(mail->base, listener, EV_READ | EV_PERSIST, on_connection, sink);
	if (event_add(sink->accept, NULL) == 0)
		return sink;
	error_set(err, "cannot watch the listening socket");
	smtp_sink_free(sink);
	return NULL;
}

void smtp_sink_free(struct smtp_sink *sink)
{
	if (!sink)
		return;
	while (sink->sessions)
		session_free(sink->sessions);
	event_free(sink->accept);
	close(sink->listener);
	free(sink);
}
