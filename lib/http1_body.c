#include "lib/http1.h"

#include "lib/http1_scan.h"

enum mode { MODE_LENGTH, MODE_CHUNKED, MODE_CLOSE };

/*
 * Where a chunked body stands. Each state says what the next byte is; a state is left by that byte.
 */
enum state {
	STATE_SIZE,	     /* a digit of the size; or its end: ';', a blank, CR */
	STATE_BEFORE_EXT,    /* blanks after the size: another one, or ';' */
	STATE_EXT,	     /* of an extension; or CR */
	STATE_SIZE_FEED,     /* the LF of the size line: to DATA, or to TRAILER if the size was 0 */
	STATE_DATA,	     /* of the chunk: to DATA_RETURN when none is left */
	STATE_DATA_RETURN,   /* the CR after a chunk */
	STATE_DATA_FEED,     /* its LF: to SIZE */
	STATE_TRAILER,	     /* starts a trailer line; or CR, and the body is nearly over */
	STATE_TRAILER_NAME,  /* of a name; or ':' */
	STATE_TRAILER_VALUE, /* of a value; or CR */
	STATE_TRAILER_FEED,  /* the LF of a trailer line: to TRAILER */
	STATE_LAST_FEED,     /* the last LF: to END */
	STATE_END,
	STATE_BROKEN, /* an error was told */
};

enum {
	SIZE_DIGITS_MAX = 15,	     /* fits an int64_t, and is plenty */
	LINE_MAX_BYTES = 4096,	     /* of a size line with its extensions, or of a trailer line */
	EXTRA_MAX_BYTES = 64 * 1024, /* of all extensions and trailers of a body */
};

static bool has_no_body(enum http1_kind kind, const struct http1_head *head, bool head_request)
{
	return kind == HTTP1_RESPONSE &&
	       (head_request || head->status < 200 || head->status == 204 || head->status == 304);
}

void http1_body_begin(struct http1_body *body, enum http1_kind kind, const struct http1_head *head,
		      bool head_request)
{
	*body = (struct http1_body){ .mode = MODE_LENGTH };
	if (has_no_body(kind, head, head_request))
		return;
	if (head->chunked)
		body->mode = MODE_CHUNKED;
	else if (head->content_length >= 0)
		body->left = head->content_length;
	else if (kind == HTTP1_RESPONSE)
		body->mode = MODE_CLOSE;
}

static inline enum http1_result take_piece(struct http1_body *body, struct text *rest,
					   struct text *piece)
{
	size_t size = rest->length;

