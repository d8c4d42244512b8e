/*
 * crew: the inside of a worker, shared by the files that make it up and by no one else.
 *
 *	worker.c    sets up, ticks once a second, winds down
 *	flow.c      open phases: begins a user at every planned start
 *	crowd.c     closed phases: seats whose users begin again and again
 *	user.c      one visitor walking a journey's program
 *	lanes.c     the connections of users; who gives up theirs, who waits, when they are too many
 *	meeting.c   users who wait for each other
 *	visit.c     one request of a user, with its redirects, retries and polls
 *	answer.c    what an answer must be like, and what is kept of it
 *	saga_visit.c  what it means for the saga that it is about
 *
 * Below, `due` is always the moment something was meant to happen, and never the moment we got
 * around to it: latency counts from there.
 */
#ifndef LOADGEN_CREW_H
#define LOADGEN_CREW_H

#include <sys/queue.h>

#include "lib/history.h"
#include "loadgen/cookies.h"
#include "loadgen/loop.h"
#include "loadgen/tally.h"
#include "loadgen/worker.h"

enum { NO_SEAT = UINT32_MAX };

struct event;
struct visit;
struct crowd;
struct meeting;

/* A connection that a user has, to one origin. */
struct user_lane {
	struct lane *lane;
	uint16_t origin;
	bool busy;
};

/* A variable of a journey: its value, in a buffer that outlives the journey. */
struct slot {
	struct value value;
	struct buffer own;
};

struct loop_turn {
	uint32_t turn; /* from 0 */
	uint32_t left; /* further ones */
};

enum user_state {
	USER_FREE,     /* in the pool; user_begin() takes it out */
	USER_STEPPING, /* inside user_advance(), which leaves it in any of the other states */
	USER_THINKING, /* until its alarm; user_woken() goes on */
	USER_ASKING,   /* until its last visit under way ends; user_visit_ended() goes on */
	USER_MEETING,  /* until its meeting is complete or its alarm; meeting.c goes on */
	USER_STATES
};

struct user {
	struct worker *worker;
	struct user *next;            /* in the pool, or in its meeting */
	struct user *older, *younger; /* users with a journey, for winding down */
	TAILQ_ENTRY(user) idle;       /* among those whose connections nobody uses, if is_idle */
	bool is_idle;
	const struct journey *journey;
	enum user_state state;
	uint32_t at;                  /* next instruction */
	uint32_t number;              /* of the start */
	uint32_t seat;                /* in `crowd`, or NO_SEAT */
	struct crowd *crowd;
	int64_t intended_us;          /* of the start */
	int64_t begun_us;
	int64_t due_us;               /* when the visitor is ready for the next step */
	uint32_t requests;
	uint32_t picks;
	uint16_t parts_next, parts_under_way; /* of OP_TOGETHER */
	uint8_t phase;
	uint8_t failure;              /* enum failure of what ended the journey */
	uint8_t lane_count;
	uint16_t last_status;
	struct alarm alarm;
	struct meeting *meeting;
	struct visit *visits;         /* under way */
	struct random random;
	struct cookies cookies;
	struct user_lane *lanes;
	struct loop_turn loops[LOOPS_MAX];
	uint32_t *rows;               /* per data source */
	struct user_saga *sagas;      /* per contract */
	struct slot slots[];          /* as many as the journey with most of them needs */
};

struct worker {
	const struct load *load;
	const struct worker_place *place;
	struct loop *loop;
	struct transport *transport;
	struct history *history;
	struct tally tally;
	uint8_t slot_count; /* of a user */

	TAILQ_HEAD(, user) idle;     /* users with idle connections, the longest idle first */
	TAILQ_HEAD(, visit) waiting; /* for room for a connection, in the order they came */
	struct alarm room;           /* there may be room again */
	struct user *free_users;
	struct user *youngest; /* of those with a journey */
	uint32_t users, users_max;
	struct visit *free_visits;
	uint32_t visits; /* under way */
	uint32_t sagas;  /* minted */
	struct flow *flow;
	struct crowd *crowds;
	size_t crowd_count;
	struct meeting *meetings;

