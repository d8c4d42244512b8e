#include "lib/yaml.h"

#include <stdlib.h>
#include <yaml.h>

#include "lib/memory.h"

struct anchor {
	char *name;
	struct yaml *node; /* NULL while it is being read: an alias inside would never end */
};

struct reader {
	yaml_parser_t parser;
	yaml_event_t event;
	bool has_event;
	struct arena *arena;
	struct complaints *complaints;
	const char *file;
	struct anchor *anchors;
	size_t anchor_count, anchor_room;
	size_t nodes;
	int depth;
};

static struct place place_of(const struct reader *reader, yaml_mark_t mark)
{
	return (struct place){ reader->file, (int)mark.line + 1, (int)mark.column + 1 };
}

static bool complain_parser(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	yaml_mark_t mark = parser->problem_mark;
	const char *problem = parser->problem ? parser->problem : "cannot be read";

	if (parser->context)
		return complain(reader->complaints, place_of(reader, mark), "not YAML: %s %s",
				problem, parser->context);
	return complain(reader->complaints, place_of(reader, mark), "not YAML: %s", problem);
}

/* Moves on to the next event, which is then `reader->event`. */
static bool next_event(struct reader *reader)
{
	if (reader->has_event)
		yaml_event_delete(&reader->event);
	reader->has_event = yaml_parser_parse(&reader->parser, &reader->event) == 1;
	return reader->has_event || complain_parser(reader);
}

static struct yaml *add_node(struct reader *reader, enum yaml_kind kind, struct place at)
{
	struct yaml *node;

	if (reader->nodes >= YAML_NODES_MAX) {
		complain(reader->complaints, at, "the file has more than %d parts (aliases count)",
			 YAML_NODES_MAX);
		return NULL;
	}
	reader->nodes++;
	node = arena_new(reader->arena, sizeof(*node));
	node->kind = kind;
	node->at = at;
	node->text = (struct text){ "", 0 };
	return node;
}

static struct yaml *read_scalar(struct reader *reader)
{
	yaml_event_t *event = &reader->event;
	struct yaml *node = add_node(reader, YAML_SCALAR, place_of(reader, event->start_mark));
	char *copy;
	size_t length;

	if (!node)
		return NULL;
	copy = arena_string(reader->arena, (struct text){ (const char *)event->data.scalar.value,
							  event->data.scalar.length });
	length = yaml_unmask(copy, event->data.scalar.length);
	copy[length] = '\0';
	if (memchr(copy, '\0', length)) {
		complain(reader->complaints, node->at, "a NUL character is not allowed");
		length = strlen(copy);
	}
	node->text = (struct text){ copy, length };
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	return node;
}

static struct yaml *read_node(struct reader *reader);

static struct yaml *copy_node(struct reader *reader, const struct yaml *from);

static bool copy_children(struct reader *reader, const struct yaml *from, struct yaml *to)
{
	struct yaml **link = &to->first;

	for (const struct yaml *child = from->first; child; child = child->next) {
		*link = copy_node(reader, child);
		if (!*link)
			return false;
		if (child->value && !((*link)->value = copy_node(reader, child->value)))
			return false;
		link = &(*link)->next;
	}
	return true;
}

static bool go_deeper(struct reader *reader, struct place at)
{
	if (++reader->depth <= YAML_DEPTH_MAX)
		return true;
	return complain(reader->complaints, at, "nested deeper than %d levels", YAML_DEPTH_MAX);
}

/* A copy, so that every alias is a tree of its own and counts against the bounds. */
static struct yaml *copy_node(struct reader *reader, const struct yaml *from)
{
	struct yaml *to = add_node(reader, from->kind, from->at);

	if (!to)
		return NULL;
	to->quoted = from->quoted;
	to->text = from->text;
	to->count = from->count;
	if (from->first && (!go_deeper(reader, from->at) || !copy_children(reader, from, to)))
		return NULL;
	reader->depth -= from->first != NULL;
	return to;
}

static struct yaml *read_alias(struct reader *reader)
{
	const char *name = (const char *)reader->event.data.alias.anchor;
	struct place at = place_of(reader, reader->event.start_mark);

	for (size_t i = reader->anchor_count; i > 0; i--) {
		if (strcmp(reader->anchors[i - 1].name, name) != 0)
			continue;
		if (reader->anchors[i - 1].node)
			return copy_node(reader, reader->anchors[i - 1].node);
		complain(reader->complaints, at, "alias '*%s' stands inside of what it repeats",
			 name);
		return NULL;
	}
	complain(reader->complaints, at, "alias '*%s' has no anchor '&%s' before it", name, name);
	return NULL;
}

static bool read_items(struct reader *reader, struct yaml *list)
{
	struct yaml **link = &list->first;

	while (next_event(reader)) {
		if (reader->event.type == YAML_SEQUENCE_END_EVENT)
			return true;
		*link = read_node(reader);
		if (!*link)
			return false;
		link = &(*link)->next;
		list->count++;
	}
	return false;
}

