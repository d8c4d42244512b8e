/*
 * http1: a strict parser for HTTP/1.1 messages, shared by the load engine and the proxy.
 *
 * The head is parsed where it lies: the caller keeps its bytes together and in place, and gets
 * slices of them. Bodies are never kept: the decoder says which of the bytes just read are body.
 *
 *	got = http1_head(HTTP1_RESPONSE, bytes, &scanned, &head, err);   // MORE, DONE or ERROR
 *	http1_body_begin(&body, &head, request_was_head);
 *	while (http1_body_next(&body, &rest, &piece, err) == HTTP1_PIECE) consume(piece);
 *
 * Strict means: bare LF, obsolete folding, blanks before a colon, a bad chunk size, two different
 * Content-Lengths, Content-Length together with Transfer-Encoding, control characters in a head, a
 * head over HTTP1_HEAD_MAX: each is an error, because what a lenient reader makes of it is a guess.
 * Other transfer codings than "chunked" are errors too: nobody asks for them. Two liberties are
 * taken, since nothing hangs on them: a status line may end after the status, and values and
 * targets may hold bytes outside ASCII.
 *
 * The result depends on the bytes alone, not on how they were cut on their way.
 */
#ifndef LIB_HTTP1_H
#define LIB_HTTP1_H

#include <stdint.h>

#include "lib/error.h"
#include "lib/text.h"

enum { HTTP1_HEAD_MAX = 64 * 1024, HTTP1_HEADERS_MAX = 256 };

enum http1_kind { HTTP1_REQUEST, HTTP1_RESPONSE };

enum http1_result {
	HTTP1_MORE,  /* not enough bytes yet */
	HTTP1_PIECE, /* some of the body */
	HTTP1_DONE,  /* complete */
	HTTP1_ERROR, /* against the protocol; `err` says how */
};

struct http1_head {
	size_t length; /* bytes of the head with its empty line */
	int minor;     /* HTTP/1.x */
	int status;    /* responses */
	struct text method, target; /* requests */
	struct text reason;
	struct text headers; /* all header lines, each with its CRLF, without the empty line */
	int64_t content_length; /* -1: none given */
	bool chunked;
	bool close;   /* the head says that the connection ends after this message; so it does, too,
			 after a body that only http1_body_end() ends */
	bool upgrade; /* Upgrade, and named in Connection */
	bool has_location, has_set_cookie, has_content_encoding; /* worth a search */
};

/*
 * `bytes` are all bytes of the message so far; they may lie elsewhere than in the call before.
 * `head` means something only when DONE. `scanned` starts at 0 for a new message and remembers how
 * far the end of a line was searched, so that a head that comes byte by byte costs no more than
 * one.
 */
enum http1_result http1_head(enum http1_kind kind, struct text bytes, size_t *scanned,
			     struct http1_head *head, struct error *err);

/* The first header of that name (any case), trimmed. False: there is none. */
bool http1_header(struct text headers, const char *name, struct text *value);

/* Walks all headers; `*rest` starts as head.headers. False at the end. */
bool http1_next_header(struct text *rest, struct text *name, struct text *value);

/* What a status line says beside the number; something for any number. */
const char *http1_reason(int status);

struct http1_body {
	int64_t left; /* of the body or of the chunk */
	uint8_t mode;
	uint8_t state;
	uint16_t line; /* bytes of the chunk-size or trailer line so far */
	int64_t total;
	uint32_t trailer_bytes; /* of trailers and of chunk extensions */
};

/* A response to HEAD, a 1xx, a 204 and a 304 have no body whatever their headers say. */
void http1_body_begin(struct http1_body *body, enum http1_kind kind, const struct http1_head *head,
		      bool head_request);

/*
 * Takes from the front of `*rest`; a piece is a slice of it. DONE leaves what follows in `*rest`.
 */
enum http1_result http1_body_next(struct http1_body *body, struct text *rest, struct text *piece,
				  struct error *err);

/* The peer closed: DONE when that is how this body ends, else ERROR. */
enum http1_result http1_body_end(struct http1_body *body, struct error *err);

#endif
