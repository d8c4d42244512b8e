/*
 * checksum: whether the few words of a record are as they were written.
 *
 * Each step (xor, multiply by an odd number, xor with its own upper half) can be undone, so two
 * inputs that differ in one word never agree in 64 bits; any other difference is missed once in
 * 2^32. A dozen instructions a word where CRC-32 takes forty: it runs for every record of a run.
 */
#ifndef LIB_CHECKSUM_H
#define LIB_CHECKSUM_H

#include <stdint.h>
#include <string.h>

static inline uint64_t checksum_add(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return sum ^ sum >> 32;
}

/* Of `words` times 8 bytes, on top of `sum`. */
static inline uint64_t checksum_words(uint64_t sum, const void *bytes, int words)
{
	for (int i = 0; i < words; i++) {
		uint64_t word;

		memcpy(&word, (const char *)bytes + 8 * i, sizeof(word));
		sum = checksum_add(sum, word);
	}
	return sum;
}

#endif
