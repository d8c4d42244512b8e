/* When a fault starts and how long it lasts. See chaos/faults_parts.h. */
#include "chaos/faults_parts.h"

#include <ctype.h>

#include "lib/clock.h"

/* "sale + 10s", "sale end - 5s", "30s". */
struct moment {
	struct text phase; /* empty: the run */
	bool end;
	int64_t offset_us;
};

static bool read_offset(struct text text, bool minus, struct moment *moment, struct error *err)
{
	if (!unit_duration(text_trim(text), &moment->offset_us, err))
		return false;
	if (minus)
		moment->offset_us = -moment->offset_us;
	return true;
}

/* Where a sign stands by itself, as a phase's name may have a hyphen: its index, or the length. */
static size_t find_sign(struct text text)
{
	for (size_t i = 0; i < text.length; i++) {
		char c = text.data[i];
		bool alone = i > 0 && text.data[i - 1] == ' ';

		if (c == '+' || (c == '-' && alone))
			return i;
	}
	return text.length;
}

static bool take_end(struct text *name)
{
	static const char end[] = " end";
	size_t length = sizeof(end) - 1;

	if (name->length <= length || memcmp(name->data + name->length - length, end, length) != 0)
		return false;
	name->length -= length;
	*name = text_trim(*name);
	return true;
}

static bool read_moment(struct text text, struct moment *moment, struct error *err)
{
	size_t sign;

	*moment = (struct moment){ .phase = { "", 0 } };
	text = text_trim(text);
	if (text.length && (isdigit((unsigned char)text.data[0]) || text.data[0] == '.'))
		return read_offset(text, false, moment, err);
	sign = find_sign(text);
	moment->phase = text_trim((struct text){ text.data, sign });
	if (!moment->phase.length)
		return error_set(err, "no time such as 30s or 'sale + 10s'");
	if (sign == text.length)
		return true;
	return read_offset((struct text){ text.data + sign + 1, text.length - sign - 1 },
			   text.data[sign] == '-', moment, err);
}

static bool complain_phase(const struct chaos_context *context, struct text name, struct place at)
{
	static const char *const none[] = { NULL };
	struct complaints *complaints = context->reading->complaints;

	if (!context->phase)
		return complain(complaints, at,
				"there are no phases here, as there is no load: times count from "
				"the start, such as 30s");
	complain_unknown(complaints, at, "phase", name,
			 context->phase_names ? context->phase_names(context->context) : none);
	return false;
}

/* A phase may itself be called "sale end": the whole name goes first. */
static bool find_phase(const struct chaos_context *context, struct moment *moment, int64_t *base_us)
{
	int64_t start_us, end_us;

	if (!context->phase)
		return false;
	if (!context->phase(context->context, moment->phase, &start_us, &end_us)) {
		moment->end = take_end(&moment->phase);
		if (!moment->end ||
		    !context->phase(context->context, moment->phase, &start_us, &end_us))
			return false;
	}
	*base_us = moment->end ? end_us : start_us;
	return true;
}

static bool complain_beyond(const struct chaos_context *context, const char *said, struct place at,
			    int64_t at_us)
{
	struct buffer shown = BUFFER_EMPTY;

	if (at_us >= 0)
		buffer_add_string(&shown, "is not before the end of the run, which ends after ");
	else
		buffer_add_string(&shown, "is before the run, by ");
	unit_show_duration(&shown, at_us >= 0 ? context->end_us : -at_us);
	complain(context->reading->complaints, at, "'at': '%.60s' %s", said, shown.data);
	buffer_release(&shown);
	return false;
}

static bool read_at(const char *said, struct place at, const struct chaos_context *context,
		    struct fault *fault)
{
	struct moment moment;
	int64_t base_us = 0;
	struct error err;

	if (!read_moment(text_of(said), &moment, &err))
		return complain(context->reading->complaints, at, "'at': %s", err.text);
	if (moment.phase.length && !find_phase(context, &moment, &base_us))
		return complain_phase(context, moment.phase, at);
	fault->trigger.kind = TRIGGER_AT;
	fault->trigger.at_us = base_us + moment.offset_us;
	if (fault->trigger.at_us < 0 ||
	    (context->end_us > 0 && fault->trigger.at_us >= context->end_us))
		return complain_beyond(context, said, at, fault->trigger.at_us);
	return true;
}