	if (body->mode != MODE_CLOSE) {
		if ((uint64_t)body->left < size)
			size = (size_t)body->left;
		body->left -= (int64_t)size;
	}
	*piece = (struct text){ rest->data, size };
	rest->data += size;
	rest->length -= size;
	body->total += (int64_t)size;
	return HTTP1_PIECE;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

static const char *read_size(struct http1_body *body, char c)
{
	int digit = hex_digit(c);

	if (digit >= 0) {
		if (body->line++ == SIZE_DIGITS_MAX)
			return "a chunk size with too many digits";
		body->left = body->left * 16 + digit;
		return NULL;
	}
	if (body->line == 0)
		return "a chunk without a size";
	if (c == '\r')
		body->state = STATE_SIZE_FEED;
	else if (c == ';')
		body->state = STATE_EXT;
	else if (c == ' ' || c == '\t')
		body->state = STATE_BEFORE_EXT;
	else
		return "bad chunk size";
	return NULL;
}

static const char *read_before_ext(struct http1_body *body, char c)
{
	if (c == ';')
		body->state = STATE_EXT;
	else if (c != ' ' && c != '\t')
		return "bad chunk size";
	return NULL;
}

static const char *read_ext(struct http1_body *body, char c)
{
	if (c == '\r')
		body->state = STATE_SIZE_FEED;
	else if (http1_is_control(c) && c != '\t')
		return "control character in a chunk extension";
	return NULL;
}

static const char *read_feed(struct http1_body *body, char c, enum state next)
{
	if (c != '\n')
		return "carriage return without line feed in a chunked body";
	body->state = (uint8_t)next;
	body->line = 0;
	return NULL;
}

static const char *read_data_return(struct http1_body *body, char c)
{
	if (c != '\r')
		return "a chunk longer than its size";
	body->state = STATE_DATA_FEED;
	return NULL;
}

static const char *read_trailer_start(struct http1_body *body, char c)
{
	if (c == '\r')
		body->state = STATE_LAST_FEED;
	else if (http1_is_token_char(c))
		body->state = STATE_TRAILER_NAME;
	else
		return "bad trailer after a chunked body";
	return NULL;
}

static const char *read_trailer_name(struct http1_body *body, char c)
{
	if (c == ':')
		body->state = STATE_TRAILER_VALUE;
	else if (!http1_is_token_char(c))
		return "bad trailer after a chunked body";
	return NULL;
}

static const char *read_trailer_value(struct http1_body *body, char c)
{
	if (c == '\r')
		body->state = STATE_TRAILER_FEED;
	else if (http1_is_control(c) && c != '\t')
		return "control character in a trailer";
	return NULL;
}

static const char *count_extra(struct http1_body *body)
{
	if (++body->trailer_bytes > EXTRA_MAX_BYTES)
		return "too many chunk extensions or trailers";
	if (++body->line > LINE_MAX_BYTES)
		return "a chunk extension or trailer that is too long";
	return NULL;
}

/* One byte that is not data. NULL, or what is wrong with it. */
static const char *read_byte(struct http1_body *body, char c)
{
	const char *problem;

	switch ((enum state)body->state) {
	case STATE_SIZE:
		return read_size(body, c);
	case STATE_SIZE_FEED:
		return read_feed(body, c, body->left ? STATE_DATA : STATE_TRAILER);
	case STATE_DATA_RETURN:
		return read_data_return(body, c);
	case STATE_DATA_FEED:
		return read_feed(body, c, STATE_SIZE);
	case STATE_TRAILER_FEED:
		return read_feed(body, c, STATE_TRAILER);
	case STATE_LAST_FEED:
		return read_feed(body, c, STATE_END);
	default:
		break;
	}
	problem = count_extra(body);
	if (problem)
		return problem;
	switch ((enum state)body->state) {
	case STATE_BEFORE_EXT:
		return read_before_ext(body, c);
	case STATE_EXT:
		return read_ext(body, c);
	case STATE_TRAILER:
		return read_trailer_start(body, c);
	case STATE_TRAILER_NAME:
		return read_trailer_name(body, c);
	default:
		return read_trailer_value(body, c);
	}
}

static enum http1_result next_of_chunks(struct http1_body *body, struct text *rest,
					struct text *piece, struct error *err)
{
	while (rest->length) {
		const char *problem;

		if (body->state == STATE_DATA) {
			take_piece(body, rest, piece);
			if (body->left == 0)
				body->state = STATE_DATA_RETURN;
			return HTTP1_PIECE;
		}
		if (body->state >= STATE_END)
			break;
		problem = read_byte(body, rest->data[0]);
		if (problem) {
			body->state = STATE_BROKEN;
			error_set(err, "%s", problem);
			return HTTP1_ERROR;
		}
		rest->data++;
		rest->length--;
	}
	if (body->state == STATE_BROKEN) {
		error_set(err, "a chunked body that was broken before");
		return HTTP1_ERROR;
	}
	return body->state == STATE_END ? HTTP1_DONE : HTTP1_MORE;
}

enum http1_result http1_body_next(struct http1_body *body, struct text *rest, struct text *piece,
				  struct error *err)
{
	if (body->mode == MODE_CHUNKED)
		return next_of_chunks(body, rest, piece, err);
	if (body->mode == MODE_LENGTH && body->left == 0)
		return HTTP1_DONE;
	return rest->length ? take_piece(body, rest, piece) : HTTP1_MORE;
}

enum http1_result http1_body_end(struct http1_body *body, struct error *err)
{
	if (body->mode == MODE_CLOSE || (body->mode == MODE_LENGTH && body->left == 0) ||
	    (body->mode == MODE_CHUNKED && body->state == STATE_END))
		return HTTP1_DONE;
	if (body->mode == MODE_LENGTH)
		error_set(err, "connection closed with %lld bytes of the body missing",
			  (long long)body->left);
	else
		error_set(err, "connection closed in a chunked body");
	return HTTP1_ERROR;
}
