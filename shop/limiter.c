#include "shop/limiter.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/memory.h"

enum { SETS = 4096, WAYS = 8 };

struct bucket {
	uint64_t key; /* hash; 0: free */
	double tokens;
	int64_t at_us; /* when there were so many */
};

struct limiter {
	double rate_per_us, burst;
	uint64_t secret;
	struct bucket buckets[SETS][WAYS];
};

struct limiter *limiter_new(double rate_per_s, double burst)
{
	struct limiter *limiter = memory_new(sizeof(*limiter));

	limiter->rate_per_us = rate_per_s / (double)US_PER_S;
	limiter->burst = burst < 1.0 ? 1.0 : burst;
	if (getentropy(&limiter->secret, sizeof(limiter->secret)) != 0)
		limiter->secret = (uint64_t)clock_wall_us();
	return limiter;
}

void limiter_free(struct limiter *limiter)
{
	free(limiter);
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static uint64_t hash_of(const struct limiter *limiter, struct text key)
{
	uint64_t hash = limiter->secret;

	for (size_t i = 0; i < key.length; i++)
		hash = mix(hash ^ (unsigned char)key.data[i]);
	return hash ? hash : 1;
}

static void refill(const struct limiter *limiter, struct bucket *bucket, int64_t now_us)
{
	double came = (double)(now_us - bucket->at_us) * limiter->rate_per_us;

	if (now_us <= bucket->at_us)
		return;
	bucket->tokens = fmin(limiter->burst, bucket->tokens + came);
	bucket->at_us = now_us;
}

static struct bucket *find(struct limiter *limiter, uint64_t hash)
{
	struct bucket *set = limiter->buckets[hash % SETS];

	for (int i = 0; i < WAYS; i++)
		if (set[i].key == hash)
			return &set[i];
	return NULL;
}

/* A full one, in a free place or in that of the fullest. */
static struct bucket *make_bucket(struct limiter *limiter, uint64_t hash, int64_t now_us)
{
	struct bucket *set = limiter->buckets[hash % SETS];
	struct bucket *best = &set[0];

	for (int i = 0; i < WAYS; i++) {
		if (!set[i].key) {
			best = &set[i];
			break;
		}
		refill(limiter, &set[i], now_us);
		if (set[i].tokens > best->tokens)
			best = &set[i];
	}
	*best = (struct bucket){ .key = hash, .tokens = limiter->burst, .at_us = now_us };
	return best;
}

bool limiter_take(struct limiter *limiter, struct text key, int64_t now_us, int64_t *wait_us)
{
	uint64_t hash;
	struct bucket *bucket;

	*wait_us = 0;
	if (limiter->rate_per_us <= 0)
		return true;
	hash = hash_of(limiter, key);
	bucket = find(limiter, hash);
	if (!bucket)
		bucket = make_bucket(limiter, hash, now_us);
	refill(limiter, bucket, now_us);
	if (bucket->tokens < 1.0) {
		*wait_us = (int64_t)ceil((1.0 - bucket->tokens) / limiter->rate_per_us);
		return false;
	}
	bucket->tokens -= 1.0;
	return true;
}

void limiter_return(struct limiter *limiter, struct text key)
{
	struct bucket *bucket;

	if (limiter->rate_per_us <= 0)
		return;
	bucket = find(limiter, hash_of(limiter, key));
	if (bucket)
		bucket->tokens = fmin(limiter->burst, bucket->tokens + 1.0);
}
