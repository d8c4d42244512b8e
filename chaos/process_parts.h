/*
 * process_parts: what the kinds of faults on processes have in common. For them only.
 *
 * Their undo record is
 *
 *	{"processes": [{"place": {...}, "process": {...}, ...}], "launcher": {...},
 *	 "patience_ms": 30000}
 *
 * where `place` is target_place() and `process` the very one that was there when it was planned.
 */
#ifndef CHAOS_PROCESS_PARTS_H
#define CHAOS_PROCESS_PARTS_H

#include "chaos/fault.h"
#include "chaos/target.h"

/* The undo record, and "kill process 4711 (payment)" and so on into plan->does. */
bool process_plan(const struct fault *fault, const char *verb, struct fault_plan *plan,
		  struct error *err);
/* A record that names none is none: nothing is seen to be whole by it. */
bool process_any(const json_t *undo, struct error *err);
size_t process_count(const json_t *undo);
json_t *process_row(const json_t *undo, size_t number);
const char *process_service(const json_t *row);
bool process_of_row(const json_t *row, struct process_identity *process, struct error *err);

/* For kinds that end processes (chaos/process_again.c). Refuses what could not be seen again. */
bool process_plan_end(const struct fault *fault, const char *verb, int64_t patience_us,
		      struct fault_plan *plan, struct error *err);
/* Starts again what is not there, if nobody else does. Once per process and incarnation. */
bool process_start_again(const json_t *undo, struct error *err);
/* There again, another one than was ended (or that one, when it is alive), and healthy. */
bool process_look_again(const json_t *undo, struct error *err);

/* The incarnations of a process while a fault keeps ending them. */
struct process_watch {
	struct process_identity now; /* pid 0: none is known */
};
/* The one that is there now; looks for a new one only when the known one is gone. */
bool process_watch_find(struct process_watch *watch, const json_t *row);

#endif
