/*
 * The pass: all files side by side, second by second, so that what happened in a second is
 * complete before the next one begins, whichever worker wrote it.
 */
#include "reports/figures.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/memory.h"

enum { SLICE_DIGITS = 2, TEXT_BYTES_MAX = 4096 };

struct stream { /* one file */
	struct history_reader *reader;
	const char *path;
	const struct record *record; /* the next one, or NULL at the end */
	int64_t at_us;		     /* its time */
	struct buffer text;	     /* pieces so far */
};

struct pass {
	struct figures *figures;
	struct stream *streams;
	size_t count;
	struct hist **slices; /* per name */
	bool any_slice;
};

static int64_t time_of_record(const struct record *record, int64_t before_us)
{
	struct record_request request;
	struct record_start start;
	int64_t at_us;

	/* All that have a time begin with it. */
	memcpy(&at_us, record->payload, sizeof(at_us));
	if (!time_is_sane(at_us))
		return before_us;
	switch (record->kind) {
	case RECORD_REQUEST:
		memcpy(&request, record->payload, sizeof(request));
		return at_us + request_latency_us(&request);
	case RECORD_START:
		memcpy(&start, record->payload, sizeof(start));
		return at_us + start.duration_us;
	case RECORD_HEALTH:
	case RECORD_EVENT:
		return at_us;
	default:
		return before_us;
	}
}

/* Time stands still rather than going back: what is late belongs to the second being read. */
static void advance(struct stream *stream)
{
	int64_t at_us;

	stream->record = history_read(stream->reader);
	if (!stream->record)
		return;
	at_us = time_of_record(stream->record, stream->at_us);
	if (at_us > stream->at_us)
		stream->at_us = at_us;
}

static void add_text_piece(struct pass *pass, struct stream *stream)
{
	struct record_text piece;
	size_t length;

	memcpy(&piece, stream->record->payload, sizeof(piece));
	length = piece.length < sizeof(piece.bytes) ? piece.length : sizeof(piece.bytes);
	if (stream->text.length < TEXT_BYTES_MAX)
		buffer_add(&stream->text, piece.bytes, length);
	if (stream->record->flags & 1)
		return;
	figures_add_sample(pass->figures, piece.subject, buffer_text(&stream->text));
	buffer_clear(&stream->text);
}

static void add_to_slice(struct pass *pass, const struct record *record)
{
	struct record_request request;
	struct hist **slice;

	memcpy(&request, record->payload, sizeof(request));
	if (record->flags & REQUEST_WILL_RETRY || request.failure == FAILURE_INTERRUPTED)
		return;
	slice = &pass->slices[request.name];
	if (!*slice)
		*slice = hist_new(SLICE_DIGITS);
	hist_record(*slice, request_latency_us(&request));
	pass->any_slice = true;
}

static void take(struct pass *pass, struct stream *stream, const struct second_listener *listener)
{
	const struct record *record = stream->record;

	if (record->kind == RECORD_TEXT)
		add_text_piece(pass, stream);
	else if (figures_add(pass->figures, record)) {
		if (record->kind == RECORD_REQUEST)
			add_to_slice(pass, record);
		if (listener && listener->record)
			listener->record(listener->context, record);
	}
	advance(stream);
}

/* The earliest second that something is left of; -1 at the end. */
static int64_t next_second(const struct pass *pass)
{
	int64_t earliest = -1;

	for (size_t i = 0; i < pass->count; i++) {
		int64_t second = pass->streams[i].at_us / US_PER_S;

		if (pass->streams[i].record && (earliest < 0 || second < earliest))
			earliest = second;
	}
	return earliest;
}

static void tell(struct pass *pass, int64_t second, const struct second_listener *listener)
{
	const struct second told = { second * US_PER_S, pass->slices,
				     pass->figures->meta->request_count };

	if (!pass->any_slice)
		return;
	if (listener)
		listener->second(listener->context, &told);
	for (size_t i = 0; i < told.name_count; i++)
		if (pass->slices[i])
			hist_reset(pass->slices[i]);
	pass->any_slice = false;
}

static void read_all(struct pass *pass, const struct second_listener *listener)
{
	int64_t second;

	while ((second = next_second(pass)) >= 0) {
		int64_t end_us = (second + 1) * US_PER_S;

		for (size_t i = 0; i < pass->count; i++) {
			struct stream *stream = &pass->streams[i];

			while (stream->record && stream->at_us < end_us)
				take(pass, stream, listener);
		}
		tell(pass, second, listener);
	}
}

static void open_streams(struct pass *pass, char **paths, size_t count)
{
	pass->streams = memory_array(count, sizeof(*pass->streams));
	for (size_t i = 0; i < count; i++) {
		struct stream *stream = &pass->streams[pass->count];
		struct error err;

		stream->path = paths[i];
		stream->reader = history_open(paths[i], &err);
		if (!stream->reader) {
			figures_add_damage(pass->figures, "a part of the history is unreadable: %s",
					   err.text);
			continue;
		}
		advance(stream);
		pass->count++;
	}
}

static void close_streams(struct pass *pass)
{
	for (size_t i = 0; i < pass->count; i++) {
		struct stream *stream = &pass->streams[i];

		if (history_torn(stream->reader))
			figures_add_damage(pass->figures, "'%s' is damaged at its end",
					   strrchr(stream->path, '/') + 1);
		pass->figures->lost_records += history_reader_lost(stream->reader);
		history_reader_free(stream->reader);
		buffer_release(&stream->text);
	}
	free(pass->streams);
}

struct figures *figures_read(const char *directory, const struct meta *meta,
			     const struct second_listener *listener, struct error *err)
{
	struct pass pass = { 0 };
	char **paths;
	size_t count = history_list(directory, &paths, err);

	if (count == 0)
		return NULL;
	pass.figures = figures_new(meta);
	pass.slices = memory_array(meta->request_count, sizeof(struct hist *));
	open_streams(&pass, paths, count);
	read_all(&pass, listener);
	close_streams(&pass);
	for (size_t i = 0; i < meta->request_count; i++)
		hist_free(pass.slices[i]);
	free(pass.slices);
	history_list_free(paths, count);
	figures_sum_up(pass.figures);
	return pass.figures;
}
