#include "chaos/proxied.h"

#include "chaos/identity.h"
#include "lib/buffer.h"
#include "lib/schema.h"

static void say_edges(const struct fault *fault, struct buffer *out)
{
	for (size_t i = 0; i < fault->edge_count; i++)
		buffer_format(out, "%s%s", i ? ", " : "", fault->edges[i]->name);
}

static void say_plan(const struct fault *fault, struct fault_plan *plan)
{
	buffer_format(plan->does, "in the proxy, %s: ", fault->kind->name);
	if (fault->settings_yaml)
		buffer_add_string(plan->does, fault->settings_yaml);
	else
		say_edges(fault, plan->does);
	buffer_add_string(plan->undoes, "the proxy passes ");
	say_edges(fault, plan->undoes);
	buffer_add_string(plan->undoes, " as it is");
}

bool proxied_plan(struct proxy *proxy, const struct fault *fault, struct fault_plan *plan,
		  struct error *err)
{
	struct process_identity identity;

	if (fault->edge_count == 0)
		return error_set(err, "'%s' is aimed at no edge", fault->name);
	if (!proxy)
		return error_set(err, "there is no proxy for '%s'", fault->name);
	for (size_t i = 0; i < fault->edge_count; i++)
		if (!proxy_port(proxy, fault->edges[i]->name))
			return error_set(err, "the proxy has no edge '%s'", fault->edges[i]->name);
	if (!process_identify(proxy_server_pid(proxy), &identity, err))
		return false;
	say_plan(fault, plan);
	if (!plan->undo)
		plan->undo = json_object();
	json_object_set_new(plan->undo, "proxy", process_to_json(&identity));
	json_object_set_new(plan->undo, "control", json_string(proxy_control(proxy)));
	json_object_set_new(plan->undo, "run", json_string(proxy_run(proxy)));
	json_object_set_new(plan->undo, "fault", json_integer(fault->number));
	return true;
}

bool proxied_arm(struct proxy *proxy, const struct fault *fault, const json_t *undo,
		 struct error *err)
{
	(void)undo;
	return proxy ? proxy_arm(proxy, fault, err) : error_set(err, "there is no proxy");
}

/* NULL with `*gone`: there is no such process any more, and so nothing to heal. */
static struct proxy *proxy_of(const json_t *undo, bool *gone, struct error *err)
{
	const char *control = json_string_value(json_object_get(undo, "control"));
	const char *run = json_string_value(json_object_get(undo, "run"));
	struct process_identity identity;
	struct proxy *proxy;

	*gone = false;
	if (!process_from_json(json_object_get(undo, "proxy"), &identity, err))
		return NULL;
	if (!process_alive(&identity)) {
		*gone = true;
		return NULL;
	}
	if (!control || !run) {
		error_set(err, "the record does not say how to reach the proxy");
		return NULL;
	}
	proxy = proxy_connect(control, err);
	if (proxy && proxy_set_run(proxy, run, err))
		return proxy;
	proxy_free(proxy);
	*gone = !process_alive(&identity);
	return NULL;
}

static uint32_t number_of(const json_t *undo)
{
	return (uint32_t)json_integer_value(json_object_get(undo, "fault"));
}

bool proxied_heal(const json_t *undo, struct error *err)
{
	bool gone;
	struct proxy *proxy = proxy_of(undo, &gone, err);
	bool good = gone || (proxy && proxy_heal(proxy, number_of(undo), err));

	proxy_free(proxy);
	return good;
}

bool proxied_look(const json_t *undo, struct error *err)
{
	bool gone, armed = true, asked;
	struct proxy *proxy = proxy_of(undo, &gone, err);

	if (!proxy)
		return gone;
	asked = proxy_is_armed(proxy, number_of(undo), &armed, err);
	proxy_free(proxy);
	if (!asked)
		return false;
	return !armed || error_set(err, "the proxy still has it armed");
}

int64_t proxied_hits(struct proxy *proxy, const struct fault *fault)
{
	int64_t hits;

	return proxy && proxy_hits(proxy, fault->number, &hits, NULL) ? hits : -1;
}
