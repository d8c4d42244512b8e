/* A journey as a graph of states: from each to the next by weight, until it leaves. */
#include <stdlib.h>

#include "loadgen/journey_compile.h"

enum { STATES_MAX = 200 };

struct graph_keys {
	const struct yaml *steps, *next;
};

static const struct key state_keys[] = {
	{ "steps", KEY_NODE, offsetof(struct graph_keys, steps), .shape = &journey_steps_shape,
	  .help = "what a visitor does in this state" },
	{ "next", KEY_NODE, offsetof(struct graph_keys, next),
	  .shape = &(const struct shape){ .kind = SHAPE_ANY },
	  .help = "the next states and their weights, or the only one; `leave` ends the journey",
	  .example = "next: { search: 60, leave: 40 }" },
	KEYS_END
};

const struct shape journey_graph_shape = {
	.kind = SHAPE_MAP_OF, .name = "graph",
	.help = "`start: STATE`, `at-most: N` states in all, and the states by name",
	.of = &(const struct shape){
		.kind = SHAPE_ONE_OF,
		.options = (const struct shape *const[]){
			&(const struct shape){ .kind = SHAPE_KEYS, .keys = state_keys },
			&(const struct shape){ .kind = SHAPE_STRING }, NULL } },
};

enum { LEAVE = -1, UNKNOWN = -2 };

struct edge {
	int to; /* a state, LEAVE or UNKNOWN */
	double weight;
};

struct state {
	struct text name;
	struct place at;
	const struct yaml *steps, *next;
	struct edge *edges;
	size_t edge_count;
	size_t entry;    /* first instruction */
	size_t exit;     /* the branch */
	bool reached;
	bool leaves;     /* at last */
};

struct graph {
	struct compiler *compiler;
	struct state *states;
	int count;
	int start;
	int64_t at_most; /* 0: no bound */
};

/* Reading. */

static int find_state(const struct graph *graph, struct text name)
{
	for (int i = 0; i < graph->count; i++)
		if (text_equal(graph->states[i].name, name))
			return i;
	return UNKNOWN;
}

static bool complain_state(struct graph *graph, struct text name, struct place at)
{
	const char *known[STATES_MAX + 2] = { "leave" };

	for (int i = 0; i < graph->count; i++)
		known[i + 1] = arena_string(graph->compiler->arena, graph->states[i].name);
	complain_unknown(graph->compiler->complaints, at, "state", name, known);
	return false;
}

static bool read_weight(struct graph *graph, const struct yaml *node, double *weight)
{
	struct complaints *complaints = graph->compiler->complaints;
	struct error err;
	struct text text;

	if (!compiler_fixed(graph->compiler, node, "next", &text))
		return false;
	text = text_trim(text);
	if (text.length && text.data[text.length - 1] == '%')
		text.length--;
	if (!unit_number(text, weight, &err))
		return complain(complaints, node->at, "a weight: %s", err.text);
	return (*weight >= 0 && *weight <= 1e9) ||
	       complain(complaints, node->at, "a weight is between 0 and 1000000000");
}

static bool add_edge(struct graph *graph, struct state *state, const struct yaml *name,
		     double weight)
{
	int to = text_is(name->text, "leave") ? LEAVE : find_state(graph, name->text);

	if (to == UNKNOWN)
		return complain_state(graph, name->text, name->at);
	state->edges = arena_grow(graph->compiler->arena, state->edges, state->edge_count,
				  sizeof(*state->edges));
	state->edges[state->edge_count++] = (struct edge){ to, weight };
	return true;
}

static bool read_edges(struct graph *graph, struct state *state)
{
	struct complaints *complaints = graph->compiler->complaints;
	double weight, total = 0;
	bool good = true;

	if (!state->next)
		return true;
	if (state->next->kind == YAML_SCALAR)
		return add_edge(graph, state, state->next, 1);
	if (state->next->kind != YAML_MAP)
		return complain(complaints, state->next->at,
				"'next' wants a state, or a map of states and weights, not %s",
				yaml_kind_name(state->next));
	for (const struct yaml *name = state->next->first; name; name = name->next) {
		if (!read_weight(graph, name->value, &weight)) {
			good = false;
			continue;
		}
		total += weight;
		good = add_edge(graph, state, name, weight) && good;
	}
	if (good && total <= 0)
		return complain(complaints, state->next->at,
				"all weights are 0, so nothing comes next");
	return good;
}

