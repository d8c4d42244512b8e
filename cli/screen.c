#include "cli/screen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/memory.h"
#include "lib/utf8.h"

/* Only the 16 colours that every theme has made readable on its own background. */
static const char *const in_colours[INKS] = {
	[INK_PLAIN] = "0",	  [INK_DIM] = "0;2",	       [INK_BOLD] = "0;1",
	[INK_GOOD] = "0;32",	  [INK_WARN] = "0;33",	       [INK_BAD] = "0;1;31",
	[INK_LINE] = "0;36",	  [INK_TITLE] = "0;30;42",     [INK_TITLE_WARN] = "0;30;43",
};

static const char *const without_colours[INKS] = {
	[INK_PLAIN] = "0",	  [INK_DIM] = "0;2",	       [INK_BOLD] = "0;1",
	[INK_GOOD] = "0",	  [INK_WARN] = "0;1",	       [INK_BAD] = "0;1",
	[INK_LINE] = "0",	  [INK_TITLE] = "0;7",	       [INK_TITLE_WARN] = "0;1;7",
};

void screen_init(struct screen *screen, bool colours, bool unicode)
{
	*screen = (struct screen){ .colours = colours, .unicode = unicode, .unknown = true };
}

void screen_release(struct screen *screen)
{
	free(screen->now);
	free(screen->shown);
	screen->now = screen->shown = NULL;
	screen->rows = screen->columns = 0;
}

static void resize(struct screen *screen, int rows, int columns)
{
	size_t cells = (size_t)rows * (size_t)columns;

	screen_release(screen);
	screen->now = memory_array(cells, sizeof(*screen->now));
	screen->shown = memory_array(cells, sizeof(*screen->shown));
	screen->rows = rows;
	screen->columns = columns;
	screen->unknown = true;
}

void screen_begin(struct screen *screen, int rows, int columns)
{
	if (rows != screen->rows || columns != screen->columns)
		resize(screen, rows, columns);
	for (int i = 0; i < rows * columns; i++)
		screen->now[i] = (struct glyph){ ' ', INK_PLAIN };
}

void screen_forget(struct screen *screen)
{
	screen->unknown = true;
}

/* Writing. */

struct pen {
	struct buffer *out;
	int row, column; /* of the cursor; -1: not known */
	uint32_t ink;	 /* INKS: not known */
};

static bool same(struct glyph a, struct glyph b)
{
	return a.code == b.code && a.ink == b.ink;
}

static void move(struct pen *pen, int row, int column)
{
	if (pen->row != row || pen->column != column)
		buffer_format(pen->out, "\033[%d;%dH", row + 1, column + 1);
	pen->row = row;
	pen->column = column;
}

static void write_cell(const struct screen *screen, struct pen *pen, struct glyph cell)
{
	const char *const *inks = screen->colours ? in_colours : without_colours;
	char bytes[4] = { 0 };

	if (pen->ink != cell.ink)
		buffer_format(pen->out, "\033[%sm", inks[cell.ink]);
	pen->ink = cell.ink;
	buffer_add(pen->out, bytes, utf8_write(bytes, cell.code));
	pen->column++;
}

/* One that is the same between two that are not is cheaper written than jumped over. */
enum { JUMP = 8 };

static void write_row(struct screen *screen, struct pen *pen, int row)
{
	const struct glyph *now = screen->now + row * screen->columns;
	struct glyph *shown = screen->shown + row * screen->columns;

	for (int i = 0; i < screen->columns; i++) {
		if (same(now[i], shown[i]))
			continue;
		if (pen->row != row || i - pen->column > JUMP || pen->column > i)
			move(pen, row, i);
		while (pen->column <= i)
			write_cell(screen, pen, now[pen->column]);
		shown[i] = now[i];
	}
	pen->row = -1;
}

/* All of it at once for terminals that know how (mode 2026), as one write for the others. */
void screen_write(struct screen *screen, struct buffer *out)
{
	size_t before = out->length, began;
	struct pen pen = { .out = out, .row = -1, .ink = INKS };

	buffer_add_string(out, "\033[?2026h");
	began = out->length;
	if (screen->unknown) {
		buffer_add_string(out, "\033[0m\033[2J");
		for (int i = 0; i < screen->rows * screen->columns; i++)
			screen->shown[i] = (struct glyph){ ' ', INK_PLAIN };
	}
	screen->unknown = false;
	for (int row = 0; row < screen->rows; row++)
		write_row(screen, &pen, row);
	if (out->length == began)
		out->length = before;
	else
		buffer_add_string(out, "\033[0m\033[?2026l");
}

