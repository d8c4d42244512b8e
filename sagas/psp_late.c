/*
 * Answers go out when what they say is on the disk, or later, if they are told to; a call may also
 * wait before it has any effect. If the client leaves meanwhile, nothing changes.
 */
#include "sagas/psp_parts.h"

#include <event2/event.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "lib/server.h"

#define JSON_HEADER "Content-Type: application/json\r\n"

static struct timeval after(int64_t us)
{
	return (struct timeval){ us / US_PER_S, us % US_PER_S };
}

static void late_free(struct psp_late *late)
{
	*late->link = late->next;
	if (late->next)
		late->next->link = late->link;
	if (late->timer)
		event_free(late->timer);
	free(late->body);
	free(late->key);
	json_decref(late->event);
	free(late);
}

static void reply(struct psp_late *late)
{
	const char *headers =
		late->replayed ? JSON_HEADER "Idempotent-Replayed: true\r\n" : JSON_HEADER;

	if (late->lost)
		server_hang_up(late->call);
	else
		server_reply(late->call, late->status, text_of(headers), text_of(late->body));
}

static void send_now(struct psp_late *late)
{
	struct psp *psp = late->psp;

	if (late->key) {
		struct psp_answer *answer = keys_find(&psp->keys, text_of(late->key));

		answer->status = late->status;
		answer->body = memory_copy_string(late->body);
	}
	reply(late);
	late_free(late);
}

static void on_time(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	send_now(context);
}

/* It has happened: now it may be told. */
static void on_durable(void *context)
{
	struct psp_late *late = context;
	struct timeval wait = after(late->late_us);

	if (late->event)
		hooks_send(late->psp->hooks, late->event);
	if (late->timer)
		event_add(late->timer, &wait);
	else
		send_now(late);
}

struct psp_late *psp_late_new(struct psp *psp, struct server_call *call, int status)
{
	struct psp_late *late = memory_new(sizeof(*late));

	*late = (struct psp_late){
		.psp = psp,
		.call = call,
		.status = status,
		.next = psp->late,
		.link = &psp->late,
	};
	if (late->next)
		late->next->link = &late->next;
	psp->late = late;
	return late;
}

void psp_late_send(struct psp_late *late)
{
	if (late->late_us)
		late->timer = evtimer_new(late->psp->base, on_time, late);
	ledger_settle(late->psp->ledger, on_durable, late);
}

void psp_answer(struct psp *psp, struct server_call *call, int status, json_t *body)
{
	struct psp_late *late = psp_late_new(psp, call, status);

	late->body = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	psp_late_send(late);
}

/* Calls that are looked at later. */

struct psp_held {
	struct psp *psp;
	struct psp_held *next, **link;
	struct server_call *call;
	enum misdeed_subject of;
	psp_look *look;
	struct event *timer;
};

static void held_free(struct psp_held *held)
{
	*held->link = held->next;
	if (held->next)
		held->next->link = held->link;
	event_free(held->timer);
	free(held);
}

static void look_now(evutil_socket_t fd, short what, void *context)
{
	struct psp_held *held = context, was = *held;

	(void)fd;
	(void)what;
	held_free(held);
	was.look(was.psp, was.call, was.of);
}

void psp_hold(struct psp *psp, struct server_call *call, enum misdeed_subject of, psp_look *look,
	      int64_t for_us)
{
	struct psp_held *held = memory_new(sizeof(*held));
	struct timeval wait = after(for_us);

	*held = (struct psp_held){ psp, psp->held, &psp->held, call, of, look, NULL };
	if (held->next)
		held->next->link = &held->next;
	psp->held = held;
	held->timer = evtimer_new(psp->base, look_now, held);
	event_add(held->timer, &wait);
}

void psp_forget_late(struct psp *psp)
{
	while (psp->held)
		held_free(psp->held);
	while (psp->late)
		late_free(psp->late);
}
