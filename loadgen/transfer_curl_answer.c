#include <stdlib.h>

#include "loadgen/transfer_curl.h"

enum { SENT_WITH_HEAD_MAX = 64 * 1024 };

void line_expect_answer(struct line *line)
{
	line->status = 0;
	line->sends = SENT_NOT;
	line->interim = 0;
	line->shaking = false;
	line->head_complete = false;
	line->http2 = false;
	line->broke_rules = false;
	line->first_byte_us = 0;
	line->problem[0] = '\0';
	line->parsed = (struct http1_head){ .status = 0 };
	buffer_clear(&line->head);
	buffer_clear(&line->body);
}

/* Ends the transfer from within a callback of libcurl. */
static size_t against_the_rules(struct line *line, const char *why)
{
	error_set(&line->why, "%s", why);
	line->broke_rules = true;
	return 0;
}

/*
 * Called when a request is about to be sent: libcurl repeats it by itself if a kept connection
 * dies.
 */
int line_before_sending(void *context, char *their_ip, char *our_ip, int their_port, int our_port)
{
	struct line *line = context;

	(void)their_ip, (void)our_ip, (void)their_port, (void)our_port;
	line->sends++;
	if (line->sends >= SENT_TWICE && !method_is_idempotent(line->lane->base.request->method))
		line->sends = SENT_TOO_OFTEN;
	return line->sends >= SENT_TOO_OFTEN ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static bool too_large(const struct line *line, int64_t length)
{
	return line->lane->base.request->want_body &&
	       length > curl_of(line)->base.settings->max_body_bytes;
}

/* --- the head --- */

/* libcurl writes HTTP/2 heads as if they were HTTP/1 ones, but for "HTTP/2 200". */
static void disguise_http2(struct line *line)
{
	static const char theirs[] = "HTTP/2 ", ours[] = "HTTP/1.1 ";
	struct text head = buffer_text(&line->head);

	line->http2 = text_starts_with(head, theirs);
	if (!line->http2)
		return;
	buffer_reserve(&line->head, 2);
	memmove(line->head.data + strlen(ours), line->head.data + strlen(theirs),
		line->head.length - strlen(theirs));
	memcpy(line->head.data, ours, strlen(ours));
	line->head.length += strlen(ours) - strlen(theirs);
}

static size_t interim_over(struct line *line, size_t taken)
{
	if (line->parsed.status == 101)
		return against_the_rules(line, "the server switched protocols unasked");
	if (++line->interim > INTERIM_MAX)
		return against_the_rules(line, "no end of interim answers");
	buffer_clear(&line->head);
	return taken;
}

/* The head is read once more by the parser of the direct transport: the same rules for both. */
static size_t head_over(struct line *line, size_t taken)
{
	size_t scanned = 0;
	enum http1_result got;

	disguise_http2(line);
	got = http1_head(HTTP1_RESPONSE, buffer_text(&line->head), &scanned, &line->parsed,
			 &line->why);
	if (got == HTTP1_ERROR)
		line->broke_rules = true;
	else if (got == HTTP1_MORE)
		against_the_rules(line, "a line of the head ends without CR");
	if (got != HTTP1_DONE)
		return 0;
	if (line->parsed.status < 200)
		return interim_over(line, taken);
	line->head_complete = true;
	line->status = (uint16_t)line->parsed.status;
	if (line->lane->base.request->method != METHOD_HEAD && line->parsed.status != 204 &&
	    line->parsed.status != 304 && too_large(line, line->parsed.content_length))
		return against_the_rules(line, "the body is larger than allowed");
	return taken;
}

size_t line_got_header(char *bytes, size_t size, size_t count, void *context)
{
	struct line *line = context;
	size_t length = size * count;

	if (line->head_complete)
		return length; /* trailers */
	if (!line->first_byte_us)
		line->first_byte_us = loop_now(line->drive.loop);
	if (line->head.length + length > HTTP1_HEAD_MAX)
		return against_the_rules(line, "the head is larger than 64 KiB");
	buffer_add(&line->head, bytes, length);
	if (length > 2 || (bytes[0] != '\r' && bytes[0] != '\n'))
		return length;
	return head_over(line, length);
}

size_t line_got_body(char *bytes, size_t size, size_t count, void *context)
{
	struct line *line = context;
	size_t length = size * count;

	if (!line->lane->base.request->want_body)
		return length;
	if (too_large(line, (int64_t)(line->body.length + length)))
		return against_the_rules(line, "the body is larger than allowed");
	buffer_add(&line->body, bytes, length);
	return length;
}

/* --- the verdict --- */

enum failure line_stage(const struct line *line)
{
	if (line->sends || line->reused)
		return FAILURE_NONE;
	if (!curl_time(line->easy, CURLINFO_NAMELOOKUP_TIME_T))
		return FAILURE_DNS;
	return line->shaking ? FAILURE_TLS : FAILURE_CONNECT;
}

static bool mentions(const struct line *line, const char *words)
{
	return strstr(line->problem, words) != NULL;
}

/* libcurl 7.88 reports bad chunks and TLS alerts as failures to receive; only its text tells. */
static enum failure failure_to_receive(const struct line *line)
{
	if (mentions(line, "chunk") && !mentions(line, "closed"))
		return FAILURE_PROTOCOL;
	if (mentions(line, "alert"))
		return FAILURE_TLS;
	return line->sends ? FAILURE_RESET : FAILURE_CONNECT;
}

static enum failure failure_of(const struct line *line, CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return FAILURE_DNS;
	case CURLE_COULDNT_CONNECT:
	case CURLE_INTERFACE_FAILED:
		return FAILURE_CONNECT;
	case CURLE_OPERATION_TIMEDOUT: /* of connecting: nobody set another */
		return line_stage(line) ? line_stage(line) : FAILURE_TIMEOUT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_CLIENTCERT:
		return FAILURE_TLS;
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return failure_to_receive(line);
	case CURLE_OK: /* the head was cut short, which libcurl does not mind */
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_ABORTED_BY_CALLBACK:
		return FAILURE_RESET;
	default:
		return line->sends ? FAILURE_PROTOCOL : FAILURE_CONNECT;
	}
}

