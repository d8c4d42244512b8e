#include "sagas/misdeeds.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buffer.h"
#include "lib/clock.h"
#include "lib/memory.h"

struct misdeeds {
	const char *witness;
	struct misdeed items[MISDEEDS_MAX];
	size_t count;
	uint64_t seed;
};

struct misdeeds *misdeeds_new(const char *witness)
{
	struct misdeeds *misdeeds = memory_new(sizeof(*misdeeds));

	misdeeds->witness = witness;
	return misdeeds;
}

void misdeeds_free(struct misdeeds *misdeeds)
{
	free(misdeeds);
}

static struct misdeed *find(struct misdeeds *misdeeds, struct text id)
{
	for (size_t i = 0; i < misdeeds->count; i++)
		if (text_is(id, misdeeds->items[i].id))
			return &misdeeds->items[i];
	return NULL;
}

/* The others keep their order: it is that in which they are asked. */
static void take_away(struct misdeeds *misdeeds, struct misdeed *misdeed)
{
	size_t after = misdeeds->count - 1 - (size_t)(misdeed - misdeeds->items);

	memmove(misdeed, misdeed + 1, after * sizeof(*misdeed));
	misdeeds->count--;
}

static void end_what_is_over(struct misdeeds *misdeeds)
{
	int64_t now_us = clock_now_us();

	for (size_t i = misdeeds->count; i > 0; i--)
		if (misdeeds->items[i - 1].until_us <= now_us)
			take_away(misdeeds, &misdeeds->items[i - 1]);
}

static bool check_id(struct text id, struct error *err)
{
	bool good = id.length > 0 && id.length <= MISDEED_ID_MAX;

	for (size_t i = 0; good && i < id.length; i++)
		good = (id.data[i] >= '0' && id.data[i] <= '9') ||
		       (id.data[i] >= 'a' && id.data[i] <= 'z') ||
		       (id.data[i] >= 'A' && id.data[i] <= 'Z') || id.data[i] == '-' ||
		       id.data[i] == '_';
	return good || error_set(err, "the name of a fault has 1 to %d letters, digits, - and _",
				 MISDEED_ID_MAX);
}

static bool place_for(struct misdeeds *misdeeds, const struct misdeed *misdeed, struct error *err)
{
	struct misdeed *old = find(misdeeds, text_of(misdeed->id));

	if (old) {
		*old = *misdeed;
		return true;
	}
	if (misdeeds->count == MISDEEDS_MAX)
		return error_set(err, "there are %d faults already", MISDEEDS_MAX);
	misdeeds->items[misdeeds->count++] = *misdeed;
	return true;
}

bool misdeeds_add(struct misdeeds *misdeeds, struct text id, struct text yaml, struct error *err)
{
	struct misdeed misdeed = { .until_us = 0 };

	end_what_is_over(misdeeds);
	if (!check_id(id, err))
		return false;
	if (yaml.length > MISDEED_TEXT_MAX)
		return error_set(err, "a fault has at most %d bytes", MISDEED_TEXT_MAX);
	memcpy(misdeed.id, id.data, id.length);
	return misdeed_read(misdeeds->witness, misdeeds->seed, yaml, &misdeed, err) &&
	       place_for(misdeeds, &misdeed, err);
}

bool misdeeds_add_all(struct misdeeds *misdeeds, const char *const *texts, uint64_t seed,
		      struct error *err)
{
	misdeeds->seed = seed;
	for (size_t i = 0; texts && texts[i]; i++) {
		struct buffer id = BUFFER_EMPTY;
		bool good;

		buffer_add_number(&id, (int64_t)i + 1);
		good = misdeeds_add(misdeeds, buffer_text(&id), text_of(texts[i]), err);
		buffer_release(&id);
		if (!good)
			return false;
	}
	return true;
}

/* Doing it. */

static bool is_for(const struct misdeed *misdeed, struct misdeed_chance chance)
{
	const struct misdeed_settings *settings = &misdeed->settings;

	return misdeed->kind == chance.kind && settings->moment == (int)chance.moment &&
	       settings->place == (int)chance.place &&
	       (settings->of == OF_BOTH || chance.of == OF_BOTH || settings->of == (int)chance.of);
}

static void hit(struct misdeed *misdeed)
{
	const struct misdeed_settings *settings = &misdeed->settings;
	int64_t jitter_us = settings->jitter_us;

	misdeed->hits++;
	misdeed->delay_us = settings->delay_us;
	if (jitter_us)
		misdeed->delay_us += random_between(&misdeed->jitter, -jitter_us, jitter_us);
	if (misdeed->delay_us < 0)
		misdeed->delay_us = 0;
}

const struct misdeed *misdeeds_meet(struct misdeeds *misdeeds, struct misdeed_chance chance)
{
	if (!misdeeds || !misdeeds->count)
		return NULL;
	end_what_is_over(misdeeds);
	for (size_t i = 0; i < misdeeds->count; i++) {
		struct misdeed *misdeed = &misdeeds->items[i];

		if (!is_for(misdeed, chance))
			continue;
		misdeed->met++;
		if (random_unit(&misdeed->stream) >= misdeed->settings.share)
			continue;
		hit(misdeed);
		return misdeed;
	}
	return NULL;
}

/* Over HTTP. */

#define ROUTE "/witness/faults"

static json_t *show(struct misdeeds *misdeeds)
{
	json_t *list = json_array();

	end_what_is_over(misdeeds);
	for (size_t i = 0; i < misdeeds->count; i++) {
		const struct misdeed *misdeed = &misdeeds->items[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:f, s:I, s:I}", "id", misdeed->id,
						"kind", misdeed_names[misdeed->kind], "share",
						misdeed->settings.share, "met",
						(json_int_t)misdeed->met, "hits",
						(json_int_t)misdeed->hits));
	}
	return json_pack("{s:s, s:o}", "witness", misdeeds->witness, "faults", list);
}

static void put(struct misdeeds *misdeeds, struct text id, struct text body, int *status,
		json_t **answer)
{
	struct error err;

	if (misdeeds_add(misdeeds, id, body, &err)) {
		*answer = show(misdeeds);
		return;
	}
	*status = 400;
	*answer = json_pack("{s:{s:s, s:s}}", "error", "code", "bad_fault", "message", err.text);
	if (!*answer)
		*answer = json_pack("{s:{s:s}}", "error", "code", "bad_fault");
}

static void take(struct misdeeds *misdeeds, struct text id)
{
	struct misdeed *misdeed = find(misdeeds, id);

	if (!id.length)
		misdeeds->count = 0;
	else if (misdeed)
		take_away(misdeeds, misdeed);
}

bool misdeeds_control(struct misdeeds *misdeeds, struct text method, struct text path,
		      struct text body, int *status, json_t **answer)
{
	size_t length = sizeof(ROUTE) - 1;
	struct text id = { "", 0 };

	if (!text_starts_with(path, ROUTE) || (path.length > length && path.data[length] != '/'))
		return false;
	if (path.length > length)
		id = (struct text){ path.data + length + 1, path.length - length - 1 };
	*status = 200;
	if (text_is(method, "PUT") && id.length) {
		put(misdeeds, id, body, status, answer);
		return true;
	}
	if (text_is(method, "DELETE"))
		take(misdeeds, id);
	else if (!text_is(method, "GET"))
		*status = 405;
	*answer = show(misdeeds);
	return true;
}
