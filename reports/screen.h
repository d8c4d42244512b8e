/*
 * screen: what the summary on a terminal is made of: 80 columns, and colours where they are wanted.
 *
 *	screen.c           names, cells, wrapped lines
 *	terminal.c         the summary, from the verdict to the errors
 *	terminal_parts.c   its sections about gates, faults and sagas
 */
#ifndef REPORTS_SCREEN_H
#define REPORTS_SCREEN_H

#include "reports/format.h"

enum { ROWS_MAX = 20, LINE_COLUMNS = 80 };

#define BOLD   "\033[1m"
#define DIM    "\033[2m"
#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"

struct screen {
	struct buffer *out;
	bool colour;
};

void screen_paint(struct screen *screen, const char *colour);
void screen_unpaint(struct screen *screen);
void screen_painted(struct screen *screen, const char *colour, const char *words);
void screen_blanks(struct buffer *out, size_t columns, size_t wanted);

/* A number at the right of its column; in colour when it is bad news. */
void screen_cell(struct screen *screen, size_t width, const char *words, const char *colour);

/* Long names lose their middle: what tells them apart is mostly at one of the ends. */
void screen_name(struct screen *screen, const char *name, size_t width);

/* Lines of at most LINE_COLUMNS, broken at blanks, under each other. */
void screen_wrapped(struct screen *screen, const char *first, const char *words);

/* terminal_parts.c */
void screen_write_gates(struct screen *screen, const struct report *report);
void screen_write_faults(struct screen *screen, const struct report *report);
void screen_write_sagas(struct screen *screen, const struct report *report);

#endif
