/*
 * schema: configuration is a table.
 *
 * One row per key: its name, what it takes, where it goes, its bounds, its default, its help. From
 * these rows come the parser with its complaints, the JSON Schema (`sagastorm schema`), the pages
 * of the manual, and `sagastorm help scenario`.
 *
 *	struct tls { char *ca; bool verify; int64_t timeout_us; };
 *
 *	static const struct key tls_keys[] = {
 *		{ "ca",      KEY_STRING,   offsetof(struct tls, ca),
 *		  .help = "file with the certificates to trust" },
 *		{ "verify",  KEY_BOOL,     offsetof(struct tls, verify), .initial = "yes",
 *		  .help = "check the server's certificate" },
 *		{ "timeout", KEY_DURATION, offsetof(struct tls, timeout_us), .initial = "10s",
 *		  .minimum = 1000, .help = "give up connecting after this long" },
 *		KEYS_END
 *	};
 *	schema_read(tls_keys, node, &tls, &reading);
 *
 * Strings and lists live in the arena of the reading. Fields start as their `initial` says, so a
 * struct needs no other set-up.
 */
#ifndef LIB_SCHEMA_H
#define LIB_SCHEMA_H

#include <stdint.h>

#include "lib/arena.h"
#include "lib/complaints.h"
#include "lib/yaml.h"

enum key_type {
	KEY_STRING,   /* char * */
	KEY_BOOL,     /* bool: yes no true false on off */
	KEY_INTEGER,  /* int64_t */
	KEY_NUMBER,   /* double */
	KEY_DURATION, /* int64_t microseconds: 250us 100ms 1.5s 2m 1h 7d 1h30m, or 0 */
	KEY_RATE,     /* double per second: 20/s 300/m 1000/h */
	KEY_SIZE,     /* int64_t bytes: 512 64KiB 10MB */
	KEY_SHARE,    /* double 0..1: 20% or 0.2 */
	KEY_CHOICE,   /* int: position in `choices` */
	KEY_STRINGS,  /* struct strings: a list, or a single one */
	KEY_MAP,      /* a struct of its own, read by `keys`, at `offset` (embedded) */
	KEY_NODE,     /* const struct yaml *: someone else reads it; `shape` shows it */
};

struct strings {
	char **items;
	struct place *places;
	size_t count;
};

struct key {
	const char *name;
	enum key_type type;
	size_t offset;
	double minimum, maximum;          /* in the units of the field; a maximum of 0: none */
	const char *const *choices;       /* NULL-ended */
	const char *initial;              /* as it would be written; NULL: zero */
	const struct key *keys;           /* KEY_MAP */
	const struct shape *shape;        /* KEY_NODE; NULL: anything */
	bool required;
	bool substituted;                 /* KEY_STRING that may hold ${...} resolved later */
	const char *help;
	const char *example;
};

#define KEYS_END { .name = NULL }

/* What a KEY_NODE looks like, for the JSON Schema and the manual. */
enum shape_kind {
	SHAPE_ANY,
	SHAPE_STRING,      /* with `pattern`, if given */
	SHAPE_MAP_OF,      /* any keys, each value of shape `of` */
	SHAPE_LIST_OF,     /* each item of shape `of` */
	SHAPE_KEYS,        /* a map with `keys` */
	SHAPE_ONE_OF,      /* any of `options` (NULL-ended) */
};

struct shape {
	enum shape_kind kind;
	const char *name; /* a definition in the JSON Schema, so that shapes can nest */
	const char *help;
	const char *pattern;
	const struct shape *of;
	const struct key *keys;
	const struct shape *const *options;
};

/* What all readers need at hand. */
struct reading {
	struct arena *arena;
	struct complaints *complaints;
	/* Folds ${vars} and ${env:X} into a scalar; NULL: nothing is substituted. */
	bool (*substitute)(void *context, struct yaml *scalar, struct complaints *complaints);
	void *context;
};

/* Reads a map into a struct. False when it complained (the fields that were fine are set). */
bool schema_read(const struct key *keys, const struct yaml *map, void *into,
		 struct reading *reading);

/* Sets the defaults only. */
void schema_defaults(const struct key *keys, void *into, struct arena *arena);

/* One scalar as a key of that type would take it; for readers of KEY_NODEs. */
bool schema_read_value(const struct key *key, const struct yaml *node, void *field,
		       struct reading *reading);

/* Complains about an unknown key, with a suggestion from the NULL-ended list. */
void complain_unknown(struct complaints *complaints, struct place at, const char *what,
		      struct text name, const char *const *known);

/* The nearest of the known words, or NULL when none is near (lib/suggest.c). */
const char *suggest(struct text word, const char *const *known);

/* A draft-07 JSON Schema of a map with these keys, as pretty-printed JSON (lib/schema_json.c). */
void schema_write_json(const struct key *keys, const char *title, struct buffer *out);

/* The same for people: tables as Markdown, or as man (mdoc) source (lib/schema_manual.c). */
void schema_write_manual(const struct key *keys, bool mdoc, struct buffer *out);

/* lib/units.c: the scalars above, usable on their own (the command line has them too). */
bool unit_duration(struct text text, int64_t *us, struct error *err);
bool unit_rate(struct text text, double *per_s, struct error *err);
bool unit_size(struct text text, int64_t *bytes, struct error *err);
bool unit_share(struct text text, double *share, struct error *err);
bool unit_integer(struct text text, int64_t *integer, struct error *err);
bool unit_number(struct text text, double *number, struct error *err);
bool unit_bool(struct text text, bool *yes, struct error *err);

/* How durations and rates are shown to people: "800 ms", "1.5 s", "2,000/s". */
void unit_show_duration(struct buffer *out, int64_t us);
void unit_show_count(struct buffer *out, uint64_t count);

#endif
