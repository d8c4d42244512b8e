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

#include "lib/arena.h"
#include "lib/complaints.h"
#include "lib/text.h"

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml {
	enum yaml_kind kind;
	bool quoted;        /* a scalar that is a string because it was written as one (or a block) */
	struct place at;
	struct text text;   /* scalars; NUL-terminated */
	struct yaml *first; /* lists and maps: the first child, in the order of the file */
	struct yaml *next;  /* the sibling after this one */
	struct yaml *value; /* only of a map's children, which are its keys: what the key holds */
	size_t count;
};

/* NULL after a complaint when there is no tree at all. */
struct yaml *yaml_read_file(struct arena *arena, const char *path, struct complaints *complaints);
struct yaml *yaml_read_text(struct arena *arena, const char *name, struct text text,
			    struct complaints *complaints);

struct yaml *yaml_get(const struct yaml *map, const char *key); /* the value, or NULL */

/* Plain null, ~ or nothing at all. */
bool yaml_is_null(const struct yaml *node);

const char *yaml_kind_name(const struct yaml *node); /* "a list", "a map", "a string", "a number" */

/* Writes the tree as YAML again (aliases resolved); `secret` masks a scalar by returning true. */
void yaml_write(const struct yaml *root, struct buffer *out);

#endif
