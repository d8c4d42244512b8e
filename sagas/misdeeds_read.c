/* What a text says that a witness is to do wrong. See misdeeds.h. */
#include "sagas/misdeeds.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/schema.h"

const char *const misdeed_codes[] = { "card_declined", "insufficient_funds", "lost_card",
				      "expired_card",  "processing_error",   NULL };

/* Tables. */

#define FIELD(name) offsetof(struct misdeed_settings, name)

static const char *const moments[] = { "before", "after", NULL };
static const char *const places[] = { "rcpt", "data", NULL };
static const char *const subjects[] = { "both", "charges", "refunds", NULL };

#define SHARE                                                                                      \
	{                                                                                          \
		"share", KEY_SHARE, FIELD(share), .initial = "100%", .minimum = 1e-6,              \
		.maximum = 1, .help = "of those that it could be done to"                          \
	}
#define OF                                                                                         \
	{                                                                                          \
		"of", KEY_CHOICE, FIELD(of), .choices = subjects, .initial = "both",               \
		.help = "only to charges, or only to refunds"                                      \
	}
#define WHEN(usual)                                                                                \
	{                                                                                          \
		"when", KEY_CHOICE, FIELD(moment), .choices = moments, .initial = (usual),         \
		.help = "before it takes effect, or after that"                                    \
	}
#define DELAY(usual)                                                                               \
	{ "delay", KEY_DURATION, FIELD(delay_us), .initial = (usual), .maximum = 600e6,            \
	  .help = "so much later" },                                                               \
	{                                                                                          \
		"jitter", KEY_DURATION, FIELD(jitter_us), .initial = "0s", .maximum = 600e6,       \
		.help = "give or take up to this"                                                  \
	}

static const struct key decline_keys[] = {
	SHARE,
	{ "code", KEY_CHOICE, FIELD(code), .choices = misdeed_codes, .initial = "card_declined",
	  .help = "what is said to be wrong with the card" },
	KEYS_END
};

static const struct key error_keys[] = {
	SHARE, OF, WHEN("before"),
	{ "status", KEY_INTEGER, FIELD(status), .initial = "500", .minimum = 429, .maximum = 599,
	  .help = "429, or 500 to 599" },
	KEYS_END
};

static const struct key lose_reply_keys[] = { SHARE, OF, KEYS_END };

static const struct key delay_keys[] = { SHARE, OF, WHEN("after"), DELAY("1s"), KEYS_END };

static const struct key webhooks_keys[] = {
	SHARE, DELAY("0s"),
	{ "twice", KEY_BOOL, FIELD(twice), .initial = "no", .help = "told again" },
	{ "reorder", KEY_BOOL, FIELD(reorder), .initial = "no",
	  .help = "held back until the next one has been told, at most a second" },
	{ "drop", KEY_BOOL, FIELD(drop), .initial = "no", .help = "never told" },
	KEYS_END
};

static const struct key bounce_keys[] = {
	SHARE,
	{ "status", KEY_INTEGER, FIELD(status), .initial = "451", .minimum = 400, .maximum = 599,
	  .help = "4xx: try again later; 5xx: never" },
	{ "at", KEY_CHOICE, FIELD(place), .choices = places, .initial = "data",
	  .help = "at the recipient, or after the whole mail" },
	KEYS_END
};

static const struct key mail_lose_reply_keys[] = { SHARE, KEYS_END };
static const struct key mail_delay_keys[] = { SHARE, DELAY("1s"), KEYS_END };

struct item {
	const struct yaml *kinds[MISDEED_KINDS];
	char *stream;
	int64_t seed, for_us;
};

#define ITEM(name) offsetof(struct item, name)
#define KIND(kind) (ITEM(kinds) + (kind) * sizeof(struct yaml *))
#define IT_DOES(name, kind, words)                                                                 \
	{                                                                                          \
		name, KEY_NODE, KIND(kind), .help = (words)                                        \
	}
#define DECLINES   IT_DOES("decline", MISDEED_DECLINE, "cards are declined")
#define ERRS       IT_DOES("error", MISDEED_ERROR, "requests are answered with an error")
#define LOSES      IT_DOES("lose-reply", MISDEED_LOSE_REPLY, "what took effect is not answered")
#define DELAYS     IT_DOES("delay", MISDEED_DELAY, "it takes longer")
#define TELLS      IT_DOES("webhooks", MISDEED_WEBHOOKS, "webhooks come late, twice, or never")
#define BOUNCES    IT_DOES("bounce", MISDEED_BOUNCE, "mail is refused")
#define ITS_SEED                                                                                   \
	{                                                                                          \
		"seed", KEY_INTEGER, ITEM(seed), .initial = "0", .help = "of its stream"           \
	}
#define ITS_STREAM                                                                                 \
	{                                                                                          \
		"stream", KEY_STRING, ITEM(stream), .help = "the name of that"                     \
	}
#define ITS_END                                                                                    \
	{ "for", KEY_DURATION, ITEM(for_us), .maximum = 86400e6, .help = "it ends by itself" }

static const struct key psp_keys[] = {
	DECLINES, ERRS, LOSES, DELAYS, TELLS, ITS_SEED, ITS_STREAM, ITS_END, KEYS_END
};

