/*
 * inflate: what Content-Encoding did to a body, undone, within bounds.
 *
 *	switch (inflate_text(body, coding, limit, &plain, &error)) ...
 *
 * Knows gzip (and x-gzip), deflate (with the zlib wrapper as the RFC wants it, or without as some
 * servers send it), identity, and lists of at most three of them ("deflate, gzip"), undone from the
 * last. A body that decodes to more than `limit` bytes is refused before it takes more memory than
 * that; one that is cut off or damaged is refused, too, and nothing of it is handed out.
 */
#ifndef LIB_INFLATE_H
#define LIB_INFLATE_H

#include <stddef.h>

#include "lib/buffer.h"
#include "lib/error.h"
#include "lib/text.h"

enum inflate_result {
	INFLATE_DONE, /* decoded, appended to `out` */
	INFLATE_BAD, /* damaged, cut off, or followed by something else */
	INFLATE_LARGE, /* more than `limit` */
	INFLATE_UNKNOWN, /* a coding that we do not know: `err` names it */
};

enum inflate_result inflate_text(struct text compressed, struct text coding, size_t limit,
				 struct buffer *out, struct error *err);

/* The same for those to whom every refusal is the same. */
static inline bool inflate_body(struct text compressed, struct text coding, size_t limit,
				struct buffer *out, struct error *err)
{
	return inflate_text(compressed, coding, limit, out, err) == INFLATE_DONE;
}

#endif
