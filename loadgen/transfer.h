/*
 * transfer: one HTTP exchange after the other, over one connection, by one of two transports.
 *
 * A lane is what a browser calls a connection: it belongs to one user and one origin, and carries
 * one exchange at a time. It connects when it must, keeps alive when it can, and notices by itself
 * when an idle connection was closed by the peer.
 *
 *	struct transport *transport = transport_new(TRANSPORT_DIRECT, &settings, base, err);
 *	struct lane *lane = lane_new(transport, origin);
 *	lane_send(lane, &request, when_done, user); // when_done is called once, from the loop
 *	...
 *	lane_free(lane);                                       // in an exchange: given up silently
 *
 * Two transports, the same results and the same errors:
 *
 *   TRANSPORT_DIRECT  our own HTTP/1.1 over a socket that libcurl opened (names, addresses, local
 *                     binding, proxies stay libcurl's). The fast one.
 *   TRANSPORT_CURL    libcurl multi for everything, HTTP/2 too (when asked for: HTTP_AUTO is
 *                     HTTP/1.1 in both). A connected lane takes 10 KiB, and 16 more while it is
 *                     asking, against half a KiB of the other; and a descriptor, as there.
 *
 * What shows which one it was: libcurl does not count chunk sizes and HTTP/2 frames in `bytes_in`,
 * overlooks some bad chunk sizes, and cleartext requests through an HTTP proxy are tunnelled by the
 * direct one (transport_choose() prefers libcurl for them, which tells the proxy the whole URL).
 *
 * Neither follows redirects, keeps cookies, decodes content or retries: the user does that, above
 * both, so it can't differ. What both do: if a kept connection turns out dead before one byte of
 * the answer came, an idempotent request (GET HEAD PUT DELETE) is sent once more on a new
 * connection; a POST or PATCH is never sent twice, it fails with FAILURE_RESET.
 *
 * Not to get a connection within `connect_timeout_us` is FAILURE_DNS, CONNECT or TLS, whichever it
 * was waiting for: nothing was sent. FAILURE_TIMEOUT is the request's own timeout. With TLS, a body
 * that only the end of the connection ends may be cut unseen, as many servers end it without TLS's
 * own goodbye.
 *
 * Time: `sent_us` is when the exchange began (before connecting, if it had to), `done_us` when the
 * last byte of the answer was read. Nothing here reads the clock more than once per loop turn but
 * for these two (loop_clock(), see loadgen/loop.h).
 */
#ifndef LOADGEN_TRANSFER_H
#define LOADGEN_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/record.h"
#include "lib/text.h"

struct loop;
struct transport;
struct lane;

enum transport_kind { TRANSPORT_AUTO, TRANSPORT_DIRECT, TRANSPORT_CURL };

enum http_version { HTTP_AUTO, HTTP_1_1, HTTP_2 };

enum http_method {
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
	METHOD_PUT,
	METHOD_PATCH,
	METHOD_DELETE,
	METHOD_OPTIONS,
	METHOD_COUNT
};

const char *http_method_name(enum http_method method);

/* Where requests go. Made once per run; both transports and the user borrow it. */
struct origin {
	char *url;  /* "http://host:port", no path, no slash at the end */
	char *host; /* for the Host header: with the port unless it is the scheme's own */
	char *name; /* host name alone: SNI and certificate checks */
	uint16_t port;
	bool tls;
};

/* The `http:` section of a scenario, as far as transports care. */
struct transfer_settings {
	struct origin *origins;
	uint16_t origin_count;
	enum http_version version;
	bool verify;             /* check certificates; default yes */
	const char *ca;          /* file with certificates to trust instead of the system's */
	const char *certificate; /* client certificate and key, PEM files */
	const char *key;
	const char *sni;         /* name to ask for and to check, instead of the URL's */
	const char *proxy;       /* NULL: none, whatever the environment says */
	const char *const *resolve; /* "host:port:address", NULL-ended */
	const char *const *from;    /* local addresses to connect from, in turn, NULL-ended */
	int64_t connect_timeout_us; /* for name, TCP and TLS together */
	int64_t max_body_bytes;     /* a wanted body larger than this is FAILURE_PROTOCOL */
	bool keep_alive;
	uint32_t seed;
};

struct exchange_request {
	enum http_method method;
	struct text path;    /* "/products?page=1" */
	struct text headers; /* lines with CRLF; without Host, Content-Length, Connection */
	struct text body;
	bool has_body;       /* an empty body is a body: Content-Length: 0 */
	bool want_body; /* otherwise the answer's body is read and dropped, whatever its size */
	int64_t timeout_us;  /* from sent to done */
};

struct exchange_result {
	enum failure failure; /* NONE, DNS, CONNECT, TLS, TIMEOUT, RESET or PROTOCOL */
	const char *detail;   /* of a failure: one line for people; valid during the callback */
	int status;           /* the final one (1xx are skipped); 0 if none came */
	int minor;            /* HTTP/1.minor; 2 for HTTP/2 */
	struct text headers;  /* all lines of the final head; valid during the callback */
	bool has_location, has_set_cookie, has_content_encoding;
	struct text body; /* if wanted: without transfer coding, with content coding; as above */
	bool new_connection;
	bool closes;          /* the connection is gone after this */
	bool exhausted;       /* of a failure: we had no descriptor or no local port left */
	int64_t sent_us, first_byte_us, done_us; /* first_byte_us is 0 when none came */
	uint32_t dns_us, connect_us, tls_us;     /* of a new connection */
	uint64_t bytes_in, bytes_out;            /* heads and bodies, as on the wire above TLS */
};

typedef void exchange_done(void *context, const struct exchange_result *result);

/* TRANSPORT_AUTO is decided by transport_choose(); here it is an error. */
struct transport *transport_new(enum transport_kind kind, const struct transfer_settings *settings,
				struct loop *loop, struct error *err);
void transport_free(struct transport *transport);

/*
 * DIRECT unless something needs libcurl (HTTP/2, an HTTPS or SOCKS proxy to a TLS origin, ...);
 * says what.
 */
enum transport_kind transport_choose(const struct transfer_settings *settings, const char **why);

struct lane *lane_new(struct transport *transport, uint16_t origin);
void lane_free(struct lane *lane);

/*
 * One at a time. `request` and what it points to must stay until `done` is called or the lane
 * freed.
 */
void lane_send(struct lane *lane, const struct exchange_request *request, exchange_done *done,
	       void *context);

bool lane_connected(const struct lane *lane);
void lane_disconnect(struct lane *lane); /* idle lanes only */

/*
 * Whether the descriptor limit leaves room for another connection. To be asked before sending by a
 * lane that is not connected; who sends without room may fail, exhausted.
 */
bool transport_has_room(const struct transport *transport);

/* Open connections of all lanes, for the health record. */
uint32_t transport_connections(const struct transport *transport);

#endif
