/*
 * curl_drive: libcurl multi handles on our loop.
 *
 * libcurl says which sockets it waits for and when it wants to be called without one; a drive turns
 * that into events and an alarm, calls curl_multi_socket_action(), and `progressed` after it, which
 * reads what is done. Calls for "now" are served once per turn of the loop, by the alarm: serving
 * them at once, and again until none is left, starves everyone else.
 *
 * Every socket has an owner: the drive_user whose easy handle opened it. `keeps`: libcurl forgets a
 * socket after every request and asks for it again with the next one, though the connection stays.
 * Once drive_settle() said which socket is the connection, its registration outlives that, and ends
 * when the socket does.
 *
 * Sockets that never became a connection are closed by libcurl (7.88) without a word: first the
 * descriptor is gone, then comes the news that it need not be watched any more. Meanwhile the same
 * number may be a new socket, of another owner and another drive. That is why there is one table of
 * sockets by number for all drives of a transport, and nothing of ours in curl_multi_assign().
 */
#ifndef LOADGEN_CURL_DRIVE_H
#define LOADGEN_CURL_DRIVE_H

#include <curl/curl.h>

#include "loadgen/loop.h"

struct drive_socket;

struct drive_sockets {
	struct drive_socket **by_number;
	int room;
	uint32_t *connections; /* counts those that are open; may be NULL */
};

struct drive {
	CURLM *multi;
	struct loop *loop;
	struct drive_sockets *sockets;
	struct alarm alarm;
	int64_t due_us; /* when libcurl wants to be called; the alarm may be earlier */
	bool busy;      /* what libcurl says of time meanwhile is not its last word */
	bool keeps;
	bool binds;     /* local addresses are chosen: leave their ports to connect(2) */
	void (*progressed)(struct drive *drive);
};

struct drive_user {
	struct drive *drive;
	struct drive_socket *sockets;
	uint32_t open; /* keeps: sockets opened, and not known to be closed */
	bool idle;     /* set by the owner: no exchange is under way */
	int refused;   /* errno of a socket that the kernel refused; cleared by the owner */
	void (*readable)(struct drive_user *user, int fd); /* keeps and idle, but something came */
	void (*closed)(struct drive_user *user); /* keeps: libcurl closed a socket; may be NULL */
};

/* What is not NULL and not 0 in the drive already, stays. `sockets` outlives the drive. */
bool drive_init(struct drive *drive, struct loop *loop, struct drive_sockets *sockets,
		struct error *err);

/* Several may be added at once; then they must be begun. Both not from within `progressed`. */
void drive_add(struct drive *drive, CURL *easy);
void drive_begin(struct drive *drive);

void drive_release(struct drive *drive); /* after its easy handles are gone */
void drive_sockets_release(struct drive_sockets *sockets); /* after their drives */

/* Makes `easy` open and close its sockets here, as those of `user`. */
void drive_adopt(struct drive *drive, CURL *easy, struct drive_user *user);

/* Of a failed transfer: no descriptor or no local port was left for its connection. */
bool drive_exhausted(const struct drive_user *user, CURL *easy);
#define DRIVE_EXHAUSTED "no descriptor or local port is left for this connection"

/* keeps: `fd` is the connection now, other sockets were attempts. */
void drive_settle(struct drive_user *user, int fd);

/* All sockets of this user are closed, whether libcurl said so or not. */
void drive_forget(struct drive_user *user);

/* Stops watching a kept socket until libcurl asks for it again. */
void drive_ignore(struct drive_user *user, int fd);

/* curl_global_init(), once per process. */
bool curl_ready(struct error *err);

#endif
