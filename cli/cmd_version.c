#include "cli/command.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <yaml.h>
#include <zlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

static int version_run(struct invocation *invocation)
{
	char pcre2[64] = "?";

	(void)invocation;
	pcre2_config(PCRE2_CONFIG_VERSION, pcre2);
	printf("sagastorm %s\n", SAGASTORM_VERSION);
	printf("libcurl %s, libevent %s, jansson %s, libyaml %s, PCRE2 %s, zlib %s, %s\n",
	       curl_version_info(CURLVERSION_NOW)->version, event_get_version(),
	       jansson_version_str(), yaml_get_version_string(), pcre2, zlibVersion(),
	       OpenSSL_version(OPENSSL_VERSION));
	return EXIT_PASS;
}

const struct command command_version = {
	.name = "version",
	.summary = "print the version, and those of the libraries",
	.usage = "",
	.about = "Prints the version of sagastorm and of the libraries that it runs with.",
	.run = version_run,
};
