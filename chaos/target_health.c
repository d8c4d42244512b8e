/* Asking a service how it is, on the direct way: no proxy of ours, nor one of the environment. */
#include "chaos/target.h"

#include <curl/curl.h>

#include "chaos/control_mark.h"
#include "lib/clock.h"

static size_t swallow(char *data, size_t size, size_t count, void *context)
{
	size_t *seen = context;

	(void)data;
	*seen += size * count;
	return *seen > 65536 ? 0 : size * count; /* its status is what matters */
}

static int keep_free(void *context, curl_socket_t socket, curlsocktype purpose)
{
	(void)context;
	(void)purpose;
	control_mark_socket(socket);
	return CURL_SOCKOPT_OK;
}

static void prepare(CURL *curl, const char *url, int64_t wait_us, size_t *seen)
{
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(wait_us / US_PER_MS) + 1);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, keep_free);
	/* Who it is was settled by its address; a certificate of its own making is no illness. */
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, swallow);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, seen);
}

bool target_healthy(const json_t *place, int64_t wait_us, struct error *err)
{
	const char *url = json_string_value(json_object_get(place, "health"));
	CURL *curl = url ? curl_easy_init() : NULL;
	size_t seen = 0;
	long status = 0;
	CURLcode code;

	if (!url)
		return true;
	if (!curl)
		return error_set(err, "cannot start libcurl");
	prepare(curl, url, wait_us, &seen);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	if (status == 0)
		return error_set(err, "'%s' does not answer: %s", url, curl_easy_strerror(code));
	return (status >= 200 && status < 300) || error_set(err, "'%s' answers %ld", url, status);
}
