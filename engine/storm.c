#include "engine/storm.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "chaos/target.h"
#include "lib/clock.h"
#include "lib/memory.h"

enum storm_state { STORM_LOOKING, STORM_ALLOWED, STORM_STORMING, STORM_CLEARING, STORM_REFUSED };

enum { HEALTH_WITHIN_US = 1000000 };

struct storm {
	struct storm_settings settings;
	enum storm_state state;
	struct supervisor *supervisor;
	struct steady *steady; /* NULL: nothing was said */
	int64_t first_due_us;  /* INT64_MAX: nothing is armed by the clock */
	int64_t healed_us;     /* the last heal, in CLEARING */
	uint32_t armed;        /* how many are in effect, or about to be */
	bool *is_armed;        /* by number */
	bool *triggered;       /* WHEN came true */
	bool breached;
};

__attribute__((format(printf, 2, 3))) static void notice(struct storm *storm, const char *format,
							 ...)
{
	char line[900];
	va_list arguments;

	if (!storm->settings.notice)
		return;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	storm->settings.notice(storm->settings.context, line);
}

static int64_t first_due_us(const struct chaos_section *chaos)
{
	int64_t first_us = INT64_MAX;

	for (size_t i = 0; i < chaos->fault_count; i++)
		if (chaos->faults[i].trigger.kind == TRIGGER_AT &&
		    chaos->faults[i].trigger.at_us < first_us)
			first_us = chaos->faults[i].trigger.at_us;
	return first_us;
}

static bool is_healthy(const struct service *service, size_t instance, struct error *err)
{
	json_t *place = target_place(service, instance);
	struct error why;
	bool good = !target_has_health(place) || target_healthy(place, HEALTH_WITHIN_US, &why);

	json_decref(place);
	return good || error_set(err, "'%s' is not healthy: %.900s", service->name, why.text);
}

/* Before the load: what is sick already is not attacked. */
static bool all_healthy(const struct system *system, struct error *err)
{
	for (size_t i = 0; system && i < system->service_count; i++)
		for (size_t j = 0; j < system->services[i].instance_count; j++)
			if (!is_healthy(&system->services[i], j, err))
				return false;
	return true;
}

static void refuse(struct storm *storm, const char *why)
{
	storm->state = STORM_REFUSED;
	supervisor_refuse(storm->supervisor, why);
	notice(storm, "no fault is armed: %s", why);
}

static void allow(struct storm *storm)
{
	storm->state = STORM_ALLOWED;
	supervisor_allow(storm->supervisor);
}

static void begin_looking(struct storm *storm)
{
	struct error err;

	if (!all_healthy(storm->settings.system, &err))
		refuse(storm, err.text);
	else if (storm->steady)
		steady_begin(storm->steady, STEADY_BEFORE, 0);
	else
		allow(storm);
}

struct storm *storm_begin(const struct storm_settings *settings, struct error *err)
{
	struct storm *storm = memory_new(sizeof(*storm));
	const struct chaos_section *chaos = settings->chaos;
	const struct steady_settings steady = { settings->steady, settings->steady_count,
						chaos->steady_for_us, settings->history };
	struct buffer state = BUFFER_EMPTY;
	struct supervisor_settings supervisor = {
		.section = chaos,
		.proxy = settings->proxy,
		.start_us = settings->start_us,
		.history = settings->history_directory,
		.run = settings->run,
	};

	storm->settings = *settings;
	storm->first_due_us = first_due_us(chaos);
	storm->is_armed = memory_array(chaos->fault_count, sizeof(*storm->is_armed));
	storm->triggered = memory_array(chaos->fault_count, sizeof(*storm->triggered));
	if (state_directory(&state, err)) {
		supervisor.state_directory = state.data;
		storm->supervisor = supervisor_start(&supervisor, err);
	}
	buffer_release(&state);
	if (!storm->supervisor) {
		storm_end(storm, NULL);
		return NULL;
	}
	if (steady.count)
		storm->steady = steady_new(&steady);
	begin_looking(storm);
	return storm;
}

int storm_fd(const struct storm *storm)
{
	return supervisor_fd(storm->supervisor);
}

/* What the supervisor tells. */

static bool is_in_effect(enum fault_state state)
{
	return state == FAULT_ARMING || state == FAULT_ARMED || state == FAULT_HEALING;
}

static void begin_storming(struct storm *storm, int64_t now_us)
{
	if (storm->state == STORM_STORMING || storm->state == STORM_REFUSED)
		return;
	storm->state = STORM_STORMING;
	if (storm->steady)
		steady_begin(storm->steady, STEADY_DURING, now_us);
}

static void begin_clearing(struct storm *storm, int64_t now_us)
{
	if (storm->state != STORM_STORMING)
		return;
	storm->state = STORM_CLEARING;
	storm->healed_us = now_us;
	if (storm->steady)
		steady_begin(storm->steady, STEADY_AFTER, now_us);
}

