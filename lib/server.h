/*
 * server: a small HTTP/1.1 server on an event loop, for the reference shop and for the witnesses.
 *
 *	static void handle(void *context, struct server_call *call)
 *	{
 *		server_reply(call, 200, text_of("X-My: header\r\n"), text_of("hello\n"));
 *	}
 *	struct server *server = server_new(base, "127.0.0.1", 0, handle, NULL, err);
 *	printf("port %u\n", server_port(server));
 *
 * Strict (lib/http1), keep-alive, one call at a time per connection (pipelined requests wait),
 * heads and bodies bounded, slow or idle clients cut off after a time. The reply may come later,
 * from anywhere on the same loop; if the client has gone by then it is dropped. Single-threaded.
 */
#ifndef LIB_SERVER_H
#define LIB_SERVER_H

#include <stdint.h>

#include "lib/buffer.h"
#include "lib/error.h"
#include "lib/text.h"

struct event_base;
struct server;
struct server_call;

typedef void server_handle(void *context, struct server_call *call);

/* `port` 0: any free one. */
struct server *server_new(struct event_base *base, const char *address, uint16_t port,
			  server_handle *handle, void *context, struct error *err);
/* On a socket that listens already; it is closed at the end. */
struct server *server_on(struct event_base *base, int listener, server_handle *handle,
			 void *context, struct error *err);
void server_free(struct server *server); /* calls under way are given up */
uint16_t server_port(const struct server *server);

/* No more connections; those with a call under way may finish it. */
void server_stop_listening(struct server *server);
uint32_t server_calls(const struct server *server); /* under way */

enum { SERVER_BODY_MAX = 1 << 20 };
void server_set_body_max(struct server *server, size_t bytes); /* larger: 413 */

/* What was asked; valid until the reply. */
struct text server_method(const struct server_call *call);
struct text server_path(const struct server_call *call);  /* without the query */
struct text server_query(const struct server_call *call); /* without the '?'; may be empty */
struct text server_headers(const struct server_call *call); /* for http1_header() */
struct text server_body(const struct server_call *call);
const char *server_peer(const struct server_call *call); /* address of the client */
uint64_t server_connection(const struct server_call *call); /* which one; counts from 1 */

/* Once per call. `headers` are complete lines; Content-Length and Connection are added. */
void server_reply(struct server_call *call, int status, struct text headers, struct text body);

/* Instead of a reply: the connection ends without one, as a crash would end it. */
void server_hang_up(struct server_call *call);

/* A query or form parameter, percent-decoded, appended to `out`. False: there is none. */
bool server_parameter(struct text query, const char *name, struct buffer *out);

#endif