	char numbers[4096];    /* short texts made from numbers, round and round */
	size_t numbers_at;
	struct buffer scratch; /* decoded values, rendered texts */
	struct buffer inflated;
	uint8_t *sampled;      /* bit per failure and name: a sample was kept */

	int64_t wall_us;       /* of the last tick: timestamps in requests are that exact */
	struct alarm tick;
	struct alarm drained;
	struct event *command_event;
	uint64_t closed_starts; /* of this worker */
	int64_t cpu_before_us;
	int64_t second_began_us;
	int64_t tick_late_us;
	uint64_t sent_before, done_before;
	uint32_t waited, exhausted; /* this second, see struct record_health */
	bool ended;    /* everyone has left; what is told now is the last */
	bool stopping; /* nothing starts any more */
	bool paused;   /* nothing starts now: an open load is dropped, never delayed */
	bool cutting_off; /* what is under way ends, no retries */
	bool aborting; /* what is under way is given up: not the system's fault */
};

/* Run time, as records have it. */
static inline int64_t worker_since_start(const struct worker *worker, int64_t at_us)
{
	return at_us - worker->place->start_us;
}

static inline uint32_t clamp_u32(int64_t number)
{
	return number < 0 ? 0 : number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

void worker_consider_end(struct worker *worker); /* after anything that may have been the last */

/* flow.c */
struct flow *flow_new(struct worker *worker);
void flow_free(struct flow *flow);
void flow_stop(struct flow *flow);
bool flow_over(const struct flow *flow);

/* crowd.c: all closed phases of the plan. */
void crowds_begin(struct worker *worker);
void crowds_stop(struct worker *worker);
void crowds_release(struct worker *worker);
bool crowds_over(const struct worker *worker);
void crowd_user_left(struct crowd *crowd, uint32_t seat, bool asked, int64_t at_us);

/* user.c */
struct beginning {
	struct start start;     /* `at_us` since the start of the run */
	const uint64_t *draws;  /* per data source: this start's draw */
	struct crowd *crowd;    /* NULL in open phases */
	uint32_t seat;
};
/* False when there was no room and the start was dropped. */
bool user_begin(struct worker *worker, const struct beginning *beginning);
void user_advance(struct user *user);
void user_go_on(struct user *user, int64_t due_us); /* from THINKING or MEETING */
void user_visit_ended(struct user *user, const struct request_step *step, enum failure failure,
		      int64_t done_us);
void user_cut_off(struct user *user); /* the end of the run, whatever it was doing */
void users_free(struct worker *worker);
void user_set_slot(struct user *user, uint8_t slot, struct value value);

/* lanes.c */
/* Idle, or new; NULL: no room. */
struct user_lane *user_lane_for(struct user *user, uint16_t origin);
void room_wait(struct visit *visit); /* visit_transmit() follows, in turn */
void room_leave(struct visit *visit);
void user_lanes_free(struct user *user);
void user_is_idle(struct user *user, bool idle); /* its connections may be closed for others */

/* meeting.c */
void meeting_join(struct user *user, const struct instruction *meet);
void meeting_leave(struct user *user);
void meetings_free(struct worker *worker);

/* What templates and expressions can see. */
struct answer {
	int status;
	int minor;
	struct text reason;
	struct text headers;
	struct text body;
	int64_t service_us;
};

struct scene {
	struct user *user;
	const char *request_key;     /* NULL: none was minted */
	const struct answer *answer; /* NULL outside of one */
};

struct template_source scene_templates(struct scene *scene);
struct expression_source scene_expressions(struct scene *scene);

/* visit.c */
void visit_begin(struct user *user, const struct request_step *step, int64_t due_us, bool part);
bool visits_wait(const struct user *user); /* one could not even be sent, for want of room */
void visits_cut_off(struct user *user); /* ends all of the user's visits, interrupted */
void visits_free(struct worker *worker);

/* answer.c: FAILURE_NONE, or the class and the reason in `why`. */
enum failure answer_judge(struct scene *scene, const struct request_step *step, struct error *why);
enum failure answer_save(struct scene *scene, const struct request_step *step, struct error *why);
bool answer_until(struct scene *scene, const struct request_step *step);

#endif
