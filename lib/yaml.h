/*
 * yaml: a file as a tree in which every node knows its place.
 *
 * Read through libyaml's events. Anchors, aliases and merge keys work within bounds (depth, number
 * of nodes: no billion laughs); duplicate keys are complaints with both places; more than one
 * document is an error.
 *
 * `${...}` is hidden from YAML while it is read, so that `{ qty: ${fn.int(1,3)} }` needs no quotes:
 * between the braces of `${` and `}` nothing is YAML. Columns stay those of the file.
 *
 *	struct yaml *root = yaml_read_file(&arena, "shop.yaml", &complaints);
 *	struct yaml *load = yaml_get(root, "load");
 */
#ifndef LIB_YAML_H
#define LIB_YAML_H

#include <stdint.h>

#include "lib/arena.h"
#include "lib/complaints.h"
#include "lib/text.h"
#include "lib/value.h"

enum {
	YAML_BYTES_MAX = 4 * 1024 * 1024,
	YAML_NODES_MAX = 200000,
	YAML_DEPTH_MAX = 64,
};

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml {
	enum yaml_kind kind;
	bool quoted;        /* a scalar that was written as a string (or as a block) */
	struct place at;
	struct text text;   /* scalars; NUL-terminated, no NUL inside */
	struct yaml *first; /* lists and maps: the first child, in the order of the file */
	struct yaml *next;  /* the sibling after this one */
	struct yaml *value; /* only of a map's children, which are its keys: what the key holds */
	size_t count;
};

/*
 * NULL after a complaint when there is no tree at all. A tree with complaints (duplicate keys) is
 * still a tree. Places point to a copy of the name in the arena.
 */
struct yaml *yaml_read_file(struct arena *arena, const char *path, struct complaints *complaints);
struct yaml *yaml_read_text(struct arena *arena, const char *name, struct text text,
			    struct complaints *complaints);

struct yaml *yaml_get(const struct yaml *map, const char *key); /* the value, or NULL */

/* Plain null, ~ or nothing at all. */
bool yaml_is_null(const struct yaml *node);

const char *yaml_kind_name(const struct yaml *node); /* "a list", "a map", "a string", "a number" */

/* A scalar as JSON would take it: plain numbers, true, false and null are what they look like. */
struct value yaml_value(const struct yaml *scalar);

/* Writes the tree as YAML again (aliases resolved). What is read from it is the same tree. */
void yaml_write(const struct yaml *root, struct buffer *out);
/* The same on one line: "{ edge: \"a -> b\", delay: 800ms }". Adds no newline. */
void yaml_write_flow(const struct yaml *root, struct buffer *out);

/* lib/yaml_merge.c: what a map needs when it is complete. */
void yaml_check_duplicates(const struct yaml *map, struct complaints *complaints);
bool yaml_merge_keys(struct yaml *map, struct complaints *complaints);

/*
 * lib/yaml_mask.c: hiding `${...}`. The text between (and with) the braces, as far as YAML would
 * care about it, becomes private-use characters, one for one.
 */
bool yaml_mask(struct text text, struct place at, struct buffer *out,
	       struct complaints *complaints);
size_t yaml_unmask(char *text, size_t length); /* in place; the new length */

/* The character at the front of a text that is not empty; NULL, or why YAML files can't have it. */
const char *yaml_character(struct text text, int32_t *code, size_t *length);

/* Bytes of the `${...}` that starts at `text`; 0 when it does not end on its line. */
size_t yaml_substitution_length(struct text text);

#endif
