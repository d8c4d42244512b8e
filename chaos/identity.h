/*
 * identity: the very process, namespace or container that was meant, and never another that got its
 * number later.
 */
#ifndef CHAOS_IDENTITY_H
#define CHAOS_IDENTITY_H

#include <jansson.h>
#include <stdint.h>

#include "lib/error.h"

struct process_identity {
	int64_t pid;
	uint64_t started;   /* field 22 of /proc/PID/stat: clock ticks since boot */
	char boot[37];      /* /proc/sys/kernel/random/boot_id */
};

bool process_identify(int64_t pid, struct process_identity *identity, struct error *err);
/* Alive and the same. A zombie is dead; one that can't be looked at is not, as far as we know. */
bool process_alive(const struct process_identity *identity);
/* Sends it through a pidfd, after looking: never hits a successor. Gone: false with `*gone`. */
bool process_signal(const struct process_identity *identity, int signal, bool *gone,
		    struct error *err);
/* 'R' 'S' 'T' ...; 0: gone; or that nobody can tell, for lack of descriptors or of rights. */
enum { PROCESS_UNSEEN = '?' };
char process_state(const struct process_identity *identity);

bool process_has_name(const struct process_identity *process, const char *name); /* comm */
int64_t process_parent(int64_t pid);     /* 0: there is none, or no such process */
bool process_is_kernel(int64_t pid);     /* a thread of the kernel */
/* How long it has been alive; -1: it is gone. As exact as the kernel's ticks, 10 ms. */
int64_t process_age_us(const struct process_identity *identity);

json_t *process_to_json(const struct process_identity *identity);
bool process_from_json(const json_t *json, struct process_identity *identity, struct error *err);

#endif
