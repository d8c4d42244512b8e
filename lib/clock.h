/*
 * clock: one notion of now, in microseconds, that never goes back.
 *
 * Time is read once per turn of an event loop and passed in from there; nothing else calls
 * clock_now_us() on the hot path. Wall-clock time is only for what people read.
 */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdint.h>

int64_t clock_now_us(void);    /* CLOCK_MONOTONIC: the same in every process of this machine */
int64_t clock_wall_us(void);   /* since 1970, UTC */
int64_t clock_cpu_us(void);    /* CPU time of this process, user and system */

#define US_PER_S INT64_C(1000000)
#define US_PER_MS INT64_C(1000)

#endif
