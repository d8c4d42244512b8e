/*
 * The connections of users. A visitor keeps its connections while it thinks, as browsers do; when
 * there are as many as we may have, the visitor that was idle longest gives up its own. When nobody
 * is idle, requests wait: they are late then, which the report tells. See crew.h.
 */
#include <stdlib.h>

#include "lib/memory.h"
#include "loadgen/visit.h"

/* Connections that the peer closes make room without telling us: so often we look. */
enum { LOOK_AGAIN_US = 20000 };

static void look_now(struct worker *worker);

void user_is_idle(struct user *user, bool idle)
{
	struct worker *worker = user->worker;

	if (user->is_idle)
		TAILQ_REMOVE(&worker->idle, user, idle);
	user->is_idle = idle && user->lane_count;
	if (user->is_idle)
		TAILQ_INSERT_TAIL(&worker->idle, user, idle);
	if (user->is_idle && !TAILQ_EMPTY(&worker->waiting))
		look_now(worker);
}

static void give_up_idle_lanes(struct user *user)
{
	for (uint8_t i = 0; i < user->lane_count; i++)
		if (!user->lanes[i].busy)
			lane_disconnect(user->lanes[i].lane);
}

static bool make_room(struct worker *worker)
{
	while (!transport_has_room(worker->transport)) {
		struct user *longest = TAILQ_FIRST(&worker->idle);

		if (!longest)
			return false;
		give_up_idle_lanes(longest);
		user_is_idle(longest, false);
	}
	return true;
}

static struct user_lane *add_lane(struct user *user, uint16_t origin)
{
	struct user_lane *lane;

	user->lanes = memory_resize(user->lanes, user->lane_count + 1u, sizeof(*user->lanes));
	lane = &user->lanes[user->lane_count++];
	*lane = (struct user_lane){ lane_new(user->worker->transport, origin), origin, false };
	return lane;
}

struct user_lane *user_lane_for(struct user *user, uint16_t origin)
{
	struct user_lane *lane = NULL;

	for (uint8_t i = 0; i < user->lane_count && !lane; i++)
		if (!user->lanes[i].busy && user->lanes[i].origin == origin)
			lane = &user->lanes[i];
	if (!lane)
		lane = add_lane(user, origin);
	if (lane_connected(lane->lane) || make_room(user->worker))
		return lane;
	return NULL;
}

static void look(void *context)
{
	struct worker *worker = context;
	struct user_lane *lane;
	struct visit *first;

	while ((first = TAILQ_FIRST(&worker->waiting))) {
		lane = user_lane_for(first->user, first->origin);
		if (!lane)
			break;
		room_leave(first);
		visit_transmit(first, lane);
	}
	if (first)
		alarm_set(worker->loop, &worker->room, loop_now(worker->loop) + LOOK_AGAIN_US, look,
			  worker);
}

static void look_now(struct worker *worker)
{
	alarm_set(worker->loop, &worker->room, loop_now(worker->loop), look, worker);
}

/* Who waits keeps nothing that another may be waiting for. */
void room_wait(struct visit *visit)
{
	struct worker *worker = visit->user->worker;

	give_up_idle_lanes(visit->user);
	visit->is_waiting = true;
	TAILQ_INSERT_TAIL(&worker->waiting, visit, waiting);
	worker->waited++;
	look_now(worker);
}

void room_leave(struct visit *visit)
{
	visit->is_waiting = false;
	TAILQ_REMOVE(&visit->user->worker->waiting, visit, waiting);
}

void user_lanes_free(struct user *user)
{
	for (uint8_t i = 0; i < user->lane_count; i++)
		lane_free(user->lanes[i].lane);
	free(user->lanes);
	user->lanes = NULL;
	user->lane_count = 0;
}