/* Drawing. */

enum { ELLIPSIS = 0x2026 };

static uint32_t ascii_for(uint32_t code)
{
	static const struct {
		uint32_t code;
		char ascii;
	} twins[] = {
		{ 0x2581, '_' }, { 0x2582, '.' }, { 0x2583, ':' }, { 0x2584, '-' }, /* ▁▂▃▄ */
		{ 0x2585, '=' }, { 0x2586, '+' }, { 0x2587, '*' }, { 0x2588, '#' }, /* ▅▆▇█ */
		{ 0x2501, '=' }, { 0x2500, '-' }, { 0x2578, '>' }, { 0x2502, '|' }, /* ━─╸│ */
		{ 0x2713, '+' }, { 0x2717, 'x' }, { 0x25cf, '*' }, { 0x25cb, 'o' }, /* ✓✗●○ */
		{ 0x2191, '^' }, { 0x00b7, '-' }, { 0x2192, '>' }, { 0x2026, '.' }, /* ↑·→… */
		{ 0x25d0, '%' }, { 0x2580, '^' },				    /* ◐▀ */
	};

	for (size_t i = 0; i < sizeof(twins) / sizeof(twins[0]); i++)
		if (twins[i].code == code)
			return (uint32_t)twins[i].ascii;
	return code < 0x80 ? code : '?';
}

/* Letters of one column: Latin, Greek and Cyrillic; no marks that join them; and our own signs. */
static bool is_narrow(uint32_t code)
{
	if (code < 0x7f)
		return code >= ' ';
	return (code > 0xa0 && code < 0x300 && code != 0xad) || (code >= 0x370 && code < 0x483) ||
	       (code >= 0x48a && code < 0x530) || (code >= 0x2010 && code < 0x2027) ||
	       code == 0x20ac || (code >= 0x2190 && code < 0x2194) ||
	       (code >= 0x2500 && code < 0x25a0) || code == 0x25cb || code == 0x25cf ||
	       code == 0x25d0 || code == 0x2713 || code == 0x2717;
}

void screen_set(struct screen *screen, int row, int column, enum ink ink, uint32_t code)
{
	if (row < 0 || row >= screen->rows || column < 0 || column >= screen->columns)
		return;
	if (!is_narrow(code))
		code = '?';
	if (!screen->unicode)
		code = ascii_for(code);
	screen->now[row * screen->columns + column] = (struct glyph){ code, ink };
}

static uint32_t decode(const char *p, size_t length)
{
	static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t code = (unsigned char)p[0] & masks[length];

	for (size_t i = 1; i < length; i++)
		code = code << 6 | ((unsigned char)p[i] & 0x3f);
	return code;
}

int screen_put(struct screen *screen, int row, int column, enum ink ink, const char *text)
{
	const char *end = text + strlen(text);

	while (text < end) {
		size_t length = utf8_length(text, end);

		screen_set(screen, row, column++, ink, length ? decode(text, length) : '?');
		text += length ? length : 1;
	}
	return column;
}

int screen_fit(struct screen *screen, int row, int column, int room, enum ink ink, const char *text)
{
	const char *end = text + strlen(text);
	bool cut = screen_width(text) > room;

	for (int left = cut ? room - 1 : room; left > 0 && text < end; left--) {
		size_t length = utf8_length(text, end);

		screen_set(screen, row, column++, ink, length ? decode(text, length) : '?');
		text += length ? length : 1;
	}
	if (cut && room > 0)
		screen_set(screen, row, column++, ink, ELLIPSIS);
	return column;
}

int screen_format(struct screen *screen, int row, int column, enum ink ink, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return screen_put(screen, row, column, ink, text);
}

int screen_width(const char *text)
{
	const char *end = text + strlen(text);
	int width = 0;

	for (; text < end; width++) {
		size_t length = utf8_length(text, end);

		text += length ? length : 1;
	}
	return width;
}
