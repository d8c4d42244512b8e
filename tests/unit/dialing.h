/*
 * dialing: a client that says bytes and hears bytes, for the tests of what serves.
 *
 *	ask(port, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
 *	CHECK(heard_status(200));
 *	CHECK_TEXT(heard_body(), "hello");
 */
#ifndef TESTS_DIALING_H
#define TESTS_DIALING_H

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/buffer.h"

enum { PATIENCE_MS = 5000 };

static struct buffer heard; /* of the last ask() */
static bool heard_end;      /* and the connection was closed */

static inline int dial(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

static inline void say(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		bytes += sent;
		length -= (size_t)sent;
	}
}

/* Whatever comes until the server closes (true), or nothing has come for a while. */
static inline bool hear(int fd, int patience_ms)
{
	for (;;) {
		struct pollfd waiting = { .fd = fd, .events = POLLIN };
		ssize_t got;

		if (poll(&waiting, 1, patience_ms) <= 0)
			return false;
		got = recv(fd, buffer_reserve(&heard, 65536), 65536, 0);
		if (got <= 0)
			return got == 0;
		heard.length += (size_t)got;
		heard.data[heard.length] = '\0';
	}
}

static inline void hear_anew(void)
{
	buffer_clear(&heard);
	buffer_add(&heard, "", 0);
}

static inline const char *ask_bytes(uint16_t port, const char *bytes, size_t length)
{
	int fd = dial(port);

	hear_anew();
	say(fd, bytes, length);
	heard_end = hear(fd, PATIENCE_MS);
	close(fd);
	return heard.data;
}

static inline const char *ask(uint16_t port, const char *request)
{
	return ask_bytes(port, request, strlen(request));
}

static inline bool heard_status(int status)
{
	char line[32];

	snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
	return strncmp(heard.data, line, strlen(line)) == 0;
}

static inline const char *heard_body(void)
{
	const char *blank = strstr(heard.data, "\r\n\r\n");

	return blank ? blank + 4 : "(no answer)";
}

static inline int heard_times(const char *what)
{
	int found = 0;

	for (const char *at = heard.data; (at = strstr(at, what)) != NULL; at++)
		found++;
	return found;
}

#endif
