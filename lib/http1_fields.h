/*
 * http1_fields: the headers that decide how a message is framed and what becomes of its connection.
 * Inside lib/http1 only.
 */
#ifndef LIB_HTTP1_FIELDS_H
#define LIB_HTTP1_FIELDS_H

#include "lib/http1.h"

struct http1_fields {
	struct http1_head *head;
	enum http1_kind kind;
	bool close, keep_alive, wants_upgrade; /* named in Connection */
	bool names_protocol; /* Upgrade is there */
	bool host;
};

/* Whether a name may be one of them, told by its length and its first letter. */
static inline bool http1_field_matters(const char *name, size_t length)
{
#define LETTER(c) (1u << ((c)&31))
	static const uint32_t initials[32] = {
		[4] = LETTER('h'), /* host */
		[7] = LETTER('u'), /* upgrade */
		[8] = LETTER('l'), /* location */
		[10] = LETTER('c') | LETTER('s'), /* connection, set-cookie */
		[14] = LETTER('c'), /* content-length */
		[16] = LETTER('c'), /* content-encoding */
		[17] = LETTER('t'), /* transfer-encoding */
	};
#undef LETTER

	return length < 32 && (initials[length] >> (*name & 31) & 1);
}

/* NULL, or what is wrong with it. Values may still have blanks around them. */
const char *http1_field(struct http1_fields *fields, struct text name, struct text value);

/* When all are known: the same. */
const char *http1_fields_settle(struct http1_fields *fields);

#endif
