#include "lib/inflate.h"

#include <limits.h>
#include <zlib.h>

#include "lib/visible.h"

enum { STEP_MIN = 4096, STEP_MAX = 256 * 1024, CODINGS_MAX = 3 };

/* What inflateInit2() wants to know: which wrapper to expect. */
enum wrapper { WRAPPER_GZIP = 15 + 16, WRAPPER_ZLIB = 15, WRAPPER_NONE = -15 };

static enum inflate_result refuse(struct error *err, enum inflate_result result, const char *why)
{
	error_set(err, "%s", why);
	return result;
}

/* How much more to make room for: as much again, at most one byte more than allowed. */
static size_t next_step(size_t made, size_t limit)
{
	size_t step = made < STEP_MIN ? STEP_MIN : made < STEP_MAX ? made : STEP_MAX;

	return step <= limit - made ? step : limit - made + 1;
}

/* One round of zlib: what there is of input, into more room. */
static int inflate_step(z_stream *stream, size_t made, size_t limit, struct buffer *out)
{
	size_t step = next_step(made, limit);
	int status;

	stream->next_out = (Bytef *)buffer_reserve(out, step);
	stream->avail_out = (uInt)step;
	status = inflate(stream, Z_NO_FLUSH);
	out->length += step - stream->avail_out;
	return status;
}

/* A gzip body may be several members, one after the other. */
static bool has_next_member(const z_stream *stream, enum wrapper wrapper)
{
	return wrapper == WRAPPER_GZIP && stream->avail_in >= 2 && stream->next_in[0] == 0x1f &&
	       stream->next_in[1] == 0x8b;
}

static enum inflate_result inflate_members(z_stream *stream, enum wrapper wrapper, size_t limit,
					   struct buffer *out, struct error *err)
{
	size_t start = out->length;

	for (;;) {
		int status = inflate_step(stream, out->length - start, limit, out);

		if (out->length - start > limit)
			return refuse(err, INFLATE_LARGE, "the decoded body is too large");
		if (status == Z_STREAM_END && !has_next_member(stream, wrapper))
			break;
		if (status == Z_STREAM_END) {
			inflateReset(stream);
			continue;
		}
		if (status == Z_BUF_ERROR ||
		    (status == Z_OK && !stream->avail_in && stream->avail_out))
			return refuse(err, INFLATE_BAD, "the compressed body is cut off");
		if (status != Z_OK)
			return refuse(err, INFLATE_BAD, "the compressed body is damaged");
	}
	if (stream->avail_in)
		return refuse(err, INFLATE_BAD, "something follows the compressed body");
	return INFLATE_DONE;
}

static enum inflate_result inflate_wrapped(struct text in, enum wrapper wrapper, size_t limit,
					   struct buffer *out, struct error *err)
{
	size_t start = out->length;
	enum inflate_result result;
	z_stream stream = { .avail_in = (uInt)in.length };

	if (in.length > UINT_MAX)
		return refuse(err, INFLATE_LARGE, "the compressed body is too large");
	memcpy(&stream.next_in, &in.data, sizeof(in.data)); /* zlib's pointer lacks its const */
	if (inflateInit2(&stream, wrapper) != Z_OK)
		return refuse(err, INFLATE_BAD, "no memory to decode the body");
	result = inflate_members(&stream, wrapper, limit, out, err);
	inflateEnd(&stream);
	if (result != INFLATE_DONE)
		out->length = start;
	return result;
}

/* The RFC means zlib's wrapper by "deflate"; some servers never read it and send none. */
static enum wrapper deflate_wrapper(struct text in)
{
	unsigned first, second;

	if (in.length < 2)
		return WRAPPER_ZLIB;
	first = (unsigned char)in.data[0];
	second = (unsigned char)in.data[1];
	return (first & 15) == 8 && (first << 8 | second) % 31 == 0 ? WRAPPER_ZLIB : WRAPPER_NONE;
}

static enum inflate_result undo(struct text in, struct text coding, size_t limit,
				struct buffer *out, struct error *err)
{
	char shown[VISIBLE_MAX];

	if (text_is_nocase(coding, "gzip") || text_is_nocase(coding, "x-gzip"))
		return inflate_wrapped(in, WRAPPER_GZIP, limit, out, err);
	if (text_is_nocase(coding, "deflate"))
		return inflate_wrapped(in, deflate_wrapper(in), limit, out, err);
	if (coding.length && !text_is_nocase(coding, "identity")) {
		error_set(err, "unknown Content-Encoding '%s'", visible(shown, coding));
		return INFLATE_UNKNOWN;
	}
	if (in.length > limit)
		return refuse(err, INFLATE_LARGE, "the decoded body is too large");
	buffer_add_text(out, in);
	return INFLATE_DONE;
}

/* Cuts the last coding off the list. */
static struct text take_last(struct text *codings)
{
	const char *comma = memrchr(codings->data, ',', codings->length);
	size_t from = comma ? (size_t)(comma + 1 - codings->data) : 0;
	struct text last = { codings->data + from, codings->length - from };

	codings->length = comma ? from - 1 : 0;
	return text_trim(last);
}

enum inflate_result inflate_text(struct text compressed, struct text coding, size_t limit,
				 struct buffer *out, struct error *err)
{
	struct buffer steps[2] = { BUFFER_EMPTY, BUFFER_EMPTY };
	struct text in = compressed;
	enum inflate_result result = INFLATE_DONE;
	int turn = 0;

	do {
		struct text last = coding.length ? take_last(&coding) : coding;
		struct buffer *to = coding.length ? &steps[turn & 1] : out;

		if (turn++ == CODINGS_MAX) {
			result = refuse(err, INFLATE_UNKNOWN, "too many Content-Encodings");
			break;
		}
		if (to != out)
			buffer_clear(to);
		result = undo(in, last, limit, to, err);
		in = buffer_text(to);
	} while (result == INFLATE_DONE && coding.length);
	buffer_release(&steps[0]);
	buffer_release(&steps[1]);
	return result;
}
