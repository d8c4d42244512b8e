/*
 * made_run: the directory of a run that never was, with a history that says what a test wants.
 *
 *	struct made_run run;
 *	made_run_begin(&run, meta);
 *	made_request(&run, &(struct record_request){ .intended_us = 1000, ... }, REQUEST_MEASURED);
 *	made_run_end(&run, books);                  // or not: then the run did not finish
 *	json_t *report = made_run_report(&run);     // run.exit_code, run.terminal
 */
#ifndef TESTS_MADE_RUN_H
#define TESTS_MADE_RUN_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/buffer.h"
#include "lib/error.h"
#include "lib/record.h"

struct made_run {
	char directory[64];
	struct history *worker, *engine;
	int exit_code;
	struct buffer terminal;
	struct error err;
};

void made_run_begin(struct made_run *run, const char *meta);
void made_request(struct made_run *run, const struct record_request *request, uint16_t flags);
void made_start(struct made_run *run, const struct record_start *start);
void made_event(struct made_run *run, enum run_event event, int64_t at_us, uint32_t number);
void made_run_end(struct made_run *run, int64_t at_us, const uint64_t books[OUTCOME_COUNT]);

/* Closes the history and builds the report; NULL when that failed (run->err). */
json_t *made_run_report(struct made_run *run);

/* "load.lag_us.p99", "requests.0.name"; NULL when there is no such thing. */
const json_t *json_at(const json_t *root, const char *path);
double number_at(const json_t *root, const char *path); /* NAN if it is none */
const char *string_at(const json_t *root, const char *path);

/* The whole file, below the directory of the run; "" if there is none. Free it. */
char *made_run_file(const struct made_run *run, const char *name);

void made_run_remove(struct made_run *run);

#endif
