#include "reports/faults.h"

#include <stdlib.h>

#include "lib/history.h"
#include "lib/memory.h"
#include "reports/figures.h"

enum { AUDIT_MAX = 20000, WORDS_BYTES_MAX = 4096 };

struct fault_reader {
	struct faults *faults;
	size_t audit_room;
	struct buffer words; /* pieces so far */
};

static struct faults *faults_new(const struct meta *meta)
{
	struct faults *faults = memory_new(sizeof(*faults));

	faults->count = meta->fault_count;
	faults->items = memory_array(faults->count, sizeof(*faults->items));
	faults->spans = memory_array(faults->count, sizeof(*faults->spans));
	for (size_t i = 0; i < faults->count; i++)
		faults->items[i] = (struct fault_figures){ .name = meta->faults[i].name,
							   .kind = meta->faults[i].kind,
							   .target = meta->faults[i].target,
							   .armed_us = -1,
							   .healed_us = -1,
							   .first_hit_us = -1,
							   .recovery_us = -1 };
	return faults;
}

void faults_free(struct faults *faults)
{
	if (!faults)
		return;
	for (size_t i = 0; i < faults->count; i++)
		free(faults->items[i].words);
	for (size_t i = 0; i < faults->audit_count; i++) {
		free(faults->audit[i].what);
		free(faults->audit[i].words);
	}
	free(faults->items);
	free(faults->spans);
	free(faults->audit);
	free(faults);
}

static struct audit_entry *add_entry(struct fault_reader *reader, int64_t at_us, uint32_t fault,
				     const char *what)
{
	struct faults *faults = reader->faults;

	if (faults->audit_count == AUDIT_MAX) {
		faults->audit_left_out++;
		return NULL;
	}
	faults->audit = memory_grow(faults->audit, faults->audit_count, &reader->audit_room,
				    sizeof(*faults->audit));
	faults->audit[faults->audit_count] =
		(struct audit_entry){ at_us, fault, memory_copy_string(what), NULL };
	return &faults->audit[faults->audit_count++];
}

static struct fault_figures *fault_at(struct fault_reader *reader, uint32_t number, int64_t at_us)
{
	if (number < reader->faults->count && time_is_sane(at_us))
		return &reader->faults->items[number];
	reader->faults->strange++;
	return NULL;
}

/* When it was in effect; one that is armed again while it is armed goes on. */
static void note_span(struct fault_spans *spans, enum fault_state state, int64_t at_us)
{
	struct span *last = spans->count ? &spans->items[spans->count - 1] : NULL;
	bool open = last && last->end_us == INT64_MAX;

	if (state == FAULT_ARMED && !open && spans->count < FAULT_SPANS_MAX)
		spans->items[spans->count++] = (struct span){ at_us, INT64_MAX };
	else if ((state == FAULT_HEALED || state == FAULT_FAILED) && open &&
		 at_us >= last->start_us)
		last->end_us = at_us;
}

/* Two processes may write about one fault, so states come in the order of time, not of files. */
static void take_fault(struct fault_reader *reader, const struct record *record)
{
	struct record_fault change;
	struct fault_figures *fault;

	memcpy(&change, record->payload, sizeof(change));
	fault = fault_at(reader, change.fault, change.at_us);
	if (!fault)
		return;
	if (change.state >= FAULT_STATES) {
		reader->faults->strange++;
		return;
	}
	fault->seen = true;
	fault->by_heal = fault->by_heal || change.by_heal;
	if (change.hits > fault->hits || (change.hits < 0 && !fault->hits_seen))
		fault->hits = change.hits;
	add_entry(reader, change.at_us, change.fault,
		  fault_state_name((enum fault_state)change.state));
}

static void take_hit(struct fault_reader *reader, const struct record *record)
{
	struct fault_figures *fault;
	struct record_hit hit;

	memcpy(&hit, record->payload, sizeof(hit));
	fault = fault_at(reader, hit.fault, hit.at_us);
	if (!fault)
		return;
	fault->hits_seen++;
	if (hit.kind < 4)
		fault->by_kind[hit.kind]++;
	if (fault->hits < (int64_t)fault->hits_seen)
		fault->hits = (int64_t)fault->hits_seen;
	if (fault->first_hit_us < 0 || hit.at_us < fault->first_hit_us)
		fault->first_hit_us = hit.at_us;
}

/* What is said of a state often begins with its name, which is told anyway. */
static const char *without_state(const char *words, const char *what)
{
	size_t length = strlen(what);

	return strncmp(words, what, length) == 0 && strncmp(words + length, ": ", 2) == 0 ?
		       words + length + 2 :
		       words;
}

/* Words follow the state that they are about, in the same file. */
static void take_words(struct fault_reader *reader, const struct record *record)
{
	struct faults *faults = reader->faults;
	struct record_text piece;
	size_t length;

	memcpy(&piece, record->payload, sizeof(piece));
	length = piece.length < sizeof(piece.bytes) ? piece.length : sizeof(piece.bytes);
	if (reader->words.length < WORDS_BYTES_MAX)
		buffer_add(&reader->words, piece.bytes, length);
	if (record->flags & 1)
		return;
	for (size_t i = faults->audit_count; i-- > 0;) {
		struct audit_entry *entry = &faults->audit[i];

		if (entry->fault != piece.subject)
			continue;
		free(entry->words);
		entry->words = memory_copy_string(without_state(reader->words.data, entry->what));
		break;
	}
	buffer_clear(&reader->words);
}

