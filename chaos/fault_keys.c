#include "chaos/fault_keys.h"

#include <assert.h>
#include <stdio.h>

enum {
	KEYS_MAX = 40, /* of one kind */
	ALIGNED = 16,
};

#define AIM(name) offsetof(struct aim_keys, name)

static const char *const directions[] = { "requests", "answers", "both", NULL };

static const struct key edge_key = {
	"edge", KEY_STRINGS, AIM(edges),
	.help = "a connection between two services, or several; '*' stands for any service",
	.example = "order -> payment",
};
static const struct key service_key = {
	"service", KEY_STRINGS, AIM(services), .help = "a service of the system, or several",
	.example = "payment",
};
static const struct key region_key = {
	"region", KEY_STRINGS, AIM(regions),
	.help = "a region of the system: its services, and the edges that cross its border",
	.example = "eu",
};
static const struct key witness_key = {
	"witness", KEY_STRINGS, AIM(witnesses),
	.help = "a service that is one of our witnesses, such as the shop's psp and mail",
	.example = "psp",
};
static const struct key share_key = {
	"share", KEY_SHARE, AIM(share), .initial = "100%", .minimum = 1e-6, .maximum = 1,
	.help = "of connections, calls or instances that are hit; decided once for each",
};
static const struct key most_key = {
	"most", KEY_INTEGER, AIM(most), .minimum = 1, .maximum = INSTANCES_MAX * SERVICES_MAX,
	.help = "at most so many instances at once",
};
static const struct key direction_key = {
	"direction", KEY_CHOICE, AIM(direction), .choices = directions,
	.help = "which bytes: those of `requests`, those of `answers`, or of both",
};
static const struct key call_keys[] = {
	{ "call", KEY_STRING, AIM(call),
	  .help = "only calls with that method and that path; '*' is any one segment, '**' at the "
		  "end all that follow",
	  .example = "POST /v1/payment_intents" },
	{ "header", KEY_STRING, AIM(header), .help = "only calls with that header",
	  .example = "\"X-Card: gold\"" },
	{ "nth", KEY_INTEGER, AIM(nth), .minimum = 1, .maximum = 1e15,
	  .help = "only the nth call that matches" },
	{ "every", KEY_INTEGER, AIM(every), .minimum = 1, .maximum = 1e15,
	  .help = "every so many calls that match" },
	KEYS_END
};

#define ON(name) offsetof(struct on_keys, name)

const struct key on_keys[] = {
	{ "edge", KEY_STRING, ON(edge), .required = true,
	  .help = "an HTTP edge: a call over it starts the fault", .example = "order -> payment" },
	{ "call", KEY_STRING, ON(call), .help = "only calls with that method and that path",
	  .example = "POST /internal/charge" },
	{ "header", KEY_STRING, ON(header), .help = "only calls with that header" },
	{ "nth", KEY_INTEGER, ON(nth), .minimum = 1, .maximum = 1e15,
	  .help = "the nth call that matches; the first by default" },
	{ "every", KEY_INTEGER, ON(every), .minimum = 1, .maximum = 1e15,
	  .help = "every so many calls that match, as often as the fault is not in effect" },
	{ "hold", KEY_BOOL, ON(hold), .initial = "no",
	  .help = "that call waits until the fault is in effect, at most a second" },
	KEYS_END
};

#define WHEN(name) offsetof(struct when_keys, name)

const struct key when_keys[] = {
	{ "saga", KEY_STRING, WHEN(saga), .required = true, .help = "a saga of this scenario",
	  .example = "order" },
	{ "reaches", KEY_STRING, WHEN(reaches), .required = true, .help = "one of its states",
	  .example = "PAYMENT_PROCESSED" },
	{ "nth", KEY_INTEGER, WHEN(nth), .initial = "1", .minimum = 1, .maximum = 1e15,
	  .help = "the nth saga to reach it" },
	KEYS_END
};

static const struct shape on_shape = { SHAPE_KEYS, .name = "fault-on", .keys = on_keys };
static const struct shape when_shape = { SHAPE_KEYS, .name = "fault-when", .keys = when_keys };

#define ITEM(name) offsetof(struct item_keys, name)

static const struct key common_item_keys[] = {
	{ "name", KEY_STRING, ITEM(name),
	  .help = "what reports call it; its kind and its target by default" },
	{ "at", KEY_STRING, ITEM(at),
	  .help = "it starts then: since the start of the run, or of a phase, or before its end",
	  .example = "sale + 10s" },
	{ "on", KEY_NODE, ITEM(on), .shape = &on_shape, .help = "it starts with a call",
	  .example = "{ edge: order -> payment, call: POST /internal/charge, nth: 3 }" },
	{ "when", KEY_NODE, ITEM(when), .shape = &when_shape,
	  .help = "it starts when a saga reaches a state",
	  .example = "{ saga: order, reaches: PAYMENT_PROCESSED, nth: 10 }" },
	{ "for", KEY_DURATION, ITEM(for_us), .minimum = 1000, .maximum = 86400e6,
	  .help = "and lasts at most so long; without it until the run's end, but never longer "
		  "than 10 minutes" },
	{ "times", KEY_INTEGER, ITEM(times), .minimum = 1, .maximum = 1e15,
	  .help = "and ends earlier, after so many hits" },
	KEYS_END
};

