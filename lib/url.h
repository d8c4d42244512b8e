/*
 * url: http and https URLs, read strictly, and where a redirect leads.
 *
 *	url_resolve("http://shop:8080", path, location, &target, &url, err);
 *
 * Strict means: no user names (they are a way to make a host look like another), no blanks, no
 * control characters, no hosts but names of letters, digits, '-', '.' and '_', IPv4 addresses, and
 * IPv6 addresses in brackets. Fragments are cut off: they are never sent.
 */
#ifndef LIB_URL_H
#define LIB_URL_H

#include <stdint.h>

#include "lib/buffer.h"
#include "lib/error.h"
#include "lib/text.h"

struct url {
	bool tls;
	struct text host; /* as written, without brackets */
	uint16_t port; /* the scheme's own when none is written */
	struct text path; /* with the query */
};

/*
 * An absolute URL. All texts are slices of `source`; so `path` is as it was written: it may be
 * empty or start with '?'.
 */
bool url_parse(struct text source, struct url *url, struct error *err);

/*
 * Where `location` leads from `path` of `origin` ("http://host:port"), by RFC 3986 §5: an absolute
 * URL, //host/path, /path, a relative path, ?query or nothing; dot segments are removed. Bytes
 * outside ASCII are percent-encoded, as browsers do. The texts of `url` are slices of `target`,
 * which becomes the whole URL; its path starts with '/'.
 */
bool url_resolve(const char *origin, struct text path, struct text location, struct buffer *target,
		 struct url *url, struct error *err);

/* Appends the text with everything but letters, digits and -._~ percent-encoded. */
void url_encode(struct buffer *out, struct text text);

#endif
