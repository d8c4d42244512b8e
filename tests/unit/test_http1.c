#include "lib/http1.h"

#include <stdlib.h>

#include "lib/buffer.h"
#include "tests/unit/tap.h"

/* One message as it comes in pieces; what became of it, as text. */
struct reading {
	enum http1_kind kind;
	bool head_request;
	size_t scanned;
	bool in_body;
	enum http1_result result;
	struct http1_head head;
	struct http1_body body;
	struct buffer bytes, content;
	size_t used;
	struct error err;
};

static void read_body(struct reading *reading)
{
	struct text rest = { reading->bytes.data + reading->used,
			     reading->bytes.length - reading->used };
	struct text piece;

	while ((reading->result = http1_body_next(&reading->body, &rest, &piece, &reading->err)) ==
	       HTTP1_PIECE)
		buffer_add_text(&reading->content, piece);
	reading->used = reading->bytes.length - rest.length;
}

static void feed(struct reading *reading, const char *bytes, size_t length)
{
	buffer_add(&reading->bytes, bytes, length);
	if (reading->result != HTTP1_MORE)
		return;
	if (!reading->in_body) {
		/* Exactly as large as what is there, so that ASan sees a byte read too much. */
		char *copy = malloc(reading->bytes.length + !reading->bytes.length);
		struct text all = { copy, reading->bytes.length };

		if (all.length)
			memcpy(copy, reading->bytes.data, all.length);
		reading->result = http1_head(reading->kind, all, &reading->scanned, &reading->head,
					     &reading->err);
		free(copy);
		if (reading->result != HTTP1_DONE)
			return;
		reading->in_body = true;
		reading->used = reading->head.length;
		http1_body_begin(&reading->body, reading->kind, &reading->head,
				 reading->head_request);
	}
	read_body(reading);
}

static void describe(struct reading *reading, bool closed, struct buffer *out)
{
	const struct http1_head *head = &reading->head;

	if (closed && reading->in_body && reading->result == HTTP1_MORE)
		reading->result = http1_body_end(&reading->body, &reading->err);
	buffer_clear(out);
	buffer_format(out, "%d body=%d ", reading->result, reading->in_body);
	if (reading->in_body)
		buffer_format(out, "%d %d %zu/%zu/%zu %lld%s%s%s%s%s%s [%.*s] used %zu",
			      head->status, head->minor, head->length, head->headers.length,
			      head->reason.length, (long long)head->content_length,
			      head->chunked ? " chunked" : "", head->close ? " close" : "",
			      head->upgrade ? " upgrade" : "", head->has_location ? " loc" : "",
			      head->has_set_cookie ? " cookie" : "",
			      head->has_content_encoding ? " coding" : "",
			      (int)reading->content.length, buffer_text(&reading->content).data,
			      reading->used);
}

static void release(struct reading *reading)
{
	buffer_release(&reading->bytes);
	buffer_release(&reading->content);
}

static void read_in_pieces(enum http1_kind kind, struct text message, size_t first, size_t each,
			   struct buffer *out)
{
	struct reading reading = { .kind = kind, .result = HTTP1_MORE };
	size_t at = first;

	feed(&reading, message.data, first);
	while (at < message.length) {
		size_t step = message.length - at < each ? message.length - at : each;

		feed(&reading, message.data + at, step);
		at += step;
	}
	describe(&reading, true, out);
	release(&reading);
}

/* Whether all splits into two, and byte by byte, come to the same. */
static bool split_anyhow(enum http1_kind kind, struct text message)
{
	struct buffer whole = BUFFER_EMPTY, pieces = BUFFER_EMPTY;
	bool same = true;

	read_in_pieces(kind, message, message.length, 1, &whole);
	for (size_t first = 0; first <= message.length; first++) {
		size_t each = first ? message.length : 1;

		read_in_pieces(kind, message, first, each, &pieces);
		if (strcmp(whole.data, pieces.data) == 0)
			continue;
		printf("# split at %zu: %s\n#   whole: %s\n", first, pieces.data, whole.data);
		same = false;
	}
	buffer_release(&whole);
	buffer_release(&pieces);
	return same;
}

