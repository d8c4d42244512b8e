#include "shop/password.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SALT_BYTES = 16, HASH_BYTES = 32, ITERATIONS_MAX = 10000000 };

static const char prefix[] = "pbkdf2-sha256$";

static bool derive(const char *password, const unsigned char *salt, int iterations,
		   unsigned char out[HASH_BYTES])
{
	return PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, SALT_BYTES, iterations,
				 EVP_sha256(), HASH_BYTES, out) == 1;
}

static void write_hex(char *out, const unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Exactly `count` bytes; returns what follows them, or NULL. */
static const char *read_hex(const char *text, unsigned char *out, size_t count)
{
	for (size_t i = 0; i < count; i++, text += 2) {
		int high = hex_digit(text[0]);
		int low = high < 0 ? -1 : hex_digit(text[1]);

		if (low < 0)
			return NULL;
		out[i] = (unsigned char)(high << 4 | low);
	}
	return text;
}

bool password_hash(const char *password, char stored[PASSWORD_STORED_MAX], struct error *err)
{
	unsigned char salt[SALT_BYTES], hash[HASH_BYTES];
	char salt_hex[2 * SALT_BYTES + 1], hash_hex[2 * HASH_BYTES + 1];

	if (RAND_bytes(salt, sizeof(salt)) != 1)
		return error_set(err, "no random bytes for a salt");
	if (!derive(password, salt, PASSWORD_ITERATIONS, hash))
		return error_set(err, "no PBKDF2 in this OpenSSL");
	write_hex(salt_hex, salt, sizeof(salt));
	write_hex(hash_hex, hash, sizeof(hash));
	snprintf(stored, PASSWORD_STORED_MAX, "%s%d$%s$%s", prefix, PASSWORD_ITERATIONS, salt_hex,
		 hash_hex);
	return true;
}

bool password_matches(const char *password, const char *stored)
{
	unsigned char salt[SALT_BYTES], wanted[HASH_BYTES], seen[HASH_BYTES];
	char *end;
	const char *p;
	long iterations;

	if (strncmp(stored, prefix, sizeof(prefix) - 1) != 0)
		return false;
	iterations = strtol(stored + sizeof(prefix) - 1, &end, 10);
	if (iterations < 1 || iterations > ITERATIONS_MAX || *end != '$')
		return false;
	p = read_hex(end + 1, salt, sizeof(salt));
	if (!p || *p != '$')
		return false;
	p = read_hex(p + 1, wanted, sizeof(wanted));
	if (!p || *p)
		return false;
	return derive(password, salt, (int)iterations, seen) &&
	       CRYPTO_memcmp(wanted, seen, sizeof(seen)) == 0;
}

void password_check_nobody(const char *password)
{
	static const unsigned char salt[SALT_BYTES];
	unsigned char hash[HASH_BYTES];

	derive(password, salt, PASSWORD_ITERATIONS, hash);
}
