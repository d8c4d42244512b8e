#include "shop/digest.h"

#include <openssl/evp.h>

static const char *in_hex(const unsigned char *bytes, size_t length, struct arena *arena)
{
	static const char digits[] = "0123456789abcdef";
	char *hex = arena_new(arena, 2 * length + 1);

	for (size_t i = 0; i < length; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	return hex;
}

const char *digest_rows(struct rows *rows, struct arena *arena, int64_t *count)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned int length = 0;
	int64_t seen = 0;

	EVP_DigestInit_ex(context, EVP_sha256(), NULL);
	for (; rows_next(rows); seen++) {
		struct text line = text_of(rows_text(rows, 0));

		EVP_DigestUpdate(context, line.data, line.length);
		EVP_DigestUpdate(context, "\n", 1);
	}
	rows_end(rows);
	EVP_DigestFinal_ex(context, sum, &length);
	EVP_MD_CTX_free(context);
	if (count)
		*count = seen;
	return in_hex(sum, length, arena);
}
