/*
 * supervisor_parts: the inside of the supervisor; for chaos/supervisor*.c only.
 *
 * The supervisor's own process waits for nothing but its journal. What may take long is done by
 * hands (chaos/hand.h): a keeper plans, arms and keeps up one fault, a healer heals and looks.
 *
 *	supervisor.c         the controller's side: start, next, end; healing when it died
 *	supervisor_run.c     the process: its loop, its controller, its end
 *	supervisor_ward.c    one fault, from waiting for its trigger to being over
 *	supervisor_keeper.c  what a keeper does
 *	supervisor_calls.c   faults that wait for a call
 *	supervisor_tell.c    every change of state: history, journal, controller
 */
#ifndef CHAOS_SUPERVISOR_PARTS_H
#define CHAOS_SUPERVISOR_PARTS_H

#include "chaos/hand.h"
#include "chaos/heal.h"
#include "chaos/journal.h"
#include "chaos/supervisor.h"

/* From the controller. */
enum order_kind { ORDER_ALLOW = 1, ORDER_REFUSE, ORDER_TRIGGER, ORDER_HEAL_ALL, ORDER_END };

struct order {
	uint32_t kind; /* enum order_kind */
	uint32_t fault;
	char text[256];
};

/* To the controller; one packet each. */
enum notice_kind { NOTICE_READY = 1, NOTICE_BROKEN, NOTICE_EVENT, NOTICE_OUTCOME };

struct notice {
	uint32_t kind; /* enum notice_kind */
	union {
		char text[4096]; /* READY: the journal's path. BROKEN: why */
		struct fault_event event;
		struct supervisor_outcome outcome;
	};
};

/* What a keeper says; and what it is told: 'g' go and arm, 'e' end. */
enum keeper_word {
	KEEPER_PLANNED = 1, /* {"undo": ..., "does": ..., "undoes": ...} */
	KEEPER_REFUSED,     /* why; nothing was done */
	KEEPER_ARMED,
	KEEPER_FAILED,      /* why; it may be half armed */
	KEEPER_HITS,        /* number: so far; text: the same in words, if they say more */
};

struct keeping {
	const struct fault *fault;
	struct proxy *proxy;
};
void keeper_work(void *keeping, struct hand_side *side);

enum ward_step {
	WARD_WAITING,  /* for its trigger. To PLANNING; to OVER when all is to be healed */
	WARD_PLANNING, /* its keeper looks for targets. To ARMING; to OVER if refused */
	WARD_ARMING,   /* it is in the journal. To ARMED; to HEALING if that fails or is too late */
	WARD_ARMED,    /* to ENDING, for whatever reason */
	WARD_ENDING,   /* its keeper counts the last hits and ends. To HEALING */
	WARD_HEALING,  /* a healer is at it. To OVER */
	WARD_OVER,
};

/* One fault. */
struct ward {
	const struct fault *fault;
	enum ward_step step;
	enum fault_state state; /* as it was last told; PLANNED: nothing was */
	int64_t due_us;         /* INT64_MAX: not known, or not yet */
	int64_t until_us;       /* PLANNING to HEALING: when this step is over at the latest */
	int64_t hits;
	bool triggered;
	bool held;              /* a call waits until it is armed */
	bool failing;           /* it could not be armed: it ends as FAILED */
	json_t *undo;
	char *does, *undoes;
	char told[200];         /* what it hit, in words; mostly empty */
	struct error why;
	struct hand keeper, healer;
};

struct guard {
	const struct supervisor_settings *settings;
	int control;            /* -1: the controller is gone */
	int controller;         /* pidfd; -1: gone */
	struct proxy *proxy;
	struct journal *journal;
	struct history *history;
	struct ward *wards;
	size_t ward_count;
	bool allowed;
	bool closed;            /* everything is healed, nothing is armed any more */
	bool ending;            /* and then this process ends */
	char refusal[256];      /* why nothing is ever armed */
	struct notice *notices; /* that the controller has not taken yet */
	size_t notice_count, notice_room, notice_first;
};

__attribute__((noreturn)) void supervisor_main(const struct supervisor_settings *settings,
					       int control, int64_t controller);

void ward_step_on(struct guard *guard, struct ward *ward, int64_t now_us);
void ward_trigger(struct ward *ward, int64_t now_us);
/* When it must be looked at again without anything having been said. */
int64_t ward_next_us(const struct ward *ward, const struct guard *guard);
void ward_release(struct ward *ward);
void ward_refuse(struct guard *guard, struct ward *ward, const char *why);
/* What could not be seen to be gone is tried again. */
void ward_heal_again(struct guard *guard, struct ward *ward, int64_t now_us);

int guard_call_fd(const struct guard *guard); /* -1: none */
void guard_watch_calls(struct guard *guard);
void guard_watch_call(struct guard *guard, struct ward *ward); /* also once more */
void guard_hear_calls(struct guard *guard);
void guard_release_call(struct guard *guard, const struct ward *ward);

/* To history and controller, and what changes of armed faults to the journal. */
void guard_tell(struct guard *guard, struct ward *ward, enum fault_state state, const char *text);
void guard_tell_outcome(struct guard *guard);
void guard_send(struct guard *guard); /* what the controller has room for */
void guard_queue(struct guard *guard, const struct notice *notice);

/* Counts a fault's last state into the outcome. */
void outcome_count(struct supervisor_outcome *outcome, enum fault_state state);

#endif
