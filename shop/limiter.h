/*
 * limiter: token buckets, one per key.
 *
 *	struct limiter *limiter = limiter_new(100.0, 100.0);  // per second, and at once
 *	if (!limiter_take(limiter, text_of("usr_1"), now_us, &wait_us))
 *		refuse, and say that it is worth trying again after wait_us
 *
 * In any time t at most burst + rate x t are let through. Memory is bounded: there is room for
 * 32,768 buckets in sets of eight. When a set is full, the bucket that is the fullest is
 * forgotten; one that is full again is the same as a new one, so nothing is lost unless more
 * than eight keys of one set are busy at a time. Where a key lies depends on a random number, so
 * nobody can aim at it.
 */
#ifndef SHOP_LIMITER_H
#define SHOP_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/text.h"

struct limiter;

/* `rate` 0: everything is let through. */
struct limiter *limiter_new(double rate_per_s, double burst);
void limiter_free(struct limiter *limiter);

/* Takes one; false: there is none, and the next one comes in `*wait_us`. */
bool limiter_take(struct limiter *limiter, struct text key, int64_t now_us, int64_t *wait_us);

/* Gives one back that was taken for something that another limiter then refused. */
void limiter_return(struct limiter *limiter, struct text key);

#endif
