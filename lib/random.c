#include "lib/random.h"

#include <math.h>

static uint64_t splitmix(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t hash_name(const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return hash;
}

struct random random_stream(uint64_t seed, const char *name, uint64_t index)
{
	struct random random;
	uint64_t mix = seed;

	mix = splitmix(&mix) ^ hash_name(name);
	mix = splitmix(&mix) ^ index;
	for (int i = 0; i < 4; i++)
		random.state[i] = splitmix(&mix);
	return random;
}

static uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

uint64_t random_next(struct random *random)
{
	uint64_t *s = random->state;
	uint64_t result = rotate(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

double random_unit(struct random *random)
{
	return (double)(random_next(random) >> 11) * 0x1.0p-53;
}

uint64_t random_below(struct random *random, uint64_t bound)
{
	uint64_t reject = -bound % bound; /* the part of 2^64 that would favour small numbers */
	uint64_t drawn;

	do
		drawn = random_next(random);
	while (drawn < reject);
	return drawn % bound;
}

int64_t random_between(struct random *random, int64_t low, int64_t high)
{
	uint64_t span = (uint64_t)high - (uint64_t)low + 1;

	if (high <= low)
		return low;
	if (span == 0)
		return (int64_t)random_next(random);
	return (int64_t)((uint64_t)low + random_below(random, span));
}

double random_exponential(struct random *random, double mean)
{
	return -mean * log1p(-random_unit(random));
}

double random_normal(struct random *random, double mean, double deviation)
{
	double radius = sqrt(-2 * log1p(-random_unit(random)));

	return mean + deviation * radius * cos(2 * 3.14159265358979323846 * random_unit(random));
}

void random_uuid(struct random *random, char out[37])
{
	static const char hex[] = "0123456789abcdef";
	uint64_t high = (random_next(random) & ~UINT64_C(0xf000)) | UINT64_C(0x4000);
	uint64_t low = (random_next(random) & ~(UINT64_C(3) << 62)) | UINT64_C(2) << 62;
	char *at = out;

	for (int i = 15; i >= 0; i--) {
		*at++ = hex[high >> (4 * i) & 15];
		if (i == 8 || i == 4)
			*at++ = '-';
	}
	*at++ = '-';
	for (int i = 15; i >= 0; i--) {
		*at++ = hex[low >> (4 * i) & 15];
		if (i == 12)
			*at++ = '-';
	}
	*at = '\0';
}
