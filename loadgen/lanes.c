/*
 * The connections of users. A visitor keeps its connections while it thinks, as browsers do; when
 * there are as many as we may have, the visitor that was idle longest gives up its own. See crew.h.
 */
#include <stdlib.h>

#include "lib/memory.h"
#include "loadgen/crew.h"

void user_is_idle(struct user *user, bool idle)
{
	struct worker *worker = user->worker;

	if (user->is_idle)
		TAILQ_REMOVE(&worker->idle, user, idle);
	user->is_idle = idle && user->lane_count;
	if (user->is_idle)
		TAILQ_INSERT_TAIL(&worker->idle, user, idle);
}

static void make_room(struct worker *worker)
{
	while (transport_connections(worker->transport) >= worker->connections_max) {
		struct user *longest = TAILQ_FIRST(&worker->idle);

		if (!longest)
			return; /* all are in use; the next one fails, and says why */
		for (uint8_t i = 0; i < longest->lane_count; i++)
			lane_disconnect(longest->lanes[i].lane);
		user_is_idle(longest, false);
	}
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
	if (!lane_connected(lane->lane))
		make_room(user->worker);
	return lane;
}

void user_lanes_free(struct user *user)
{
	for (uint8_t i = 0; i < user->lane_count; i++)
		lane_free(user->lanes[i].lane);
	free(user->lanes);
	user->lanes = NULL;
	user->lane_count = 0;
}
