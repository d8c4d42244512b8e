/*
 * names: what `${...}` means while a scenario is read: variables, ${env:X}, ${env:X:-default} and
 * ${secret:X}. Everything else (saved values, rows, functions) is known only to a running user.
 *
 * A variable may refer to others; it is worked out when first asked for. `used` and `secrets` are
 * learned on the way.
 */
#ifndef ENGINE_NAMES_H
#define ENGINE_NAMES_H

#include "lib/schema.h"
#include "lib/value.h"

enum name_state { NAME_UNSEEN, NAME_BUSY, NAME_KNOWN, NAME_BAD };

struct variable {
	struct text name;
	struct yaml scalar; /* as written; folded when state is NAME_KNOWN */
	enum name_state state;
	bool used;
};

struct names {
	struct arena *arena;
	struct complaints *complaints;
	struct variable *variables;
	size_t count;
	struct strings secrets; /* values */
	size_t secrets_room;
	int depth;
};

/* `vars` may be NULL. `set` holds "k=v", NULL-ended, or is NULL. */
bool names_init(struct names *names, const struct yaml *vars, const char *const *set);
void names_release(struct names *names);

/* Works out every variable, so that mistakes in unused ones are found too. */
bool names_check(struct names *names);

/* For struct reading: folds everything into a scalar; what is not known is a complaint. */
bool names_substitute(void *names, struct yaml *scalar, struct complaints *complaints);

/* For struct journey_context: false without `err` set when it is no name of ours. */
bool names_value(void *names, struct text name, struct value *out, struct error *err);

/* What is known, for the resolved scenario; the rest stays. Secrets become "***". */
struct text names_show(struct names *names, struct text source);

/* A value that was worked out already, written so that it is read as itself. */
struct text names_show_value(struct names *names, struct text value);

extern const struct shape vars_shape;

#endif
