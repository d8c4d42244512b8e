/* A compiled journey as text. */
#include "loadgen/journey_read.h"

struct show {
	const struct journey *journey;
	const struct name_table *names;
	const struct data_source *sources;
	struct buffer *out;
};

static void add_ref(void *context, uint16_t ref, struct buffer *out)
{
	static const char *const builtins[] = { "user",	   "request.key", "status", "body",
						"latency", "size",	  "version" };
	const struct show *show = context;
	const struct journey *journey = show->journey;
	uint8_t number = (uint8_t)REF_NUMBER(ref);
	const struct data_source *source;

	switch ((enum ref_kind)REF_KIND(ref)) {
	case REF_SLOT:
		buffer_add_string(out, journey->slot_names[number]);
		return;
	case REF_CELL:
		source = &show->sources[journey->cells[number].source];
		buffer_format(out, "%s.%s", source->name,
			      source->columns[journey->cells[number].column]);
		return;
	case REF_BUILTIN:
		buffer_add_string(out, builtins[number]);
		return;
	case REF_HEADER:
		buffer_format(out, "header %s", journey->headers[number]);
		return;
	case REF_COOKIE:
		buffer_format(out, "cookie %s", journey->cookies[number]);
		return;
	case REF_LOOP:
		buffer_add_string(out, "loop");
		return;
	}
}

static void add_template(struct show *show, const struct template *template)
{
	struct buffer text = BUFFER_EMPTY;

	template_show(template, add_ref, show, &text);
	for (size_t i = 0; i < text.length; i++) {
		if (text.data[i] == '\r')
			continue;
		if (text.data[i] == '\n')
			buffer_add_string(show->out, "\\n");
		else
			buffer_add_char(show->out, text.data[i]);
	}
	buffer_release(&text);
}

static void add_labelled(struct show *show, const char *label, const struct template *template)
{
	if (template->constant && !template->fixed.length)
		return;
	buffer_format(show->out, "\n          %s ", label);
	add_template(show, template);
}

static void add_duration(struct show *show, const char *before, int64_t us)
{
	buffer_add_string(show->out, before);
	unit_show_duration(show->out, us);
}

static void add_saves(struct show *show, const struct request_step *step)
{
	static const char *const from[] = { "", "header ", "regex", "cookie ", "status", "body" };

	for (size_t i = 0; i < step->save_count; i++) {
		const struct save *save = &step->saves[i];

		buffer_format(show->out, "\n          save %s from %s%.*s%s",
			      show->journey->slot_names[save->slot], from[save->from],
			      TEXT_ARG(save->pointer.source), save->name ? save->name : "");
		if (save->optional)
			buffer_format(show->out, ", else '%.*s'", TEXT_ARG(save->otherwise));
	}
}

static void add_answer(struct show *show, const struct request_step *step)
{
	for (size_t i = 0; i < step->expectation_count; i++) {
		struct text text = expression_text(step->expectations[i].condition);

		buffer_format(show->out, "\n          expect %.*s", TEXT_ARG(text));
	}
	if (step->poll.until) {
		struct text until = expression_text(step->poll.until);

		buffer_format(show->out, "\n          until %.*s", TEXT_ARG(until));
		add_duration(show, ", every ", step->poll.every_us);
		add_duration(show, ", within ", step->poll.within_us);
	}
	add_saves(show, step);
}

static void add_request(struct show *show, const struct request_step *step)
{
	buffer_format(show->out, "%s ", http_method_name(step->method));
	if (step->origin)
		buffer_format(show->out, "(origin %u)", step->origin);
	add_template(show, &step->path);
	buffer_format(show->out, "  as '%s'", show->names->items[step->name]);
	add_duration(show, ", timeout ", step->timeout_us);
	if (step->retry.times) {
		buffer_format(show->out, ", %u retries", step->retry.times);
		add_duration(show, " after ", step->retry.backoff_us);
		buffer_format(show->out, " x%g", step->retry.factor);
	}
	buffer_add_string(show->out, step->goes_on ? ", goes on after a failure" : "");
	add_labelled(show, "headers", &step->headers);
	add_labelled(show, "body", &step->body);
	add_answer(show, step);
}

