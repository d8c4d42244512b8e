#include "chaos/heal.h"

#include <unistd.h>

#include "chaos/proxied.h"
#include "lib/clock.h"

enum {
	PATIENCE_US = 5000000,
	PATIENCE_MAX_MS = 300000,
	LOOK_EVERY_US = 20000,
	HEAL_AGAIN_US = 1000000,
};

struct healing {
	const struct fault_kind *kind;
	const json_t *undo;
};

int64_t heal_patience_us(const json_t *undo)
{
	json_int_t asked_ms = json_integer_value(json_object_get(undo, "patience_ms"));

	if (asked_ms <= 0)
		return PATIENCE_US;
	return (asked_ms < PATIENCE_MAX_MS ? asked_ms : PATIENCE_MAX_MS) * US_PER_MS;
}

static bool heal_once(const struct fault_kind *kind, const json_t *undo, struct error *err)
{
	if (kind->family == FAMILY_WIRE || kind->family == FAMILY_CALL)
		return proxied_heal(undo, err);
	return kind->heal(undo, err);
}

static bool look_once(const struct fault_kind *kind, const json_t *undo, struct error *err)
{
	if (kind->family == FAMILY_WIRE || kind->family == FAMILY_CALL)
		return proxied_look(undo, err);
	return kind->look(undo, err);
}

/* What is not seen to be gone is healed again: that is harmless, and may be what it takes. */
bool heal_here(const struct fault_kind *kind, const json_t *undo, struct error *err)
{
	int64_t now_us = clock_now_us(), again_us = 0;
	int64_t end_us = now_us + heal_patience_us(undo);
	struct error why = { "" };
	bool healed = false;

	do {
		if (now_us >= again_us) {
			healed = heal_once(kind, undo, &why);
			again_us = clock_now_us() + HEAL_AGAIN_US;
		}
		if (look_once(kind, undo, healed ? &why : NULL))
			return true;
		usleep(LOOK_EVERY_US);
		now_us = clock_now_us();
	} while (now_us < end_us);
	return error_set(err, "%s", why.text[0] ? why.text : "it can be seen still");
}

static void heal_work(void *context, struct hand_side *side)
{
	const struct healing *healing = context;
	struct error err;

	if (heal_here(healing->kind, healing->undo, &err))
		hand_say(side, HEAL_DONE, 0, text_of(""));
	else
		hand_say(side, HEAL_UNPROVEN, 0, text_of(err.text));
}

bool heal_start(struct hand *hand, const struct fault_kind *kind, const json_t *undo,
		struct error *err)
{
	struct healing healing = { kind, undo };

	return hand_start(hand, heal_work, &healing, HAND_GOES_ON, err);
}
