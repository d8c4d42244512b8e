/*
 * call_match: which calls of an edge are meant.
 *
 *	call: POST /v1/payment_intents      that method and exactly that path, whatever its query
 *	call: /api/orders/(*)/cancel        without the brackets: '*' is any one segment
 *	call: GET /api/(**)                 as a last segment '**' is all that follows, if anything
 *	header: X-Region                    a header of that name, any value
 *	header: "X-Card: gold"              with that value
 *	nth: 3                              only the third call that all of the above is true of
 *	every: 10                           the 10th, the 20th, ...
 *
 * With both `nth` and `every`: the nth, and every so many after it. Paths are compared as they were
 * sent, byte by byte: nothing is decoded, since what a server makes of it is a guess.
 */
#ifndef CHAOS_CALL_MATCH_H
#define CHAOS_CALL_MATCH_H

#include "chaos/fault.h"
#include "lib/http1.h"

/* Reads "POST /path", "/path" or "POST"; the strings are the arena's. */
bool call_match_read(struct text call, struct arena *arena, struct call_match *match,
		     struct error *err);
/* Whether `header` can be one: "Name" or "Name: value". */
bool call_match_header_check(struct text header, struct error *err);

/* Whether that request is meant, apart from `nth` and `every`. */
bool call_match_is(const struct call_match *match, const struct http1_head *request);
/* Whether the `counted`th of those that are meant (from 1) is. */
bool call_match_counts(const struct call_match *match, uint64_t counted);

#endif
