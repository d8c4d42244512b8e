/*
 * screen: rows of cells that are drawn anew for each frame, and written as what has changed.
 *
 *	struct screen screen;
 *	screen_init(&screen, colours, unicode);
 *	screen_begin(&screen, rows, columns);
 *	column = screen_put(&screen, row, column, INK_GOOD, "held");     // clipped, never wrapped
 *	screen_write(&screen, &out);       // what turns the last frame into this one
 *
 * What is put may hold names that someone else chose: control characters, and what is not one
 * column wide for certain, become question marks. Without `unicode` our own marks become ASCII.
 */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include "lib/buffer.h"

enum ink {
	INK_PLAIN,
	INK_DIM,
	INK_BOLD,
	INK_GOOD,
	INK_WARN,
	INK_BAD,
	INK_LINE,  /* of charts */
	INK_TITLE, /* on a bar */
	INK_TITLE_WARN,
	INKS
};

struct glyph {
	uint32_t code;
	uint32_t ink;
};

struct screen {
	bool colours, unicode;
	int rows, columns;
	struct glyph *now, *shown;
	bool unknown; /* what is on the terminal */
};

void screen_init(struct screen *screen, bool colours, bool unicode);
void screen_release(struct screen *screen);

void screen_begin(struct screen *screen, int rows, int columns);
void screen_forget(struct screen *screen); /* someone else wrote on the terminal */
void screen_write(struct screen *screen, struct buffer *out);

void screen_set(struct screen *screen, int row, int column, enum ink ink, uint32_t code);
/* The column after it. */
int screen_put(struct screen *screen, int row, int column, enum ink ink, const char *text);
/* At most `room` columns of it; then it ends in a mark that there was more. */
int screen_fit(struct screen *screen, int row, int column, int room, enum ink ink,
	       const char *text);
int screen_format(struct screen *screen, int row, int column, enum ink ink, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* The columns that it takes. */
int screen_width(const char *text);

#endif
