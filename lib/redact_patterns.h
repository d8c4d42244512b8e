/*
 * redact_patterns: what looks like a secret. Inside lib/redact only.
 *
 * Each looks at the text from `at` on. When something stands there that is to be hidden, it appends
 * what may be shown of it to `out` and returns how much of the text that was; else 0.
 */
#ifndef LIB_REDACT_PATTERNS_H
#define LIB_REDACT_PATTERNS_H

#include "lib/buffer.h"
#include "lib/text.h"

#define REDACTED "***"

size_t redact_named(struct text in, size_t at, struct buffer *out);  /* "password": "x", token=x */
size_t redact_bearer(struct text in, size_t at, struct buffer *out); /* Bearer x, Basic x */
size_t redact_jwt(struct text in, size_t at, struct buffer *out);    /* eyJ... */
size_t redact_card(struct text in, size_t at, struct buffer *out);   /* 4111 1111 1111 1111 */
size_t redact_login(struct text in, size_t at, struct buffer *out);  /* ://user:password@ */

/* Appends one character, made visible; returns its bytes. */
size_t redact_show(struct text in, size_t at, struct buffer *out);

#endif
