/*
 * redact: what may be shown of what was sent or received, as the sample of an error.
 *
 *	redact(sample, secrets, secret_count, 2048, &shown);
 *
 * Masked as ***: the given secrets, wherever they stand; values of Authorization,
 * Proxy-Authorization, Cookie and Set-Cookie lines; what follows "Bearer" or "Basic"; JSON Web
 * Tokens; members of JSON and of forms whose name speaks of a password, a token, a secret, a key or
 * the like; user names and passwords in URLs. Of card numbers (13 to 19 digits that pass Luhn's
 * check) the last four digits stay. Control characters become visible (\n, \x1b), invalid UTF-8
 * becomes U+FFFD. So the result is safe to print, and it is at most `limit` bytes long, ending in
 * an ellipsis if it was cut.
 *
 * A net, not a wall: what a secret looks like is a guess where it is not given.
 */
#ifndef LIB_REDACT_H
#define LIB_REDACT_H

#include "lib/buffer.h"
#include "lib/text.h"

/* Appends to `out`. */
void redact(struct text in, char *const *secrets, size_t secret_count, size_t limit,
	    struct buffer *out);

#endif
