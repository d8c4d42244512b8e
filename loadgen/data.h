/*
 * data: rows that journeys draw from, such as customers and products.
 *
 * Rows come from a CSV file (first line: column names), a JSON file or an endpoint of the system
 * (an array of objects, or of plain values in a column called `value`). They are read once, before
 * the first request, and shared by all workers.
 *
 * Which row a start gets depends only on (seed, source, draw), where `draw` counts the starts that
 * draw from the source. So any worker can tell, and the same seed deals the same rows:
 *
 *   sequential  one after the other, round and round
 *   random      any, evenly
 *   zipf S      any, the first ones most: weight 1 / rank^S
 *   unique      a shuffled row that no other start gets; when they run out, starts fail and say so
 *               (check warns when the planned starts exceed the rows). In closed phases a user
 *               keeps its own row, from the other end.
 */
#ifndef LOADGEN_DATA_H
#define LOADGEN_DATA_H

#include "lib/arena.h"
#include "lib/error.h"
#include "lib/value.h"

enum pick { PICK_SEQUENTIAL, PICK_RANDOM, PICK_ZIPF, PICK_UNIQUE };

enum data_origin { DATA_CSV, DATA_JSON, DATA_ENDPOINT, DATA_INLINE };

#define NO_ROW UINT32_MAX

struct data_source {
	char *name;
	struct place at;
	uint8_t number;
	enum data_origin origin;
	char *file;           /* CSV, JSON */
	char *path;           /* endpoint: "/api/products?limit=500" */
	char *each;           /* JSON Pointer to the array; "" is the whole document */
	enum pick pick;
	double zipf;

	char **columns;       /* of an endpoint: those that journeys ask for */
	uint8_t column_count;
	uint32_t row_count;
	struct value *values; /* row by row */

	uint32_t *shuffled;   /* unique: order of the rows */
	double *cumulative;   /* zipf: share of the rows up to each */
	uint64_t stream;      /* where its random rows come from */
};

/* Reads the file of a source (not of an endpoint). Columns of a CSV come from its first line. */
bool data_read_file(struct data_source *source, struct arena *arena, struct error *err);

/* Rows from a JSON document; used for files and, by the engine, for answers of an endpoint. */
bool data_read_json(struct data_source *source, struct text document, const char *name,
		    struct arena *arena, struct error *err);

/* Makes the tables that picking needs. */
void data_prepare(struct data_source *source, uint64_t seed, struct arena *arena);

/*
 * The row for draw number `draw`. `again` counts the `pick:` steps of the same start (0: the row it
 * started with). NO_ROW: unique rows ran out.
 */
uint32_t data_pick(const struct data_source *source, uint64_t draw, uint32_t again);

/* The row that a user of a closed phase keeps, if the source is unique. */
uint32_t data_pick_for_user(const struct data_source *source, uint32_t user);

static inline struct value data_value(const struct data_source *source, uint32_t row,
				      uint8_t column)
{
	return source->values[(size_t)row * source->column_count + column];
}

#endif
