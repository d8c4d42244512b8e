/*
 * server_parts: a connection and who does what with it. Inside lib/server*.c only.
 *
 *	server.c          the listener, the connections, the time they have
 *	server_request.c  bytes to a call
 *	server_reply.c    a reply to bytes
 */
#ifndef LIB_SERVER_PARTS_H
#define LIB_SERVER_PARTS_H

#include <event2/event.h>

#include "lib/http1.h"
#include "lib/server.h"

/*
 * READING   for a head or a body; a complete request makes it CALLED
 * CALLED    the handler has it; server_reply() makes it REPLYING
 * REPLYING  until all of it is written: then READING, or LINGERING when this was the last
 * LINGERING nothing is sent any more, what comes is thrown away until the client closes or its time
 *           is over: a client that is still sending would otherwise lose the reply
 */
enum connection_state { CONNECTION_READING, CONNECTION_CALLED, CONNECTION_REPLYING,
			CONNECTION_LINGERING };

struct server {
	struct event_base *base;
	server_handle *handle;
	void *context;
	struct event *accept, *sweep;
	struct server_call *first;
	size_t body_max;
	uint64_t connections; /* ever */
	uint32_t open, calls;
	int listener;
	bool stopping;
	int64_t now_us; /* when the loop last came here; good enough for time-outs */
	time_t date_s;
	char date[48];
};

/* A connection; it has one call at a time, so it is the call, too. */
struct server_call {
	struct server *server;
	struct server_call *next, **link;
	struct event *readable, *writable;
	int fd;
	enum connection_state state;
	uint64_t number;
	int64_t since_us; /* of this state: what decides when its time is over */

	struct buffer in; /* the request that is read or under way, and what came after it */
	size_t taken;     /* of `in`: the request */
	size_t scanned;
	struct http1_head head;
	bool has_head;
	bool deaf;     /* not listening until the reply */
	bool handling; /* take_requests() is under way: it frees what is doomed */
	bool doomed;
	struct http1_body body_state;
	struct buffer gathered; /* a body that came in chunks */
	struct text body, path, query;

	struct buffer out;
	size_t sent;
	bool last; /* the connection ends after this reply */
	char peer[48];
};

void connection_end(struct server_call *call); /* now, or when its handler has returned */
void connection_set_state(struct server_call *call, enum connection_state state);

/* server_request.c: takes what can be taken; hands complete requests to the handler. */
void connection_read(struct server_call *call);
void connection_go_on(struct server_call *call); /* after a reply */

/* server_reply.c */
void connection_write(struct server_call *call);
void connection_refuse(struct server_call *call, int status); /* a reply without a call */

#endif
