/* A keeper: plans one fault, arms it when it is told to, keeps it up, counts its hits. */
#include "chaos/supervisor_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chaos/proxied.h"
#include "lib/clock.h"

enum {
	TEND_US = 20000,
	COUNT_US = 1000000,
	COUNT_OFTEN_US = 100000, /* when so many hits end it */
};

/* Whom the kernel kills first when memory is short: rather what a fault starts than its healer. */
static void be_expendable(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "0", 1) < 0)
		errno = 0; /* then it stays as it is */
	close(fd);
}

static bool is_proxied(const struct fault *fault)
{
	return fault->kind->family == FAMILY_WIRE || fault->kind->family == FAMILY_CALL;
}

static bool plan(const struct keeping *keeping, struct fault_plan *plan, struct error *err)
{
	const struct fault_kind *kind = keeping->fault->kind;

	if (kind->possible && !kind->possible(err))
		return false;
	if (!is_proxied(keeping->fault))
		return kind->plan(keeping->fault, plan, err);
	if (!keeping->proxy)
		return error_set(err, "there is no proxy that could do it");
	return proxied_plan(keeping->proxy, keeping->fault, plan, err);
}

/* A proxied fault ends with this very process, however that comes about. */
static bool arm(const struct keeping *keeping, const json_t *undo, struct error *err)
{
	if (is_proxied(keeping->fault))
		return proxied_arm(keeping->proxy, keeping->fault, undo, err);
	return keeping->fault->kind->arm(keeping->fault, undo, err);
}

static int64_t count_hits(const struct keeping *keeping, const json_t *undo)
{
	const struct fault_kind *kind = keeping->fault->kind;

	if (is_proxied(keeping->fault))
		return proxied_hits(keeping->proxy, keeping->fault);
	return kind->hits ? kind->hits(keeping->fault, undo) : -1;
}

static void say_hits(const struct keeping *keeping, const json_t *undo, struct hand_side *side)
{
	const struct fault_kind *kind = keeping->fault->kind;
	struct buffer words = BUFFER_EMPTY;

	if (kind->tell)
		kind->tell(keeping->fault, undo, &words);
	hand_say(side, KEEPER_HITS, count_hits(keeping, undo), buffer_text(&words));
	buffer_release(&words);
}

static void say_planned(const struct fault_plan *plan, struct hand_side *side)
{
	json_t *word = json_pack("{s:O, s:s, s:s}", "undo", plan->undo, "does",
				 plan->does->data ? plan->does->data : "", "undoes",
				 plan->undoes->data ? plan->undoes->data : "");
	char *text = word ? json_dumps(word, JSON_COMPACT) : NULL;

	if (text && strlen(text) < HAND_WORD_MAX)
		hand_say(side, KEEPER_PLANNED, 0, text_of(text));
	else
		hand_say(side, KEEPER_REFUSED, 0, text_of("what would undo it can't be written"));
	free(text);
	json_decref(word);
}

/* Until the supervisor says that it is enough. */
static void keep_up(const struct keeping *keeping, const json_t *undo, struct hand_side *side)
{
	const struct fault *fault = keeping->fault;
	int64_t every_us = fault->times > 0 ? COUNT_OFTEN_US : COUNT_US;
	int64_t count_us = clock_now_us() + every_us;

	while (!hand_order(side, TEND_US)) {
		if (fault->kind->tend)
			fault->kind->tend(fault, undo);
		if (clock_now_us() < count_us)
			continue;
		say_hits(keeping, undo, side);
		count_us = clock_now_us() + every_us;
	}
	say_hits(keeping, undo, side);
}

static void arm_and_keep(const struct keeping *keeping, const json_t *undo, struct hand_side *side)
{
	struct error err = { "" };

	if (arm(keeping, undo, &err)) {
		hand_say(side, KEEPER_ARMED, count_hits(keeping, undo), text_of(""));
		keep_up(keeping, undo, side);
	} else {
		hand_say(side, KEEPER_FAILED, 0, text_of(err.text));
	}
}

void keeper_work(void *context, struct hand_side *side)
{
	struct buffer does = BUFFER_EMPTY, undoes = BUFFER_EMPTY;
	struct fault_plan found = { .does = &does, .undoes = &undoes };
	struct error err = { "" };
	int order = 0;

	be_expendable();
	if (!plan(context, &found, &err)) {
		hand_say(side, KEEPER_REFUSED, 0, text_of(err.text));
		return;
	}
	say_planned(&found, side);
	while (!order)
		order = hand_order(side, US_PER_S);
	if (order == 'g')
		arm_and_keep(context, found.undo, side);
}
