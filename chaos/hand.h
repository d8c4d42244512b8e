/*
 * hand: a process of the supervisor's own, for what may take long, hang or crash.
 *
 * The supervisor waits for nothing but its journal: faults are planned, armed and kept up by one
 * hand each (a keeper), and healed by another (a healer). A hand that takes too long is killed.
 *
 *	hand_start(&hand, work, context, HAND_DIES_WITH_US, err); // runs work(context, side)
 *	... hand.fd readable: while (hand_next(&hand, &word))
 *	hand_tell(&hand, 'e');
 *	hand_release(&hand);                                       // kills it, if it is still there
 *
 * Both ends see the other's death as an end of the stream.
 */
#ifndef CHAOS_HAND_H
#define CHAOS_HAND_H

#include <sys/types.h>

#include "chaos/identity.h"
#include "lib/buffer.h"

enum { HAND_WORD_MAX = 4 * 1024 * 1024 };

/* One thing that a hand says. */
struct hand_word {
	uint32_t what;   /* as its work and its owner agreed */
	int64_t number;
	struct text text; /* valid until the next hand_next() */
};

struct hand {
	pid_t pid;       /* 0: there is none */
	int fd;
	struct process_identity process;
	struct buffer came;
	size_t taken;    /* of `came` */
	bool ended;      /* it will say nothing more */
};

/* The name that its process goes by. */
#define HAND_NAME "saga-hand"

enum hand_fate { HAND_DIES_WITH_US, HAND_GOES_ON };

struct hand_side; /* the hand's end */
typedef void hand_work(void *context, struct hand_side *side);

bool hand_start(struct hand *hand, hand_work *work, void *context, enum hand_fate fate,
		struct error *err);
bool hand_next(struct hand *hand, struct hand_word *word); /* never blocks */
void hand_tell(struct hand *hand, char order);
/* Waits for what it says, at most so long; false when there was nothing, or it has ended. */
bool hand_wait(struct hand *hand, int64_t wait_us, struct hand_word *word);
void hand_release(struct hand *hand);

/* In the hand. The owner's order, 0 when none came within the time; -1: the owner is gone. */
int hand_order(struct hand_side *side, int64_t wait_us);
void hand_say(struct hand_side *side, uint32_t what, int64_t number, struct text text);

#endif
