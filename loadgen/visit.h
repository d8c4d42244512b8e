/*
 * visit: one request of a user, from the first attempt to the last: redirects, retries, polls.
 *
 * What is sent is rendered once and sent again as it was: a retry must be the same request, with
 * the same key. Visits come from a pool and keep their buffers, so a warm one allocates nothing.
 *
 * Inside the crew only (see crew.h): visit.c, and visit_redirect.c for what a 3xx leads to.
 */
#ifndef LOADGEN_VISIT_H
#define LOADGEN_VISIT_H

#include "loadgen/crew.h"

enum { KEY_BYTES = 37, SAMPLE_MAX = 600 };

struct visit {
	struct user *user;
	struct visit *next;   /* in the pool, or of the same user */
	TAILQ_ENTRY(visit) waiting; /* for room for a connection, if is_waiting */
	const struct request_step *step;
	uint8_t lane;         /* of the user */
	bool under_way;       /* an exchange was sent and has not ended */
	bool is_waiting;
	bool part;            /* of a `together`, or a poll after the first */
	bool again;           /* what was acknowledged is sent once more */
	uint8_t attempt;
	uint8_t redirects;
	uint16_t origin;
	int64_t intended_us;  /* when the visitor wanted it: the same for all attempts */
	int64_t sent_us;      /* this attempt */
	int64_t poll_until_us;
	struct alarm alarm;   /* back-off, or the next poll */
	struct exchange_request first;   /* as rendered; its texts are in the buffers below */
	struct buffer path, headers, body;
	struct exchange_request request; /* this hop: after a redirect it is another one */
	struct text lines;               /* its head, without cookies */
	struct buffer hop_path, hop_lines, with_cookies;
	struct record_request record; /* what this attempt's redirects add up to */
	bool new_connection;
	char key[KEY_BYTES];
};

/*
 * Sends `request` to `origin`, with the cookies that go there; or waits for room for a connection.
 */
void visit_send(struct visit *visit);
void visit_transmit(struct visit *visit, struct user_lane *lane);

/*
 * Whether the answer was a redirect that we followed. `failure` is set when it was one that can't
 * or must not be followed.
 */
bool visit_follow(struct visit *visit, const struct exchange_result *result, enum failure *failure,
		  struct error *why);

#endif
