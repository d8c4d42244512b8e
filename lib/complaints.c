#include "lib/complaints.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/memory.h"
#include "lib/visible.h"

void complaints_release(struct complaints *complaints)
{
	if (!complaints)
		return;
	for (size_t i = 0; i < complaints->count; i++)
		free(complaints->items[i].text);
	for (size_t i = 0; i < complaints->file_count; i++)
		free(complaints->files[i]);
	free(complaints->items);
	free(complaints->files);
	*complaints = (struct complaints)COMPLAINTS_EMPTY;
}

/* Our own copy of a file's name; the same name is the same pointer. */
static const char *keep_file(struct complaints *complaints, const char *file)
{
	if (!file)
		return NULL;
	for (size_t i = 0; i < complaints->file_count; i++)
		if (strcmp(complaints->files[i], file) == 0)
			return complaints->files[i];
	complaints->files = memory_grow(complaints->files, complaints->file_count,
					&complaints->file_room, sizeof(*complaints->files));
	return complaints->files[complaints->file_count++] = memory_copy_string(file);
}

static bool is_known(const struct complaints *complaints, const struct complaint *new)
{
	for (size_t i = 0; i < complaints->count; i++) {
		const struct complaint *old = &complaints->items[i];

		if (old->at.file == new->at.file && old->at.line == new->at.line &&
		    old->at.column == new->at.column &&
		    old->warning == new->warning &&strcmp(old->text, new->text) == 0)
			return true;
	}
	return false;
}

static void add(struct complaints *complaints, struct complaint new)
{
	if (complaints->count >= COMPLAINTS_MAX) {
		complaints->left_out++;
		complaints->errors += !new.warning;
		return;
	}
	new.at.file = keep_file(complaints, new.at.file);
	if (is_known(complaints, &new))
		return;
	new.text = memory_copy_string(new.text);
	complaints->items = memory_grow(complaints->items, complaints->count, &complaints->room,
					sizeof(*complaints->items));
	complaints->items[complaints->count++] = new;
	complaints->errors += !new.warning;
}

bool complain(struct complaints *complaints, struct place at, const char *format, ...)
{
	char text[ERROR_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	add(complaints, (struct complaint){ at, false, text });
	return false;
}

bool complain_warning(struct complaints *complaints, struct place at, const char *format, ...)
{
	char text[ERROR_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	add(complaints, (struct complaint){ at, true, text });
	return false;
}

/* "12:" -> 12, moving on; 0 when there is no such thing. */
static int take_number(const char **at)
{
	char *end;
	long number = strtol(*at, &end, 10);

	if (end == *at || *end != ':' || number <= 0 || number > 1000000000)
		return 0;
	*at = end + 1;
	return (int)number;
}

/* Finds "file:line:col: " at the front, so that it is sorted like the others. */
static bool split_place(char *text, struct place *at, char **rest)
{
	for (char *colon = strchr(text, ':'); colon; colon = strchr(colon + 1, ':')) {
		const char *next = colon + 1;
		int line = take_number(&next);
		int column = line ? take_number(&next) : 0;

		if (!column || *next != ' ')
			continue;
		*colon = '\0';
		*at = (struct place){ text, line, column };
		*rest = text + (next + 1 - text);
		return true;
	}
	return false;
}

bool complain_error(struct complaints *complaints, const struct error *err)
{
	return complain_error_at(complaints, (struct place){ NULL, 0, 0 }, err);
}

bool complain_error_at(struct complaints *complaints, struct place at, const struct error *err)
{
	struct error copy = *err;
	struct complaint new = { .at = at, .text = copy.text };

	split_place(copy.text, &new.at, &new.text);
	add(complaints, new);
	return false;
}

void complaints_mask(struct complaints *complaints, const char *secret)
{
	size_t length = strlen(secret);

	for (size_t i = 0; length && i < complaints->count; i++) {
		struct buffer masked = BUFFER_EMPTY;
		const char *from = complaints->items[i].text;
		const char *found;

		while ((found = strstr(from, secret))) {
			buffer_add(&masked, from, (size_t)(found - from));
			buffer_add_string(&masked, "***");
			from = found + length;
		}
		buffer_add_string(&masked, from);
		free(complaints->items[i].text);
		complaints->items[i].text = masked.data;
	}
}

/* Files stay in the order in which they were first complained about. */
static size_t file_number(const struct complaints *complaints, const char *file)
{
	size_t number = 0;

	while (number < complaints->file_count && complaints->files[number] != file)
		number++;
	return file ? number : SIZE_MAX;
}

static bool is_before(const struct complaints *complaints, const struct complaint *a,
		      const struct complaint *b)
{
	size_t a_file = file_number(complaints, a->at.file);
	size_t b_file = file_number(complaints, b->at.file);

	if (a_file != b_file)
		return a_file < b_file;
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line;
	return a->at.column < b->at.column;
}

/* Insertion sort: stable, and they come nearly in order. */
static void sort(struct complaints *complaints)
{
	for (size_t i = 1; i < complaints->count; i++) {
		struct complaint moving = complaints->items[i];
		size_t to = i;

		for (; to && is_before(complaints, &moving, &complaints->items[to - 1]); to--)
			complaints->items[to] = complaints->items[to - 1];
		complaints->items[to] = moving;
	}
}

static void write_place(struct place at, struct buffer *out)
{
	if (at.file && at.line)
		buffer_format(out, "%s:%d:%d: ", at.file, at.line, at.column);
	else if (at.file)
		buffer_format(out, "%s: ", at.file);
}

void complaints_write(struct complaints *complaints, struct buffer *out)
{
	sort(complaints);
	for (size_t i = 0; i < complaints->count; i++) {
		write_place(complaints->items[i].at, out);
		buffer_add_string(out, complaints->items[i].warning ? "warning: " : "");
		visible_add(out, text_of(complaints->items[i].text));
		buffer_add_char(out, '\n');
	}
	if (complaints->left_out)
		buffer_format(out, "and %zu more\n", complaints->left_out);
}
