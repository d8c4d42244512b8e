/*
 * fake_relay: a connection without sockets, for the HTTP side of the proxy alone: what was passed
 * on is in buffers, time passes when told to, and faults are armed by hand. Include it once in a
 * program: it takes the place of the proxy's own relay, alarms and list of faults.
 *
 *	fake_begin();
 *	struct armed *armed = fake_arm(&call_abort, "{ status: 503 }");
 *	fake_says(FLOW_REQUESTS, "GET / HTTP/1.1\r\n\r\n");
 *	CHECK_TEXT(fake_passed(FLOW_REQUESTS), "GET / HTTP/1.1\r\n\r\n");
 *	fake_end();
 */
#ifndef TESTS_FAKE_RELAY_H
#define TESTS_FAKE_RELAY_H

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "chaos/call_parts.h"
#include "lib/memory.h"

enum { FAKE_ALARMS_MAX = 16, FAKE_ARMED_MAX = 8, FAKE_HITS_MAX = 64 };

static struct {
	struct proxy_core core;
	struct proxy_edge edge;
	struct relay relay;
	struct buffer passed[FLOW_COUNT];
	int ends[FLOW_COUNT];
	bool paused[FLOW_COUNT];
	enum ending ending[FLOW_COUNT]; /* of the caller, of upstream */
	struct alarm *alarms[FAKE_ALARMS_MAX];
	size_t alarm_count;
	struct armed *armed[FAKE_ARMED_MAX];
	struct arena arena;
	struct hit hits[FAKE_HITS_MAX];
	size_t hit_count;
	int told;
	int dials;
} fake;

void flow_pass(struct relay *relay, enum flow flow, struct text bytes)
{
	if (!relay->ended)
		buffer_add_text(&fake.passed[flow], bytes);
}

void flow_end(struct relay *relay, enum flow flow)
{
	fake.ends[flow] += !relay->ended;
}

void flow_pause(struct relay *relay, enum flow flow, enum pause why)
{
	(void)relay;
	fake.paused[flow] = why == PAUSE_HTTP;
}

void flow_resume(struct relay *relay, enum flow flow, enum pause why)
{
	(void)relay;
	(void)why;
	fake.paused[flow] = false;
}

void relay_end(struct relay *relay, enum ending caller, enum ending upstream)
{
	if (relay->ended)
		return;
	relay->ended = true;
	fake.ending[FLOW_REQUESTS] = caller;
	fake.ending[FLOW_ANSWERS] = upstream;
}

void proxy_alarm_cancel(struct proxy_core *core, struct alarm *alarm)
{
	(void)core;
	for (size_t i = 0; i < fake.alarm_count; i++)
		if (fake.alarms[i] == alarm)
			fake.alarms[i--] = fake.alarms[--fake.alarm_count];
}

void proxy_alarm_set(struct proxy_core *core, struct alarm *alarm, int64_t at_us)
{
	proxy_alarm_cancel(core, alarm);
	assert(fake.alarm_count < FAKE_ALARMS_MAX);
	alarm->at_us = at_us;
	fake.alarms[fake.alarm_count++] = alarm;
}

/* The earliest. False: none is set. */
static inline bool fake_ring(void)
{
	struct alarm *next = NULL;

	for (size_t i = 0; i < fake.alarm_count; i++)
		if (!next || fake.alarms[i]->at_us < next->at_us)
			next = fake.alarms[i];
	if (!next)
		return false;
	proxy_alarm_cancel(&fake.core, next);
	next->ring(next->context, next->at_us);
	return true;
}

bool armed_active(const struct armed *armed)
{
	return !armed->fault.times || armed->hits < armed->fault.times;
}

bool armed_chosen(const struct armed *armed, uint64_t index)
{
	struct random stream = random_stream(armed->fault.seed, armed->fault.name, index);

	return random_unit(&stream) < armed->fault.share;
}

