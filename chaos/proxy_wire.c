/* The row of wire faults in each flow of a connection. */
#include "chaos/proxy_parts.h"

#include <stdlib.h>

#include "lib/memory.h"

static const struct wire_ops *treatment_ops(const struct treatment *treatment)
{
	return treatment->armed->fault.kind->wire;
}

static struct stage *stage_after(const struct stage *stage)
{
	struct treatment *treatment = stage->treatment->next;

	while (treatment && !treatment->stages[stage->flow].on)
		treatment = treatment->next;
	return treatment ? &treatment->stages[stage->flow] : NULL;
}

struct stage *treatments_first(struct relay *relay, enum flow flow)
{
	for (struct treatment *treatment = relay->treatments; treatment;
	     treatment = treatment->next)
		if (treatment->stages[flow].on)
			return &treatment->stages[flow];
	return NULL;
}

void stage_pass(struct stage *stage, size_t bytes)
{
	struct stage *next = stage_after(stage);

	if (bytes == 0)
		return;
	if (next)
		evbuffer_remove_buffer(stage->in, next->in, bytes);
	else
		flow_to_sink(stage->relay, stage->flow, stage->in, bytes);
}

static void stage_pass_end(struct stage *stage)
{
	struct stage *next = stage_after(stage);

	stage->end_passed = true;
	if (next)
		next->ended = true;
	else
		stage->relay->flows[stage->flow].closing = true;
}

/* ---- Hits ---- */

static bool treatment_met(const struct treatment *treatment, enum flow flow)
{
	uint32_t call = treatment->relay->flows[flow].call;

	return treatment->hit && (call == 0 || call == treatment->call);
}

void stage_hit(struct stage *stage, int64_t delay_us)
{
	struct treatment *treatment = stage->treatment;
	const struct pipe *pipe = &stage->relay->flows[stage->flow];

	if (treatment_met(treatment, stage->flow))
		return;
	treatment->hit = true;
	treatment->call = pipe->call;
	armed_hit(treatment->armed, &(struct hit){ .kind = HIT_CONNECTION,
						   .relay = stage->relay,
						   .call = pipe->call,
						   .correlation = pipe->correlation,
						   .delay_us = delay_us });
}

/* ---- Pumping ---- */

/* What met a fault before it had hit often enough goes on meeting it. */
static bool stage_applies(const struct stage *stage)
{
	return armed_active(stage->treatment->armed) ||
	       treatment_met(stage->treatment, stage->flow);
}

static void stage_pump(struct stage *stage, int64_t now_us)
{
	const struct wire_ops *ops = treatment_ops(stage->treatment);

	stage->wake_us = NEVER_US;
	if (stage_applies(stage)) {
		stage->wake_us = ops->pump(stage, now_us);
	} else {
		stage_pass(stage, evbuffer_get_length(stage->in));
		stage->end_due_us = 0;
	}
	if (!stage->ended || stage->end_passed || evbuffer_get_length(stage->in) > 0)
		return;
	if (stage->end_due_us <= now_us)
		stage_pass_end(stage);
	else if (stage->end_due_us < stage->wake_us)
		stage->wake_us = stage->end_due_us;
}

static int64_t next_wake(const struct relay *relay)
{
	int64_t wake_us = NEVER_US;

	for (struct treatment *treatment = relay->treatments; treatment;
	     treatment = treatment->next)
		for (int i = 0; i < FLOW_COUNT; i++)
			if (treatment->stages[i].on && treatment->stages[i].wake_us < wake_us)
				wake_us = treatment->stages[i].wake_us;
	return wake_us;
}

static void wake_later(struct relay *relay, int64_t now_us)
{
	int64_t wake_us = next_wake(relay);

	if (wake_us == NEVER_US)
		proxy_alarm_cancel(relay->core, &relay->alarm);
	else
		proxy_alarm_set(relay->core, &relay->alarm,
				wake_us > now_us ? wake_us : now_us + 1);
}

/* A relay that has ended keeps treating only what is still to reach an open side. */
static bool flow_alive(const struct relay *relay, enum flow flow)
{
	return !relay->dead && relay->sides[!flow].fd >= 0;
}

