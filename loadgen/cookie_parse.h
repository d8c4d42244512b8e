/*
 * cookie_parse: a Set-Cookie header, taken apart and judged. Inside loadgen/cookies only.
 */
#ifndef LOADGEN_COOKIE_PARSE_H
#define LOADGEN_COOKIE_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/text.h"

#define COOKIE_FOREVER INT64_MAX /* until the session ends */

/* Who asked, and when. */
struct cookie_request {
	struct text host, path;
	bool tls;
	int64_t now_s;
};

struct cookie_parts {
	struct text name, value;
	struct text domain; /* as written, without a dot in front; empty: only the host itself */
	struct text path;
	bool secure;
	int64_t expires_s;
};

/* False when the cookie is to be ignored. The texts are slices of the line and of the request. */
bool cookie_parse(struct text line, const struct cookie_request *request,
		  struct cookie_parts *parts);

bool cookie_host_matches(struct text host, struct text domain);
bool cookie_path_matches(struct text path, struct text cookie_path);

/* Whether Secure cookies may travel. */
bool cookie_is_safe(struct text host, bool tls);

#endif
