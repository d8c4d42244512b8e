/*
 * error: why something failed, in one line that a person can act on.
 *
 * Cause first, the subject in quotes, lower case, no full stop, and the place where there is one:
 *
 *	shop.yaml:12:9: unknown key 'rat' (did you mean 'rate'?)
 *
 * Every function that can fail for a reason worth telling takes a `struct error *` as its last
 * argument, fills it, and returns false (or NULL). The caller passes it on or prints it; only cli/
 * prints. NULL is accepted by all of them: the reason is then dropped.
 *
 *	if (!plan_load(&plan, path, err))
 *		return false;
 */
#ifndef LIB_ERROR_H
#define LIB_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#define ERROR_MAX 1024

struct error {
	char text[ERROR_MAX];
};

/* A place in a file that a person wrote. Lines and columns count from 1; line 0 is no place. */
struct place {
	const char *file; /* borrowed, lives as long as what was read from it */
	int line;
	int column;
};

/* All of these return false, so that a caller can `return error_set(...)`. */
bool error_set(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool error_at(struct error *err, struct place at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The message followed by what errno says: "cannot open 'x.csv': No such file or directory". */
bool error_errno(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