static void treatments_run(struct relay *relay, enum flow flow, int64_t now_us)
{
	bool was_ended = relay->ended;

	for (struct treatment *treatment = relay->treatments;
	     treatment && flow_alive(relay, flow) && relay->ended == was_ended;
	     treatment = treatment->next)
		if (treatment->stages[flow].on)
			stage_pump(&treatment->stages[flow], now_us);
}

void treatments_pump(struct relay *relay, enum flow flow, int64_t now_us)
{
	treatments_run(relay, flow, now_us);
	if (!flow_alive(relay, flow))
		return;
	flow_flush(relay, flow);
	if (relay->dead)
		return;
	flow_update_pause(relay, flow);
	if (!relay->dead)
		wake_later(relay, now_us);
}

void treatments_rang(void *context, int64_t now_us)
{
	struct relay *relay = context;

	treatments_pump(relay, FLOW_REQUESTS, now_us);
	if (!relay->dead)
		treatments_pump(relay, FLOW_ANSWERS, now_us);
	if (!relay->dead)
		wake_later(relay, now_us);
}

void treatments_end(struct relay *relay, enum flow flow)
{
	struct stage *first = treatments_first(relay, flow);

	if (!first)
		return;
	first->ended = true;
	treatments_pump(relay, flow, clock_now_us());
}

size_t treatments_held(const struct relay *relay, enum flow flow, bool *too_much)
{
	size_t held = 0, room = HELD_MAX;

	for (struct treatment *treatment = relay->treatments; treatment;
	     treatment = treatment->next) {
		if (!treatment->stages[flow].on)
			continue;
		held += evbuffer_get_length(treatment->stages[flow].in);
		if (treatment_ops(treatment)->room_bytes > room)
			room = treatment_ops(treatment)->room_bytes;
	}
	*too_much = held >= room;
	return held;
}

/* Bytes and held-back ends: what is left is to end at once. */
void treatments_discard(struct relay *relay, enum flow flow)
{
	for (struct treatment *treatment = relay->treatments; treatment;
	     treatment = treatment->next) {
		struct stage *stage = &treatment->stages[flow];

		if (stage->on) {
			evbuffer_drain(stage->in, evbuffer_get_length(stage->in));
			stage->on = false;
		}
	}
}

/* ---- Coming and going ---- */

static void stage_init(struct treatment *treatment, enum flow flow, bool on)
{
	struct stage *stage = &treatment->stages[flow];
	uint64_t index = treatment->relay->number * FLOW_COUNT + (uint64_t)flow;

	*stage = (struct stage){ .treatment = treatment, .relay = treatment->relay };
	stage->flow = flow;
	stage->on = on;
	stage->wake_us = NEVER_US;
	stage->begun_us = clock_now_us();
	stage->random = armed_stream(treatment->armed, index);
	if (!on)
		return;
	stage->in = evbuffer_new();
	stage->state = memory_new(treatment_ops(treatment)->state_bytes + 1);
}

static bool armed_directs(const struct armed *armed, enum flow flow)
{
	unsigned direction = armed->fault.direction ? armed->fault.direction : DIRECTION_BOTH;

	return direction & (flow == FLOW_REQUESTS ? DIRECTION_REQUESTS : DIRECTION_ANSWERS);
}

/* In the order of arming: a fault that is changed keeps its place. */
static struct treatment *treatment_add(struct relay *relay, struct armed *armed)
{
	struct treatment *treatment = memory_new(sizeof(*treatment));
	struct treatment **link = &relay->treatments;

	treatment->armed = armed;
	treatment->relay = relay;
	for (int i = 0; i < FLOW_COUNT; i++)
		stage_init(treatment, (enum flow)i, armed_directs(armed, (enum flow)i));
	while (*link && (*link)->armed->order < armed->order)
		link = &(*link)->next;
	treatment->next = *link;
	*link = treatment;
	return treatment;
}

