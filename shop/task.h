/*
 * task: code that waits without anyone else waiting for it.
 *
 * Every request to a service, every event it consumes and every background job is a task: it runs
 * on a stack of its own (ucontext), until it waits for a reply, a commit or a while, and goes on
 * where it was when that came. One thread per service, so nothing needs a lock, and
 * what happens between two waits happens at once.
 *
 *	static void greet(void *context) { task_sleep_us(1000); puts("hello"); }
 *	task_start(greet, NULL);
 */
#ifndef SHOP_TASK_H
#define SHOP_TASK_H

#include <stdint.h>

struct event_base;
struct task;

void tasks_init(struct event_base *base); /* once per process */
void tasks_release(void);

/* Runs until it first waits, then returns to the caller. May be called from a task, too. */
void task_start(void (*run)(void *context), void *context);

struct task *task_self(void); /* NULL outside of any */

/* Parks the calling task until someone wakes it. It may be woken for no reason: wait in a loop. */
void task_wait(void);

/* The task goes on in this turn of the loop or the next; waking twice is waking once. */
void task_wake(struct task *task);

void task_sleep_us(int64_t duration_us);

uint32_t tasks_alive(void);

/* Between these two, waiting is a mistake and ends the program. They nest. */
void task_hold(void);
void task_let_go(void);

#endif