static bool read_pairs(struct reader *reader, struct yaml *map)
{
	struct yaml **link = &map->first;

	while (next_event(reader)) {
		struct yaml *key;

		if (reader->event.type == YAML_MAPPING_END_EVENT) {
			yaml_check_duplicates(map, reader->complaints);
			return yaml_merge_keys(map, reader->complaints);
		}
		key = read_node(reader);
		if (!key)
			return false;
		if (key->kind != YAML_SCALAR)
			return complain(reader->complaints, key->at, "a key must be a word, not %s",
					yaml_kind_name(key));
		if (!next_event(reader) || !(key->value = read_node(reader)))
			return false;
		*link = key;
		link = &key->next;
		map->count++;
	}
	return false;
}

static struct yaml *read_collection(struct reader *reader, enum yaml_kind kind)
{
	struct yaml *node = add_node(reader, kind, place_of(reader, reader->event.start_mark));
	bool good;

	if (!node)
		return NULL;
	if (!go_deeper(reader, node->at))
		return NULL;
	good = kind == YAML_LIST ? read_items(reader, node) : read_pairs(reader, node);
	reader->depth--;
	return good ? node : NULL;
}

/* The anchor of the event at hand, or NULL. */
static const char *event_anchor(const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL;

	if (event->type == YAML_SCALAR_EVENT)
		anchor = event->data.scalar.anchor;
	else if (event->type == YAML_SEQUENCE_START_EVENT)
		anchor = event->data.sequence_start.anchor;
	else if (event->type == YAML_MAPPING_START_EVENT)
		anchor = event->data.mapping_start.anchor;
	return (const char *)anchor;
}

/* Returns the number of the anchor; its node is set when it is complete. */
static size_t open_anchor(struct reader *reader, const char *name)
{
	struct anchor anchor = { arena_string(reader->arena, text_of(name)), NULL };

	reader->anchors = memory_grow(reader->anchors, reader->anchor_count, &reader->anchor_room,
				      sizeof(*reader->anchors));
	reader->anchors[reader->anchor_count] = anchor;
	return reader->anchor_count++;
}

static struct yaml *read_by_type(struct reader *reader)
{
	switch (reader->event.type) {
	case YAML_SCALAR_EVENT:
		return read_scalar(reader);
	case YAML_SEQUENCE_START_EVENT:
		return read_collection(reader, YAML_LIST);
	case YAML_MAPPING_START_EVENT:
		return read_collection(reader, YAML_MAP);
	case YAML_ALIAS_EVENT:
		return read_alias(reader);
	default:
		complain(reader->complaints, place_of(reader, reader->event.start_mark),
			 "not YAML: something is missing here");
		return NULL;
	}
}

static struct yaml *read_node(struct reader *reader)
{
	const char *name = event_anchor(&reader->event);
	size_t anchor = name ? open_anchor(reader, name) : 0;
	struct yaml *node = read_by_type(reader);

	if (name)
		reader->anchors[anchor].node = node;
	return node;
}

static struct yaml *read_document(struct reader *reader)
{
	struct yaml *root;

	if (!next_event(reader) || !next_event(reader)) /* the stream starts, the document starts */
		return NULL;
	if (reader->event.type == YAML_STREAM_END_EVENT) {
		complain(reader->complaints, (struct place){ reader->file, 0, 0 },
			 "the file is empty");
		return NULL;
	}
	if (!next_event(reader) || !(root = read_node(reader)))
		return NULL;
	if (!next_event(reader) || !next_event(reader)) /* the document ends, the stream ends */
		return NULL;
	if (reader->event.type == YAML_STREAM_END_EVENT)
		return root;
	complain(reader->complaints, place_of(reader, reader->event.start_mark),
		 "a second document starts here; one file is one document");
	return NULL;
}

static struct yaml *read_masked(struct reader *reader, struct text masked)
{
	struct yaml *root;

	if (!yaml_parser_initialize(&reader->parser)) {
		complain(reader->complaints, (struct place){ reader->file, 0, 0 }, "out of memory");
		return NULL;
	}
	yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader->parser, (const unsigned char *)masked.data,
				     masked.length);
	root = read_document(reader);
	if (reader->has_event)
		yaml_event_delete(&reader->event);
	yaml_parser_delete(&reader->parser);
	free(reader->anchors);
	return root;
}

struct yaml *yaml_read_text(struct arena *arena, const char *name, struct text text,
			    struct complaints *complaints)
{
	struct reader reader = { .arena = arena, .complaints = complaints };
	struct buffer masked = BUFFER_EMPTY;
	struct yaml *root = NULL;
	struct place at = { arena_string(arena, text_of(name)), 0, 0 };

	reader.file = at.file;
	if (text.length > YAML_BYTES_MAX)
		complain(complaints, at, "larger than %d MiB", YAML_BYTES_MAX >> 20);
	else if (yaml_mask(text, at, &masked, complaints))
		root = read_masked(&reader, buffer_text(&masked));
	buffer_release(&masked);
	return root;
}
