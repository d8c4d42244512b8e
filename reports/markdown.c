#include "reports/markdown.h"

#include "reports/words.h"

static size_t longest_run(struct text text, char wanted)
{
	size_t longest = 0, run = 0;

	for (size_t i = 0; i < text.length; i++) {
		run = text.data[i] == wanted ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	return longest;
}

static void add_fence(struct buffer *out, size_t length)
{
	while (length--)
		buffer_add_char(out, '`');
}

/* In a table a bar ends the cell, in code as well, unless it is escaped. */
static void add_code(struct buffer *out, struct text text, enum markdown_place place)
{
	for (size_t i = 0; i < text.length; i++) {
		if (text.data[i] == '|' && place == MARKDOWN_CELL)
			buffer_add_char(out, '\\');
		buffer_add_char(out, text.data[i]);
	}
}

static bool begins_or_ends_with(struct text text, char c)
{
	return text.length && (text.data[0] == c || text.data[text.length - 1] == c);
}

void markdown_add(struct buffer *out, const char *words, size_t most, enum markdown_place place)
{
	struct buffer clean = BUFFER_EMPTY;
	struct text text;
	size_t fence;
	bool padded;

	words_add_line(&clean, text_of(words), most);
	text = text_trim(buffer_text(&clean));
	fence = longest_run(text, '`') + 1;
	padded = begins_or_ends_with(text, '`');
	if (text.length) {
		add_fence(out, fence);
		buffer_add_string(out, padded ? " " : "");
		add_code(out, text, place);
		buffer_add_string(out, padded ? " " : "");
		add_fence(out, fence);
	} else
		buffer_add_char(out, '-');
	buffer_release(&clean);
}

void markdown_cut(struct buffer *out, size_t most)
{
	if (out->length <= most)
		return;
	out->length = most;
	while (out->length && out->data[out->length - 1] != '\n')
		out->length--;
	buffer_add_string(out, "\n... and more, in `report.json`.\n");
}
