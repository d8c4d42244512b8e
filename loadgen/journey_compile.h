/*
 * journey_compile: the inside of the journey reader, shared by loadgen/journey_*.c and no one else.
 *
 *	journey_read.c     journeys, blocks of steps, which reader reads which step
 *	journey_names.c    what names mean: variables, cells, fixed values, builtins
 *	journey_condition.c  conditions and what they may look at
 *	journey_request.c  requests, polls, `together`
 *	journey_target.c   where a request goes, and what it is called
 *	journey_headers.c  header lines and authorization
 *	journey_body.c     bodies
 *	journey_expect.c   what an answer must be like
 *	journey_save.c     what is kept of it
 *	journey_flow.c     what asks nothing: think, set, if, meet, pick, leave, fail
 *	journey_loops.c    repeat and for-each
 *	journey_graph.c    graphs of states
 *	journey_saga.c     what a request does to a saga
 *	journey_check.c    variables without a value, steps that are never reached
 *
 * A reader that fails complains and returns false; the reading goes on, so that all mistakes are
 * seen at once, and what was compiled is thrown away in the end.
 */
#ifndef LOADGEN_JOURNEY_COMPILE_H
#define LOADGEN_JOURNEY_COMPILE_H

#include "lib/memory.h"
#include "loadgen/journey_read.h"

enum {
	TURNS_MAX = 1000000,    /* of a loop whose turns are known */
	TURNS_DEFAULT = 1000,   /* of one whose turns are not */
	BLOCKS_MAX = 40,        /* steps inside steps */
	PROGRAM_MAX = 60000,    /* instructions */
	NAME_MAX_BYTES = 64,    /* of variables and journeys */
};

/* A variable is used by the instruction that is about to be added. */
struct variable_use {
	uint32_t instruction;
	uint8_t slot;
	struct place at;
};

struct variable {
	struct place first_at; /* where it first gets a value */
	bool assigned;
	bool used;
	bool quiet;            /* no complaint if nothing uses it */
};

struct compiler {
	struct journey_context *context;
	struct arena *arena;
	struct complaints *complaints;
	struct journey *journey;
	struct instruction *program;
	size_t length, room;
	struct variable variables[SLOTS_MAX];
	struct variable_use *uses;
	size_t use_count, use_room;
	struct template_names names;
	struct place name_at;       /* of the name being resolved */
	uint8_t loops;              /* around what is being read */
	int blocks;
	bool together;              /* parts of one `together` are being read */
	uint8_t minted;             /* sagas that they place, a bit each */
	bool asked_key;             /* what was compiled since it was cleared asked for these */
	bool asked_status;
	bool asked_body;
	struct request_step *last;  /* the request just before, in the same block */
};

/* journey_read.c */
bool steps_read(struct compiler *compiler, const struct yaml *steps);
struct instruction *program_add(struct compiler *compiler, enum operation operation,
				    struct place at); /* valid until the next one is added */
/* Room for one more behind `count` items; returns the items, moved if they had to grow. */
void *arena_grow(struct arena *arena, void *items, size_t count, size_t each);

/* Of instructions that no one wrote. */
#define NOWHERE ((struct place){ NULL, 0, 0 })

/* journey_flow.c: jumps. */
bool program_add_unless(struct compiler *compiler, const struct yaml *node, struct place at);
void program_set_target(struct compiler *compiler, size_t instruction); /* to what is added next */

/* journey_names.c */
void compiler_names_begin(struct compiler *compiler);
struct place scalar_place(const struct yaml *scalar); /* where the text of a scalar starts */
bool variable_assign(struct compiler *compiler, struct text name, struct place at, uint8_t *slot);
bool variable_use(struct compiler *compiler, struct text name, struct place at, uint8_t *slot,
		  struct error *err);
bool compiler_text(struct compiler *compiler, const struct yaml *scalar, enum escape escape,
		  struct template *out);
/* Text whose every ${...} is known now. */
bool compiler_fixed(struct compiler *compiler, const struct yaml *scalar, const char *what,
		struct text *out);

/* ${order.key}, ${order.id}: variables whose names nobody else can take. */
bool saga_variable(struct compiler *compiler, struct text name, struct place at, uint8_t *slot);
bool variable_use_saga(struct compiler *compiler, struct text name, struct place at, uint8_t *slot,
		       struct error *err);

/* Known now? False with a reason in `err`: it is such a name, but can't be had. */
bool name_is_fixed(struct compiler *compiler, struct text name, struct value *value,
		   struct error *err);