static const struct key mail_keys[] = {
	BOUNCES, LOSES, DELAYS, ITS_SEED, ITS_STREAM, ITS_END, KEYS_END
};

static const struct witness {
	const char *name;
	const struct key *keys;
	const struct key *of[MISDEED_KINDS];
} witnesses[] = {
	{ "psp",
	  psp_keys,
	  { [MISDEED_DECLINE] = decline_keys,
	    [MISDEED_ERROR] = error_keys,
	    [MISDEED_LOSE_REPLY] = lose_reply_keys,
	    [MISDEED_DELAY] = delay_keys,
	    [MISDEED_WEBHOOKS] = webhooks_keys } },
	{ "mail",
	  mail_keys,
	  { [MISDEED_BOUNCE] = bounce_keys,
	    [MISDEED_LOSE_REPLY] = mail_lose_reply_keys,
	    [MISDEED_DELAY] = mail_delay_keys } },
};

const char *const misdeed_names[MISDEED_KINDS] = {
	[MISDEED_DECLINE] = "decline",	     [MISDEED_ERROR] = "error",
	[MISDEED_LOSE_REPLY] = "lose-reply", [MISDEED_DELAY] = "delay",
	[MISDEED_WEBHOOKS] = "webhooks",     [MISDEED_BOUNCE] = "bounce",
};

/* Reading one. */

static bool check(const struct misdeed *misdeed, struct place at, struct complaints *complaints)
{
	const struct misdeed_settings *settings = &misdeed->settings;

	if (misdeed->kind == MISDEED_WEBHOOKS && !settings->delay_us && !settings->jitter_us &&
	    !settings->twice && !settings->reorder && !settings->drop)
		return complain(complaints, at,
				"'webhooks' does nothing (delay, twice, reorder or drop)");
	if (misdeed->kind == MISDEED_ERROR && settings->status > 429 && settings->status < 500)
		return complain(complaints, at, "'status' is 429, or 500 to 599");
	if (misdeed->kind == MISDEED_ERROR && settings->status == 429 &&
	    settings->moment == MISDEED_AFTER)
		return complain(complaints, at,
				"a 429 comes before: what it answers has no effect");
	return true;
}

static bool read_kind(const struct witness *witness, const struct item *item,
		      const struct yaml *map, struct reading *reading, struct misdeed *misdeed)
{
	const struct yaml *node = NULL;

	for (int i = 0; i < MISDEED_KINDS; i++) {
		if (!item->kinds[i])
			continue;
		if (node)
			return complain(reading->complaints, item->kinds[i]->at,
					"'%s' and '%s': one at a time",
					misdeed_names[misdeed->kind], misdeed_names[i]);
		node = item->kinds[i];
		misdeed->kind = (enum misdeed_kind)i;
	}
	if (!node)
		return complain(reading->complaints, map->at, "what is it to do wrong?");
	if (node->kind != YAML_MAP)
		return complain(reading->complaints, node->at, "'%s' wants a map, not %s",
				misdeed_names[misdeed->kind], yaml_kind_name(node));
	return schema_read(witness->of[misdeed->kind], node, &misdeed->settings, reading) &&
	       check(misdeed, node->at, reading->complaints);
}

static bool read_misdeed(const struct witness *witness, uint64_t seed, struct text yaml,
			 struct reading *reading, struct misdeed *misdeed)
{
	struct yaml *map = yaml_read_text(reading->arena, "fault", yaml, reading->complaints);
	struct item item = { .seed = 0 };
	const char *name;

	if (!map || reading->complaints->errors)
		return false;
	if (map->kind != YAML_MAP)
		return complain(reading->complaints, map->at,
				"a fault is a map such as '%s: { share: 10%% }', not %s",
				witness->keys[0].name, yaml_kind_name(map));
	if (!schema_read(witness->keys, map, &item, reading) ||
	    !read_kind(witness, &item, map, reading, misdeed))
		return false;
	seed = item.seed ? (uint64_t)item.seed : seed;
	name = item.stream ? item.stream : misdeed->id;
	misdeed->stream = random_stream(seed, name, 0);
	misdeed->jitter = random_stream(seed, name, 1);
	misdeed->until_us = item.for_us ? clock_now_us() + item.for_us : INT64_MAX;
	return true;
}

bool misdeed_read(const char *witness, uint64_t seed, struct text yaml, struct misdeed *misdeed,
		  struct error *err)
{
	struct arena arena = ARENA_EMPTY;
	struct complaints complaints = COMPLAINTS_EMPTY;
	struct reading reading = { &arena, &complaints, NULL, NULL };
	const struct witness *which = &witnesses[strcmp(witness, "mail") == 0];
	struct buffer said = BUFFER_EMPTY;
	bool good = read_misdeed(which, seed, yaml, &reading, misdeed);

	if (!good) {
		complaints_write(&complaints, &said);
		while (said.length && said.data[said.length - 1] == '\n')
			said.data[--said.length] = '\0';
		error_set(err, "%s", said.length ? said.data : "it is empty");
	}
	buffer_release(&said);
	complaints_release(&complaints);
	arena_release(&arena);
	return good;
}
