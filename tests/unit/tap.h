/*
 * tap: tests that say what they promise.
 *
 *	int main(void)
 *	{
 *		TEST("merging loses nothing") { ... CHECK_INT(total, 3); }
 *		return tap_done();
 *	}
 *
 * Each TEST prints one TAP line, ok when all its checks held. A failed check prints what it saw.
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failures, tap_bad_checks;
static const char *tap_name;

static inline void tap_close(void)
{
	if (!tap_name)
		return;
	tap_count++;
	if (tap_bad_checks)
		tap_failures++;
	printf("%sok %d - %s\n", tap_bad_checks ? "not " : "", tap_count, tap_name);
	fflush(stdout);
	tap_name = NULL;
	tap_bad_checks = 0;
}

static inline bool tap_open(const char *name)
{
	tap_close();
	tap_name = name;
	return true;
}

static inline int tap_done(void)
{
	tap_close();
	printf("1..%d\n", tap_count);
	return tap_failures ? 1 : 0;
}

static inline bool tap_check(bool good, const char *file, int line, const char *what)
{
	if (!good) {
		tap_bad_checks++;
		printf("# %s:%d: not so: %s\n", file, line, what);
	}
	return good;
}

#define TEST(name) if (tap_open(name))
#define SKIP(name, why) (tap_close(), printf("ok %d - %s # SKIP %s\n", ++tap_count, name, why))
#define CHECK(condition) tap_check((condition), __FILE__, __LINE__, #condition)

#define CHECK_INT(actual, expected)                                                                \
	do {                                                                                       \
		int64_t actual_ = (int64_t)(actual), expected_ = (int64_t)(expected);              \
		if (!tap_check(actual_ == expected_, __FILE__, __LINE__, #actual " == " #expected))\
			printf("#   saw %" PRId64 ", wanted %" PRId64 "\n", actual_, expected_);   \
	} while (0)

#define CHECK_TEXT(actual, expected)                                                               \
	do {                                                                                       \
		const char *actual_ = (actual), *expected_ = (expected);                           \
		if (!tap_check(actual_ && strcmp(actual_, expected_) == 0, __FILE__, __LINE__,     \
			       #actual))                                                           \
			printf("#   saw    '%s'\n#   wanted '%s'\n", actual_ ? actual_ : "(null)", \
			       expected_);                                                         \
	} while (0)

/* Prints what it measured, also when it holds: tolerances should be seen. */
#define CHECK_NEAR(actual, expected, tolerance)                                                    \
	do {                                                                                       \
		double actual_ = (actual), expected_ = (expected), tolerance_ = (tolerance);       \
		tap_check(fabs(actual_ - expected_) <= tolerance_, __FILE__, __LINE__, #actual);   \
		printf("#   %s: %g (wanted %g within %g)\n", #actual, actual_, expected_,          \
		       tolerance_);                                                                \
	} while (0)

#endif
