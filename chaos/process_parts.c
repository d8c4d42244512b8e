#include "chaos/process_parts.h"

#include <inttypes.h>
#include <stdlib.h>

/* Only a launcher writes the file again: what a person wrote there is true once. */
static json_t *make_row(const struct target_process *target, bool launched)
{
	json_t *place = target_place(target->service, target->instance);

	if (!launched)
		json_object_del(place, "file");
	target_note_program(place, &target->process);
	return json_pack("{s:o, s:o}", "place", place, "process",
			 process_to_json(&target->process));
}

static void describe(const struct target_process *targets, size_t count, const char *verb,
		     struct buffer *out)
{
	if (!out)
		return;
	buffer_format(out, "%s %s", verb, count > 1 ? "processes" : "process");
	for (size_t i = 0; i < count; i++) {
		const struct service *service = targets[i].service;

		buffer_format(out, "%s %" PRId64 " (%s", i ? "," : "", targets[i].process.pid,
			      service->name);
		if (service->instance_count > 1)
			buffer_format(out, " %zu", targets[i].instance);
		buffer_add_char(out, ')');
	}
}

bool process_plan(const struct fault *fault, const char *verb, struct fault_plan *plan,
		  struct error *err)
{
	struct target_process *targets;
	struct process_identity launcher;
	json_t *rows;
	size_t count;
	bool launched = fault->system && fault->system->launcher > 0;

	if (!target_processes(fault, &targets, &count, err))
		return false;
	rows = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(rows, make_row(&targets[i], launched));
	plan->undo = json_pack("{s:o}", "processes", rows);
	if (launched && process_identify(fault->system->launcher, &launcher, NULL))
		json_object_set_new(plan->undo, "launcher", process_to_json(&launcher));
	describe(targets, count, verb, plan->does);
	free(targets);
	return true;
}

size_t process_count(const json_t *undo)
{
	return json_array_size(json_object_get(undo, "processes"));
}

bool process_any(const json_t *undo, struct error *err)
{
	return process_count(undo) > 0 || error_set(err, "the record names no process");
}

json_t *process_row(const json_t *undo, size_t number)
{
	return json_array_get(json_object_get(undo, "processes"), number);
}

const char *process_service(const json_t *row)
{
	const json_t *place = json_object_get(row, "place");
	const char *name = json_string_value(json_object_get(place, "service"));

	return name ? name : "?";
}

bool process_of_row(const json_t *row, struct process_identity *process, struct error *err)
{
	return process_from_json(json_object_get(row, "process"), process, err);
}

bool process_watch_find(struct process_watch *watch, const json_t *row)
{
	if (watch->now.pid && process_alive(&watch->now))
		return true;
	watch->now.pid = 0;
	return target_find(json_object_get(row, "place"), &watch->now, NULL);
}
