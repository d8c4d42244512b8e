#include "lib/http1.h"

#include <string.h>

#include "lib/http1_fields.h"
#include "lib/http1_scan.h"
#include "lib/visible.h"

/*
 * The answer depends only on the bytes so far, never on how they came: a line is judged once its
 * line feed is there. So an incomplete head is parsed again from its start when the next line feed
 * has come, which HTTP1_HEADERS_MAX bounds, and bytes without one cost a memchr().
 */
struct reader {
	const char *at, *end;
	const char *line; /* start of the current one, for messages */
	struct error *err;
};

__attribute__((cold, noinline)) static enum http1_result wrong(const struct reader *reader,
							       const char *what)
{
	const char *end = memchr(reader->line, '\n', (size_t)(reader->end - reader->line));
	char shown[VISIBLE_MAX];

	if (!end)
		return HTTP1_MORE;
	if (end > reader->line && end[-1] == '\r')
		end--;
	visible(shown, (struct text){ reader->line, (size_t)(end - reader->line) });
	error_set(reader->err, "%s: '%s'", what, shown);
	return HTTP1_ERROR;
}

/* From the end of a line's content over its CRLF. */
static enum http1_result read_line_end(struct reader *reader)
{
	const char *p = reader->at;

	if (p < reader->end && *p != '\r' && *p != '\n')
		return wrong(reader, "control character in a head");
	if (reader->end - p < 2 || *p == '\n')
		return wrong(reader, "line feed without carriage return");
	if (!http1_is_line_end(p))
		return wrong(reader, "carriage return without line feed");
	reader->at = reader->line = p + 2;
	return HTTP1_DONE;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.x" */
static inline bool is_version(const char *p)
{
	return memcmp(p, "HTTP", 4) == 0 && memcmp(p + 3, "P/1.", 4) == 0 && is_digit(p[7]);
}

/* Whoever speaks something else should not be waited for until a line feed comes. */
static enum http1_result bad_status_line(const struct reader *reader)
{
	size_t got = (size_t)(reader->end - reader->line);

	if (memcmp(reader->line, "HTTP/", got < 5 ? got : 5) == 0)
		return wrong(reader, "bad status line");
	error_set(reader->err, "the answer does not start with 'HTTP/'");
	return HTTP1_ERROR;
}

static enum http1_result read_status_line(struct reader *reader, struct http1_head *head)
{
	const char *p = reader->at, *end = reader->end;

	if (end - p < 14 || !is_version(p) || p[8] != ' ' || !is_digit(p[9]) || p[9] == '0' ||
	    !is_digit(p[10]) || !is_digit(p[11]) || (p[12] != ' ' && p[12] != '\r'))
		return bad_status_line(reader);
	head->minor = p[7] - '0';
	head->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
	p += p[12] == ' ' ? 13 : 12;
	reader->at = http1_value_end(p, end);
	head->reason = (struct text){ p, (size_t)(reader->at - p) };
	return read_line_end(reader);
}

static const char *target_end(const char *p, const char *end)
{
	while (p < end && *p != ' ' && !http1_is_control(*p))
		p++;
	return p;
}

static enum http1_result read_request_line(struct reader *reader, struct http1_head *head)
{
	const char *method = reader->at, *end = reader->end, *p = http1_token_end(method, end);
	const char *target;

	head->method = (struct text){ method, (size_t)(p - method) };
	if (p == method || p == end || *p != ' ')
		return wrong(reader, "bad request line");
	target = p + 1;
	p = target_end(target, end);
	head->target = (struct text){ target, (size_t)(p - target) };
	if (p == target || end - p < 9 || *p != ' ' || !is_version(p + 1))
		return wrong(reader, "bad request line");
	head->minor = p[8] - '0';
	reader->at = p + 9;
	return read_line_end(reader);
}

static enum http1_result bad_name(const struct reader *reader, const char *at)
{
	if (at == reader->line && at < reader->end && (*at == ' ' || *at == '\t'))
		return wrong(reader, "folded header line");
	return wrong(reader, "bad header name");
}

static enum http1_result read_field(const struct reader *reader, struct http1_fields *fields,
				    const char *colon, const char *value_end)
{
	const char *line = reader->line;
	const char *problem =
		http1_field(fields, (struct text){ line, (size_t)(colon - line) },
			    (struct text){ colon + 1, (size_t)(value_end - colon - 1) });

	return problem ? wrong(reader, problem) : HTTP1_DONE;
}

/*
 * Any header line; the fast road of read_lines() is for those that look as they nearly always do.
 */
__attribute__((noinline)) static enum http1_result read_line(struct reader *reader,
							     struct http1_fields *fields)
{
	const char *line = reader->at, *colon = http1_token_end(line, reader->end), *value_end;
	enum http1_result result;

