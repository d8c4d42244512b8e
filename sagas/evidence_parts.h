/*
 * evidence_parts: what the readers of evidence share. Only for sagas/evidence*.c and settle.c.
 *
 *	evidence.c          what is read in which order, and what was read
 *	evidence_known.c    which sagas there are, and what the system calls them
 *	evidence_entry.c    one entry and its rules -> records
 *	evidence_values.c   numbers, times and words of entries
 *	evidence_pages.c    over HTTP, page by page or saga by saga
 *	evidence_files.c    ledgers of witnesses and other files
 */
#ifndef SAGAS_EVIDENCE_PARTS_H
#define SAGAS_EVIDENCE_PARTS_H

#include <stdio.h>

#include "lib/record.h"
#include "sagas/evidence.h"
#include "sagas/fetch.h"

enum { KNOWN_SAGAS_MAX = 64 * 1024 * 1024, WHY_BYTES = sizeof(((struct record_source *)0)->why) };

/* Hashes, each with a number: open addressing, never 0. */
struct hash_map {
	uint64_t *keys;
	uint32_t *values;
	size_t room, count;
};
void hash_map_release(struct hash_map *map);
/* False: it was there, and stays as it was. */
bool hash_map_add(struct hash_map *map, uint64_t key, uint32_t value);
bool hash_map_find(const struct hash_map *map, uint64_t key, uint32_t *value);

enum known_state {
	KNOWN_OPEN,        /* moving, being undone, or not heard of yet */
	KNOWN_ABSENT_ONCE,
	KNOWN_ABSENT,
	KNOWN_SETTLED,
};

struct known_saga {
	bool minted;
	bool tried;           /* something was sent */
	uint8_t contract;
	uint8_t state;        /* last heard; STATE_NONE: nothing */
	uint8_t settled;      /* enum known_state */
	bool undoing;
	bool heard;           /* the last time it was asked for, something came */
	uint32_t id;          /* where its id begins in `ids`, with its NUL; 0: not known */
	int64_t asked_us;
};

struct known {
	struct known_saga *sagas;
	size_t count, room;
	uint64_t minted;
	struct buffer ids;
	struct hash_map by_id[CONTRACTS_MAX];
};
bool known_read(struct known *known, const struct evidence_settings *settings, struct error *err);
void known_release(struct known *known);
struct known_saga *known_saga(struct known *known, uint32_t saga, uint8_t contract);
void known_name(struct known *known, uint32_t saga, uint8_t contract, struct text id);
const char *known_id(const struct known *known, const struct known_saga *saga);

/* How the reading of one source goes. */
struct source_reading {
	struct evidence *evidence;
	const struct contract *contract;
	const struct source *source;   /* NULL: stock, or the outcome by key */
	uint8_t number;                /* of the source, or SOURCE_... */
	uint16_t snapshot;
	bool broken;                   /* it can't be complete any more */
	uint64_t read, strange;
	int64_t position;              /* entries of this source, counted */
	int64_t until_us;              /* it may take so long */
	char why[WHY_BYTES];
};

struct evidence {
	struct evidence_settings settings;
	/* What is read goes there instead of into the history; NULL: no. */
	void (*tap)(void *context, enum record_kind kind, const void *payload);
	void *tap_context;
	struct fetcher *fetcher;
	struct history *out;           /* where records go now */
	struct known known;
	char *tokens[CONTRACTS_MAX];   /* of the logins; NULL: none yet */
	struct buffer scratch;         /* of expressions and decoded strings */
	uint64_t sum;                  /* of what this reading saw */
	bool incomplete;
	bool full;                     /* a record could not be written */
};

int64_t evidence_now_us(const struct evidence *evidence); /* since the start of the run */
/* Appends a record; adds what it says, but not when it was read, to the sum. */
void evidence_put(struct evidence *evidence, enum record_kind kind, const void *payload,
		  size_t bytes, uint64_t sum);
uint64_t evidence_mix(uint64_t a, uint64_t b);

/* Once per source: it is incomplete, and why (the first reason stays). */
void source_breaks(struct source_reading *reading, const char *why);
void source_begin(struct source_reading *reading);
void source_end(struct source_reading *reading);

/* evidence_entry.c: applies all rules of the source to one entry, a JSON text. */
void entry_read(struct source_reading *reading, struct text entry, uint32_t saga);
/* What `read` answered about a saga, or an entry of an `outcome:`. */
void outcome_read(struct source_reading *reading, struct text entry, uint32_t saga);
void stock_read(struct source_reading *reading, struct text entry);

/* evidence_values.c */
struct value entry_value(struct evidence *evidence, const struct json_pointer *pointer,
			 struct text entry);
bool entry_integer(struct evidence *evidence, const struct json_pointer *pointer, struct text entry,
		   unsigned decimals, int64_t *out);
uint64_t entry_hash(struct evidence *evidence, const struct json_pointer *pointer,
		    struct text entry);
/* ISO 8601, or a number of seconds, ms or us since 1970; microseconds since 1970. */
bool evidence_time(struct value value, int64_t *wall_us);

/* evidence_pages.c */
bool pages_read(struct source_reading *reading, struct error *err);
bool stock_pages_read(struct source_reading *reading, struct error *err);
bool witness_pages_read(struct source_reading *reading, const char *url, struct error *err);
/* One page of what is new. `cursor` is where the last one ended, at first empty. */
bool witness_poll(struct source_reading *reading, const char *url, struct buffer *cursor,
		  struct error *err);
/* Logs in if need be; false with the reason in `err`. */
bool evidence_login(struct evidence *evidence, const struct contract *contract, bool anew,
		    struct error *err);
/* The path with what is meant filled in. */
void path_fill(struct buffer *url, const struct contract *contract, const char *path,
	       const char *key, const char *id, struct text cursor);

/* evidence.c */
bool evidence_read_source(struct source_reading *reading, struct error *err);
const char *evidence_token(const struct evidence *evidence, const struct contract *contract);

/* evidence_files.c */
void lines_read(struct source_reading *reading, const char *path);
/* What is there now; `pending` keeps a line without its end until it has one. */
void lines_follow(struct source_reading *reading, FILE *file, struct buffer *pending);

#endif
