#include "lib/redact.h"

#include <stdlib.h>

#include "lib/json_pointer.h"
#include "lib/memory.h"
#include "lib/redact_patterns.h"
#include "lib/url.h"

#define ELLIPSIS "\xe2\x80\xa6"

enum { TAIL_MIN = 4 }; /* this much of a secret at the very end is taken for one that was cut */

/* The given secrets, as they are and as JSON and URLs spell them. */
struct spellings {
	struct buffer *items;
	size_t count;
};

static void add_spelling(struct spellings *spellings, struct buffer spelling)
{
	if (spelling.length)
		spellings->items[spellings->count++] = spelling;
	else
		buffer_release(&spelling);
}

static struct spellings spell(char *const *secrets, size_t count)
{
	struct spellings spellings = { memory_array(count * 3 + 1, sizeof(struct buffer)), 0 };

	for (size_t i = 0; i < count; i++) {
		struct text secret = text_of(secrets[i]);
		struct buffer plain = BUFFER_EMPTY, json = BUFFER_EMPTY, url = BUFFER_EMPTY;

		buffer_add_text(&plain, secret);
		json_escape(&json, secret);
		url_encode(&url, secret);
		if (text_equal(buffer_text(&json), secret))
			json.length = 0;
		if (text_equal(buffer_text(&url), secret))
			url.length = 0;
		add_spelling(&spellings, plain);
		add_spelling(&spellings, json);
		add_spelling(&spellings, url);
	}
	return spellings;
}

static void spellings_release(struct spellings *spellings)
{
	for (size_t i = 0; i < spellings->count; i++)
		buffer_release(&spellings->items[i]);
	free(spellings->items);
}

/* The longest secret that stands there, or the start of one that the end of the text cuts off. */
static size_t secret_length(const struct spellings *spellings, struct text in, size_t at)
{
	size_t left = in.length - at, longest = 0;

	for (size_t i = 0; i < spellings->count; i++) {
		const struct buffer *secret = &spellings->items[i];
		size_t length = secret->length < left ? secret->length : left;

		if (length < secret->length && length < TAIL_MIN)
			continue;
		if (length > longest && memcmp(in.data + at, secret->data, length) == 0)
			longest = length;
	}
	return longest;
}

/* The given secrets go first, so that no pattern can copy a part of one. */
static void mask_given(struct text in, const struct spellings *spellings, struct buffer *out)
{
	for (size_t at = 0; at < in.length;) {
		size_t length = secret_length(spellings, in, at);

		if (length)
			buffer_add_string(out, REDACTED);
		else
			buffer_add_char(out, in.data[at]);
		at += length ? length : 1;
	}
}

/* The last pattern takes anything. */
static size_t next_piece(struct text in, size_t at, struct buffer *out)
{
	static size_t (*const patterns[])(struct text in, size_t at, struct buffer * out) = {
		redact_named, redact_bearer, redact_jwt, redact_card, redact_login, redact_show,
	};
	size_t taken = 0;

	for (size_t i = 0; !taken; i++)
		taken = patterns[i](in, at, out);
	return taken;
}

/* What a pattern copies (names, blanks) may itself need to be made visible. */
static void add_visible(struct buffer *out, struct text piece)
{
	for (size_t at = 0; at < piece.length;)
		at += redact_show(piece, at, out);
}

static void cut(struct buffer *out, size_t start, size_t limit)
{
	size_t end = start + (limit > strlen(ELLIPSIS) ? limit - strlen(ELLIPSIS) : 0);

	while (end > start && ((unsigned char)out->data[end] & 0xc0) == 0x80)
		end--;
	out->length = end;
	out->data[end] = '\0';
	if (limit >= strlen(ELLIPSIS))
		buffer_add_string(out, ELLIPSIS);
}

void redact(struct text in, char *const *secrets, size_t secret_count, size_t limit,
	    struct buffer *out)
{
	struct spellings spellings = spell(secrets, secret_count);
	struct buffer masked = BUFFER_EMPTY, piece = BUFFER_EMPTY;
	size_t start = out->length, at = 0;

	mask_given(in, &spellings, &masked);
	while (at < masked.length && out->length - start <= limit) {
		buffer_clear(&piece);
		at += next_piece(buffer_text(&masked), at, &piece);
		add_visible(out, buffer_text(&piece));
	}
	if (out->length - start > limit)
		cut(out, start, limit);
	buffer_release(&piece);
	buffer_release(&masked);
	spellings_release(&spellings);
}
