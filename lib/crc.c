#include "lib/crc.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>

#define POLYNOMIAL UINT32_C(0xedb88320)

/* tables[k][b]: what byte b adds to the remainder when k more bytes follow it. */
static uint32_t tables[8][256];
static pthread_once_t tables_made = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t rest = byte;

		for (int bit = 0; bit < 8; bit++)
			rest = rest >> 1 ^ (rest & 1 ? POLYNOMIAL : 0);
		tables[0][byte] = rest;
	}
	for (int k = 1; k < 8; k++)
		for (int byte = 0; byte < 256; byte++)
			tables[k][byte] =
				tables[k - 1][byte] >> 8 ^ tables[0][tables[k - 1][byte] & 255];
}

static uint32_t eight_bytes(uint32_t rest, const unsigned char *from)
{
	uint64_t word;

	memcpy(&word, from, sizeof(word));
	word = le64toh(word) ^ rest;
	return tables[7][word & 255] ^ tables[6][word >> 8 & 255] ^ tables[5][word >> 16 & 255] ^
	       tables[4][word >> 24 & 255] ^ tables[3][word >> 32 & 255] ^
	       tables[2][word >> 40 & 255] ^ tables[1][word >> 48 & 255] ^ tables[0][word >> 56];
}

uint32_t crc32_of(const void *bytes, size_t length)
{
	const unsigned char *from = bytes;
	uint32_t rest = UINT32_MAX;

	pthread_once(&tables_made, make_tables);
	for (; length >= 8; from += 8, length -= 8)
		rest = eight_bytes(rest, from);
	for (; length; from++, length--)
		rest = rest >> 8 ^ tables[0][(rest ^ *from) & 255];
	return ~rest;
}