static const char *moment_name(enum steady_moment moment)
{
	static const char *const names[] = { "before", "during", "after" };

	return (unsigned)moment < 3 ? names[moment] : "?";
}

static void take_look(struct fault_reader *reader, const struct record *record)
{
	struct record_steady look;

	memcpy(&look, record->payload, sizeof(look));
	if (look.moment < 3)
		reader->faults->looks[look.moment]++;
}

static void take_event(struct fault_reader *reader, const struct record *record)
{
	struct faults *faults = reader->faults;
	struct record_event event;
	char what[80];

	memcpy(&event, record->payload, sizeof(event));
	if (!time_is_sane(event.at_us))
		return;
	if (event.event == EVENT_UNSTEADY && !faults->unsteady) {
		faults->unsteady = true;
		faults->unsteady_moment = (enum steady_moment)(event.number < 3 ? event.number : 0);
		faults->unsteady_condition = (uint32_t)event.value;
		faults->unsteady_us = event.at_us;
		snprintf(what, sizeof(what), "the steady state did not hold %s",
			 moment_name(faults->unsteady_moment));
		add_entry(reader, event.at_us, FAULT_ANY, what);
	} else if (event.event == EVENT_GATE_BROKEN && !faults->gate_broken) {
		faults->gate_broken = true;
		faults->broken_gate = event.number;
		add_entry(reader, event.at_us, FAULT_ANY, "a gate stopped the run");
	} else if (event.event == EVENT_RUN_STARTED) {
		add_entry(reader, event.at_us, FAULT_ANY, "the run started");
	} else if (event.event == EVENT_RUN_ENDED) {
		add_entry(reader, event.at_us, FAULT_ANY, "the run ended");
	}
}

static void take(struct fault_reader *reader, const struct record *record)
{
	switch (record->kind) {
	case RECORD_FAULT:
		take_fault(reader, record);
		break;
	case RECORD_FAULT_TEXT:
		take_words(reader, record);
		break;
	case RECORD_HIT:
		take_hit(reader, record);
		break;
	case RECORD_STEADY:
		take_look(reader, record);
		break;
	case RECORD_EVENT:
		take_event(reader, record);
		break;
	default:
		break;
	}
}

static void read_file(struct fault_reader *reader, const char *path)
{
	struct history_reader *file = history_open(path, NULL);
	const struct record *record;

	while (file && (record = history_read(file)))
		take(reader, record);
	buffer_clear(&reader->words);
	history_reader_free(file);
}

static bool is_of_worker(const char *path)
{
	const char *name = strrchr(path, '/');

	return strncmp(name ? name + 1 : path, "worker-", 7) == 0;
}

/* Entries of one file stay in their order. */
static int by_time(const void *a, const void *b)
{
	const struct audit_entry *x = a, *y = b;

	return (x->at_us > y->at_us) - (x->at_us < y->at_us);
}

/* A stable sort: insertion is quick where most of it is in order, as files are. */
static void sort_audit(struct audit_entry *entries, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct audit_entry entry = entries[i];
		size_t to = i;

		for (; to && by_time(&entries[to - 1], &entry) > 0; to--)
			entries[to] = entries[to - 1];
		entries[to] = entry;
	}
}

static enum fault_state state_of(const char *name)
{
	unsigned state = 0;

	while (state < FAULT_STATES && strcmp(fault_state_name((enum fault_state)state), name) != 0)
		state++;
	return (enum fault_state)state;
}

static void follow_states(struct faults *faults)
{
	for (size_t i = 0; i < faults->audit_count; i++) {
		const struct audit_entry *entry = &faults->audit[i];
		struct fault_figures *fault;

		if (entry->fault == FAULT_ANY)
			continue;
		fault = &faults->items[entry->fault];
		fault->state = state_of(entry->what);
		note_span(&faults->spans[entry->fault], fault->state, entry->at_us);
		if (fault->state == FAULT_ARMED && fault->armed_us < 0)
			fault->armed_us = entry->at_us;
		if (fault->state == FAULT_HEALED)
			fault->healed_us = entry->at_us;
		free(fault->words);
		fault->words = entry->words ? memory_copy_string(entry->words) : NULL;
	}
}

/* What was begun and never seen to be gone is taken to be there still. */
static void find_broken(struct faults *faults)
{
	for (size_t i = 0; i < faults->count; i++) {
		struct fault_figures *fault = &faults->items[i];

		fault->broken = fault->state == FAULT_UNPROVEN || fault->state == FAULT_ARMING ||
				fault->state == FAULT_ARMED || fault->state == FAULT_HEALING;
	}
}

struct faults *faults_read(const char *directory, const struct meta *meta)
{
	struct fault_reader reader = { .faults = faults_new(meta) };
	char **paths;
	size_t count = history_list(directory, &paths, NULL);

	for (size_t i = 0; i < count; i++)
		if (!is_of_worker(paths[i]))
			read_file(&reader, paths[i]);
	history_list_free(paths, count);
	buffer_release(&reader.words);
	sort_audit(reader.faults->audit, reader.faults->audit_count);
	follow_states(reader.faults);
	find_broken(reader.faults);
	return reader.faults;
}