/* What varies: a variable, a cell, a builtin. */
bool name_resolve(struct compiler *compiler, struct text name, uint16_t *ref, struct error *err);

/* journey_condition.c: what a condition may look at. */
enum sight { SIGHT_VARIABLES, SIGHT_ANSWER };
struct expression *compiler_condition(struct compiler *compiler, struct text source,
				     struct place at, enum sight sight);

/* journey_names.c: data sources. */
bool source_find(struct compiler *compiler, struct text name, uint8_t *source);
void source_complain(struct compiler *compiler, struct text name, struct place at);

/* journey_target.c */
bool target_read(struct compiler *compiler, const struct yaml *node, struct text target,
		 struct place at, struct request_step *step);
bool target_name(struct compiler *compiler, const struct yaml *name, struct text target,
		       struct request_step *step);

/* journey_headers.c */
struct header_wishes {
	const struct yaml *own;   /* `headers:` of the step, or NULL */
	const struct yaml *auth;
	const char *content_type; /* NULL: no body */
	bool idempotent;
	const struct saga_role *saga; /* NULL: none */
};
bool headers_read(struct compiler *compiler, const struct header_wishes *wishes,
		  struct template *out);
bool header_name_check(struct compiler *compiler, struct text name, struct place at);

/* journey_body.c */
struct body_keys {
	const struct yaml *json, *form, *body, *file;
};
bool body_read(struct compiler *compiler, const struct body_keys *keys, struct request_step *step,
	       const char **content_type);

/* journey_expect.c, journey_save.c */
bool expect_read(struct compiler *compiler, const struct yaml *expect, struct request_step *step);
bool saves_read(struct compiler *compiler, const struct yaml *saves, struct request_step *step);
bool saves_add_pointer(struct compiler *compiler, struct request_step *step, struct text pointer,
		      struct place at, uint8_t slot);
bool saves_add_optional(struct compiler *compiler, struct request_step *step,
			const struct json_pointer *pointer, struct place at, uint8_t slot);

/* journey_saga.c */
bool saga_use_find(struct compiler *compiler, struct text name, uint8_t *saga);
bool saga_use_read(struct compiler *compiler, const struct yaml *node, struct saga_role **role,
	       const struct yaml **shown);
bool saga_use_mint(struct compiler *compiler, const struct saga_role *role, struct place at,
		   const struct yaml *shown);
bool saga_use_finish(struct compiler *compiler, struct request_step *step, struct place at);

/* journey_request.c, journey_flow.c, journey_loops.c: one reader per kind of step. */
bool step_request(struct compiler *compiler, const struct yaml *step, const char *kind);
bool step_poll(struct compiler *compiler, const struct yaml *step, const char *kind);
bool step_together(struct compiler *compiler, const struct yaml *step, const char *kind);
bool step_think(struct compiler *compiler, const struct yaml *step, const char *kind);
bool step_set(struct compiler *compiler, const struct yaml *step, const char *kind);
bool step_if(struct compiler *compiler, const struct yaml *step, const char *kind);
bool step_repeat(struct compiler *compiler, const struct yaml *step, const char *kind);
bool step_for_each(struct compiler *compiler, const struct yaml *step, const char *kind);
bool step_meet(struct compiler *compiler, const struct yaml *step, const char *kind);
bool step_pick(struct compiler *compiler, const struct yaml *step, const char *kind);
bool step_leave(struct compiler *compiler, const struct yaml *step, const char *kind);
bool step_fail(struct compiler *compiler, const struct yaml *step, const char *kind);

/* journey_graph.c */
bool graph_read(struct compiler *compiler, const struct yaml *graph);

/* journey_check.c */
bool flow_check(struct compiler *compiler);

/* Shapes, for the JSON Schema; the tables stand with their readers. */
extern const struct shape journey_step_shape, journey_steps_shape, journey_request_shape,
	journey_graph_shape;
extern const struct shape step_get_shape, step_post_shape, step_put_shape, step_patch_shape,
	step_delete_shape, step_head_shape, step_options_shape, step_poll_shape,
	step_together_shape;
extern const struct shape step_think_shape, step_set_shape, step_if_shape, step_repeat_shape,
	step_for_each_shape, step_meet_shape, step_pick_shape, step_leave_shape, step_fail_shape;
extern const struct shape journey_headers_shape, journey_json_shape, journey_form_shape,
	journey_expect_shape, journey_save_shape, journey_saga_shape;

#endif
