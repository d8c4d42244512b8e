#include "engine/steady.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/memory.h"

enum {
	LOOKS_UNTIL_BREACH = 2,
	LONGEST_LOOK_US = 60000000, /* back, where the last seconds say too little */
};

struct steady {
	struct steady_settings settings;
	struct judgement *judgements; /* of the last look */
	enum steady_moment moment;
	enum steady_state state;
	int64_t begun_us;
	int64_t looked;	  /* the seconds that were complete at the last look */
	int64_t since_us; /* -1: it does not hold */
	int breaches;	  /* looks after another */
};

struct steady *steady_new(const struct steady_settings *settings)
{
	struct steady *steady = memory_new(sizeof(*steady));

	steady->settings = *settings;
	steady->judgements = memory_array(settings->count, sizeof(*steady->judgements));
	for (size_t i = 0; i < settings->count; i++)
		judgement_unknown(&steady->judgements[i], "nobody has looked yet");
	steady->since_us = -1;
	return steady;
}

void steady_free(struct steady *steady)
{
	if (!steady)
		return;
	free(steady->judgements);
	free(steady);
}

void steady_begin(struct steady *steady, enum steady_moment moment, int64_t now_us)
{
	steady->moment = moment;
	steady->begun_us = now_us;
	steady->state = STEADY_LOOKING;
	steady->since_us = -1;
	steady->breaches = 0;
	steady->looked = -1;
}

/* A second that the beginning lies in is of both sides, and left out; before, there is no other. */
static int64_t earliest_us(const struct steady *steady)
{
	return steady->moment == STEADY_BEFORE ? 0 : steady->begun_us;
}

static void write_look(const struct steady *steady, size_t condition, int64_t now_us)
{
	const struct judgement *judgement = &steady->judgements[condition];
	struct record_steady record = {
		.at_us = now_us,
		.condition = (uint32_t)condition,
		.moment = (uint8_t)steady->moment,
		.verdict = (uint8_t)judgement->holding,
		.actual = judgement->measured ? judgement->actual : 0,
		.samples = judgement->samples,
	};

	if (steady->settings.history)
		history_put(steady->settings.history, RECORD_STEADY, 0, &record, sizeof(record));
}

/* Over the last `for_us`; where that says too little, over more, up to what is known. */
static int64_t look_at(struct steady *steady, const struct watch *watch, size_t number)
{
	const struct condition *condition = &steady->settings.conditions[number];
	struct judgement *judgement = &steady->judgements[number];
	int64_t end_us = watch_complete(watch) * US_PER_S, least_us = earliest_us(steady);
	int64_t length_us = steady->settings.for_us;

	for (;; length_us *= 2) {
		int64_t from_us = end_us - length_us;

		if (length_us > LONGEST_LOOK_US)
			from_us = end_us - LONGEST_LOOK_US;
		from_us = from_us > least_us ? from_us : least_us;
		watch_judge(watch, condition, from_us, end_us, judgement);
		if (judgement->holding != NOT_KNOWN || from_us == least_us ||
		    length_us > LONGEST_LOOK_US)
			return from_us;
	}
}

/* How many full seconds of the moment have been seen. */
static bool saw_enough(const struct steady *steady, const struct watch *watch)
{
	int64_t first = (earliest_us(steady) + US_PER_S - 1) / US_PER_S;

	return (watch_complete(watch) - first) * US_PER_S >= steady->settings.for_us;
}

static void conclude(struct steady *steady, const struct watch *watch, bool all, bool broken)
{
	int64_t end_us = watch_complete(watch) * US_PER_S;

	if (!saw_enough(steady, watch))
		return;
	steady->breaches = broken ? steady->breaches + 1 : 0;
	if (!all)
		steady->since_us = -1;
	else if (steady->since_us < 0)
		steady->since_us = end_us - steady->settings.for_us;
	if (steady->since_us >= 0 && steady->since_us < earliest_us(steady))
		steady->since_us = earliest_us(steady);
	steady->state = all ? STEADY_HELD : STEADY_LOOKING;
	if (steady->moment == STEADY_DURING && steady->breaches >= LOOKS_UNTIL_BREACH)
		steady->state = STEADY_BREACHED;
}

enum steady_state steady_turn(struct steady *steady, const struct watch *watch, int64_t now_us)
{
	bool all = true, broken = false;

	if (steady->state == STEADY_BREACHED || watch_complete(watch) <= steady->looked)
		return steady->state;
	steady->looked = watch_complete(watch);
	for (size_t i = 0; i < steady->settings.count; i++) {
		look_at(steady, watch, i);
		write_look(steady, i, now_us);
		all = all && steady->judgements[i].holding == HOLDS;
		broken = broken || steady->judgements[i].holding == DOES_NOT_HOLD;
	}
	conclude(steady, watch, all, broken);
	return steady->state;
}

void steady_write_broken(const struct steady *steady, int64_t now_us)
{
	struct record_event event = { .at_us = now_us,
				      .event = EVENT_UNSTEADY,
				      .number = (uint32_t)steady->moment };

	/* The first that did not hold, else the first of which nothing was known. */
	for (size_t i = steady->settings.count; i-- > 0;)
		if (steady->judgements[i].holding == NOT_KNOWN)
			event.value = (int64_t)i;
	for (size_t i = steady->settings.count; i-- > 0;)
		if (steady->judgements[i].holding == DOES_NOT_HOLD)
			event.value = (int64_t)i;
	if (steady->settings.history)
		history_put(steady->settings.history, RECORD_EVENT, 0, &event, sizeof(event));
}

enum steady_state steady_state(const struct steady *steady)
{
	return steady->state;
}

int64_t steady_since_us(const struct steady *steady)
{
	return steady->since_us;
}

void steady_explain(const struct steady *steady, struct buffer *out)
{
	const char *between = "";

	for (size_t i = 0; i < steady->settings.count; i++) {
		const struct condition *condition = &steady->settings.conditions[i];
		const struct judgement *judgement = &steady->judgements[i];

		if (judgement->holding == HOLDS)
			continue;
		buffer_format(out, "%s%s: ", between, condition->text);
		between = "; ";
		if (judgement->holding == NOT_KNOWN) {
			buffer_add_string(out, judgement->why);
			continue;
		}
		buffer_add_string(out, "it is ");
		condition_show(condition, judgement->actual, out);
	}
}