static void tell(struct storm *storm, const struct fault_event *event)
{
	const char *name = storm->settings.chaos->faults[event->fault].name;
	const char *state = fault_state_name(event->state);
	const char *colon = *event->text ? ": " : "";

	if (event->state == FAULT_ARMING || event->state == FAULT_HEALING)
		return;
	if (event->state == FAULT_HEALED && event->hits == 0)
		notice(storm, "fault %s %s; it hit nothing", name, state);
	else if (event->state == FAULT_HEALED && event->hits > 0)
		notice(storm, "fault %s %s; %" PRId64 " hits", name, state, event->hits);
	else
		notice(storm, "fault %s %s%s%s", name, state, colon, event->text);
}

static void take(struct storm *storm, const struct fault_event *event)
{
	bool in_effect = is_in_effect(event->state);

	if (event->fault >= storm->settings.chaos->fault_count)
		return;
	tell(storm, event);
	if (in_effect && !storm->is_armed[event->fault] && storm->armed++ == 0)
		begin_storming(storm, event->at_us);
	if (!in_effect && storm->is_armed[event->fault] && --storm->armed == 0)
		begin_clearing(storm, event->at_us);
	storm->is_armed[event->fault] = in_effect;
}

/* What the steady state says. */

static void look_before(struct storm *storm, int64_t now_us)
{
	struct buffer why = BUFFER_EMPTY;

	if (steady_turn(storm->steady, storm->settings.watch, now_us) == STEADY_HELD) {
		notice(storm, "the steady state holds");
		allow(storm);
		return;
	}
	if (now_us < storm->first_due_us)
		return;
	steady_write_broken(storm->steady, now_us);
	buffer_add_string(&why, "the steady state has not held: ");
	steady_explain(storm->steady, &why);
	refuse(storm, why.data);
	buffer_release(&why);
}

static void look_during(struct storm *storm, int64_t now_us)
{
	struct buffer why = BUFFER_EMPTY;

	if (storm->breached ||
	    steady_turn(storm->steady, storm->settings.watch, now_us) != STEADY_BREACHED)
		return;
	storm->breached = true;
	steady_explain(storm->steady, &why);
	notice(storm, "the steady state is breached: %s", why.data ? why.data : "");
	buffer_release(&why);
	if (!storm->settings.chaos->abort_on_breach)
		return;
	steady_write_broken(storm->steady, now_us);
	storm_heal_all(storm);
}

static void look_after(struct storm *storm, int64_t now_us)
{
	enum steady_state state = steady_turn(storm->steady, storm->settings.watch, now_us);

	if (state == STEADY_HELD) {
		notice(storm, "the steady state holds again, %.1f s after the heal",
		       (double)(steady_since_us(storm->steady) - storm->healed_us) / US_PER_S);
		storm->state = STORM_ALLOWED;
	} else if (now_us > storm->healed_us + storm->settings.chaos->recovers_within_us) {
		steady_write_broken(storm->steady, now_us);
		notice(storm, "the steady state has not come back within %.0f s",
		       (double)storm->settings.chaos->recovers_within_us / US_PER_S);
		storm->state = STORM_ALLOWED;
	}
}

static void look(struct storm *storm, int64_t now_us)
{
	switch (storm->state) {
	case STORM_LOOKING:
		look_before(storm, now_us);
		break;
	case STORM_STORMING:
		look_during(storm, now_us);
		break;
	case STORM_CLEARING:
		look_after(storm, now_us);
		break;
	case STORM_ALLOWED:
	case STORM_REFUSED:
		break;
	}
}

static uint64_t reached(const struct storm *storm, const struct fault_trigger *when)
{
	const struct storm_settings *settings = &storm->settings;

	for (size_t i = 0; i < settings->contract_count; i++) {
		const struct contract *contract = &settings->contracts[i];

		if (strcmp(contract->name, when->saga) == 0)
			return watch_reached(settings->watch, contract->number,
					     contract_state(contract, text_of(when->state)));
	}
	return 0;
}

/* Faults that wait for a saga to reach a state. */
static void trigger(struct storm *storm)
{
	const struct chaos_section *chaos = storm->settings.chaos;

	for (size_t i = 0; i < chaos->fault_count; i++) {
		const struct fault_trigger *when = &chaos->faults[i].trigger;

		if (when->kind != TRIGGER_WHEN || storm->triggered[i] ||
		    reached(storm, when) < (uint64_t)when->nth)
			continue;
		storm->triggered[i] = true;
		supervisor_trigger(storm->supervisor, (uint32_t)i);
	}
}

void storm_turn(struct storm *storm, int64_t now_us)
{
	struct fault_event event;

	while (supervisor_next(storm->supervisor, &event))
		take(storm, &event);
	if (storm->steady)
		look(storm, now_us);
	if (storm->state != STORM_LOOKING && storm->state != STORM_REFUSED)
		trigger(storm);
}

bool storm_wants_stop(const struct storm *storm)
{
	return storm->breached && storm->settings.chaos->abort_on_breach;
}

void storm_heal_all(struct storm *storm)
{
	supervisor_heal_all(storm->supervisor);
}

void storm_end(struct storm *storm, struct supervisor_outcome *outcome)
{
	struct supervisor_outcome unheard;

	if (!storm)
		return;
	if (storm->supervisor)
		supervisor_end(storm->supervisor, outcome ? outcome : &unheard);
	steady_free(storm->steady);
	free(storm->is_armed);
	free(storm->triggered);
	free(storm);
}
