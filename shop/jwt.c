#include "shop/jwt.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>

#include "lib/json_pointer.h"
#include "lib/memory.h"

enum { SIGNATURE_BYTES = 32 };

/* Fetching an algorithm and setting a key cost more than the digest: both are done once. */
struct jwt_key {
	EVP_MAC *mac;
	EVP_MAC_CTX *context;
	struct arena arena; /* of the pointers */
	struct json_pointer alg, sub, role, jti, iat, exp;
};

static const char digits64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void point_at(struct jwt_key *key, struct json_pointer *pointer, const char *path)
{
	json_pointer_compile(pointer, text_of(path), &key->arena, NULL);
}

struct jwt_key *jwt_key_new(const char *secret)
{
	struct jwt_key *key = memory_new(sizeof(*key));
	char digest[] = "SHA256";
	OSSL_PARAM parameters[] = { OSSL_PARAM_construct_utf8_string("digest", digest, 0),
				    OSSL_PARAM_construct_end() };

	key->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	key->context = key->mac ? EVP_MAC_CTX_new(key->mac) : NULL;
	if (!key->context ||
	    !EVP_MAC_init(key->context, (const unsigned char *)secret, strlen(secret), parameters))
		abort(); /* an OpenSSL without HMAC-SHA256 */
	point_at(key, &key->alg, "/alg");
	point_at(key, &key->sub, "/sub");
	point_at(key, &key->role, "/role");
	point_at(key, &key->jti, "/jti");
	point_at(key, &key->iat, "/iat");
	point_at(key, &key->exp, "/exp");
	return key;
}

void jwt_key_free(struct jwt_key *key)
{
	if (!key)
		return;
	EVP_MAC_CTX_free(key->context);
	EVP_MAC_free(key->mac);
	arena_release(&key->arena);
	free(key);
}

static void signature_of(struct jwt_key *key, struct text signed_part,
			 unsigned char out[SIGNATURE_BYTES])
{
	size_t length = 0;

	if (!EVP_MAC_init(key->context, NULL, 0, NULL) ||
	    !EVP_MAC_update(key->context, (const unsigned char *)signed_part.data,
			    signed_part.length) ||
	    !EVP_MAC_final(key->context, out, &length, SIGNATURE_BYTES) ||
	    length != SIGNATURE_BYTES)
		abort();
}

/* base64url without padding, as RFC 7515 wants it. */
static void encode64(struct buffer *out, const void *bytes, size_t length)
{
	const unsigned char *p = bytes;
	uint32_t bits = 0;
	int count = 0;

	for (size_t i = 0; i < length; i++) {
		bits = bits << 8 | p[i];
		for (count += 8; count >= 6; count -= 6)
			buffer_add_char(out, digits64[bits >> (count - 6) & 63]);
	}
	if (count)
		buffer_add_char(out, digits64[bits << (6 - count) & 63]);
}