	reader->line = line;
	if (colon == line || colon == reader->end || *colon != ':')
		return bad_name(reader, colon);
	reader->at = value_end = http1_value_end(colon + 1, reader->end);
	result = read_line_end(reader);
	reader->line = line;
	return result == HTTP1_DONE ? read_field(reader, fields, colon, value_end) : result;
}

static inline bool is_last(const char *p, const char *end)
{
	return end - p >= 2 && http1_is_line_end(p);
}

/* All header lines, up to the empty one. */
static enum http1_result read_lines(struct reader *reader, struct http1_fields *fields)
{
	const char *const end = reader->end;
	const char *line = reader->at;

	for (int count = 0; !is_last(line, end); count++) {
		/*
		 * The first line alone is 14 bytes, and these are two: what the fast ones want is
		 * there.
		 */
		const char *colon = end - line < 2 ? NULL : http1_colon_fast(line, end);
		const char *value_end = colon ? http1_value_fast(colon + 1, end) : NULL;
		enum http1_result result = HTTP1_DONE;

		if (value_end) {
			reader->line = line;
			line = value_end + 2;
			if (http1_field_matters(reader->line, (size_t)(colon - reader->line)))
				result = read_field(reader, fields, colon, value_end);
		} else {
			reader->at = line;
			result = read_line(reader, fields);
			line = reader->at;
		}
		if (result != HTTP1_DONE)
			return result;
		if (count == HTTP1_HEADERS_MAX)
			return wrong(reader, "too many header lines");
	}
	reader->at = line;
	return HTTP1_DONE;
}

static enum http1_result read_headers(struct reader *reader, struct http1_fields *fields)
{
	const char *start = reader->at;
	enum http1_result result = read_lines(reader, fields);
	const char *problem;

	if (result != HTTP1_DONE)
		return result;
	fields->head->headers = (struct text){ start, (size_t)(reader->at - start) };
	problem = http1_fields_settle(fields);
	if (!problem)
		return HTTP1_DONE;
	error_set(reader->err, "%s", problem);
	return HTTP1_ERROR;
}

/* By hand, because compilers make a slow `rep stos` of an initializer of this size. */
static void head_begin(struct http1_head *head)
{
	const struct text nothing = { NULL, 0 };

	head->length = 0;
	head->minor = head->status = 0;
	head->method = head->target = head->reason = head->headers = nothing;
	head->content_length = -1;
	head->chunked = head->close = head->upgrade = false;
	head->has_location = head->has_set_cookie = head->has_content_encoding = false;
}

static enum http1_result parse(enum http1_kind kind, struct text bytes, struct http1_head *head,
			       struct error *err)
{
	struct reader reader = { bytes.data, bytes.data + bytes.length, bytes.data, err };
	struct http1_fields fields = { .head = head, .kind = kind };
	enum http1_result result;

	head_begin(head);
	result = kind == HTTP1_RESPONSE ? read_status_line(&reader, head) :
					  read_request_line(&reader, head);
	if (result == HTTP1_DONE)
		result = read_headers(&reader, &fields);
	if (result == HTTP1_DONE)
		head->length = (size_t)(reader.at + 2 - bytes.data);
	return result;
}

enum http1_result http1_head(enum http1_kind kind, struct text bytes, size_t *scanned,
			     struct http1_head *head, struct error *err)
{
	size_t limit = bytes.length < HTTP1_HEAD_MAX ? bytes.length : HTTP1_HEAD_MAX;
	enum http1_result result = HTTP1_MORE;

	if (limit == 0)
		return HTTP1_MORE;
	/* The first five bytes are judged as they come; later ones with their line feed. */
	if (*scanned < 5 ||
	    (*scanned < limit && memchr(bytes.data + *scanned, '\n', limit - *scanned)))
		result = parse(kind, (struct text){ bytes.data, limit }, head, err);
	if (result != HTTP1_MORE)
		return result;
	*scanned = limit;
	if (limit < HTTP1_HEAD_MAX)
		return HTTP1_MORE;
	error_set(err, "a head of more than %d KiB", HTTP1_HEAD_MAX / 1024);
	return HTTP1_ERROR;
}
