/* Faults that wait for a call (`on:`): the proxy watches, tells, and holds the call if asked to. */
#include "chaos/supervisor_parts.h"

#include "lib/clock.h"

static void lose_proxy(struct guard *guard)
{
	guard->proxy = NULL; /* what it had armed ended with it; what waits for calls waits on */
}

int guard_call_fd(const struct guard *guard)
{
	return guard->proxy ? proxy_fd(guard->proxy) : -1;
}

void guard_watch_call(struct guard *guard, struct ward *ward)
{
	struct error err;

	if (!guard->proxy)
		ward_refuse(guard, ward, "there is no proxy that could see the call");
	else if (!proxy_watch(guard->proxy, ward->fault, &err))
		ward_refuse(guard, ward, err.text);
}

void guard_watch_calls(struct guard *guard)
{
	for (size_t i = 0; i < guard->ward_count; i++)
		if (guard->wards[i].fault->trigger.kind == TRIGGER_ON &&
		    guard->wards[i].step == WARD_WAITING)
			guard_watch_call(guard, &guard->wards[i]);
}

/* One that comes while the fault is under way already starts nothing, and waits for nothing. */
static void be_called(struct guard *guard, struct ward *ward)
{
	bool waiting = ward->step == WARD_WAITING && !guard->closed;

	if (waiting)
		ward_trigger(ward, clock_now_us());
	if (waiting && ward->fault->trigger.hold)
		ward->held = true;
	else if (ward->fault->trigger.hold)
		guard_release_call(guard, ward);
}

void guard_hear_calls(struct guard *guard)
{
	uint32_t fault;
	bool gone = false;

	while (guard->proxy && proxy_next(guard->proxy, &fault, &gone))
		if (fault < guard->ward_count)
			be_called(guard, &guard->wards[fault]);
	if (gone)
		lose_proxy(guard);
}

void guard_release_call(struct guard *guard, const struct ward *ward)
{
	proxy_release(guard->proxy, ward->fault->number, NULL);
}