struct random armed_stream(const struct armed *armed, uint64_t index)
{
	return random_stream(armed->fault.seed + 1, armed->fault.name, index);
}

static inline struct armed *fake_next(const struct armed *last, bool watch)
{
	struct armed *armed = last ? last->next : fake.core.armed;

	while (armed && armed->watch != watch)
		armed = armed->next;
	return armed;
}

struct armed *armed_next(const struct proxy_edge *edge, enum fault_family family,
			 const struct armed *last)
{
	(void)edge;
	assert(family == FAMILY_CALL);
	return fake_next(last, false);
}

struct armed *watch_next(const struct proxy_edge *edge, const struct armed *last)
{
	(void)edge;
	return fake_next(last, true);
}

void armed_hit(struct armed *armed, const struct hit *hit)
{
	armed->hits++;
	if (fake.hit_count < FAKE_HITS_MAX)
		fake.hits[fake.hit_count++] = *hit;
}

void watch_tell(struct armed *watch)
{
	watch->told = true;
	fake.told++;
}

int proxy_edge_dial(const struct proxy_edge *edge)
{
	(void)edge;
	fake.dials++;
	errno = ECONNREFUSED;
	return -1;
}

static inline void fake_settings(struct fault *fault, const char *yaml)
{
	struct complaints complaints = COMPLAINTS_EMPTY;
	struct reading reading = { .arena = &fake.arena, .complaints = &complaints };
	struct buffer said = BUFFER_EMPTY;

	fault->settings = arena_new(&fake.arena, fault->kind->settings_bytes);
	schema_read(fault->kind->keys,
		    yaml_read_text(&fake.arena, "fault", text_of(yaml), &complaints),
		    fault->settings, &reading);
	if (fault->kind->check && !complaints.errors)
		fault->kind->check(fault, &complaints);
	complaints_write(&complaints, &said);
	if (complaints.errors)
		printf("# %s", said.data);
	assert(!complaints.errors);
	buffer_release(&said);
	complaints_release(&complaints);
}

/* Behind what is armed already, for all calls; without a kind it is a watch. */
static inline struct armed *fake_arm(const struct fault_kind *kind, const char *yaml)
{
	struct armed *armed = arena_new(&fake.arena, sizeof(*armed)), **link = &fake.core.armed;

	armed->fault.kind = kind;
	armed->fault.name = arena_string(&fake.arena, text_of(kind ? kind->name : "watch"));
	armed->fault.share = 1;
	armed->watch = !kind;
	if (kind)
		fake_settings(&armed->fault, yaml);
	while (*link)
		link = &(*link)->next;
	*link = armed;
	return armed;
}

static inline void fake_heal(struct armed *armed)
{
	struct armed **link = &fake.core.armed;

	while (*link != armed)
		link = &(*link)->next;
	*link = armed->next;
	http_forget(fake.relay.http, armed);
	http_copies_forget(&fake.core, armed);
}

static inline void fake_begin(void)
{
	memset(&fake, 0, sizeof(fake));
	fake.edge.core = &fake.core;
	fake.relay.core = &fake.core;
	fake.relay.edge = &fake.edge;
	fake.relay.number = 1;
	fake.relay.http = http_new(&fake.relay);
}

static inline void fake_end(void)
{
	http_free(fake.relay.http);
	http_copies_free(&fake.core);
	assert(fake.alarm_count == 0);
	for (int flow = 0; flow < FLOW_COUNT; flow++)
		buffer_release(&fake.passed[flow]);
	arena_release(&fake.arena);
}

static inline void fake_says(enum flow flow, const char *bytes)
{
	http_bytes(fake.relay.http, flow, text_of(bytes));
}

/* Since it was asked the last time. */
static inline const char *fake_passed(enum flow flow)
{
	struct buffer *passed = &fake.passed[flow];
	const char *text = arena_string(&fake.arena, buffer_text(passed));

	buffer_clear(passed);
	return text;
}

#endif