/* Filled before main() from the registry; nothing writes them afterwards. */
static struct key item_keys[sizeof(common_item_keys) / sizeof(struct key) + KINDS_MAX];
static struct key kind_keys[KINDS_MAX][KEYS_MAX];
static struct shape kind_shapes[KINDS_MAX];
static char kind_shape_names[KINDS_MAX][48];

static const struct shape item_shape = { SHAPE_KEYS, .name = "fault", .keys = item_keys,
					 .help = "one trigger, one kind, and maybe an end" };
const struct shape faults_shape = { SHAPE_LIST_OF, .of = &item_shape };

static size_t own_offset(void)
{
	return (sizeof(struct aim_keys) + ALIGNED - 1) / ALIGNED * ALIGNED;
}

static bool is_in(const struct key *keys, struct text name)
{
	for (; keys && keys->name; keys++)
		if (text_is(name, keys->name))
			return true;
	return false;
}

struct composing {
	const struct fault_kind *kind;
	struct key *keys;
	size_t count;
};

static void add_key(struct composing *composing, const struct key *key)
{
	assert(composing->count + 1 < KEYS_MAX);
	composing->keys[composing->count++] = *key;
}

static void add_common(struct composing *composing, const struct key *key)
{
	if (!is_in(composing->kind->keys, text_of(key->name)))
		add_key(composing, key);
}

static void add_direction(struct composing *composing)
{
	struct key key = direction_key;

	key.initial = "both";
	if (composing->kind->usual_direction)
		key.initial = directions[composing->kind->usual_direction - 1];
	add_common(composing, &key);
}

static void add_calls(struct composing *composing)
{
	for (const struct key *key = call_keys; key->name; key++)
		add_common(composing, key);
}

static void compose(const struct fault_kind *kind, struct key *keys)
{
	struct composing composing = { kind, keys, 0 };

	if (kind->aims & AIM_EDGE)
		add_common(&composing, &edge_key);
	if (kind->aims & AIM_SERVICE)
		add_common(&composing, &service_key);
	if (kind->aims & AIM_REGION)
		add_common(&composing, &region_key);
	if (kind->aims & AIM_WITNESS)
		add_common(&composing, &witness_key);
	if (kind->aims & (AIM_EDGE | AIM_SERVICE | AIM_REGION | AIM_WITNESS))
		add_common(&composing, &share_key);
	if (kind->aims & (AIM_SERVICE | AIM_REGION))
		add_common(&composing, &most_key);
	if (kind->family == FAMILY_WIRE)
		add_direction(&composing);
	if (kind->family == FAMILY_CALL)
		add_calls(&composing);
	for (const struct key *key = kind->keys; key && key->name; key++) {
		struct key own = *key;

		own.offset += own_offset();
		add_key(&composing, &own);
	}
}

__attribute__((constructor)) static void compose_all(void)
{
	size_t count = sizeof(common_item_keys) / sizeof(struct key) - 1;

	memcpy(item_keys, common_item_keys, sizeof(common_item_keys));
	for (size_t i = 0; fault_kinds[i]; i++) {
		const struct fault_kind *kind = fault_kinds[i];

		assert(i < KINDS_MAX);
		compose(kind, kind_keys[i]);
		snprintf(kind_shape_names[i], sizeof(kind_shape_names[i]), "%s-fault", kind->name);
		kind_shapes[i] = (struct shape){ SHAPE_KEYS, .name = kind_shape_names[i],
						 .keys = kind_keys[i] };
		item_keys[count++] = (struct key){
			kind->name,
			KEY_NODE,
			ITEM(kinds) + i * sizeof(struct yaml *),
			.shape = &kind_shapes[i],
			.help = kind->summary,
			.example = kind->example,
		};
	}
}

const struct key *fault_item_keys(void)
{
	return item_keys;
}

const struct key *fault_kind_keys(const struct fault_kind *kind)
{
	for (size_t i = 0; fault_kinds[i]; i++)
		if (fault_kinds[i] == kind)
			return kind_keys[i];
	return NULL;
}

size_t fault_settings_bytes(const struct fault_kind *kind)
{
	return own_offset() + kind->settings_bytes;
}

void *fault_own_settings(void *block)
{
	return (char *)block + own_offset();
}

bool fault_kind_has_key(const struct fault_kind *kind, struct text name)
{
	return is_in(fault_kind_keys(kind), name);
}

bool fault_is_common_key(struct text name)
{
	static const struct key *const single[] = { &edge_key, &service_key, &region_key,
						    &witness_key,  &share_key,	 &most_key,
						    &direction_key };

	for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
		if (text_is(name, single[i]->name))
			return true;
	return is_in(call_keys, name);
}
