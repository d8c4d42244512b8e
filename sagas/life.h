/*
 * life: a witness as a process of its own: runs until it is told to end, or can't go on.
 */
#ifndef SAGAS_LIFE_H
#define SAGAS_LIFE_H

#include "lib/error.h"

struct event_base;

/*
 * Until SIGTERM, or SIGINT unless that is ignored: true. `trouble` is asked after each turn of the
 * loop: what it says, unless NULL, is the error.
 */
bool life_run(struct event_base *base, const char *(*trouble)(const void *subject),
	      const void *subject, struct error *err);

#endif
