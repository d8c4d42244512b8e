/*
 * json_pointer: RFC 6901, straight on the bytes of a document.
 *
 * Looking at one member of an answer must not cost a tree of the whole answer, so a pointer walks
 * the text once, skips what it does not want, and stops when it has found its value. No allocation,
 * bounded depth, never reads past the end; what is walked over must be well-formed JSON (but for
 * UTF-8, which is not looked at). Of two members with one name the first one counts.
 *
 *	struct json_pointer pointer;
 *	json_pointer_compile(&pointer, text_of("/items/0/sku"), &arena, err);
 *	if (json_find(&pointer, body, &found) == JSON_FOUND) ...
 *
 * Besides RFC 6901, the last segment may be "#" after an array: its number of elements.
 * "-", the place behind the last element, is always missing.
 */
#ifndef LIB_JSON_POINTER_H
#define LIB_JSON_POINTER_H

#include "lib/arena.h"
#include "lib/buffer.h"
#include "lib/error.h"
#include "lib/value.h"

struct json_pointer {
	struct text source; /* as written, for messages */
	struct json_segment *segments;
	size_t count;
};

enum json_result {
	JSON_FOUND,
	JSON_MISSING,   /* well-formed as far as walked, but nothing there */
	JSON_MALFORMED, /* not JSON, or nested deeper than JSON_DEPTH_MAX */
};

enum { JSON_DEPTH_MAX = 128 };

bool json_pointer_compile(struct json_pointer *pointer, struct text source, struct arena *arena,
			  struct error *err);

/* What was found, still in the document: strings without quotes but with their escapes. */
struct json_found {
	enum value_kind kind;
	struct text raw;
	bool escaped; /* a string with a backslash in it: json_unescape() before use */
	size_t count; /* for "#" (kind VALUE_NUMBER, raw empty) */
	bool counted;
};

enum json_result json_find(const struct json_pointer *pointer, struct text document,
			   struct json_found *found);

/*
 * The found value: borrowed from the document, or appended to `scratch` when it must be decoded or
 * is a number of elements. Appending moves the scratch, so texts handed out before are then gone.
 */
struct value json_value(const struct json_found *found, struct buffer *scratch);

/* Appends the inside of a JSON string, decoded; half a surrogate pair becomes U+FFFD. */
void json_unescape(struct buffer *out, struct text raw);

/*
 * Calls `each` with every element of an array; stops when it returns false. MISSING when the text
 * is something else than an array.
 */
typedef bool json_visit(void *context, struct json_found *element);
enum json_result json_each(struct text array, json_visit *each, void *context);

/*
 * Appends `text` as the inside of a JSON string (escaped, no quotes); invalid UTF-8 becomes U+FFFD.
 */
void json_escape(struct buffer *out, struct text text);

#endif
