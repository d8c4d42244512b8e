/*
 * curl_drive: a libcurl multi handle on our loop.
 *
 * libcurl says which sockets it waits for and when it wants to be called without one; a drive turns
 * that into events and an alarm, calls curl_multi_socket_action(), and `progressed` after it, which
 * reads what is done. Calls for "now" are served once per turn of the loop, by the alarm: serving
 * them at once, and again until none is left, starves everyone else.
 *
 * `keeps`: libcurl forgets a socket after every request and asks for it again with the next one,
 * though the connection stays. Once drive_settle() said which socket is the connection, its
 * registration outlives that, and ends when the socket does.
 *
 * Sockets that never became a connection are closed by libcurl (7.88) without a word: first the
 * descriptor is gone, then comes the news that it need not be watched any more. Meanwhile the same
 * number may be a new socket.
 */
#ifndef LOADGEN_CURL_DRIVE_H
#define LOADGEN_CURL_DRIVE_H

#include <curl/curl.h>

#include "loadgen/loop.h"

struct drive_socket;

struct drive {
	CURLM *multi;
	struct loop *loop;
	struct alarm alarm;
	struct drive_socket *sockets;
	uint32_t open;     /* keeps: sockets opened, and not known to be closed */
	bool keeps;
	bool idle;         /* set by the owner: no exchange is under way */
	int refused;       /* errno of a socket that the kernel refused; cleared by the owner */
	bool binds;        /* local addresses are chosen: leave their ports to connect(2) */
	void (*progressed)(struct drive *drive);
	void (*idle_readable)(struct drive *drive, int fd); /* keeps and idle, but something came */
	uint32_t *connections; /* counts them too; may be NULL */
};

bool drive_init(struct drive *drive, struct loop *loop, struct error *err);
void drive_release(struct drive *drive); /* after its easy handles are gone */

/* Makes `easy` open and close its sockets here. */
void drive_adopt(struct drive *drive, CURL *easy);

/* Of a failed transfer: no descriptor or no local port was left for its connection. */
bool drive_exhausted(const struct drive *drive, CURL *easy);
#define DRIVE_EXHAUSTED "no descriptor or local port is left for this connection"

/* keeps: `fd` is the connection now, other sockets were attempts. */
void drive_settle(struct drive *drive, int fd);

/* Stops watching a kept socket until libcurl asks for it again. */
void drive_ignore(struct drive *drive, int fd);

/* curl_global_init(), once per process. */
bool curl_ready(struct error *err);

#endif
