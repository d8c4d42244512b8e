#include "lib/fold.h"

static void start_line(size_t indent, struct buffer *out)
{
	buffer_format(out, "\n%*s", (int)indent, "");
}

void fold_text(const char *text, size_t indent, size_t width, struct buffer *out)
{
	size_t column = indent;

	while (*text) {
		size_t word = strcspn(text, " \n");

		if (column > indent && column + 1 + word > width) {
			start_line(indent, out);
			column = indent;
		} else if (column > indent && word) {
			buffer_add_char(out, ' ');
			column++;
		}
		buffer_add(out, text, word);
		column += word;
		text += word;
		if (*text == '\n') {
			start_line(text[1] == '\n' ? 0 : indent, out);
			column = indent;
		}
		if (*text)
			text++;
	}
}
