#include "reports/screen.h"

#include "reports/words.h"

void screen_paint(struct screen *screen, const char *colour)
{
	if (screen->colour && *colour)
		buffer_add_string(screen->out, colour);
}

void screen_unpaint(struct screen *screen)
{
	screen_paint(screen, "\033[0m");
}

void screen_painted(struct screen *screen, const char *colour, const char *words)
{
	screen_paint(screen, colour);
	buffer_add_string(screen->out, words);
	screen_unpaint(screen);
}

void screen_blanks(struct buffer *out, size_t columns, size_t wanted)
{
	for (; columns < wanted; columns++)
		buffer_add_char(out, ' ');
}

void screen_cell(struct screen *screen, size_t width, const char *words, const char *colour)
{
	buffer_add_char(screen->out, ' ');
	screen_blanks(screen->out, strlen(words), width - 1);
	screen_paint(screen, colour);
	buffer_add_string(screen->out, words);
	if (*colour)
		screen_unpaint(screen);
}

static size_t skip_columns(struct text text, size_t columns)
{
	size_t i = 0;

	for (; i < text.length; i++)
		if (((unsigned char)text.data[i] & 0xc0) != 0x80 && columns-- == 0)
			break;
	return i;
}

void screen_name(struct screen *screen, const char *name, size_t width)
{
	struct buffer clean = BUFFER_EMPTY;
	size_t columns, head = (width - 2) / 2, from;
	struct text text;

	words_add_line(&clean, text_of(name), 300);
	text = buffer_text(&clean);
	columns = words_columns(text);
	if (columns <= width) {
		buffer_add_text(screen->out, text);
		screen_blanks(screen->out, columns, width);
	} else {
		buffer_add(screen->out, text.data, skip_columns(text, head));
		buffer_add_string(screen->out, "..");
		from = skip_columns(text, columns - (width - 2 - head));
		buffer_add(screen->out, text.data + from, text.length - from);
	}
	buffer_release(&clean);
}

void screen_wrapped(struct screen *screen, const char *first, const char *words)
{
	struct buffer clean = BUFFER_EMPTY;
	size_t indent = strlen(first), column = indent;
	char *word, *rest;

	buffer_add_string(&clean, ""); /* something to cut, even of nothing */
	words_add_line(&clean, text_of(words), 1000);
	buffer_add_string(screen->out, first);
	for (word = strtok_r(clean.data, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		size_t columns = words_columns(text_of(word));

		if (column > indent && column + 1 + columns > LINE_COLUMNS) {
			buffer_add_char(screen->out, '\n');
			screen_blanks(screen->out, 0, indent);
			column = indent;
		}
		if (column > indent)
			buffer_add_char(screen->out, ' ');
		buffer_add_string(screen->out, word);
		column += columns + (column > indent);
	}
	buffer_add_char(screen->out, '\n');
	buffer_release(&clean);
}
