/*
 * What the files of conditions share, and no one else sees.
 *
 *	condition.c          the text, from left to right
 *	condition_read.c     from the YAML of a scenario
 *	condition_metrics.c  the table of metrics; SUBJECT.METRIC(ARGUMENT)
 *	condition_scope.c    which phases, which fault
 *	condition_figure.c   comparing and showing figures
 */
#ifndef LIB_CONDITION_PARTS_H
#define LIB_CONDITION_PARTS_H

#include "lib/condition.h"

struct condition_parser {
	struct text source;
	const struct condition_names *names;
	enum condition_use use;
	struct place at;
	struct arena *arena;
	struct condition *condition;
	struct error *err;
};

enum metric_argument {
	ARGUMENT_NONE,
	ARGUMENT_FAILURE,
	ARGUMENT_TIME,
	ARGUMENT_FAULT,
	ARGUMENT_FAULT_OR_NONE
};

enum {
	OF_RUN = 1 << SUBJECT_RUN,
	OF_JOURNEY = 1 << SUBJECT_JOURNEY,
	OF_REQUEST = 1 << SUBJECT_REQUEST,
	OF_SAGAS = 1 << SUBJECT_SAGAS,
	OF_STARTS = OF_RUN | OF_JOURNEY,
	OF_REQUESTS = OF_STARTS | OF_REQUEST
};

struct metric_row {
	const char *name;
	enum condition_metric metric;
	enum condition_unit unit;
	unsigned subjects;
	enum metric_argument argument;
	bool momentary; /* makes sense of any few seconds */
};

/* `at` points into the source. All return false. */
bool condition_fail(struct condition_parser *parser, const char *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
bool condition_fail_unknown(struct condition_parser *parser, const char *what, struct text word,
			    const char *const *known, size_t count);

/* Without blanks at the ends, and without the quotes if it is in quotes. */
struct text condition_unquote(struct text text);
/* The number of a name, or -1. */
int64_t condition_find(struct text name, const char *const *names, size_t count);

/* "checkout.errors(timeout)" */
bool condition_read_figure(struct condition_parser *parser, struct text text,
			   const struct metric_row **row);
bool condition_read_bound(struct condition_parser *parser, struct text text,
			  const struct metric_row *row);
/* "in sale, after", "during payment dies" */
bool condition_read_scope(struct condition_parser *parser, struct text text,
			  const struct metric_row *row);
bool condition_read_fault(struct condition_parser *parser, struct text name);

#endif
