/*
 * Users who wait for each other, so that what comes next happens to all of them at once: the race
 * attack. The plan keeps users of one rendezvous in one worker (see plan.h).
 */
#include <stdlib.h>

#include "lib/memory.h"
#include "loadgen/crew.h"

struct meeting {
	struct meeting *next;
	const struct instruction *place;
	struct user *waiting;
	uint32_t count;
};

static struct meeting *meeting_at(struct worker *worker, const struct instruction *place)
{
	struct meeting *meeting = worker->meetings;

	while (meeting && meeting->place != place)
		meeting = meeting->next;
	if (meeting)
		return meeting;
	meeting = memory_new(sizeof(*meeting));
	meeting->place = place;
	meeting->next = worker->meetings;
	worker->meetings = meeting;
	return meeting;
}

void meeting_leave(struct user *user)
{
	struct user **link = &user->meeting->waiting;

	while (*link != user)
		link = &(*link)->next;
	*link = user->next;
	user->next = NULL;
	user->meeting->count--;
	user->meeting = NULL;
}

/* All go on from the same moment. */
static void begin_meeting(struct meeting *meeting, int64_t at_us)
{
	while (meeting->waiting) {
		struct user *user = meeting->waiting;

		meeting_leave(user);
		user_go_on(user, at_us);
	}
}

static void waited_long_enough(void *context)
{
	struct user *user = context;

	meeting_leave(user);
	user_go_on(user, user->alarm.due_us);
}

void meeting_join(struct user *user, const struct instruction *meet)
{
	struct worker *worker = user->worker;
	struct meeting *meeting = meeting_at(worker, meet);

	user->meeting = meeting;
	user->next = meeting->waiting;
	meeting->waiting = user;
	meeting->count++;
	if (meeting->count >= meet->limit)
		begin_meeting(meeting, loop_now(worker->loop));
	else
		alarm_set(worker->loop, &user->alarm, user->due_us + meet->wait_us,
			  waited_long_enough, user);
}

void meetings_free(struct worker *worker)
{
	while (worker->meetings) {
		struct meeting *meeting = worker->meetings;

		worker->meetings = meeting->next;
		free(meeting);
	}
}