static const char *const responses[] = {
	"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Thu, 20 Nov 2025 10:40:00 GMT\r\n"
	"Content-Type: text/plain\r\nContent-Length: 5\r\nConnection: keep-alive\r\n"
	"ETag: \"673dbb98-5\"\r\nAccept-Ranges: bytes\r\n\r\nhelloHTTP/1.1 200 OK\r\n",
	("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=\"b;c\"\r\n world\r\n"
	"0\r\nX-Sum: 1\r\nY:2\t3\r\n\r\nrest"),
	"HTTP/1.1 200\r\n\r\nuntil the end",
	"HTTP/1.0 302 Found\r\nLOCATION:/x\r\nset-cookie: a=b\r\nContent-ENCODING: gzip\r\n\r\n",
	"HTTP/1.1 204 No Content\r\nContent-Length: 10\r\n\r\nnext",
	"HTTP/1.1 200 OK\r\nA\r\n\r\n",
	"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
	"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
	"HTTP/1.1 200 OK\r\nX: a\x01z\r\n\r\n",
	"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloo\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
	"SSH-2.0-OpenSSH_9.2\r\n",
	"HTTP/2 200\r\n\r\n",
	"\r\n\r\n",
	"HT",
	"",
};

static const char *const requests[] = {
	"GET /a?b=c HTTP/1.1\r\nHost: x\r\nConnection: close, x\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabcGET",
	"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: x\r\nhost: y\r\n\r\n",
	"GET  / HTTP/1.1\r\n\r\n",
	"GET /\r\n\r\n",
	"G@T / HTTP/1.1\r\n\r\n",
	"GET /\x7f HTTP/1.1\r\n\r\n",
	"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static enum http1_result parse(enum http1_kind kind, const char *message, struct http1_head *head,
			       struct error *err)
{
	size_t scanned = 0;

	err->text[0] = '\0';
	return http1_head(kind, text_of(message), &scanned, head, err);
}

static bool refused(enum http1_kind kind, const char *message, const char *why)
{
	struct http1_head head;
	struct error err;
	enum http1_result result = parse(kind, message, &head, &err);

	if (result == HTTP1_ERROR && strstr(err.text, why))
		return true;
	printf("# result %d, '%s' for %s\n", result, err.text, message);
	return false;
}

static bool refused_headers(const char *lines, const char *why)
{
	struct buffer request = BUFFER_EMPTY, response = BUFFER_EMPTY;
	bool both;

	buffer_format(&request, "POST / HTTP/1.1\r\nHost: x\r\n%s\r\n", lines);
	buffer_format(&response, "HTTP/1.1 200 OK\r\n%s\r\n", lines);
	both = refused(HTTP1_REQUEST, request.data, why) &&
	       refused(HTTP1_RESPONSE, response.data, why);
	buffer_release(&request);
	buffer_release(&response);
	return both;
}

/* The body of a chunked response: its content, or NULL with an error. */
static const char *unchunk(const char *chunks, struct error *err)
{
	static struct buffer content;
	struct http1_body body;
	struct http1_head head = { .chunked = true, .status = 200, .content_length = -1 };
	struct text rest = text_of(chunks), piece;
	enum http1_result result;

	buffer_release(&content);
	http1_body_begin(&body, HTTP1_RESPONSE, &head, false);
	while ((result = http1_body_next(&body, &rest, &piece, err)) == HTTP1_PIECE)
		buffer_add_text(&content, piece);
	if (result != HTTP1_DONE)
		return NULL;
	buffer_add(&content, "", 0);
	return content.data;
}

