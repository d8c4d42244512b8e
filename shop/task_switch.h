/*
 * task_switch: from one stack to another, as AddressSanitizer wants to be told of it. Inside
 * shop/task.c only.
 */
#ifndef SHOP_TASK_SWITCH_H
#define SHOP_TASK_SWITCH_H

#include <stddef.h>
#include <ucontext.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TASK_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define TASK_ASAN 1
#endif

#ifdef TASK_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

struct place_to_run {
	ucontext_t context;
	const void *stack; /* its lowest byte; of the loop's it is learned when a task is entered */
	size_t stack_bytes;
	void *fake_stack;
};

/* First thing on a new stack, and after every switch: `from` is where it came from. */
static inline void switch_arrived(struct place_to_run *here, struct place_to_run *from)
{
#ifdef TASK_ASAN
	__sanitizer_finish_switch_fiber(here->fake_stack, &from->stack, &from->stack_bytes);
#else
	(void)here;
	(void)from;
#endif
}

static inline void switch_leave(struct place_to_run *here, struct place_to_run *to)
{
#ifdef TASK_ASAN
	__sanitizer_start_switch_fiber(&here->fake_stack, to->stack, to->stack_bytes);
#endif
	swapcontext(&here->context, &to->context);
}

#endif
