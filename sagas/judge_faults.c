/*
 * Faults: which a saga met, for sure (a call that carried its key met it) or possibly (both were
 * there at the same time), and what they put at risk.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "lib/saga_key.h"
#include "sagas/judge_parts.h"

enum { FAULTS_KNOWN_MAX = 4096 };

static char *name_in(const json_t *value)
{
	const char *name = json_is_string(value) ?
				   json_string_value(value) :
				   json_string_value(json_object_get(value, "name"));

	return memory_copy_string(name ? name : "unnamed");
}

static struct judge_fault *add_fault(struct judge *judge, char *name)
{
	judge->faults =
		memory_resize(judge->faults, judge->fault_count + 1, sizeof(*judge->faults));
	judge->faults[judge->fault_count] = (struct judge_fault){ .name = name, .from_us = -1 };
	return &judge->faults[judge->fault_count++];
}

struct judge_fault *faults_at(struct judge *judge, uint32_t number)
{
	if (number >= FAULTS_KNOWN_MAX) {
		judge->strange++;
		return NULL;
	}
	while (judge->fault_count <= number) {
		struct buffer name = BUFFER_EMPTY;

		buffer_format(&name, "fault %zu", judge->fault_count + 1);
		add_fault(judge, name.data);
	}
	return &judge->faults[number];
}

void faults_from_meta(struct judge *judge, const json_t *meta)
{
	const json_t *faults = json_object_get(meta, "faults"), *fault;
	const json_t *edges = json_object_get(meta, "edges"), *edge;
	size_t i;

	json_array_foreach(faults, i, fault) {
		if (i < FAULTS_KNOWN_MAX)
			add_fault(judge, name_in(fault));
	}
	judge->edges = memory_array(json_array_size(edges) + 1, sizeof(*judge->edges));
	json_array_foreach(edges, i, edge) {
		judge->edges[judge->edge_count++] = name_in(edge);
	}
}

static int by_correlation(const void *a, const void *b)
{
	const struct judge_hit *x = a, *y = b;

	if (x->correlation != y->correlation)
		return x->correlation < y->correlation ? -1 : 1;
	if (x->edge != y->edge)
		return x->edge < y->edge ? -1 : 1;
	return (x->at_us > y->at_us) - (x->at_us < y->at_us);
}

void faults_sort_hits(struct judge *judge)
{
	if (judge->hit_count)
		qsort(judge->hits, judge->hit_count, sizeof(*judge->hits), by_correlation);
}

struct hit_range faults_hits_of(const struct judge *judge, uint32_t saga)
{
	struct hit_range range = { NULL, 0 };
	char key[SAGA_KEY_BYTES];
	size_t low = 0, high = judge->hit_count;
	uint64_t hash;

	judge_key(judge, saga, key);
	hash = text_hash(text_of(key));
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (judge->hits[middle].correlation < hash)
			low = middle + 1;
		else
			high = middle;
	}
	range.first = judge->hits ? judge->hits + low : NULL;
	while (low + range.count < judge->hit_count &&
	       judge->hits[low + range.count].correlation == hash)
		range.count++;
	return range;
}

/* The last that is known to have happened to it, before it was asked how it ended. */
int64_t saga_end_us(const struct judge *judge, uint32_t number)
{
	const struct saga *saga = judge_saga(judge, number);
	int64_t end_us;

	if (!saga)
		return 0;
	end_us = (int64_t)(saga->ok_ms > saga->minted_ms ? saga->ok_ms : saga->minted_ms) * 1000;
	for (uint32_t at = saga->first; at != ENTRY_NONE; at = judge->entries[at].next)
		if (judge->entries[at].at_us > end_us)
			end_us = judge->entries[at].at_us;
	return end_us;
}

bool fault_possibly(const struct judge *judge, size_t number, uint32_t saga)
{
	const struct judge_fault *fault = &judge->faults[number];
	const struct saga *of = judge_saga(judge, saga);

	return of && fault->from_us >= 0 && fault->from_us <= saga_end_us(judge, saga) &&
	       fault->to_us >= (int64_t)of->minted_ms * 1000;
}

static void risk(struct at_risk *at_risk, const struct saga_case *about, bool exactly)
{
	int64_t price = case_price(about);

	at_risk->sagas++;
	at_risk->exactly += exactly;
	at_risk->money += price > 0 ? price : 0;
	for (uint8_t i = 0; i < about->contract->step_count; i++)
		if (about->contract->steps[i].counts == COUNTS_QUANTITY &&
		    about->contract->steps[i].undo)
			at_risk->quantity += about->steps[i].given;
}

/* What met it for sure, else whatever was there at the time, else none. */
static void blame(struct judge *judge, struct contract_judge *of, const struct saga_case *about)
{
	struct hit_range hits = faults_hits_of(judge, about->number);
	bool any = false;

	for (size_t i = 0; i < judge->fault_count; i++) {
		bool met = false;

		for (size_t k = 0; k < hits.count; k++)
			met = met || hits.first[k].fault == i;
		if (met)
			risk(&of->at_risk[i], about, true);
		any = any || met;
	}
	for (size_t i = 0; !any && i < judge->fault_count; i++)
		if (fault_possibly(judge, i, about->number))
			risk(&of->at_risk[i], about, false);
	for (size_t i = 0; !any && i < judge->fault_count; i++)
		any = fault_possibly(judge, i, about->number);
	if (!any)
		risk(&of->at_risk[judge->fault_count], about, false);
}

void faults_at_risk(struct judge *judge, struct contract_judge *of)
{
	of->at_risk = memory_array(judge->fault_count + 1, sizeof(*of->at_risk));
	for (uint32_t i = 0; of->violated && i < judge->highest; i++) {
		const struct saga *saga = judge_saga(judge, i);
		struct saga_case about;

		if (!saga || !(saga->flags & SAGA_IS_VIOLATED) ||
		    saga->contract != of->contract->number)
			continue;
		case_make(judge, of, i, &about);
		blame(judge, of, &about);
	}
}
