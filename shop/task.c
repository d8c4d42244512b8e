#include "shop/task.h"

#include <assert.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/memory.h"
#include "shop/task_switch.h"

#ifdef TASK_ASAN
enum { STACK_BYTES = 512 * 1024 }; /* its frames are fatter */
#else
enum { STACK_BYTES = 128 * 1024 };
#endif
enum { IDLE_MAX = 256 };

/*
 * IDLE     has a stack and nothing to do; task_start() makes it RUNNING
 * RUNNING  it, or a task it started, is on the processor; task_wait() makes it WAITING
 * WAITING  until task_wake() makes it READY
 * READY    in the queue; the next turn makes it RUNNING
 */
enum task_state { TASK_IDLE, TASK_RUNNING, TASK_WAITING, TASK_READY };

struct task {
	struct place_to_run here;
	struct place_to_run *back; /* who let it run: the loop or a task */
	struct task *under;        /* that task, or NULL */
	struct task *next;         /* in the queue, or among the idle */
	struct task *older, *newer; /* all there are */
	struct event *timer;
	void (*run)(void *context);
	void *context;
	enum task_state state;
	bool woken; /* while it was running */
	int held;   /* how many transactions were open around it when it started */
};

static struct {
	struct event_base *base;
	struct event *turn;
	struct place_to_run loop;
	struct task *current;
	struct task *ready, **ready_end;
	struct task *idle, *all;
	uint32_t idle_count, alive;
	int held;
	bool in_turn;
} tasks;

static _Noreturn void die(const char *why)
{
	fprintf(stderr, "task: %s\n", why);
	abort();
}

/* Only here does anything run on another stack; returns when the task waits or has ended. */
static void let_run(struct task *task)
{
	struct task *under = tasks.current;

	task->under = under;
	task->back = under ? &under->here : &tasks.loop;
	task->state = TASK_RUNNING;
	tasks.current = task;
	switch_leave(task->back, &task->here);
	switch_arrived(task->back, &task->here);
	tasks.current = under;
}

static void give_back(struct task *task)
{
	switch_leave(&task->here, task->back);
	switch_arrived(&task->here, task->back);
}

static void forget_task(struct task *task)
{
	if (task->older)
		task->older->newer = task->newer;
	if (task->newer)
		task->newer->older = task->older;
	else
		tasks.all = task->older;
	if (task->timer)
		event_free(task->timer);
	munmap((char *)(uintptr_t)task->here.stack - getpagesize(),
	       STACK_BYTES + (size_t)getpagesize());
	free(task);
}

/* A stack is used again and again: making a context anew would cost more than most requests. */
static void live(void)
{
	struct task *task = tasks.current;

	switch_arrived(&task->here, task->back);
	for (;;) {
		task->run(task->context);
		if (tasks.held != task->held)
			die("a task ended inside a transaction");
		tasks.alive--;
		task->state = TASK_IDLE;
		task->next = tasks.idle;
		tasks.idle = task;
		tasks.idle_count++;
		give_back(task);
	}
}

static void make_stack(struct task *task)
{
	size_t guard = (size_t)getpagesize();
	char *memory = mmap(NULL, STACK_BYTES + guard, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED || mprotect(memory, guard, PROT_NONE) != 0)
		die("no memory for a stack");
	task->here.stack = memory + guard;
	task->here.stack_bytes = STACK_BYTES;
	getcontext(&task->here.context);
	task->here.context.uc_stack.ss_sp = memory + guard;
	task->here.context.uc_stack.ss_size = STACK_BYTES;
	task->here.context.uc_link = NULL;
	makecontext(&task->here.context, live, 0);
}

static struct task *new_task(void)
{
	struct task *task = memory_new(sizeof(*task));

	make_stack(task);
	task->older = tasks.all;
	if (tasks.all)
		tasks.all->newer = task;
	tasks.all = task;
	return task;
}

static struct task *take_idle(void)
{
	struct task *task = tasks.idle;

	if (!task)
		return new_task();
	tasks.idle = task->next;
	tasks.idle_count--;
	return task;
}

static void drop_idle(void)
{
	while (tasks.idle_count > IDLE_MAX)
		forget_task(take_idle());
}

/* Those that become ready while others run have the next turn: nobody is kept from the sockets. */
static void run_ready(evutil_socket_t fd, short what, void *context)
{
	struct task *task = tasks.ready;

	(void)fd;
	(void)what;
	(void)context;
	tasks.ready = NULL;
	tasks.ready_end = &tasks.ready;
	tasks.in_turn = true;
	while (task) {
		struct task *next = task->next;

		let_run(task);
		task = next;
	}
	tasks.in_turn = false;
	drop_idle();
}

void tasks_init(struct event_base *base)
{
	assert(!tasks.base);
	tasks.base = base;
	tasks.ready_end = &tasks.ready;
	tasks.turn = event_new(base, -1, 0, run_ready, NULL);
}

void tasks_release(void)
{
	assert(!tasks.current);
	if (!tasks.base)
		return;
	event_free(tasks.turn);
	while (tasks.all)
		forget_task(tasks.all);
	memset(&tasks, 0, sizeof(tasks));
}

void task_start(void (*run)(void *context), void *context)
{
	struct task *task = take_idle();

	task->run = run;
	task->context = context;
	task->woken = false;
	task->held = tasks.held;
	tasks.alive++;
	let_run(task);
}

struct task *task_self(void)
{
	return tasks.current;
}

void task_wait(void)
{
	struct task *task = tasks.current;

	if (!task)
		die("only a task can wait");
	if (tasks.held)
		die("a task waits inside a transaction");
	if (task->woken) {
		task->woken = false;
		return;
	}
	task->state = TASK_WAITING;
	give_back(task);
}

/* An event made active by itself would be run again before the sockets are looked at. */
static void call_for_turn(void)
{
	if (tasks.in_turn)
		event_add(tasks.turn, &(struct timeval){ 0 });
	else
		event_active(tasks.turn, EV_TIMEOUT, 1);
}

void task_wake(struct task *task)
{
	if (task->state == TASK_RUNNING) {
		task->woken = true;
		return;
	}
	if (task->state != TASK_WAITING)
		return;
	task->state = TASK_READY;
	task->next = NULL;
	if (!tasks.ready)
		call_for_turn();
	*tasks.ready_end = task;
	tasks.ready_end = &task->next;
}

static void timer_rang(evutil_socket_t fd, short what, void *context)
{
	struct task *task = context;

	(void)fd;
	(void)what;
	task_wake(task);
}

void task_sleep_us(int64_t duration_us)
{
	struct task *task = tasks.current;
	struct timeval wait = { .tv_sec = duration_us / 1000000, .tv_usec = duration_us % 1000000 };

	if (!task)
		die("only a task can sleep");
	if (!task->timer)
		task->timer = event_new(tasks.base, -1, 0, timer_rang, task);
	event_add(task->timer, &wait);
	do
		task_wait();
	while (evtimer_pending(task->timer, NULL));
}

uint32_t tasks_alive(void)
{
	return tasks.alive;
}

void task_hold(void)
{
	tasks.held++;
}

void task_let_go(void)
{
	assert(tasks.held > 0);
	tasks.held--;
}
