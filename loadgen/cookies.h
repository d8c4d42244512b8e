/*
 * cookies: what one visitor was told to remember, as a browser would (RFC 6265, and of its
 * successor what browsers do: Secure cookies only over TLS, the prefixes __Secure- and __Host-).
 *
 *	struct cookies cookies = COOKIES_EMPTY;
 *	cookies_set(&cookies, host, "/login", tls, "sid=1; Path=/; HttpOnly", now_s);
 *	cookies_expire(&cookies, now_s);
 *	cookies_write(&cookies, host, "/cart?page=1", tls, &headers); // "Cookie: sid=1\r\n"
 *	cookies_release(&cookies);
 *
 * What servers send is bounded: 50 cookies of 4 KiB each; the oldest makes way. A cookie that is
 * against the rules is ignored, as browsers do. There is no list of public suffixes; instead a
 * Domain without a dot is refused. As in browsers, this machine itself (localhost, 127.x, ::1)
 * counts as safe without TLS.
 *
 * Hosts are names without port; paths may have their query. Times are seconds since 1970. An empty
 * jar is one pointer.
 */
#ifndef LOADGEN_COOKIES_H
#define LOADGEN_COOKIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buffer.h"
#include "lib/text.h"
#include "lib/value.h"

enum { COOKIES_MAX = 50, COOKIE_BYTES_MAX = 4096 };

struct cookie_jar;

struct cookies {
	struct cookie_jar *jar; /* NULL while there is none */
};

#define COOKIES_EMPTY                                                                              \
	{                                                                                          \
		NULL                                                                               \
	}

void cookies_init(struct cookies *cookies);
void cookies_release(struct cookies *cookies);
void cookies_clear(struct cookies *cookies); /* forgets all; for the next visitor */

static inline bool cookies_empty(const struct cookies *cookies)
{
	return !cookies->jar;
}

/* `line` is the value of a Set-Cookie header in the answer to a request for `path` of `host`. */
void cookies_set(struct cookies *cookies, struct text host, struct text path, bool tls,
		 struct text line, int64_t now_s);

/* Forgets those whose time is over. */
void cookies_expire(struct cookies *cookies, int64_t now_s);

/* Appends a whole Cookie header line with those that go with that request, if there are any. */
void cookies_write(const struct cookies *cookies, struct text host, struct text path, bool tls,
		   struct buffer *out);

/* The value of the cookie of that name (exact case): that of the longest path. Or absent. */
struct value cookies_get(const struct cookies *cookies, const char *name);

#endif
