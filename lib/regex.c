#include "lib/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "lib/buffer.h"
#include "lib/clock.h"
#include "lib/memory.h"
#include "lib/utf8.h"
#include "lib/visible.h"

/*
 * PCRE2 limits what a match may take that starts at one place, but it tries every place: a pattern
 * as tame as "[ ]*x" takes n squared steps over n blanks. So a search goes window by window of
 * places to start at, and looks at the clock in between.
 */
enum {
	MATCH_LIMIT = 1000000, /* steps from one start */
	DEPTH_LIMIT = 100000,
	HEAP_LIMIT_KIB = 16 * 1024,
	JIT_STACK_BYTES = 1024 * 1024,
	WINDOW_MIN = 16,
	WINDOW_MAX = 256,
	SEARCH_MAX_US = 250 * 1000,
};

/* Steps that a window may take when every start walks to the end: some tens of milliseconds. */
#define WINDOW_STEPS ((size_t)1 << 26)

struct regex {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack; /* NULL: no JIT here, or no memory: slower, the same otherwise */
	uint32_t groups;
};

static bool bad_pattern(struct error *err, struct text pattern, int number, size_t offset)
{
	char shown[VISIBLE_MAX];
	PCRE2_UCHAR why[160];

	pcre2_get_error_message(number, why, sizeof(why));
	return error_set(err, "bad regular expression '%s': %s (at character %zu)",
			 visible(shown, pattern), (const char *)why, offset + 1);
}

static pcre2_code *compile(struct text pattern, struct error *err)
{
	uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT;
	size_t offset = 0;
	int number = 0;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern.data, pattern.length, options, &number,
					 &offset, NULL);

	if (!code)
		bad_pattern(err, pattern, number, offset);
	return code;
}

static void set_limits(struct regex *regex)
{
	pcre2_set_match_limit(regex->context, MATCH_LIMIT);
	pcre2_set_depth_limit(regex->context, DEPTH_LIMIT);
	pcre2_set_heap_limit(regex->context, HEAP_LIMIT_KIB);
	if (pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE) != 0)
		return;
	regex->stack = pcre2_jit_stack_create(32 * 1024, JIT_STACK_BYTES, NULL);
	pcre2_jit_stack_assign(regex->context, NULL, regex->stack);
}

struct regex *regex_compile(struct text pattern, struct error *err)
{
	pcre2_code *code = compile(pattern, err);
	struct regex *regex;

	if (!code)
		return NULL;
	regex = memory_new(sizeof(*regex));
	regex->code = code;
	regex->data = pcre2_match_data_create(2, NULL);
	regex->context = pcre2_match_context_create(NULL);
	if (!regex->data || !regex->context) {
		error_set(err, "no memory for a regular expression");
		regex_free(regex);
		return NULL;
	}
	set_limits(regex);
	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &regex->groups);
	return regex;
}

void regex_free(struct regex *regex)
{
	if (!regex)
		return;
	pcre2_jit_stack_free(regex->stack);
	pcre2_match_context_free(regex->context);
	pcre2_match_data_free(regex->data);
	pcre2_code_free(regex->code);
	free(regex);
}

static struct text captured(struct text subject, const size_t *pair)
{
	if (pair[0] == PCRE2_UNSET || pair[0] > pair[1] || pair[1] > subject.length)
		return (struct text){ "", 0 };
	return (struct text){ subject.data + pair[0], pair[1] - pair[0] };
}

/* Behind the window that starts at `from`, and behind the character that it may end in. */
static size_t window_end(struct text subject, size_t from, size_t window)
{
	size_t to = window < subject.length - from ? from + window : subject.length;

	while (to < subject.length && ((unsigned char)subject.data[to] & 0xc0) == 0x80)
		to++;
	return to;
}

/* What PCRE2 says of the first match that starts at `from` or later, window by window. */
static int search(const struct regex *regex, struct text subject)
{
	size_t most = WINDOW_STEPS / (subject.length + 1), window = WINDOW_MIN, from = 0;
	int64_t start_us = clock_now_us();

	for (;;) {
		size_t to = window_end(subject, from, window);
		int count;

		pcre2_set_offset_limit(regex->context, to);
		count = pcre2_match(regex->code, (PCRE2_SPTR)subject.data, subject.length, from,
				    PCRE2_NO_UTF_CHECK, regex->data, regex->context);
		if (count != PCRE2_ERROR_NOMATCH || to >= subject.length)
			return count;
		if (clock_now_us() - start_us > SEARCH_MAX_US)
			return PCRE2_ERROR_MATCHLIMIT;
		from = to;
		if (window < WINDOW_MAX && window < most)
			window *= 2;
	}
}

static enum regex_result report(const struct regex *regex, int count, struct text subject,
				struct regex_found *found)
{
	const size_t *pairs = pcre2_get_ovector_pointer(regex->data);

	if (count == PCRE2_ERROR_NOMATCH)
		return REGEX_MISSING;
	if (count < 0)
		return REGEX_LIMIT;
	found->whole = captured(subject, pairs);
	found->group = regex->groups ? captured(subject, pairs + 2) : found->whole;
	return REGEX_FOUND;
}

static size_t valid_length(struct text subject)
{
	const char *p = subject.data, *end = p + subject.length;

	while (p < end) {
		size_t length = (unsigned char)*p < 0x80 ? 1 : utf8_length(p, end);

		if (!length)
			break;
		p += length;
	}
	return (size_t)(p - subject.data);
}

/* A copy in which each byte that is not UTF-8 is the ASCII character for a substitute. */
static void make_valid(struct text subject, struct buffer *out)
{
	while (subject.length) {
		size_t valid = valid_length(subject);

		buffer_add(out, subject.data, valid);
		if (valid == subject.length)
			break;
		buffer_add_char(out, '\x1a');
		subject.data += valid + 1;
		subject.length -= valid + 1;
	}
}

enum regex_result regex_find(const struct regex *regex, struct text subject,
			     struct regex_found *found)
{
	struct buffer copy = BUFFER_EMPTY;
	int count;

	if (!subject.data)
		subject = (struct text){ "", 0 };
	if (valid_length(subject) == subject.length)
		return report(regex, search(regex, subject), subject, found);
	make_valid(subject, &copy);
	count = search(regex, buffer_text(&copy));
	buffer_release(&copy);
	return report(regex, count, subject, found);
}
