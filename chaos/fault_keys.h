/*
 * fault_keys: the tables of `faults:`, put together from the registry.
 *
 * A kind's map has the common keys that its family and its aims call for, and its own. A key of its
 * own with the name of a common one replaces it.
 */
#ifndef CHAOS_FAULT_KEYS_H
#define CHAOS_FAULT_KEYS_H

#include "chaos/fault.h"

enum { KINDS_MAX = 80 };

/* The common keys of a kind's map, in front of its own settings. */
struct aim_keys {
	struct strings edges, services, regions, witnesses;
	double share;
	int64_t most;
	int direction; /* enum fault_direction - 1 */
	char *call, *header;
	int64_t nth, every;
};

/* An item of `faults:`. */
struct item_keys {
	char *name, *at;
	const struct yaml *on, *when;
	int64_t for_us, times; /* 0: not given */
	const struct yaml *kinds[KINDS_MAX];
};

struct on_keys {
	char *edge, *call, *header;
	int64_t nth, every;
	bool hold;
};

struct when_keys {
	char *saga, *reaches;
	int64_t nth;
};

extern const struct key on_keys[], when_keys[];
extern const struct shape faults_shape;

const struct key *fault_item_keys(void);

/* The keys of that kind's map: read into fault_settings_bytes() bytes that start with aim_keys. */
const struct key *fault_kind_keys(const struct fault_kind *kind);
size_t fault_settings_bytes(const struct fault_kind *kind);
void *fault_own_settings(void *block);

/* Which key is for an aim; NULL: no such common key. And for which one that kind has no use. */
bool fault_kind_has_key(const struct fault_kind *kind, struct text name);
bool fault_is_common_key(struct text name);

#endif