static void treatment_free(struct treatment *treatment)
{
	const struct wire_ops *ops = treatment_ops(treatment);

	for (int i = 0; i < FLOW_COUNT; i++) {
		struct stage *stage = &treatment->stages[i];

		if (stage->state && ops->release)
			ops->release(stage);
		if (stage->in)
			evbuffer_free(stage->in);
		free(stage->state);
	}
	free(treatment);
}

/* What it still keeps goes on its way. */
static void treatment_remove(struct relay *relay, struct treatment *treatment)
{
	struct treatment **link = &relay->treatments;

	for (int i = 0; i < FLOW_COUNT; i++) {
		struct stage *stage = &treatment->stages[i];

		if (!stage->on)
			continue;
		stage_pass(stage, evbuffer_get_length(stage->in));
		if (stage->ended && !stage->end_passed)
			stage_pass_end(stage);
	}
	while (*link != treatment)
		link = &(*link)->next;
	*link = treatment->next;
	treatment_free(treatment);
}

void treatments_free(struct relay *relay)
{
	while (relay->treatments) {
		struct treatment *treatment = relay->treatments;

		relay->treatments = treatment->next;
		treatment_free(treatment);
	}
}

static bool armed_refuses(struct armed *armed, const struct relay *relay)
{
	const struct wire_ops *ops = armed->fault.kind->wire;

	if (!ops->refuses || !ops->refuses(armed, relay))
		return false;
	armed_hit(armed, &(struct hit){ .kind = HIT_CONNECTION, .relay = relay });
	return true;
}

bool treatments_begin(struct relay *relay)
{
	struct armed *armed = NULL;

	while ((armed = armed_next(relay->edge, FAMILY_WIRE, armed))) {
		if (!armed_active(armed) || !armed_chosen(armed, relay->number))
			continue;
		if (armed_refuses(armed, relay))
			return false;
		if (armed->fault.kind->wire->pump)
			treatment_add(relay, armed);
	}
	for (int i = 0; i < FLOW_COUNT && relay->treatments; i++)
		treatments_run(relay, (enum flow)i, clock_now_us());
	if (relay->treatments && !relay->ended)
		wake_later(relay, clock_now_us());
	return true;
}

static struct treatment *treatment_of(const struct relay *relay, const struct armed *armed)
{
	struct treatment *treatment = relay->treatments;

	while (treatment && treatment->armed != armed)
		treatment = treatment->next;
	return treatment;
}

/* A direction may have been added to it, or taken from it. */
static void treatment_redirect(struct treatment *treatment)
{
	for (int i = 0; i < FLOW_COUNT; i++) {
		struct stage *stage = &treatment->stages[i];
		bool on = armed_directs(treatment->armed, (enum flow)i);

		if (stage->on && !on) {
			stage_pass(stage, evbuffer_get_length(stage->in));
			if (stage->ended && !stage->end_passed)
				stage_pass_end(stage);
			stage->on = false;
		} else if (!stage->on && on && !stage->in) {
			stage_init(treatment, (enum flow)i, true);
		} else {
			stage->on = on;
		}
	}
}

static void relay_apply(struct relay *relay, struct armed *armed)
{
	struct treatment *treatment = treatment_of(relay, armed);
	bool wanted = armed_chosen(armed, relay->number) && armed->fault.kind->wire->pump;

	if (relay->ended)
		return;
	if (treatment && !wanted)
		treatment_remove(relay, treatment);
	else if (treatment)
		treatment_redirect(treatment);
	else if (wanted && armed_active(armed))
		treatment_add(relay, armed);
	treatments_rang(relay, clock_now_us());
}

static void relay_forget(struct relay *relay, const struct armed *armed)
{
	struct treatment *treatment = treatment_of(relay, armed);

	if (!treatment)
		return;
	treatment_remove(relay, treatment);
	treatments_rang(relay, clock_now_us());
}

void treatments_apply(struct armed *armed, struct proxy_edge *edge)
{
	for (struct relay *relay = edge->relays, *next; relay; relay = next) {
		next = relay->next;
		relay_apply(relay, armed);
	}
}

void treatments_forget(struct armed *armed, struct proxy_edge *edge)
{
	for (struct relay *relay = edge->relays, *next; relay; relay = next) {
		next = relay->next;
		relay_forget(relay, armed);
	}
}