static void test_responses(void)
{
	struct http1_head head;
	struct error err;

	TEST("a plain response is understood") {
		CHECK_INT(parse(HTTP1_RESPONSE, responses[0], &head, &err), HTTP1_DONE);
		CHECK_INT(head.status, 200);
		CHECK_INT(head.minor, 1);
		CHECK_INT(head.content_length, 5);
		CHECK(text_is(head.reason, "OK"));
		CHECK(!head.close && !head.chunked && !head.upgrade && !head.has_location);
		CHECK(memcmp(responses[0] + head.length, "hello", 5) == 0);
		CHECK(text_starts_with(head.headers, "Server: nginx"));
		CHECK(memcmp(head.headers.data + head.headers.length, "\r\n", 2) == 0);
		CHECK_INT(head.headers.data + head.headers.length + 2 - responses[0], head.length);
	}
	TEST("HTTP/1.0 closes unless told to keep alive, HTTP/1.1 keeps alive unless told to close") {
		parse(HTTP1_RESPONSE, "HTTP/1.0 200 OK\r\n\r\n", &head, &err);
		CHECK(head.close);
		parse(HTTP1_RESPONSE, "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n", &head,
		      &err);
		CHECK(!head.close);
		parse(HTTP1_RESPONSE, "HTTP/1.1 200 OK\r\nConnection: x ,\tCLOSE\r\n\r\n", &head,
		      &err);
		CHECK(head.close);
		parse(HTTP1_RESPONSE, "HTTP/1.1 200 OK\r\nConnection: closer\r\n\r\n", &head, &err);
		CHECK(!head.close);
		parse(HTTP1_RESPONSE,
		      "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
		      &head, &err);
		CHECK(head.close);
	}
	TEST("headers worth a search are flagged, in any case") {
		CHECK_INT(parse(HTTP1_RESPONSE, responses[3], &head, &err), HTTP1_DONE);
		CHECK(head.has_location && head.has_set_cookie && head.has_content_encoding);
		parse(HTTP1_RESPONSE,
		      "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
		      &head, &err);
		CHECK(head.upgrade && head.status == 101);
	}
	TEST("names that only look alike are not taken for others") {
		CHECK_INT(
			parse(HTTP1_RESPONSE,
			      "HTTP/1.1 200 OK\r\nContent_Length: 3\r\nContent-Lengtx: 4\r\n"
			      "Transfer.Encoding: chunked\r\nLocatiom: x\r\nSet-Cookia: y\r\n\r\n",
			      &head, &err),
			HTTP1_DONE);
		CHECK_INT(head.content_length, -1);
		CHECK(!head.chunked && !head.has_location && !head.has_set_cookie);
	}
	TEST("bytes outside ASCII and tabs are allowed in values") {
		CHECK_INT(
			parse(HTTP1_RESPONSE,
			      "HTTP/1.1 200 Gr\xc3\xbc\xc3\x9f\r\nX-City: M\xfcnchen\tund so weiter und so "
			      "fort, und noch l\xc3\xa4nger\r\nContent-Length:\t 7 \t\r\n\r\n",
			      &head, &err),
			HTTP1_DONE);
		CHECK_INT(head.content_length, 7);
	}
}

