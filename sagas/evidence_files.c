/* Ledgers of witnesses and other files: JSON Lines, in pieces, while somebody may still append. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/json_scan.h"
#include "sagas/evidence_parts.h"

enum { BLOCK_BYTES = 256 * 1024, LOOK_UP_EVERY = 4096 };

static bool is_object(struct text line)
{
	const char *end = line.data + line.length;
	const char *start = json_blank_end(line.data, end);
	enum value_kind kind;
	bool escaped = false;

	return start < end && *start == '{' &&
	       json_value_end(start, end, 0, &kind, &escaped) == end;
}

static void take_line(struct source_reading *reading, struct text line)
{
	while (line.length &&
	       (line.data[line.length - 1] == '\r' || line.data[line.length - 1] == ' '))
		line.length--;
	if (!line.length)
		return;
	if (is_object(line)) {
		entry_read(reading, line, SAGA_NONE);
		return;
	}
	reading->read++;
	reading->strange++;
}

/* Takes what is complete, and leaves the rest at the front. */
static void take_lines(struct source_reading *reading, struct buffer *pending)
{
	size_t from = 0;
	char *end;

	while ((end = memchr(pending->data + from, '\n', pending->length - from))) {
		size_t length = (size_t)(end - pending->data) - from;

		take_line(reading, (struct text){ pending->data + from, length });
		from += length + 1;
	}
	memmove(pending->data, pending->data + from, pending->length - from);
	pending->length -= from;
}

static bool is_stopped(const struct source_reading *reading)
{
	const struct evidence_settings *settings = &reading->evidence->settings;

	return settings->interrupted && settings->interrupted(settings->context);
}

static bool take_block(struct source_reading *reading, FILE *file, struct buffer *pending)
{
	size_t got = fread(buffer_reserve(pending, BLOCK_BYTES), 1, BLOCK_BYTES, file);

	pending->length += got;
	if (got)
		take_lines(reading, pending);
	if (pending->length > EVIDENCE_LINE_MAX)
		source_breaks(reading, "a line without an end");
	else if (reading->read > EVIDENCE_ENTRIES_MAX)
		source_breaks(reading, "too many lines");
	else if (ferror(file))
		source_breaks(reading, strerror(errno));
	else if (is_stopped(reading))
		source_breaks(reading, "interrupted");
	return got > 0 && !reading->broken;
}

void lines_follow(struct source_reading *reading, FILE *file, struct buffer *pending)
{
	while (take_block(reading, file, pending))
		;
}

/* A last line without its end is being written: it was promised to nobody yet. */
void lines_read(struct source_reading *reading, const char *path)
{
	struct buffer pending = BUFFER_EMPTY;
	FILE *file = fopen(path, "re");

	if (!file) {
		source_breaks(reading, strerror(errno));
		return;
	}
	while (take_block(reading, file, &pending))
		;
	buffer_release(&pending);
	fclose(file);
}