static void add_think(struct show *show, const struct think *think)
{
	static const char *const kinds[] = { "think ", "think ", "think exponential ",
					     "think normal " };

	add_duration(show, kinds[think->kind], think->a_us);
	if (think->kind == THINK_UNIFORM)
		add_duration(show, " to ", think->b_us);
	else if (think->kind == THINK_NORMAL)
		add_duration(show, " ", think->b_us);
}

static void add_branches(struct show *show, const struct instruction *instruction)
{
	double before = 0;

	buffer_add_string(show->out, "branch");
	for (uint16_t i = 0; i < instruction->branch_count; i++) {
		const struct branch *branch = &instruction->branches[i];

		buffer_format(show->out, "%s %.4g%% to %u", i ? "," : "",
			      100 * (branch->upto - before), branch->target);
		before = branch->upto;
	}
}

static void add_condition(struct show *show, const struct instruction *instruction)
{
	struct text text = { "?", 1 };

	if (instruction->condition)
		text = expression_text(instruction->condition);
	buffer_format(show->out, "unless %.*s: to %u", TEXT_ARG(text), instruction->target);
}

static void add_together(struct show *show, const struct instruction *instruction)
{
	buffer_format(show->out, "together, %u at once", instruction->lanes);
	for (uint16_t i = 0; i < instruction->part_count; i++) {
		buffer_add_string(show->out, "\n        - ");
		add_request(show, instruction->parts[i]);
	}
}

static void add_set(struct show *show, const struct instruction *instruction)
{
	buffer_format(show->out, "set %s to ", show->journey->slot_names[instruction->slot]);
	add_template(show, &instruction->text);
}

static void add_loop(struct show *show, const struct instruction *instruction)
{
	const struct journey *journey = show->journey;

	if (instruction->operation == OP_LOOP) {
		buffer_format(show->out, "loop %u: ", instruction->number);
		add_template(show, &instruction->text);
		buffer_format(show->out, " turns, at most %u; if none: to %u", instruction->limit,
			      instruction->target);
	} else if (instruction->operation == OP_LOOP_NEXT) {
		buffer_format(show->out, "next turn of loop %u: to %u", instruction->number,
			      instruction->target);
	} else {
		buffer_format(show->out, "loop %u: next %s of %s, at most %u; if none: to %u",
			      instruction->number, journey->slot_names[instruction->slot],
			      journey->slot_names[instruction->list], instruction->limit,
			      instruction->target);
	}
}

static void add_plain(struct show *show, const struct instruction *instruction)
{
	switch (instruction->operation) {
	case OP_PICK:
		buffer_format(show->out, "pick %s", show->sources[instruction->number].name);
		break;
	case OP_JUMP:
		buffer_format(show->out, "to %u", instruction->target);
		break;
	case OP_MINT:
		buffer_format(show->out, "mint %s", show->journey->slot_names[instruction->slot]);
		break;
	case OP_MEET:
		buffer_format(show->out, "meet %u users", instruction->limit);
		add_duration(show, " within ", instruction->wait_us);
		break;
	case OP_LEAVE:
		buffer_add_string(show->out, "leave");
		break;
	case OP_FAIL:
		buffer_add_string(show->out, "fail: ");
		add_template(show, &instruction->text);
		break;
	default:
		break;
	}
}

static void add_instruction(struct show *show, const struct instruction *instruction)
{
	switch (instruction->operation) {
	case OP_REQUEST:
		add_request(show, instruction->request);
		break;
	case OP_TOGETHER:
		add_together(show, instruction);
		break;
	case OP_THINK:
		add_think(show, &instruction->think);
		break;
	case OP_SET:
		add_set(show, instruction);
		break;
	case OP_UNLESS:
		add_condition(show, instruction);
		break;
	case OP_LOOP:
	case OP_LOOP_NEXT:
	case OP_EACH:
		add_loop(show, instruction);
		break;
	case OP_BRANCH:
		add_branches(show, instruction);
		break;
	default:
		add_plain(show, instruction);
		break;
	}
}

void journey_show(const struct journey *journey, const struct name_table *request_names,
		  const struct data_source *sources, struct buffer *out)
{
	struct show show = { journey, request_names, sources, out };

	buffer_format(out, "%s: %u instructions, %u variables\n", journey->name, journey->length,
		      journey->slot_count);
	for (uint32_t i = 0; i < journey->length; i++) {
		buffer_format(out, "  %5u  ", i);
		add_instruction(&show, &journey->program[i]);
		buffer_add_char(out, '\n');
	}
}
