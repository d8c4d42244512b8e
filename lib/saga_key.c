#include "lib/saga_key.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "lib/clock.h"

uint64_t text_hash(struct text text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < text.length; i++)
		hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(0x100000001b3);
	hash ^= hash >> 33;
	hash *= UINT64_C(0xff51afd7ed558ccd);
	hash ^= hash >> 33;
	return hash ? hash : 1;
}

uint64_t saga_run_id(void)
{
	uint64_t id = 0;

	if (getrandom(&id, sizeof(id), GRND_NONBLOCK) != sizeof(id))
		id = (uint64_t)clock_wall_us() * UINT64_C(0x9e3779b97f4a7c15);
	return id ? id : 1;
}

static unsigned check_of(uint64_t run, uint8_t contract, uint32_t saga)
{
	uint64_t words[3] = { run, contract, saga };

	return (unsigned)(text_hash((struct text){ (const char *)words, sizeof(words) }) & 0xffff);
}

void saga_key_write(uint64_t run, uint8_t contract, uint32_t saga, char out[SAGA_KEY_BYTES])
{
	snprintf(out, SAGA_KEY_BYTES, "%08x-%04x-4%02x%01x-%04x-%08x%04x", (unsigned)(run >> 32),
		 (unsigned)(run >> 16 & 0xffff), contract, (unsigned)(run >> 12 & 0xf),
		 (unsigned)(0x8000 | (run & 0x3fff)), saga, check_of(run, contract, saga));
}

static bool hex(struct text digits, uint64_t *number)
{
	*number = 0;
	for (size_t i = 0; i < digits.length; i++) {
		char c = digits.data[i];

		if (c >= '0' && c <= '9')
			*number = *number << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*number = *number << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	return true;
}

bool saga_key_read(struct text key, uint64_t run, uint8_t *contract, uint32_t *saga)
{
	char again[SAGA_KEY_BYTES];
	uint64_t number, which;

	if (key.length != SAGA_KEY_BYTES - 1 || !hex((struct text){ key.data + 15, 2 }, &which) ||
	    !hex((struct text){ key.data + 24, 8 }, &number))
		return false;
	saga_key_write(run, (uint8_t)which, (uint32_t)number, again);
	if (memcmp(again, key.data, key.length) != 0)
		return false;
	*contract = (uint8_t)which;
	*saga = (uint32_t)number;
	return true;
}