static int digit64(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/*
 * Into `out`, of which there must be 3/4 of the text's length and 1. Strict: bits left over must
 * be 0, so that there is one spelling of a signature only.
 */
static bool decode64(struct text text, unsigned char *out, size_t *length)
{
	uint32_t bits = 0;
	int count = 0;

	*length = 0;
	for (size_t i = 0; i < text.length; i++) {
		int digit = digit64(text.data[i]);

		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		count += 6;
		if (count >= 8) {
			count -= 8;
			out[(*length)++] = (unsigned char)(bits >> count);
		}
	}
	return count < 6 && (bits & ((1U << count) - 1)) == 0;
}

static void add_member(struct buffer *out, const char *name, const char *value)
{
	buffer_format(out, "\"%s\":\"", name);
	json_escape(out, text_of(value));
	buffer_add_string(out, "\",");
}

void jwt_sign(struct jwt_key *key, const struct jwt_claims *claims, struct buffer *out)
{
	static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
	struct buffer payload = BUFFER_EMPTY;
	unsigned char signature[SIGNATURE_BYTES];
	size_t start = out->length;

	buffer_add_char(&payload, '{');
	add_member(&payload, "sub", claims->subject);
	add_member(&payload, "role", claims->role);
	add_member(&payload, "jti", claims->id);
	buffer_format(&payload, "\"iat\":%lld,\"exp\":%lld}", (long long)claims->issued_s,
		      (long long)claims->expires_s);

	encode64(out, header, sizeof(header) - 1);
	buffer_add_char(out, '.');
	encode64(out, payload.data, payload.length);
	signature_of(key, (struct text){ out->data + start, out->length - start }, signature);
	buffer_add_char(out, '.');
	encode64(out, signature, sizeof(signature));
	buffer_release(&payload);
}

/* Up to the next dot or the end; `rest` goes on behind it. */
static struct text next_part(struct text *rest)
{
	const char *dot = memchr(rest->data, '.', rest->length);
	size_t length = dot ? (size_t)(dot - rest->data) : rest->length;
	size_t taken = dot ? length + 1 : length;
	struct text part = { rest->data, length };

	rest->data += taken;
	rest->length -= taken;
	return part;
}

static bool header_is_ours(struct jwt_key *key, struct text part)
{
	unsigned char bytes[JWT_LENGTH_MAX];
	struct json_found found;
	size_t length;

	return decode64(part, bytes, &length) &&
	       json_find(&key->alg, (struct text){ (const char *)bytes, length }, &found) ==
		       JSON_FOUND &&
	       found.kind == VALUE_STRING && text_is(found.raw, "HS256");
}

static bool signature_holds(struct jwt_key *key, struct text signed_part, struct text part)
{
	unsigned char wanted[SIGNATURE_BYTES], seen[JWT_LENGTH_MAX];
	size_t length;

	if (!decode64(part, seen, &length) || length != SIGNATURE_BYTES)
		return false;
	signature_of(key, signed_part, wanted);
	return CRYPTO_memcmp(wanted, seen, SIGNATURE_BYTES) == 0;
}

static bool string_claim(struct text payload, const struct json_pointer *pointer,
			 struct arena *arena, const char **out)
{
	struct buffer plain = BUFFER_EMPTY;
	struct json_found found;

	if (json_find(pointer, payload, &found) != JSON_FOUND || found.kind != VALUE_STRING)
		return false;
	json_unescape(&plain, found.raw);
	*out = arena_string(arena, buffer_text(&plain));
	buffer_release(&plain);
	return true;
}

static bool time_claim(struct text payload, const struct json_pointer *pointer, int64_t *out)
{
	struct json_found found;
	char digits[24];
	char *end;

	if (json_find(pointer, payload, &found) != JSON_FOUND || found.kind != VALUE_NUMBER ||
	    found.raw.length >= sizeof(digits))
		return false;
	memcpy(digits, found.raw.data, found.raw.length);
	digits[found.raw.length] = '\0';
	*out = strtoll(digits, &end, 10);
	return *end == '\0';
}

static enum jwt_result read_payload(struct jwt_key *key, struct text part, int64_t now_s,
				    struct arena *arena, struct jwt_claims *claims)
{
	unsigned char bytes[JWT_LENGTH_MAX];
	struct text payload = { (const char *)bytes, 0 };

	if (!decode64(part, bytes, &payload.length) ||
	    !string_claim(payload, &key->sub, arena, &claims->subject) ||
	    !string_claim(payload, &key->role, arena, &claims->role) ||
	    !string_claim(payload, &key->jti, arena, &claims->id) ||
	    !time_claim(payload, &key->iat, &claims->issued_s) ||
	    !time_claim(payload, &key->exp, &claims->expires_s))
		return JWT_MALFORMED;
	return now_s >= claims->expires_s ? JWT_EXPIRED : JWT_VALID;
}

enum jwt_result jwt_verify(struct jwt_key *key, struct text token, int64_t now_s,
			   struct arena *arena, struct jwt_claims *claims)
{
	struct text rest = token, header, payload, signature;
	struct text signed_part = token;

	if (token.length > JWT_LENGTH_MAX)
		return JWT_MALFORMED;
	header = next_part(&rest);
	payload = next_part(&rest);
	signature = next_part(&rest);
	if (rest.length || !signature.length)
		return JWT_MALFORMED;
	if (!header_is_ours(key, header))
		return JWT_MALFORMED;
	signed_part.length = (size_t)(payload.data + payload.length - token.data);
	if (!signature_holds(key, signed_part, signature))
		return JWT_FORGED;
	return read_payload(key, payload, now_s, arena, claims);
}
