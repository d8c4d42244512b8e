/*
 * complaints: everything that is wrong with what a person wrote, not just the first thing.
 *
 * Readers of files complain and go on, so that one `check` shows every mistake. They are printed in
 * the order of the file. Warnings do not stop a run; errors do.
 *
 *	complain(complaints, node->at, "unknown key '%s'", ...);
 *	if (complaints.errors) ...
 *
 * Complaints outlive what they are about: texts and file names are copies.
 */
#ifndef LIB_COMPLAINTS_H
#define LIB_COMPLAINTS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buffer.h"
#include "lib/error.h"

enum { COMPLAINTS_MAX = 500 }; /* kept; more are only counted */

struct complaint {
	struct place at;
	bool warning;
	char *text; /* without the place */
};

struct complaints {
	struct complaint *items;
	size_t count, room;
	size_t errors; /* how many are no warnings, kept or not */
	char **files;  /* the names that places refer to */
	size_t file_count, file_room;
	size_t left_out;
};

#define COMPLAINTS_EMPTY { NULL, 0, 0, 0, NULL, 0, 0, 0 }

void complaints_release(struct complaints *complaints); /* empty and usable again */

/* Both return false, so that a reader can `return complain(...)`. The same twice is kept once. */
bool complain(struct complaints *complaints, struct place at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
bool complain_warning(struct complaints *complaints, struct place at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Takes over an error that already carries its place in its text. */
bool complain_error(struct complaints *complaints, const struct error *err);

/* The same, for an error that may have no place: then it is `at`. */
bool complain_error_at(struct complaints *complaints, struct place at, const struct error *err);

/* Replaces a secret by "***" wherever a complaint quotes it. */
void complaints_mask(struct complaints *complaints, const char *secret);

/* A line each: "file:line:col: text" or "file:line:col: warning: text", ordered by place. */
void complaints_write(struct complaints *complaints, struct buffer *out);

#endif
