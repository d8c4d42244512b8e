/*
 * data_rows: what the readers of data share. Rows grow in a plain array and move to the arena when
 * they are complete.
 */
#ifndef LOADGEN_DATA_ROWS_H
#define LOADGEN_DATA_ROWS_H

#include "loadgen/data.h"

enum { COLUMNS_MAX = 100 };

struct data_rows {
	struct data_source *source;
	struct value *values;
	size_t count, room; /* values */
};

int data_column(const struct data_source *source, struct text name); /* -1: none */
bool data_add_column(struct data_source *source, struct text name, struct arena *arena);

struct value *data_rows_add(struct data_rows *rows); /* the new row; absent values */

/* Hands the rows to the source, or drops them unless `good`. No rows at all is an error. */
bool data_rows_finish(struct data_rows *rows, bool good, struct arena *arena, struct error *err);

bool data_read_csv(struct data_source *source, struct text document, struct arena *arena,
		   struct error *err);

#endif