static bool read_on(const struct yaml *map, const struct chaos_context *context,
		    struct fault *fault)
{
	struct fault_trigger *trigger = &fault->trigger;
	struct reading *reading = context->reading;
	struct on_keys keys;
	bool good = schema_read(on_keys, map, &keys, reading);

	trigger->kind = TRIGGER_ON;
	trigger->hold = keys.hold;
	trigger->match = (struct call_match){ .nth = keys.nth, .every = keys.every };
	good = fault_read_match(keys.call, keys.header, map, reading, &trigger->match) && good;
	if (!keys.edge)
		return false;
	trigger->edge = fault_find_edge(context->system, text_of(keys.edge),
					fault_place_of(map, "edge"), reading);
	if (!trigger->edge)
		return false;
	if (trigger->edge->protocol == EDGE_HTTP)
		return good;
	return complain(reading->complaints, fault_place_of(map, "edge"),
			"no calls can be seen on '%s', which is no HTTP edge", trigger->edge->name);
}

static bool read_when(const struct yaml *map, const struct chaos_context *context,
		      struct fault *fault)
{
	struct complaints *complaints = context->reading->complaints;
	struct fault_trigger *trigger = &fault->trigger;
	struct when_keys keys;
	struct error err;
	bool good = schema_read(when_keys, map, &keys, context->reading);

	trigger->kind = TRIGGER_WHEN;
	trigger->saga = keys.saga;
	trigger->state = keys.reaches;
	trigger->nth = keys.nth;
	if (!keys.saga || !keys.reaches)
		return false;
	if (!context->saga_state)
		return complain(complaints, map->at,
				"'when' wants a saga, and there are none here");
	if (context->saga_state(context->context, text_of(keys.saga), text_of(keys.reaches), &err))
		return good;
	return complain(complaints, fault_place_of(map, "reaches"), "'when': %s", err.text);
}

bool fault_read_trigger(const struct item_keys *item, const struct yaml *map,
			const struct chaos_context *context, struct fault *fault)
{
	int ways = (item->at != NULL) + (item->on != NULL) + (item->when != NULL);
	struct complaints *complaints = context->reading->complaints;

	if (ways == 0 && (yaml_get(map, "at")))
		return false; /* its value was no good, and that has been said */
	if (ways == 0)
		return complain(complaints, map->at,
				"when does it start? ('at: 30s', 'on: { edge: ... }' or "
				"'when: { saga: ... }')");
	if (ways > 1)
		return complain(complaints, map->at,
				"a fault starts in one way: 'at', 'on' or 'when'");
	if (item->at)
		return read_at(item->at, fault_place_of(map, "at"), context, fault);
	return item->on ? read_on(item->on, context, fault) : read_when(item->when, context, fault);
}

/* What is left of the run. Faults that wait for something may have all of it. */
static int64_t room_us(const struct chaos_context *context, const struct fault *fault)
{
	if (context->end_us <= 0)
		return INT64_MAX;
	return context->end_us - fault->trigger.at_us;
}

static void warn_beyond(const struct chaos_context *context, const struct yaml *map,
			int64_t beyond_us)
{
	struct buffer shown = BUFFER_EMPTY;

	unit_show_duration(&shown, beyond_us);
	complain_warning(context->reading->complaints, fault_place_of(map, "for"),
			 "'for' goes %s beyond the end of the run, where everything is healed",
			 shown.data);
	buffer_release(&shown);
}

bool fault_read_end(const struct item_keys *item, const struct yaml *map,
		    const struct chaos_context *context, struct fault *fault)
{
	const struct fault_kind *kind = fault->kind;
	bool counted = kind->family == FAMILY_WIRE || kind->family == FAMILY_CALL || kind->hits;
	int64_t room = room_us(context, fault);

	fault->duration_us = item->for_us;
	if (!fault->duration_us && kind->lasts_us)
		fault->duration_us = kind->lasts_us(fault);
	if (!fault->duration_us)
		fault->duration_us = room < FAULT_US_MAX ? room : FAULT_US_MAX;
	if (item->for_us > room)
		warn_beyond(context, map, item->for_us - room);
	fault->times = item->times;
	return !fault->times || counted ||
	       complain(context->reading->complaints, fault_place_of(map, "times"),
			"'times' counts hits, and those of '%s' can't be counted", kind->name);
}
