/*
 * What the whole program tells: variables that have no value where they are used, steps that are
 * never reached.
 *
 * A forward data-flow analysis over the instructions, a bit per variable: `must` has a value on
 * every way here, `may` on some way. Loops need no care: they are jumps.
 */
#include <stdlib.h>

#include "loadgen/journey_compile.h"

struct flow {
	const struct compiler *compiler;
	uint64_t *must, *may; /* on entry to each instruction, and at the end */
	bool *reached;
	bool changed;
};

static uint64_t bit(uint8_t slot)
{
	return UINT64_C(1) << slot;
}

static uint64_t saved_by(const struct request_step *step, bool surely)
{
	uint64_t slots = 0;

	if (surely && step->goes_on)
		return 0; /* when it fails, nothing is saved, and the journey goes on */
	for (size_t i = 0; i < step->save_count; i++)
		slots |= bit(step->saves[i].slot);
	return slots;
}

static uint64_t assigned_by(const struct instruction *instruction, bool surely)
{
	uint64_t slots = 0;

	switch (instruction->operation) {
	case OP_REQUEST:
		return saved_by(instruction->request, surely);
	case OP_TOGETHER:
		for (uint16_t i = 0; i < instruction->part_count; i++)
			slots |= saved_by(instruction->parts[i], surely);
		return slots;
	case OP_SET:
	case OP_MINT:
	case OP_EACH:
		return bit(instruction->slot);
	default:
		return 0;
	}
}

static void flow_into(struct flow *flow, size_t to, uint64_t must, uint64_t may)
{
	uint64_t must_before = flow->must[to], may_before = flow->may[to];

	flow->must[to] &= must;
	flow->may[to] |= may;
	if (!flow->reached[to] || flow->must[to] != must_before || flow->may[to] != may_before)
		flow->changed = true;
	flow->reached[to] = true;
}

/* Turns that are known to be at least one. */
static bool surely_turns(const struct instruction *loop)
{
	return loop->text.constant && loop->text.fixed.length && loop->text.fixed.data[0] >= '1';
}

static void flow_out(struct flow *flow, size_t at)
{
	const struct instruction *instruction = &flow->compiler->program[at];
	uint64_t must = flow->must[at], may = flow->may[at];
	uint64_t must_after = must | assigned_by(instruction, true);
	uint64_t may_after = may | assigned_by(instruction, false);

	switch (instruction->operation) {
	case OP_LEAVE:
	case OP_FAIL:
		return;
	case OP_JUMP:
		flow_into(flow, instruction->target, must, may);
		return;
	case OP_BRANCH:
		for (uint16_t i = 0; i < instruction->branch_count; i++)
			flow_into(flow, instruction->branches[i].target, must, may);
		return;
	case OP_LOOP:
		if (surely_turns(instruction))
			break;
		/* fall through */
	case OP_UNLESS:
	case OP_LOOP_NEXT:
	case OP_EACH:
		flow_into(flow, instruction->target, must, may);
		break;
	default:
		break;
	}
	flow_into(flow, at + 1, must_after, may_after);
}

static bool check_use(struct compiler *compiler, const struct flow *flow,
		      const struct variable_use *use)
{
	const struct variable *variable = &compiler->variables[use->slot];
	const char *name = compiler->journey->slot_names[use->slot];

	if (use->instruction >= compiler->length || !flow->reached[use->instruction] ||
	    flow->must[use->instruction] & bit(use->slot))
		return true;
	if (flow->may[use->instruction] & bit(use->slot))
		return complain(
			compiler->complaints, use->at,
			"'%s' may have no value here: it gets one (line %d) only on some of the ways "
			"that lead here",
			name, variable->first_at.line);
	return complain(compiler->complaints, use->at,
			"'%s' has no value yet: it gets one only later, in line %d", name,
			variable->first_at.line);
}

static bool check_undefined(struct compiler *compiler, const struct variable_use *use)
{
	const struct journey *journey = compiler->journey;
	const char *known[SLOTS_MAX + 4] = { "user", "loop", "request.key" };
	struct text name = text_of(journey->slot_names[use->slot]);
	size_t count = 3;
	const char *near;

	for (uint8_t i = 0; i < journey->slot_count; i++)
		if (compiler->variables[i].assigned)
			known[count++] = journey->slot_names[i];
	near = suggest(name, known);
	if (near)
		return complain(compiler->complaints, use->at,
				"undefined variable '%s' (did you mean '%s'?)", name.data, near);
	return complain(compiler->complaints, use->at, "undefined variable '%s'", name.data);
}

static bool check_uses(struct compiler *compiler, const struct flow *flow)
{
	bool good = true;

	for (size_t i = 0; i < compiler->use_count; i++) {
		const struct variable_use *use = &compiler->uses[i];

		good = (compiler->variables[use->slot].assigned ? check_use(compiler, flow, use) :
								  check_undefined(compiler, use)) &&
		       good;
	}
	return good;
}

static void warn_of_unused(struct compiler *compiler)
{
	for (uint8_t i = 0; i < compiler->journey->slot_count; i++) {
		const struct variable *variable = &compiler->variables[i];

		if (variable->assigned && !variable->used && !variable->quiet)
			complain_warning(compiler->complaints, variable->first_at,
					 "nothing uses '%s'", compiler->journey->slot_names[i]);
	}
}

/* The first of each run of them; instructions that no one wrote do not count. */
static void warn_of_unreached(struct compiler *compiler, const struct flow *flow)
{
	bool warned = false;

	for (size_t i = 0; i < compiler->length; i++) {
		struct place at = compiler->program[i].at;

		if (flow->reached[i])
			warned = false;
		else if (at.line && !warned)
			complain_warning(compiler->complaints, at, "this step is never reached");
		warned = warned || (!flow->reached[i] && at.line);
	}
}

bool flow_check(struct compiler *compiler)
{
	size_t places = compiler->length + 2;
	struct flow flow = { compiler, memory_array(places, sizeof(uint64_t)),
			     memory_array(places, sizeof(uint64_t)), memory_array(places, 1),
			     false };
	bool good;

	memset(flow.must, 0xff, places * sizeof(uint64_t));
	flow_into(&flow, 0, 0, 0);
	while (flow.changed) {
		flow.changed = false;
		for (size_t i = 0; i < compiler->length; i++)
			if (flow.reached[i])
				flow_out(&flow, i);
	}
	good = check_uses(compiler, &flow);
	warn_of_unused(compiler);
	warn_of_unreached(compiler, &flow);
	free(flow.must);
	free(flow.may);
	free(flow.reached);
	return good;
}
