#include "loadgen/curl_options.h"

#include <stdio.h>

void curl_set_basics(CURL *easy, const struct transfer_settings *settings)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, settings->proxy ? settings->proxy : "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	if (settings->connect_timeout_us > 0)
		curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
				 (long)(settings->connect_timeout_us / 1000 + 1));
}

struct curl_slist *curl_pins(const struct transfer_settings *settings)
{
	struct curl_slist *pins = NULL;

	for (const char *const *pin = settings->resolve; pin && *pin; pin++)
		pins = curl_slist_append(pins, *pin);
	return pins;
}

void curl_set_local_address(CURL *easy, const struct transfer_settings *settings, uint32_t *turn)
{
	uint32_t count = 0;
	char name[128];

	while (settings->from && settings->from[count])
		count++;
	if (!count)
		return;
	snprintf(name, sizeof(name), "host!%s", settings->from[(*turn)++ % count]);
	curl_easy_setopt(easy, CURLOPT_INTERFACE, name);
}

struct text origin_url_host(const struct origin *origin)
{
	const char *start = strstr(origin->url, "://");
	size_t length;

	start = start ? start + 3 : origin->url;
	length = start[0] == '[' ? strcspn(start, "]") + 1 : strcspn(start, ":/");
	return (struct text){ start, length };
}