static void fill_failure(struct line *line, CURLcode code, struct exchange_result *result)
{
	result->closes = true;
	if (line->broke_rules) {
		result->failure = FAILURE_PROTOCOL;
		result->detail = line->why.text;
		return;
	}
	result->failure = failure_of(line, code);
	result->detail = line->problem[0] ? line->problem : curl_easy_strerror(code);
	if (line->sends == SENT_TOO_OFTEN)
		result->detail = "the connection ended before an answer came";
	if (code == CURLE_OK)
		result->detail = "the connection ended within the head";
	result->exhausted =
		code == CURLE_COULDNT_CONNECT && drive_exhausted(&line->drive, line->easy);
	if (result->exhausted)
		result->detail = DRIVE_EXHAUSTED;
}

static void fill_answer(const struct line *line, struct exchange_result *result)
{
	result->minor = line->http2 ? 2 : line->parsed.minor;
	result->headers = line->parsed.headers;
	result->has_location = line->parsed.has_location;
	result->has_set_cookie = line->parsed.has_set_cookie;
	result->has_content_encoding = line->parsed.has_content_encoding;
	result->body = buffer_text(&line->body);
}

static void fill_times(const struct line *line, struct exchange_result *result)
{
	uint32_t dns_us, connect_us;

	if (!result->new_connection)
		return;
	dns_us = curl_time(line->easy, CURLINFO_NAMELOOKUP_TIME_T);
	connect_us = curl_time(line->easy, CURLINFO_CONNECT_TIME_T);
	result->dns_us = dns_us;
	result->connect_us = curl_span(dns_us, connect_us);
	result->tls_us = curl_span(connect_us, curl_time(line->easy, CURLINFO_APPCONNECT_TIME_T));
}

/*
 * Bytes as libcurl counts them: chunk sizes and HTTP/2 frames are not among them, and a small body,
 * which is sent together with its head, is counted with that.
 */
static void fill_bytes(const struct line *line, struct exchange_result *result)
{
	long head_in = 0, head_out = 0;
	curl_off_t body_in = 0, body_out = 0;

	curl_easy_getinfo(line->easy, CURLINFO_HEADER_SIZE, &head_in);
	curl_easy_getinfo(line->easy, CURLINFO_REQUEST_SIZE, &head_out);
	curl_easy_getinfo(line->easy, CURLINFO_SIZE_DOWNLOAD_T, &body_in);
	if (line->lane->base.request->body.length >= SENT_WITH_HEAD_MAX)
		curl_easy_getinfo(line->easy, CURLINFO_SIZE_UPLOAD_T, &body_out);
	result->bytes_in = (uint64_t)head_in + (uint64_t)body_in;
	result->bytes_out = (uint64_t)head_out + (uint64_t)body_out;
}

void line_judge(struct line *line, CURLcode code, struct exchange_result *result)
{
	long connects = 0;

	curl_easy_getinfo(line->easy, CURLINFO_NUM_CONNECTS, &connects);
	*result = (struct exchange_result){
		.status = line->status,
		.new_connection = !line->reused || (connects > 0 && line->sends != SENT_TOO_OFTEN),
		.first_byte_us = line->first_byte_us,
		.headers = text_of(""),
		.body = text_of(""),
	};
	fill_times(line, result);
	fill_bytes(line, result);
	if (code == CURLE_OK && line->head_complete)
		fill_answer(line, result);
	else
		fill_failure(line, code, result);
}
