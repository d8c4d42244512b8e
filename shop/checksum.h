/*
 * checksum: how services notice that what they say to each other was altered on its way.
 *
 * Between the services there is no TLS, so that faults can be aimed at single calls. This stands in
 * for the part of it that matters when a bit is flipped: a key that became another is no order's
 * key. A request that was altered has no effect (503), an answer that was is none: it is not known
 * what happened.
 *
 * Two lines, so that it can't get lost by one of them: the sum, and that there is one. Who sends
 * neither is believed: counterparties, and people with curl.
 */
#ifndef SHOP_CHECKSUM_H
#define SHOP_CHECKSUM_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buffer.h"
#include "lib/text.h"

struct checked_request {
	struct text method, path, query; /* as they are sent */
	struct text headers;             /* all lines; those of the sum do not count */
	struct text body;
};

uint64_t checksum_of_request(const struct checked_request *request);
uint64_t checksum_of_answer(int status, struct text body);

void checksum_write(struct buffer *headers, uint64_t sum);
/* Whether there is none, or it is this one. */
bool checksum_fits(struct text headers, uint64_t sum);

#endif
