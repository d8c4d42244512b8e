/*
 * jwt: tokens that say who asks, signed with HMAC-SHA256 (RFC 7519, HS256).
 *
 *	struct jwt_key *key = jwt_key_new(settings->jwt_secret);
 *	jwt_sign(key, &(struct jwt_claims){ .subject = "usr_1", .role = "customer", ... }, &token);
 *	switch (jwt_verify(key, text, now_s, request->arena, &claims)) { case JWT_VALID: ... }
 *
 * One algorithm and no choice of it: a token whose header says anything but HS256 ("none" above
 * all) is refused, whatever else is in it. Nothing of the payload is looked at before the
 * signature holds.
 */
#ifndef SHOP_JWT_H
#define SHOP_JWT_H

#include <stdint.h>

#include "lib/arena.h"
#include "lib/buffer.h"
#include "lib/text.h"

struct jwt_key;

struct jwt_claims {
	const char *subject; /* sub */
	const char *role;
	const char *id;      /* jti */
	int64_t issued_s, expires_s; /* iat, exp: seconds since 1970 */
};

enum jwt_result {
	JWT_VALID,
	JWT_MALFORMED, /* not a token of ours at all */
	JWT_FORGED,    /* the signature does not hold */
	JWT_EXPIRED,
};

enum { JWT_LENGTH_MAX = 2048 };

struct jwt_key *jwt_key_new(const char *secret);
void jwt_key_free(struct jwt_key *key);

/* Appends the token. */
void jwt_sign(struct jwt_key *key, const struct jwt_claims *claims, struct buffer *out);

/* The claims' strings are in the arena; `claims` means something only when valid. */
enum jwt_result jwt_verify(struct jwt_key *key, struct text token, int64_t now_s,
			   struct arena *arena, struct jwt_claims *claims);

#endif