static bool read_state(struct graph *graph, const struct yaml *name)
{
	struct compiler *compiler = graph->compiler;
	struct graph_keys keys;
	bool good;

	if (text_is(name->text, "leave"))
		return complain(compiler->complaints, name->at,
				"'leave' is the end, and has no steps");
	if (graph->count == STATES_MAX)
		return complain(compiler->complaints, name->at, "more than %d states", STATES_MAX);
	good = schema_read(state_keys, name->value, &keys, &compiler->context->reading);
	graph->states[graph->count++] = (struct state){
		.name = name->text, .at = name->at, .steps = keys.steps, .next = keys.next
	};
	return good;
}

static bool read_states(struct graph *graph, const struct yaml *map)
{
	static const struct key at_most = {
		.name = "at-most", .type = KEY_INTEGER, .minimum = 1, .maximum = TURNS_MAX
	};
	struct compiler *compiler = graph->compiler;
	const struct yaml *start = yaml_get(map, "start");
	bool good = true;

	for (const struct yaml *name = map->first; name; name = name->next) {
		if (text_is(name->text, "at-most"))
			good = schema_read_value(&at_most, name->value, &graph->at_most,
						 &compiler->context->reading) &&
			       good;
		else if (!text_is(name->text, "start"))
			good = read_state(graph, name) && good;
	}
	if (!graph->count)
		return complain(compiler->complaints, map->at, "a graph without states");
	for (int i = 0; i < graph->count; i++)
		good = read_edges(graph, &graph->states[i]) && good;
	if (!start || start->kind != YAML_SCALAR)
		return complain(compiler->complaints, start ? start->at : map->at,
				"a graph says where it starts: start: STATE");
	graph->start = find_state(graph, start->text);
	if (graph->start == UNKNOWN)
		return complain_state(graph, start->text, start->at);
	return good;
}

/* Compiling. */

static bool add_branch(struct graph *graph, struct state *state)
{
	struct compiler *compiler = graph->compiler;
	struct instruction *branch;

	if (graph->at_most) { /* one state less; the last one leaves */
		struct instruction *next = program_add(compiler, OP_LOOP_NEXT, NOWHERE);

		next->target = (uint32_t)compiler->length + 1;
		program_add(compiler, OP_LEAVE, NOWHERE);
	}
	state->exit = compiler->length;
	branch = program_add(compiler, state->edge_count ? OP_BRANCH : OP_LEAVE, NOWHERE);
	branch->branches = arena_array(compiler->arena, state->edge_count, sizeof(struct branch));
	branch->branch_count = (uint16_t)state->edge_count;
	return state->edge_count <= UINT16_MAX;
}

static bool leaves_inside(const struct compiler *compiler, const struct state *state)
{
	for (size_t i = state->entry; i < state->exit; i++)
		if (compiler->program[i].operation == OP_LEAVE ||
		    compiler->program[i].operation == OP_FAIL)
			return true;
	return false;
}

static bool compile_state(struct graph *graph, struct state *state)
{
	struct compiler *compiler = graph->compiler;
	bool good = true;

	state->entry = compiler->length;
	if (state->steps)
		good = steps_read(compiler, state->steps);
	state->exit = compiler->length;
	state->leaves = leaves_inside(compiler, state);
	return add_branch(graph, state) && good;
}

