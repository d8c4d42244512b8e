#include "engine/watch.h"

#include <stdlib.h>

#include "engine/open_sagas.h"
#include "engine/reached.h"
#include "lib/clock.h"
#include "lib/history.h"
#include "lib/memory.h"
#include "sagas/anytime.h"

enum {
	TURN_RECORDS = 20000,	    /* at most so many in a turn: about a millisecond */
	LOOK_FOR_FILES_US = 500000, /* a process that joins is seen after this */
	FAULTS_SEEN_MAX = 1024,
	FILES_MAX = 1024,
	WRONG_KEPT = 20,	    /* to be told one by one */
};

struct watched_file {
	char *path;
	struct history_reader *reader; /* NULL: it is no history (yet) */
};

struct watch {
	char *directory;
	const struct condition_names *names;
	struct watched_file *files;
	size_t file_count, file_room;
	int64_t looked_us;	     /* for files */
	size_t next_file;	     /* whose turn it is */
	int64_t complete;
	struct slices *slices;
	struct watch_totals totals;
	struct watch_sagas sagas;
	struct reached reached;
	struct open_sagas open;
	int64_t settles_us; /* the longest that a saga may take */
	struct watch_fault *faults;
	uint32_t fault_count;
	struct wrong_fact wrong[WRONG_KEPT];
	size_t wrong_count;
	uint64_t wrong_of[CONTRACTS_MAX];
	struct gauge **gauges;
	size_t gauge_count, gauge_room;
	uint64_t records;
	uint32_t lag_max_us;
};

struct watch *watch_new(const char *directory, const struct condition_names *names)
{
	struct watch *watch = memory_new(sizeof(*watch));

	watch->directory = memory_copy_string(directory);
	watch->names = names;
	watch->slices = slices_new();
	watch->looked_us = INT64_MIN;
	return watch;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	for (size_t i = 0; i < watch->file_count; i++) {
		history_reader_free(watch->files[i].reader);
		free(watch->files[i].path);
	}
	slices_free(watch->slices);
	reached_release(&watch->reached);
	open_sagas_release(&watch->open);
	free(watch->files);
	free(watch->faults);
	free(watch->gauges);
	free(watch->directory);
	free(watch);
}

/* Files. */

static bool knows(const struct watch *watch, const char *path)
{
	for (size_t i = 0; i < watch->file_count; i++)
		if (strcmp(watch->files[i].path, path) == 0)
			return true;
	return false;
}

static void add_file(struct watch *watch, const char *path)
{
	if (knows(watch, path) || watch->file_count == FILES_MAX)
		return;
	watch->files = memory_grow(watch->files, watch->file_count, &watch->file_room,
				   sizeof(*watch->files));
	watch->files[watch->file_count++] = (struct watched_file){ memory_copy_string(path), NULL };
}

/* One that has no header yet is opened again next time. */
static void look_for_files(struct watch *watch, int64_t now_us)
{
	char **paths;
	size_t count;

	if (watch->looked_us != INT64_MIN && now_us - watch->looked_us < LOOK_FOR_FILES_US)
		return;
	watch->looked_us = now_us;
	count = history_list(watch->directory, &paths, NULL);
	for (size_t i = 0; i < count; i++)
		add_file(watch, paths[i]);
	history_list_free(paths, count);
	for (size_t i = 0; i < watch->file_count; i++)
		if (!watch->files[i].reader)
			watch->files[i].reader = history_open(watch->files[i].path, NULL);
}

/* Records. */

static bool is_known_request(const struct watch *watch, const struct record_request *request)
{
	return request->failure < FAILURE_COUNT && request->name < watch->names->request_count &&
	       request->journey < watch->names->journey_count;
}

static void take_request(struct watch *watch, const struct record *record)
{
	struct record_request request;

	memcpy(&request, record->payload, sizeof(request));
	if (!is_known_request(watch, &request))
		return;
	if (request_counts(&request, record->flags)) {
		watch->totals.requests++;
		watch->totals.errors += request.failure != FAILURE_NONE;
		watch->totals.by_failure[request.failure]++;
	}
	slices_add_request(watch->slices, &request, record->flags);
	for (size_t i = 0; i < watch->gauge_count; i++)
		gauge_add_request(watch->gauges[i], &request, record->flags);
}

static void take_start(struct watch *watch, const struct record *record)
{
	struct record_start start;

	memcpy(&start, record->payload, sizeof(start));
	if (start.outcome >= OUTCOME_COUNT || start.journey >= watch->names->journey_count)
		return;
	watch->totals.starts[start.outcome]++;
	slices_add_start(watch->slices, &start);
	for (size_t i = 0; i < watch->gauge_count; i++)
		gauge_add_start(watch->gauges[i], &start);
}

