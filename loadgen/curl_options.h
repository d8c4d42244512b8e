/*
 * curl_options: what is set the same way on all easy handles, of the connector and of the libcurl
 * transport, and what their error codes mean.
 */
#ifndef LOADGEN_CURL_OPTIONS_H
#define LOADGEN_CURL_OPTIONS_H

#include <curl/curl.h>

#include "loadgen/transfer.h"

/* No signals, no proxies from the environment, no surprises. */
void curl_set_basics(CURL *easy, const struct transfer_settings *settings);

/* A list of the pinned addresses for CURLOPT_RESOLVE; free it with curl_slist_free_all(). */
struct curl_slist *curl_pins(const struct transfer_settings *settings);

/* Binds the next connection to the next of the local addresses; `*turn` counts. */
void curl_set_local_address(CURL *easy, const struct transfer_settings *settings, uint32_t *turn);

/* The host of a URL as it is written in URLs, brackets and all: a slice of origin->url. */
struct text origin_url_host(const struct origin *origin);

static inline uint32_t curl_time(CURL *easy, CURLINFO which)
{
	curl_off_t us = 0;

	curl_easy_getinfo(easy, which, &us);
	return us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

/* The time between two moments of a transfer, none when the later one never came. */
static inline uint32_t curl_span(uint32_t from_us, uint32_t to_us)
{
	return to_us > from_us ? to_us - from_us : 0;
}

#endif
