/*
 * fuzz_http1: requests and responses, whole and in pieces, which must come to the same.
 *
 * The first byte says which: bit 0 a response, bit 1 to a HEAD request; its upper half how long the
 * pieces are. The rest is the message, after whose end the peer closes.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/buffer.h"
#include "lib/http1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
	enum http1_result result;
	bool in_body;
	size_t used;
	struct http1_head head;
	struct http1_body body;
	struct buffer content;
};

static void check_slice(struct text slice, struct text whole)
{
	assert(slice.length == 0 || (slice.data >= whole.data &&
				     slice.data + slice.length <= whole.data + whole.length));
}

static void check_head(enum http1_kind kind, const struct http1_head *head, struct text bytes)
{
	struct text rest = head->headers, name, value;
	size_t lines = 0;

	assert(head->length <= bytes.length && head->length <= HTTP1_HEAD_MAX);
	assert(memcmp(bytes.data + head->length - 4, "\r\n\r\n", 4) == 0);
	assert(kind == HTTP1_REQUEST ? head->method.length && head->target.length :
				       head->status >= 100 && head->status <= 999);
	assert(!head->chunked || head->content_length < 0);
	check_slice(head->headers, bytes);
	check_slice(head->method, bytes);
	check_slice(head->target, bytes);
	check_slice(head->reason, bytes);
	while (http1_next_header(&rest, &name, &value)) {
		check_slice(name, head->headers);
		check_slice(value, head->headers);
		lines++;
	}
	assert(lines <= HTTP1_HEADERS_MAX);
	assert(head->has_location == http1_header(head->headers, "location", &value));
	assert(head->has_set_cookie == http1_header(head->headers, "set-cookie", &value));
}

static void read_body(struct reading *reading, struct text bytes)
{
	struct text rest = { bytes.data + reading->used, bytes.length - reading->used }, piece;

	while ((reading->result = http1_body_next(&reading->body, &rest, &piece, NULL)) ==
	       HTTP1_PIECE) {
		assert(piece.length);
		check_slice(piece, bytes);
		buffer_add_text(&reading->content, piece);
	}
	reading->used = bytes.length - rest.length;
}

/* All of the message, in pieces; each time with no byte behind what has come. */
static void read_all(enum http1_kind kind, bool head_request, struct text message, size_t each,
		     struct reading *reading)
{
	size_t scanned = 0, got = 0;
	struct error err;

	*reading = (struct reading){ .result = HTTP1_MORE };
	while (reading->result == HTTP1_MORE && got < message.length) {
		struct text bytes = { message.data, 0 };

		got += each < message.length - got ? each : message.length - got;
		bytes.length = got;
		if (!reading->in_body) {
			reading->result = http1_head(kind, bytes, &scanned, &reading->head, &err);
			assert(reading->result != HTTP1_ERROR || strlen(err.text) > 0);
			if (reading->result != HTTP1_DONE)
				continue;
			check_head(kind, &reading->head, bytes);
			reading->in_body = true;
			reading->used = reading->head.length;
			http1_body_begin(&reading->body, kind, &reading->head, head_request);
		}
		read_body(reading, bytes);
	}
	if (reading->in_body && reading->result == HTTP1_MORE)
		reading->result = http1_body_end(&reading->body, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading whole, pieces;
	enum http1_kind kind;
	struct text message;

	if (size < 1)
		return 0;
	kind = data[0] & 1 ? HTTP1_RESPONSE : HTTP1_REQUEST;
	message = (struct text){ (const char *)data + 1, size - 1 };
	read_all(kind, data[0] & 2, message, size, &whole);
	read_all(kind, data[0] & 2, message, (size_t)(data[0] >> 4) + 1, &pieces);
	assert(whole.result == pieces.result && whole.in_body == pieces.in_body);
	assert(text_equal(buffer_text(&whole.content), buffer_text(&pieces.content)));
	assert(whole.result != HTTP1_DONE || whole.used == pieces.used);
	if (whole.in_body) {
		assert(whole.head.length == pieces.head.length);
		assert(whole.head.content_length == pieces.head.content_length);
		assert(whole.head.close == pieces.head.close);
	}
	buffer_release(&whole.content);
	buffer_release(&pieces.content);
	return 0;
}