static struct watch_fault *fault_of(struct watch *watch, uint32_t number)
{
	uint32_t count = watch->fault_count;

	if (number >= FAULTS_SEEN_MAX)
		return NULL;
	if (number >= count) {
		watch->faults = memory_resize(watch->faults, number + 1, sizeof(*watch->faults));
		watch->fault_count = number + 1;
	}
	for (; count < watch->fault_count; count++)
		watch->faults[count] = (struct watch_fault){ FAULT_PLANNED, -1, -1, 0, 0 };
	return &watch->faults[number];
}

static void take_fault(struct watch *watch, const struct record *record)
{
	struct record_fault change;
	struct watch_fault *fault;

	memcpy(&change, record->payload, sizeof(change));
	fault = change.state < FAULT_STATES ? fault_of(watch, change.fault) : NULL;
	if (!fault)
		return;
	fault->state = (enum fault_state)change.state;
	if (change.hits > fault->hits || (change.hits < 0 && !fault->seen))
		fault->hits = change.hits;
	if (change.state == FAULT_ARMED) {
		fault->armed_us = change.at_us;
		fault->healed_us = -1;
	}
	if (change.state == FAULT_HEALED)
		fault->healed_us = change.at_us;
}

static void take_hit(struct watch *watch, const struct record *record)
{
	struct watch_fault *fault;
	struct record_hit hit;

	memcpy(&hit, record->payload, sizeof(hit));
	fault = fault_of(watch, hit.fault);
	if (!fault)
		return;
	fault->seen++;
	if (fault->hits < (int64_t)fault->seen)
		fault->hits = (int64_t)fault->seen;
}

/* What can't be right whatever follows. */
static bool contradicts(const struct record_saga *saga)
{
	switch ((enum saga_event)saga->event) {
	case SAGA_MISSED:
		return true;
	case SAGA_AGAIN:
	case SAGA_MISUSED:
		return saga->value == 0;
	default:
		return false;
	}
}

static void follow(struct open_sagas *open, const struct record_saga *saga)
{
	if (saga->event == SAGA_MINTED)
		open_sagas_mint(open, saga->saga, saga->at_us);
	else if (saga->event == SAGA_FAIL)
		open_sagas_refuse(open, saga->saga);
	else if (saga->event == SAGA_SENT)
		open_sagas_again(open, saga->saga);
}

static void take_saga(struct watch *watch, const struct record *record)
{
	struct record_saga saga;

	memcpy(&saga, record->payload, sizeof(saga));
	watch->sagas.minted += saga.event == SAGA_MINTED;
	watch->sagas.acknowledged += saga.event == SAGA_OK;
	watch->sagas.failed += saga.event == SAGA_FAIL;
	watch->sagas.unclear += saga.event == SAGA_INFO;
	watch->sagas.wrong += contradicts(&saga);
	follow(&watch->open, &saga);
	if (reached_add(&watch->reached, &saga))
		open_sagas_end(&watch->open, saga.saga);
}

static void take_event(struct watch *watch, const struct record *record)
{
	struct record_event event;
	struct wrong_fact fact;

	memcpy(&event, record->payload, sizeof(event));
	if (event.event != EVENT_WRONG || !wrong_fact_unpack(event.number, event.value, &fact))
		return;
	watch->sagas.wrong++;
	watch->wrong_of[fact.contract]++;
	if (watch->wrong_count < WRONG_KEPT)
		watch->wrong[watch->wrong_count++] = fact;
}

uint64_t watch_wrong(const struct watch *watch, uint32_t contract)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < CONTRACTS_MAX; i++)
		if (contract == SAGAS_ALL || contract == i)
			sum += watch->wrong_of[i];
	return sum;
}

const struct wrong_fact *watch_wrong_fact(const struct watch *watch, size_t number)
{
	return number < watch->wrong_count ? &watch->wrong[number] : NULL;
}

static void take_health(struct watch *watch, const struct record *record)
{
	struct record_health health;

	memcpy(&health, record->payload, sizeof(health));
	if (health.at_us / US_PER_S >= watch->complete && health.lag_max_us > watch->lag_max_us)
		watch->lag_max_us = health.lag_max_us;
}

