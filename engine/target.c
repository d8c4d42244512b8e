#include "engine/target.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "lib/clock.h"

enum { ANSWER_MAX = 64 * 1024 * 1024, READ_TIMEOUT_S = 30 };

static size_t collect(char *bytes, size_t size, size_t count, void *context)
{
	struct buffer *answer = context;

	if (answer->length + size * count > ANSWER_MAX)
		return 0;
	buffer_add(answer, bytes, size * count);
	return size * count;
}

static struct curl_slist *resolve_list(const struct transfer_settings *transfer)
{
	struct curl_slist *list = NULL;

	for (size_t i = 0; transfer->resolve && transfer->resolve[i]; i++)
		list = curl_slist_append(list, transfer->resolve[i]);
	return list;
}

static void set_up(CURL *easy, const struct transfer_settings *transfer, char *problem)
{
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, problem);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PROXY, transfer->proxy ? transfer->proxy : "");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)(transfer->connect_timeout_us / US_PER_MS));
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, transfer->verify ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, transfer->verify ? 2L : 0L);
	if (transfer->ca)
		curl_easy_setopt(easy, CURLOPT_CAINFO, transfer->ca);
	if (transfer->certificate)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, transfer->certificate);
	if (transfer->key)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, transfer->key);
}

/* A server name of its own is asked for by naming the host so, and connecting where it was. */
static char *named_url(const struct transfer_settings *transfer, const struct origin *origin,
		       const char *path, struct curl_slist **connect_to)
{
	struct buffer url = BUFFER_EMPTY, route = BUFFER_EMPTY;

	if (transfer->sni && origin->tls) {
		buffer_format(&url, "https://%s:%u%s", transfer->sni, origin->port, path);
		buffer_format(&route, "%s:%u:%s:%u", transfer->sni, origin->port, origin->name,
			      origin->port);
		*connect_to = curl_slist_append(NULL, route.data);
		buffer_release(&route);
	} else {
		buffer_format(&url, "%s%s", origin->url, path);
	}
	return url.data;
}

static CURLcode perform(CURL *easy, const struct transfer_settings *transfer,
			const struct origin *origin, const char *path, char *problem)
{
	struct curl_slist *resolve = resolve_list(transfer), *connect_to = NULL;
	char *url = named_url(transfer, origin, path, &connect_to);
	CURLcode code;

	set_up(easy, transfer, problem);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_RESOLVE, resolve);
	curl_easy_setopt(easy, CURLOPT_CONNECT_TO, connect_to);
	code = curl_easy_perform(easy);
	curl_slist_free_all(resolve);
	curl_slist_free_all(connect_to);
	free(url);
	return code;
}

static bool connects(const struct transfer_settings *transfer, const struct origin *origin,
		     struct error *err)
{
	char problem[CURL_ERROR_SIZE] = "";
	CURL *easy = curl_easy_init();
	CURLcode code = CURLE_OUT_OF_MEMORY;

	if (easy) {
		curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
		code = perform(easy, transfer, origin, "/", problem);
	}
	curl_easy_cleanup(easy);
	return code == CURLE_OK || error_set(err, "the target '%s' is not ready: %s", origin->url,
					     *problem ? problem : curl_easy_strerror(code));
}

bool target_is_ready(const struct scenario *scenario, struct error *err)
{
	for (uint16_t i = 0; i < scenario->transfer.origin_count; i++)
		if (!connects(&scenario->transfer, &scenario->transfer.origins[i], err))
			return false;
	return true;
}

static bool get(const struct scenario *scenario, const char *path, struct buffer *answer,
		struct error *err)
{
	const struct origin *origin = &scenario->transfer.origins[0];
	char problem[CURL_ERROR_SIZE] = "";
	CURL *easy = curl_easy_init();
	CURLcode code = CURLE_OUT_OF_MEMORY;
	long status = 0;

	if (easy) {
		curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, collect);
		curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
		curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
		curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
		curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)READ_TIMEOUT_S);
		curl_easy_setopt(easy, CURLOPT_USERAGENT, "sagastorm");
		code = perform(easy, &scenario->transfer, origin, path, problem);
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	}
	curl_easy_cleanup(easy);
	if (code != CURLE_OK)
		return error_set(err, "cannot read '%s%s': %s", origin->url, path,
				 *problem ? problem : curl_easy_strerror(code));
	return status == 200 ||
	       error_set(err, "cannot read '%s%s': status %ld", origin->url, path, status);
}

static bool read_source(struct scenario *scenario, struct data_source *source, struct error *err)
{
	struct buffer answer = BUFFER_EMPTY;
	struct error why;
	bool good =
		get(scenario, source->path, &answer, &why) &&
		data_read_json(source, buffer_text(&answer), source->path, &scenario->arena, &why);

	buffer_release(&answer);
	return good || error_at(err, source->at, "data '%s': %s", source->name, why.text);
}

bool target_read_data(struct scenario *scenario, struct error *err)
{
	for (uint8_t i = 0; i < scenario->source_count; i++) {
		struct data_source *source = &scenario->sources[i];

		if (source->origin == DATA_ENDPOINT && !read_source(scenario, source, err))
			return false;
		data_prepare(source, scenario->plan.seed, &scenario->arena);
	}
	return true;
}
