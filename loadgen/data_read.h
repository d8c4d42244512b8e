/*
 * data_read: `data:` of a scenario -> data sources.
 *
 *	data:
 *	  products:  { read: GET /api/products, each: /items, pick: zipf 1.1 }
 *	  customers: { csv: data/customers.csv, pick: unique }
 *	  coupons:   { rows: [SPRING, SUMMER] }
 *
 * Files are read here, so that journeys can be checked against their columns; endpoints are read
 * when a run starts.
 */
#ifndef LOADGEN_DATA_READ_H
#define LOADGEN_DATA_READ_H

#include "lib/schema.h"
#include "loadgen/data.h"

/* False when it complained; sources that were fine are there all the same. */
bool data_section_read(const struct yaml *data, struct reading *reading,
		       struct data_source **sources, uint8_t *count);

extern const struct shape data_shape;

#endif
