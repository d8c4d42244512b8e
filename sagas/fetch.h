/*
 * fetch: GETs for the readers of evidence: a few at once, at a bounded rate, tried again when that
 * may help. What comes back is hostile: its size is bounded, redirects are not followed.
 *
 *	struct fetch_plan plan = { .rate_per_s = 200, .next = next, .done = done, .context = x };
 *	fetcher_run(fetcher, &plan, err);      // until next() has no more and all are done
 */
#ifndef SAGAS_FETCH_H
#define SAGAS_FETCH_H

#include <stdint.h>

#include "lib/buffer.h"
#include "lib/error.h"

struct fetcher_settings {
	int connections;             /* at once */
	int64_t timeout_us;          /* of one request */
	size_t body_max;
	double rate_per_s;           /* of all together; 0: no bound */
	const char *ca;              /* file with certificates to trust; NULL: the system's */
	bool trust_anyone;           /* certificates are not checked */
	bool (*interrupted)(void *context);
	void *context;
};

struct fetched {
	int status;                  /* 0: none came */
	struct text body;            /* valid during the call */
	const char *problem;         /* why there is no status, or no whole body; else NULL */
};

struct fetch_plan {
	double rate_per_s;
	int tries;                   /* at most; 0: 4. Failures, 429 and 5xx are worth another */
	const char *bearer;          /* token, or NULL; may change from call to call */
	const char *body;            /* POSTed as JSON; NULL: GET */
	/* The URL of the next request, appended, and what done() is told it is. False: no more. */
	bool (*next)(void *context, struct buffer *url, uint64_t *tag);
	void (*done)(void *context, uint64_t tag, const struct fetched *fetched);
	void *context;
};

struct fetcher;
struct fetcher *fetcher_new(const struct fetcher_settings *settings, struct error *err);
void fetcher_free(struct fetcher *fetcher);

/* False when it was interrupted: what was under way then is not told. */
bool fetcher_run(struct fetcher *fetcher, const struct fetch_plan *plan, struct error *err);

uint64_t fetcher_requests(const struct fetcher *fetcher); /* sent so far */

#endif