/* Targets, as shares of all weights. */
static void link_state(struct graph *graph, const struct state *state, uint32_t leave)
{
	struct branch *branches = graph->compiler->program[state->exit].branches;
	double total = 0, upto = 0;

	for (size_t i = 0; i < state->edge_count; i++)
		total += state->edges[i].weight;
	for (size_t i = 0; i < state->edge_count; i++) {
		const struct edge *edge = &state->edges[i];

		upto += edge->weight;
		branches[i].upto = total > 0 ? upto / total : 1;
		branches[i].target =
			edge->to == LEAVE ? leave : (uint32_t)graph->states[edge->to].entry;
	}
	if (state->edge_count)
		branches[state->edge_count - 1].upto = 1;
}

static bool compile_states(struct graph *graph)
{
	struct compiler *compiler = graph->compiler;
	size_t begin = compiler->length;
	bool good = true;

	if (graph->at_most) {
		struct instruction *loop = program_add(compiler, OP_LOOP, NOWHERE);

		loop->limit = (uint32_t)graph->at_most;
		loop->text = (struct template){
			.constant = true,
			.fixed = text_of(arena_format(compiler->arena, "%u", loop->limit)),
		};
		compiler->loops++;
	}
	program_add(compiler, OP_JUMP, NOWHERE);
	for (int i = 0; i < graph->count; i++)
		good = compile_state(graph, &graph->states[i]) && good;
	compiler->loops = 0;
	for (int i = 0; i < graph->count; i++)
		link_state(graph, &graph->states[i], (uint32_t)compiler->length);
	compiler->program[begin].target = (uint32_t)compiler->length;
	compiler->program[begin + (graph->at_most != 0)].target =
		(uint32_t)graph->states[graph->start].entry;
	program_add(compiler, OP_LEAVE, NOWHERE);
	return good;
}

/* Checking: every state is reached from the start, and leaves at last. */

static void mark_reached(struct graph *graph, int from)
{
	struct state *state = &graph->states[from];

	state->reached = true;
	for (size_t i = 0; i < state->edge_count; i++) {
		int to = state->edges[i].to;

		if (to >= 0 && state->edges[i].weight > 0 && !graph->states[to].reached)
			mark_reached(graph, to);
	}
}

static bool may_leave(const struct graph *graph, const struct state *state)
{
	if (state->leaves || !state->edge_count)
		return true;
	for (size_t i = 0; i < state->edge_count; i++)
		if (state->edges[i].weight > 0 &&
		    (state->edges[i].to == LEAVE ||
		     (state->edges[i].to >= 0 && graph->states[state->edges[i].to].leaves)))
			return true;
	return false;
}

static void mark_leaving(struct graph *graph)
{
	bool changed;

	do {
		changed = false;
		for (int i = 0; i < graph->count; i++) {
			struct state *state = &graph->states[i];

			if (!state->leaves && may_leave(graph, state))
				changed = state->leaves = true;
		}
	} while (changed);
}

static bool check_states(struct graph *graph)
{
	struct complaints *complaints = graph->compiler->complaints;
	bool good = true;

	mark_reached(graph, graph->start);
	mark_leaving(graph);
	for (int i = 0; i < graph->count; i++) {
		const struct state *state = &graph->states[i];

		if (!state->reached)
			good = complain(complaints, state->at,
					"state '%.*s' is never reached from '%.*s'",
					TEXT_ARG(state->name),
					TEXT_ARG(graph->states[graph->start].name));
		else if (!state->leaves && !graph->at_most)
			good = complain(
				complaints, state->at,
				"from state '%.*s' a visitor never leaves (add 'leave' to a 'next', or "
				"'at-most' to the graph)",
				TEXT_ARG(state->name));
	}
	return good;
}

bool graph_read(struct compiler *compiler, const struct yaml *map)
{
	struct graph graph = { .compiler = compiler };
	bool good;

	if (map->kind != YAML_MAP)
		return complain(compiler->complaints, map->at,
				"'graph' wants a map of states, not %s", yaml_kind_name(map));
	graph.states = arena_array(compiler->arena, STATES_MAX, sizeof(*graph.states));
	good = read_states(&graph, map);
	if (!graph.count || graph.start < 0)
		return false;
	return compile_states(&graph) && good && check_states(&graph);
}
