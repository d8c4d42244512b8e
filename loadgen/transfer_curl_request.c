#include "loadgen/transfer_curl.h"

/* libcurl loads the system's certificates for every connection; ours are loaded once. */
static CURLcode lend_tls(CURL *easy, void *context, void *of_line)
{
	struct line *line = of_line;

	(void)easy;
	line->shaking = true;
	return tls_lend(curl_of(line)->tls, context) ? CURLE_OK : CURLE_SSL_CERTPROBLEM;
}

static void set_tls(struct line *line, const struct curl *curl)
{
	CURL *easy = line->easy;
	const struct transfer_settings *settings = curl->base.settings;

	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, settings->verify ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, settings->verify ? 2L : 0L);
	if (!curl->tls)
		return;
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, lend_tls);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, line);
}

void line_set_up(struct line *line, struct curl *curl)
{
	const struct transfer_settings *settings = curl->base.settings;
	CURL *easy = line->easy;

	line->origin = UINT16_MAX;
	line->set.method = -1;
	curl_set_basics(easy, settings);
	line->set.connect_timeout = settings->connect_timeout_us > 0;
	set_tls(line, curl);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, line);
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)INT32_MAX);
	curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
			 settings->version == HTTP_2 ? (long)CURL_HTTP_VERSION_2TLS :
						       (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, settings->keep_alive ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SHARE, curl->share);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, line->problem);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, line_got_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, line);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, line_got_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, line);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, line_before_sending);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, line);
}

void line_aim(struct line *line, uint16_t origin)
{
	struct curl *curl = curl_of(line);
	const struct target *target = &curl->targets[origin];

	curl_easy_setopt(line->easy, CURLOPT_RESOLVE, curl->pins);
	curl_set_local_address(line->easy, curl->base.settings, &curl->local_turn);
	if (line->origin == origin)
		return;
	line->origin = origin;
	curl_easy_setopt(line->easy, CURLOPT_CURLU, target->url);
	curl_easy_setopt(line->easy, CURLOPT_CONNECT_TO, target->connect_to);
	curl_slist_free_all(line->set.list); /* with another Host line */
	line->set.list = NULL;
}

/* --- headers --- */

/* "Name: value" goes into the list as it is; a header without a value is "Name;" to libcurl. */
static void append_line(struct line *line, struct text name, struct text value)
{
	struct buffer *text = &curl_of(line)->scratch;

	buffer_clear(text);
	if (value.length)
		buffer_format(text, "%.*s: %.*s", TEXT_ARG(name), TEXT_ARG(value));
	else
		buffer_format(text, "%.*s;", TEXT_ARG(name));
	line->set.list = curl_slist_append(line->set.list, text->data);
}

static void append_string(struct line *line, const char *header)
{
	line->set.list = curl_slist_append(line->set.list, header);
}

/*
 * The lines of the request, and a "no" to each that libcurl would add by itself. No more of them than
 * needed: libcurl searches the whole list for each header it thinks of.
 */
static void make_list(struct line *line, struct text headers, bool sends_body)
{
	const struct curl *curl = curl_of(line);
	bool accept = false, content_type = !sends_body;
	struct text name, value;

	curl_slist_free_all(line->set.list);
	line->set.list = NULL;
	append_string(line, curl->targets[line->origin].host_line);
	while (http1_next_header(&headers, &name, &value)) {
		accept = accept || text_is_nocase(name, "Accept");
		content_type = content_type || text_is_nocase(name, "Content-Type");
		append_line(line, name, value);
	}
	if (!accept)
		append_string(line, "Accept:");
	if (!content_type)
		append_string(line, "Content-Type:");
	if (sends_body)
		append_string(line, "Expect:");
	if (!curl->base.settings->keep_alive)
		append_string(line, "Connection: close");
}

static void set_headers(struct line *line, struct text headers)
{
	bool for_body = line->set.sends_body;

	if (line->set.list && line->set.list_for_body == for_body &&
	    text_equal(buffer_text(&line->set.headers), headers))
		return;
	make_list(line, headers, for_body);
	line->set.list_for_body = for_body;
	buffer_clear(&line->set.headers);
	buffer_add_text(&line->set.headers, headers);
	curl_easy_setopt(line->easy, CURLOPT_HTTPHEADER, line->set.list);
}

/* --- the rest --- */

static void set_method(struct line *line, enum http_method method, bool sends_body)
{
	CURL *easy = line->easy;

	if (line->set.method == (int)method && line->set.sends_body == sends_body)
		return;
	line->set.method = (int)method;
	line->set.sends_body = sends_body;
	curl_easy_setopt(easy, CURLOPT_NOBODY, 0L);
	curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
	if (method == METHOD_HEAD)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else if (sends_body)
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
	if (method != METHOD_GET && method != METHOD_HEAD && method != METHOD_POST)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, http_method_name(method));
	else if (method == METHOD_GET && sends_body)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "GET");
}

static void set_body(struct line *line, const struct exchange_request *request)
{
	struct text body = request_sends_body(request) ? request->body : text_of("");

	curl_easy_setopt(line->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.length);
	curl_easy_setopt(line->easy, CURLOPT_POSTFIELDS, body.length ? body.data : "");
}

static void set_path(struct line *line, struct text path)
{
	const char *prefix = curl_of(line)->targets[line->origin].prefix;
	struct buffer *wanted = &curl_of(line)->scratch;

	buffer_clear(wanted);
	if (prefix)
		buffer_add_string(wanted, prefix);
	buffer_add_text(wanted, path.length ? path : text_of("/"));
	if (line->set.path.length && text_equal(buffer_text(wanted), buffer_text(&line->set.path)))
		return;
	buffer_clear(&line->set.path);
	buffer_add_text(&line->set.path, buffer_text(wanted));
	curl_easy_setopt(line->easy, CURLOPT_REQUEST_TARGET, line->set.path.data);
}

/* Not for a kept connection: libcurl would set, and cancel, a timer for every request. */
static void set_connect_timeout(struct line *line)
{
	int64_t timeout_us = curl_of(line)->base.settings->connect_timeout_us;
	bool wanted = !line->reused && timeout_us > 0;

	if (line->set.connect_timeout == wanted)
		return;
	line->set.connect_timeout = wanted;
	curl_easy_setopt(line->easy, CURLOPT_CONNECTTIMEOUT_MS,
			 wanted ? (long)(timeout_us / 1000 + 1) : 0L);
}

void line_set_request(struct line *line, const struct exchange_request *request)
{
	bool sends_body = request_sends_body(request) || method_wants_length(request->method);

	set_connect_timeout(line);
	set_method(line, request->method, sends_body);
	if (sends_body)
		set_body(line, request);
	set_headers(line, request->headers);
	set_path(line, request->path);
}
