/*
 * history: the append-only record of a run. Everything that is reported is computed from it.
 *
 * A directory with one file per writing process (worker-0.history, engine.history, ...), each a
 * sequence of 64-byte records behind a 64-byte file header, and `meta.json`, which names what the
 * records number (see engine/). Records are written into a shared mapping of space that was
 * reserved beforehand: each is in the hands of the kernel the moment it is written, so kill -9 of
 * the writer loses nothing, and a full disk is an error return, not a SIGBUS. A machine that
 * crashes leaves at most a torn tail; every record carries a checksum, and the reader (and a writer
 * that opens the file again) ends at the first record that does not hold. docs/history.md has the
 * format.
 *
 *	struct history *history = history_create(dir, "worker-0", err);
 *	struct record_request *r = history_next(history);   // NULL: the disk is full
 *	r->... = ...;
 *	history_commit(history, RECORD_REQUEST);
 *
 * What the records mean is in lib/record.h.
 */
#ifndef LIB_HISTORY_H
#define LIB_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/text.h"

enum { RECORD_BYTES = 64, RECORD_PAYLOAD = 56 };

struct record {
	uint32_t check; /* lib/checksum.h, of the rest */
	uint16_t kind;	/* enum record_kind; 0 is no record */
	uint16_t flags;
	unsigned char payload[RECORD_PAYLOAD];
};

struct history;

/* Makes the directory if need be. A history that is there already is not overwritten. */
struct history *history_create(const char *directory, const char *name, struct error *err);
/* Goes on after the last good record of a file, or begins a new one. */
struct history *history_append(const char *directory, const char *name, struct error *err);
void history_close(struct history *history); /* gives reserved space back */

/* The payload of the next record, zeroed. NULL when no room could be reserved (counted). */
void *history_next(struct history *history);
void history_commit(struct history *history, uint16_t kind, uint16_t flags);

/* Both at once, for payloads that are at hand; false when there was no room (counted). */
bool history_put(struct history *history, uint16_t kind, uint16_t flags, const void *payload,
		 size_t bytes);

/* Text longer than a record: as many records of `kind` as it takes (see struct record_text). */
void history_add_text(struct history *history, uint16_t kind, uint32_t subject, struct text text);

uint64_t history_written(const struct history *history);
uint64_t history_lost(const struct history *history);
const char *history_problem(const struct history *history); /* why records were lost, or NULL */

/*
 * Reading: one file at a time, in the order written. A record is valid until the next one is read.
 * A file that is still being written can be read as far as it got.
 */
struct history_reader;
struct history_reader *history_open(const char *path, struct error *err);
const struct record *history_read(struct history_reader *reader); /* NULL at the end */
void history_reader_free(struct history_reader *reader);

/*
 * The same of a file that is still being written: NULL means that there is no more yet, and that
 * asking later is worth it. Cheap: one read of what was not there before. Not to be mixed with
 * history_read(); a file followed in this way is never found torn.
 */
const struct record *history_follow(struct history_reader *reader);

/* Known at the end: bytes after the last good record, or fewer records than the writer counted. */
bool history_torn(const struct history_reader *reader);
/* Records that the writer had no room for. */
uint64_t history_reader_lost(const struct history_reader *reader);

/* The *.history files of a directory, sorted; free with history_list_free(). */
size_t history_list(const char *directory, char ***paths, struct error *err);
void history_list_free(char **paths, size_t count);

#endif