static void test_refusals(void)
{
	TEST("what could be read in two ways is refused") {
		CHECK(refused_headers("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
				      "both"));
		CHECK(refused_headers("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
				      "both"));
		CHECK(refused_headers("Content-Length: 3\r\nContent-Length: 4\r\n",
				      "two different"));
		CHECK(refused_headers("Content-Length: 3, 3\r\n", "bad Content-Length"));
		CHECK(refused_headers("Content-Length: +3\r\n", "bad Content-Length"));
		CHECK(refused_headers("Content-Length: -3\r\n", "bad Content-Length"));
		CHECK(refused_headers("Content-Length: 0x3\r\n", "bad Content-Length"));
		CHECK(refused_headers("Content-Length: 3 3\r\n", "bad Content-Length"));
		CHECK(refused_headers("Content-Length:\r\n", "bad Content-Length"));
		CHECK(refused_headers("Content-Length: \r\n", "bad Content-Length"));
		CHECK(refused_headers("Content-Length: 9999999999999999999\r\n",
				      "bad Content-Length"));
		CHECK(refused_headers("Transfer-Encoding: xchunked\r\n",
				      "unknown Transfer-Encoding"));
		CHECK(refused_headers("Transfer-Encoding: chunked, identity\r\n", "unknown Tr"));
		CHECK(refused_headers("Transfer-Encoding: gzip, chunked\r\n", "unknown Tr"));
		CHECK(refused_headers("Transfer-Encoding: \x0b"
				      "chunked\r\n",
				      "control character"));
		CHECK(refused_headers(
			"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "twice"));
		CHECK(refused_headers("Transfer-Encoding : chunked\r\n", "bad header name"));
		CHECK(refused_headers("Transfer-Encoding\t: chunked\r\n", "bad header name"));
		CHECK(refused_headers("X: y\r\n Transfer-Encoding: chunked\r\n", "folded"));
		CHECK(refused_headers("X: y\r\n\tz\r\n", "folded"));
		CHECK(refused_headers("X: y\nTransfer-Encoding: chunked\r\n", "line feed without"));
		CHECK(refused_headers("X: y\rTransfer-Encoding: chunked\r\n",
				      "carriage return without"));
		CHECK(refused_headers("X: y\r\rZ: a\r\n", "carriage return without"));
		CHECK(refused_headers("\n", "bad header name"));
		CHECK(refused_headers(": x\r\n", "bad header name"));
		CHECK(refused_headers("no colon\r\n", "bad header name"));
		CHECK(refused_headers("nocolon\r\n", "bad header name"));
		CHECK(refused_headers("X[]: y\r\n", "bad header name"));
		CHECK(refused_headers("X\xc3\xa4: y\r\n", "bad header name"));
		CHECK(refused_headers("X: \x7f\r\n", "control character"));
		CHECK(refused(HTTP1_RESPONSE,
			      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.0"));
	}
}

static void test_bad_lines(void)
{
	TEST("a NUL in a head is refused") {
		static const char bytes[] = "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n";
		struct http1_head head;
		struct error err;
		size_t scanned = 0;

		CHECK_INT(http1_head(HTTP1_RESPONSE, (struct text){ bytes, sizeof(bytes) - 1 },
				     &scanned, &head, &err),
			  HTTP1_ERROR);
		CHECK_TEXT(err.text, "control character in a head: 'X: a\\x00b'");
	}
	TEST("bad first lines are refused") {
		CHECK(refused(HTTP1_RESPONSE, "HTTP/1.1 20 OK\r\n\r\n", "bad status line"));
		CHECK(refused(HTTP1_RESPONSE, "HTTP/1.1 2000 OK\r\n\r\n", "bad status line"));
		CHECK(refused(HTTP1_RESPONSE, "HTTP/1.1 099 OK\r\n\r\n", "bad status line"));
		CHECK(refused(HTTP1_RESPONSE, "HTTP/1.1  200 OK\r\n\r\n", "bad status line"));
		CHECK(refused(HTTP1_RESPONSE, "HTTP/11 200 OK\r\n\r\n", "bad status line"));
		CHECK(refused(HTTP1_RESPONSE, "http/1.1 200 OK\r\n\r\n", "does not start with"));
		CHECK(refused(HTTP1_RESPONSE, "ICY", "does not start with"));
		CHECK(refused(HTTP1_REQUEST, "GET / HTTP/1.1 \r\n\r\n",
			      "control character in a head"));
		CHECK(refused(HTTP1_REQUEST, "GET / HTTP/2.0\r\n\r\n", "bad request line"));
		CHECK(refused(HTTP1_REQUEST, " GET / HTTP/1.1\r\n\r\n", "bad request line"));
		CHECK(refused(HTTP1_REQUEST, "GET /a b HTTP/1.1\r\n\r\n", "bad request line"));
		CHECK(refused(HTTP1_REQUEST, "\r\nGET / HTTP/1.1\r\n\r\n", "bad request line"));
		CHECK(refused(HTTP1_REQUEST, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
			      "Host"));
	}
}

static void test_bounds(void)
{
	TEST("a head has a size and a number of lines at most") {
		struct buffer message = BUFFER_EMPTY;
		struct http1_head head;
		struct error err;
		size_t scanned = 0;

		buffer_add_string(&message, "HTTP/1.1 200 OK\r\nX: ");
		while (message.length < HTTP1_HEAD_MAX - 4)
			buffer_add_char(&message, 'x');
		buffer_add_string(&message, "\r\n\r\n");
		CHECK_INT(http1_head(HTTP1_RESPONSE, buffer_text(&message), &scanned, &head, &err),
			  HTTP1_DONE);
		CHECK_INT(head.length, HTTP1_HEAD_MAX);
		message.length -= 4;
		buffer_add_string(&message, "x\r\n\r\n");
		CHECK(refused(HTTP1_RESPONSE, message.data, "more than 64 KiB"));
		message.length -= 5;
		CHECK_INT(parse(HTTP1_RESPONSE, (message.data[message.length] = '\0', message.data),
				&head, &err),
			  HTTP1_MORE);
		buffer_clear(&message);
		buffer_add_string(&message, "HTTP/1.1 200 OK\r\n");
		for (int i = 0; i < HTTP1_HEADERS_MAX; i++)
			buffer_add_string(&message, "A: b\r\n");
		CHECK_INT(parse(HTTP1_RESPONSE, message.data, &head, &err), HTTP1_MORE);
		buffer_add_string(&message, "A: b\r\n");
		CHECK(refused(HTTP1_RESPONSE, message.data, "too many header lines"));
		message.length -= 6;
		buffer_add_string(&message, "\r\n");
		CHECK_INT(parse(HTTP1_RESPONSE, message.data, &head, &err), HTTP1_DONE);
		buffer_release(&message);
	}
}

static void test_bodies(void)
{
	struct error err;

	TEST("chunks are put together, extensions and trailers dropped") {
		CHECK_TEXT(unchunk("5\r\nhello\r\n0\r\n\r\n", &err), "hello");
		CHECK_TEXT(unchunk("0\r\n\r\n", &err), "");
		CHECK_TEXT(unchunk("000A;x\r\n0123456789\r\n1 ;y=\"z\"\r\n!\r\n0;q\r\nT: u\r\n\r\n",
				   &err),
			   "0123456789!");
		CHECK_TEXT(unchunk("a\r\n0123456789\r\nB\r\n0123456789a\r\n00\r\n\r\n", &err),
			   "01234567890123456789a");
	}
	TEST("bad chunks are refused") {
		CHECK(!unchunk("g\r\n", &err));
		CHECK(!unchunk("\r\n", &err));
		CHECK(!unchunk("0x5\r\nhello\r\n0\r\n\r\n", &err));
		CHECK(!unchunk("-1\r\n", &err));
		CHECK(!unchunk("+5\r\nhello\r\n0\r\n\r\n", &err));
		CHECK(!unchunk("5\nhello\n0\n\n", &err));
		CHECK(!unchunk("5 \r\nhello\r\n0\r\n\r\n", &err));
		CHECK(!unchunk("5;a\nhello\r\n0\r\n\r\n", &err));
		CHECK(!unchunk("5\r\nhello0\r\n\r\n", &err));
		CHECK(!unchunk("5\r\nhello\n0\r\n\r\n", &err));
		CHECK(!unchunk("ffffffffffffffff\r\n", &err));
		CHECK_TEXT(err.text, "a chunk size with too many digits");
		CHECK(!unchunk("0\r\n folded\r\n\r\n", &err));
		CHECK(!unchunk("0\r\nno colon\r\n\r\n", &err));
		CHECK(!unchunk("0\r\nA: b\n\r\n", &err));
	}
	TEST("extensions and trailers are bounded") {
		struct buffer chunks = BUFFER_EMPTY;

		buffer_add_string(&chunks, "1;");
		for (int i = 0; i < 5000; i++)
			buffer_add_char(&chunks, 'x');
		buffer_add_string(&chunks, "\r\na\r\n0\r\n\r\n");
		CHECK(!unchunk(chunks.data, &err));
		CHECK_TEXT(err.text, "a chunk extension or trailer that is too long");
		buffer_clear(&chunks);
		buffer_add_string(&chunks, "0\r\n");
		for (int i = 0; i < 20000; i++)
			buffer_add_string(&chunks, "A: b\r\n");
		buffer_add_string(&chunks, "\r\n");
		CHECK(!unchunk(chunks.data, &err));
		CHECK_TEXT(err.text, "too many chunk extensions or trailers");
		buffer_release(&chunks);
	}
	TEST("a chunked body broken once stays broken") {
		struct http1_head head = { .chunked = true, .status = 200, .content_length = -1 };
		struct text rest = text_of("x5\r\nhello\r\n0\r\n\r\n"), piece;
		struct http1_body body;

		http1_body_begin(&body, HTTP1_RESPONSE, &head, false);
		CHECK_INT(http1_body_next(&body, &rest, &piece, &err), HTTP1_ERROR);
		rest = text_of("5\r\nhello\r\n0\r\n\r\n");
		CHECK_INT(http1_body_next(&body, &rest, &piece, &err), HTTP1_ERROR);
		CHECK_INT(http1_body_end(&body, &err), HTTP1_ERROR);
	}
}

static enum http1_result end_of(const char *message, bool head_request, int64_t *total)
{
	struct reading reading = { .kind = HTTP1_RESPONSE,
				   .result = HTTP1_MORE,
				   .head_request = head_request };
	enum http1_result result;

	feed(&reading, message, strlen(message));
	result = reading.result == HTTP1_MORE ? http1_body_end(&reading.body, &reading.err) :
						reading.result;
	*total = reading.body.total;
	release(&reading);
	return result;
}

static void test_ends(void)
{
	int64_t total;

	TEST("answers to HEAD, 1xx, 204 and 304 have no body whatever they say") {
		CHECK_INT(end_of("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true, &total),
			  HTTP1_DONE);
		CHECK_INT(end_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true,
				 &total),
			  HTTP1_DONE);
		CHECK_INT(end_of("HTTP/1.1 304 Not\r\nContent-Length: 9\r\n\r\n", false, &total),
			  HTTP1_DONE);
		CHECK_INT(end_of("HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\nx", false,
				 &total),
			  HTTP1_DONE);
		CHECK_INT(end_of("HTTP/1.1 100 Continue\r\n\r\nHTTP", false, &total), HTTP1_DONE);
		CHECK_INT(total, 0);
	}
	TEST("a close ends a body without a length, and is an error for any other") {
		CHECK_INT(end_of("HTTP/1.1 200 OK\r\n\r\nabc", false, &total), HTTP1_DONE);
		CHECK_INT(total, 3);
		CHECK_INT(end_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", false, &total),
			  HTTP1_ERROR);
		CHECK_INT(
			end_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
			       false, &total),
			HTTP1_ERROR);
		CHECK_INT(total, 5);
	}
}

static void test_splits(void)
{
	TEST("responses come to the same however they are cut") {
		for (size_t i = 0; i < COUNT(responses); i++)
			CHECK(split_anyhow(HTTP1_RESPONSE, text_of(responses[i])));
	}
	TEST("requests come to the same however they are cut") {
		for (size_t i = 0; i < COUNT(requests); i++)
			CHECK(split_anyhow(HTTP1_REQUEST, text_of(requests[i])));
	}
	TEST("a response broken at any byte comes to the same however it is cut") {
		static const char bad[] = { '\0', '\n', '\r', ' ', ':', '\x80', '\x7f', '9' };
		struct text good = text_of(responses[1]);
		char *copy = malloc(good.length);

		for (size_t at = 0; at < good.length; at++) {
			memcpy(copy, good.data, good.length);
			copy[at] = bad[at % sizeof(bad)];
			CHECK(split_anyhow(HTTP1_RESPONSE, (struct text){ copy, good.length }));
		}
		free(copy);
	}
}

static void test_headers(void)
{
	struct text headers =
		text_of("A: 1\r\nSet-Cookie: x=y\r\nset-cookie:z\r\nempty:\r\nSet: q \r\n");
	struct text name, value, rest;

	TEST("headers are found by name") {
		CHECK(http1_header(headers, "SET-COOKIE", &value) && text_is(value, "x=y"));
		CHECK(http1_header(headers, "set", &value) && text_is(value, "q"));
		CHECK(http1_header(headers, "empty", &value) && value.length == 0);
		CHECK(!http1_header(headers, "cookie", &value));
		CHECK(!http1_header(headers, "", &value));
		CHECK(!http1_header(text_of(""), "a", &value));
	}
	TEST("headers are walked in order, also when they are not quite well-formed") {
		int count = 0;

		rest = headers;
		while (http1_next_header(&rest, &name, &value))
			count++;
		CHECK_INT(count, 5);
		rest = text_of("junk\n: x\nB: 2\nC:3");
		CHECK(http1_next_header(&rest, &name, &value) && text_is(name, "B") &&
		      text_is(value, "2"));
		CHECK(http1_next_header(&rest, &name, &value) && text_is(name, "C") &&
		      text_is(value, "3"));
		CHECK(!http1_next_header(&rest, &name, &value));
	}
}

int main(void)
{
	test_responses();
	test_refusals();
	test_bad_lines();
	test_bounds();
	test_bodies();
	test_ends();
	test_splits();
	test_headers();
	return tap_done();
}
