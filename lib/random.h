/*
 * random: named streams from one printed seed.
 *
 * Every purpose has its own stream, so that drawing one number more for think times does not shift
 * the arrivals. The same (seed, name, index) gives the same numbers on every machine.
 *
 *	struct random stream = random_stream(seed, "arrivals", 0);
 *	double gap_s = random_exponential(&stream, 1.0 / rate);
 *
 * The generator is xoshiro256** seeded by splitmix64; not for secrets.
 */
#ifndef LIB_RANDOM_H
#define LIB_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state[4];
};

struct random random_stream(uint64_t seed, const char *name, uint64_t index);

uint64_t random_next(struct random *random);
double random_unit(struct random *random); /* [0, 1) */
uint64_t random_below(struct random *random, uint64_t bound); /* [0, bound); bound > 0 */
int64_t random_between(struct random *random, int64_t low, int64_t high); /* both included */
double random_exponential(struct random *random, double mean);
double random_normal(struct random *random, double mean, double deviation);

/* "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx" and a NUL. */
void random_uuid(struct random *random, char out[37]);

#endif
