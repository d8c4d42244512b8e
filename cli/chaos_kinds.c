#include "cli/command.h"

#include <stdlib.h>

#include "chaos/fault_keys.h"
#include "lib/fold.h"

enum { COLUMNS = 100, NAME_COLUMNS = 23, INDENT = 4 };

struct kinds_options {
	bool json;
};

static const struct option kinds_options[] = {
	{ "json", 0, NULL, KEY_BOOL, offsetof(struct kinds_options, json),
	  .help = "print it as JSON" },
	OPTIONS_END
};

static const char *const families[FAMILY_COUNT] = {
	[FAMILY_WIRE] = "in the proxy, on the bytes of an edge",
	[FAMILY_CALL] = "in the proxy, on single calls of an HTTP edge",
	[FAMILY_PROCESS] = "on processes of a service",
	[FAMILY_NETWORK] = "on networks, by rules of the kernel",
	[FAMILY_MACHINE] = "on the machine that sagastorm runs on",
	[FAMILY_CONTAINER] = "on containers, by Docker or Podman",
	[FAMILY_WITNESS] = "by the payment provider and the mail server that we play",
	[FAMILY_STORE] = "on databases, caches and brokers",
};

static bool can(const struct fault_kind *kind, struct error *err)
{
	return fault_possible(kind, NULL, err);
}

static void add_kind(const struct fault_kind *kind, struct buffer *out)
{
	struct error err;

	buffer_format(out, "  %-*s", NAME_COLUMNS - 2, kind->name);
	fold_text(kind->summary, NAME_COLUMNS, COLUMNS, out);
	buffer_format(out, "\n%*s%s\n", NAME_COLUMNS, "", kind->example);
	if (can(kind, &err))
		return;
	buffer_format(out, "%*snot here: ", NAME_COLUMNS, "");
	fold_text(err.text, NAME_COLUMNS, COLUMNS, out);
	buffer_add_char(out, '\n');
}

static void add_all(struct buffer *out)
{
	const struct fault_kind *last = NULL;

	for (size_t i = 0; fault_kinds[i]; i++) {
		const struct fault_kind *kind = fault_kinds[i];

		if (!last || kind->family != last->family)
			buffer_format(out, "%s%s: %s\n", last ? "\n" : "",
				      fault_family_name(kind->family), families[kind->family]);
		add_kind(kind, out);
		last = kind;
	}
}

static void add_key(const struct key *key, struct buffer *out)
{
	size_t start = out->length;

	buffer_format(out, "  %s", key->name);
	if (out->length - start < NAME_COLUMNS - 1)
		buffer_format(out, "%*s", (int)(NAME_COLUMNS - (out->length - start)), "");
	else
		buffer_format(out, "\n%*s", NAME_COLUMNS, "");
	fold_text(key->help ? key->help : "", NAME_COLUMNS, COLUMNS, out);
	if (key->required)
		buffer_add_string(out, " (required)");
	else if (key->initial)
		buffer_format(out, " (default: %s)", key->initial);
	buffer_add_char(out, '\n');
	if (key->type == KEY_CHOICE) {
		buffer_format(out, "%*s", NAME_COLUMNS, "");
		for (size_t i = 0; key->choices[i]; i++)
			buffer_format(out, "%s%s", i ? ", " : "one of ", key->choices[i]);
		buffer_add_char(out, '\n');
	}
	if (key->example)
		buffer_format(out, "%*s%s: %s\n", NAME_COLUMNS, "", key->name, key->example);
}

static void add_one(const struct fault_kind *kind, struct buffer *out)
{
	struct error err;

	buffer_format(out, "%s (%s): ", kind->name, fault_family_name(kind->family));
	fold_text(kind->summary, INDENT, COLUMNS, out);
	buffer_format(out, "\n\n    - at: sale + 10s\n      %s\n\nkeys:\n", kind->example);
	for (const struct key *key = fault_kind_keys(kind); key->name; key++)
		add_key(key, out);
	if (!can(kind, &err))
		buffer_format(out, "\nThis machine can't do it: %s\n", err.text);
}

static json_t *keys_as_json(const struct fault_kind *kind)
{
	json_t *keys = json_object();

	for (const struct key *key = fault_kind_keys(kind); key->name; key++)
		json_object_set_new(keys, key->name, json_string(key->help ? key->help : ""));
	return keys;
}

static void add_json(const struct strings *names, struct buffer *out)
{
	json_t *all = json_array();
	char *text;

	for (size_t i = 0; fault_kinds[i]; i++) {
		const struct fault_kind *kind = fault_kinds[i];
		bool wanted = names->count == 0;
		struct error err = { "" };
		bool here = can(kind, &err);

		for (size_t j = 0; j < names->count; j++)
			wanted = wanted || strcmp(names->items[j], kind->name) == 0;
		if (wanted)
			json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s, s:b, s:s*, s:o}",
							     "name", kind->name, "family",
							     fault_family_name(kind->family),
							     "summary", kind->summary, "example",
							     kind->example, "possible", here,
							     "why_not", here ? NULL : err.text,
							     "keys", keys_as_json(kind)));
	}
	text = json_dumps(all, JSON_INDENT(2));
	buffer_format(out, "%s\n", text ? text : "[]");
	free(text);
	json_decref(all);
}

static int unknown_kind(const struct invocation *invocation, const char *name)
{
	const char *known[KINDS_MAX + 1] = { NULL };
	const char *near;

	for (size_t i = 0; i < KINDS_MAX && fault_kinds[i]; i++)
		known[i] = fault_kinds[i]->name;
	near = suggest(text_of(name), known);
	if (near)
		return command_usage(invocation, "unknown kind '%s' (did you mean '%s'?)", name,
				     near);
	return command_usage(invocation, "unknown kind '%s'", name);
}

static int kinds_run(struct invocation *invocation)
{
	const struct kinds_options *options = invocation->options;
	const struct strings *names = &invocation->arguments;
	struct buffer text = BUFFER_EMPTY;
	bool printed;

	for (size_t i = 0; i < names->count; i++)
		if (!fault_kind_find(text_of(names->items[i])))
			return unknown_kind(invocation, names->items[i]);
	if (options->json)
		add_json(names, &text);
	else if (!names->count)
		add_all(&text);
	for (size_t i = 0; i < names->count && !options->json; i++) {
		buffer_add_string(&text, i ? "\n" : "");
		add_one(fault_kind_find(text_of(names->items[i])), &text);
	}
	printed = print_buffer(&text);
	buffer_release(&text);
	return printed ? EXIT_PASS : EXIT_INTERNAL;
}

static const char *const examples[] = { "chaos kinds", "chaos kinds lose-reply", NULL };

const struct command command_chaos_kinds = {
	.name = "chaos kinds",
	.summary = "list what can be broken, and what each kind takes",
	.usage = "[options] [KIND...]",
	.about = "Without an argument: every kind of fault, by family, with a line that works, and "
		 "why this machine can't do it if it can't. With the name of a kind: all that it "
		 "takes.",
	.examples = examples,
	.options = kinds_options,
	.options_bytes = sizeof(struct kinds_options),
	.arguments_max = ARGUMENTS_ANY,
	.run = kinds_run,
};