static void take(struct watch *watch, const struct record *record)
{
	watch->records++;
	switch (record->kind) {
	case RECORD_REQUEST:
		take_request(watch, record);
		break;
	case RECORD_START:
		take_start(watch, record);
		break;
	case RECORD_HEALTH:
		take_health(watch, record);
		break;
	case RECORD_FAULT:
		take_fault(watch, record);
		break;
	case RECORD_HIT:
		take_hit(watch, record);
		break;
	case RECORD_SAGA:
		take_saga(watch, record);
		break;
	case RECORD_EVENT:
		take_event(watch, record);
		break;
	default:
		break;
	}
}

/* In turns, so that a busy worker does not hide the others. False: there was no more. */
static bool read_one(struct watch *watch)
{
	for (size_t tried = 0; tried < watch->file_count; tried++) {
		struct watched_file *file = &watch->files[watch->next_file];
		const struct record *record = file->reader ? history_follow(file->reader) : NULL;

		if (record) {
			take(watch, record);
			return true;
		}
		watch->next_file = (watch->next_file + 1) % watch->file_count;
	}
	return false;
}

static void complete_second(struct watch *watch)
{
	int64_t second = watch->complete++;

	watch->totals.lag_max_us = watch->lag_max_us;
	watch->lag_max_us = 0;
	open_sagas_expect(&watch->open, second - watch->settles_us / US_PER_S);
	for (size_t i = 0; i < watch->gauge_count; i++)
		gauge_second(watch->gauges[i], watch->slices, second);
}

/*
 * Each file in its turn as far as it goes, or until this turn's share is used up: what is left
 * then is read next time, from that file on. A second is complete only when all were read to
 * their end after it had settled.
 */
bool watch_turn(struct watch *watch, int64_t now_us)
{
	look_for_files(watch, now_us);
	for (int i = 0; i < TURN_RECORDS; i++) {
		if (read_one(watch))
			continue;
		while ((watch->complete + 1) * US_PER_S + WATCH_SETTLE_US <= now_us)
			complete_second(watch);
		return true;
	}
	if (watch->file_count)
		watch->next_file = (watch->next_file + 1) % watch->file_count;
	return false;
}

int64_t watch_complete(const struct watch *watch)
{
	return watch->complete;
}

void watch_judge(const struct watch *watch, const struct condition *condition, int64_t from_us,
		 int64_t to_us, struct judgement *judgement)
{
	int64_t first = from_us <= 0 ? 0 : (from_us + US_PER_S - 1) / US_PER_S;
	int64_t end = to_us / US_PER_S;
	struct sample sample = { 0 };

	end = end < watch->complete ? end : watch->complete;
	if (first < watch->complete - SLICES_SECONDS + 2)
		first = watch->complete - SLICES_SECONDS + 2;
	first = first > 0 ? first : 0;
	if (end > first)
		slices_sum(watch->slices, condition, first, end - 1, &sample);
	condition_judge(condition, &sample, end > first ? (end - first) * US_PER_S : 0,
			RIGOUR_WATCH, judgement);
	sample_release(&sample);
}

void watch_add_gauge(struct watch *watch, struct gauge *gauge)
{
	watch->gauges = memory_grow(watch->gauges, watch->gauge_count, &watch->gauge_room,
				    sizeof(*watch->gauges));
	watch->gauges[watch->gauge_count++] = gauge;
}

const struct slices *watch_slices(const struct watch *watch)
{
	return watch->slices;
}

const struct watch_totals *watch_totals(const struct watch *watch)
{
	return &watch->totals;
}

void watch_know_contract(struct watch *watch, const struct contract *contract)
{
	reached_know_ends(&watch->reached, contract);
	if (contract->settles_within_us > watch->settles_us)
		watch->settles_us = contract->settles_within_us;
}

struct watch_sagas watch_sagas(const struct watch *watch)
{
	struct watch_sagas sagas = watch->sagas;

	sagas.refused = watch->open.refused;
	for (size_t i = 0; i < CONTRACTS_MAX; i++) {
		sagas.succeeded += watch->reached.ended[i][SAGA_SUCCEEDED];
		sagas.compensated += watch->reached.ended[i][SAGA_COMPENSATED];
	}
	if (sagas.succeeded + sagas.compensated)
		sagas.late = watch->open.late;
	return sagas;
}

uint64_t watch_reached(const struct watch *watch, uint8_t contract, uint8_t state)
{
	return reached_count(&watch->reached, contract, state);
}

const struct watch_fault *watch_fault(const struct watch *watch, uint32_t number)
{
	return number < watch->fault_count ? &watch->faults[number] : NULL;
}

uint64_t watch_records(const struct watch *watch)
{
	return watch->records;
}
