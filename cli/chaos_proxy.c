#include "cli/command.h"

#include <stdio.h>

#include "chaos/proxy.h"
#include "chaos/supervisor.h"
#include "lib/file.h"

struct proxy_options {
	char *control;
};

static const struct option proxy_options[] = {
	{ "control", 0, "SOCKET", KEY_STRING, offsetof(struct proxy_options, control),
	  .help = "unix socket where faults come from (default: what the system file says, else "
		  "one in the state directory)" },
	OPTIONS_END
};

static const char *control_of(struct invocation *invocation, const struct system *system,
			      struct error *err)
{
	const struct proxy_options *options = invocation->options;
	struct buffer directory = BUFFER_EMPTY;
	char *path = NULL;

	if (options->control || system->control)
		return options->control ? options->control : system->control;
	if (state_directory(&directory, err) && file_make_directory(directory.data, err))
		path = arena_format(invocation->arena, "%s/proxy-%s.sock", directory.data,
				    system->name);
	for (char *c = path ? path + directory.length + 1 : NULL; c && *c; c++)
		if (*c == '/')
			*c = '-';
	buffer_release(&directory);
	return path;
}

/* Once it listens, and not before, it says where. */
static void say_edge(void *context, const struct edge *edge, uint16_t port)
{
	struct address listens = { .host = text_of("127.0.0.1") };
	const char **control = context;

	if (*control)
		printf("faults come over control: %s\n", *control);
	*control = NULL;
	if (edge->listen)
		address_read(text_of(edge->listen), &listens, NULL);
	printf("%s: %.*s:%u leads to %s%s\n", edge->name, TEXT_ARG(listens.host), port, edge->url,
	       edge->listen ? "" : " (no 'listen' in the system file: any free port)");
	fflush(stdout);
}

static bool read_system(struct invocation *invocation, struct system *system)
{
	struct complaints complaints = COMPLAINTS_EMPTY;
	struct reading reading = { invocation->arena, &complaints, NULL, NULL };
	bool good = system_read_file(invocation->arguments.items[0], &reading, system);

	if (good && !system->edge_count)
		good = complain(&complaints, (struct place){ invocation->arguments.items[0], 0, 0 },
				"a system without edges: there is nothing to stand in for");
	command_complain(&complaints);
	complaints_release(&complaints);
	return good;
}

static int proxy_run_alone(struct invocation *invocation)
{
	struct system system;
	const char *control, *unsaid;
	struct proxy_ready ready = { say_edge, &unsaid };
	struct error err;

	if (!read_system(invocation, &system))
		return EXIT_USAGE;
	control = control_of(invocation, &system, &err);
	if (!control)
		return command_fail(invocation, EXIT_INTERNAL, &err);
	unsaid = control;
	if (!proxy_serve(&system, control, ready, &err))
		return command_fail(invocation, EXIT_NOT_READY, &err);
	return EXIT_PASS;
}

static const char *const examples[] = { "chaos proxy systems/compose.yaml", NULL };

const struct command command_chaos_proxy = {
	.name = "chaos proxy",
	.summary = "stand in for the edges of a system, until faults are wanted",
	.usage = "[options] SYSTEM",
	.about = "Listens for every edge of the system file and passes everything on as it is. "
		 "Callers are led there once and stay so, while `sagastorm run` and `sagastorm "
		 "chaos arm` come and go: they find it by `control:` in the system file. When one "
		 "of them ends, however it ends, its faults are dropped at once. Ends with Ctrl-C "
		 "or SIGTERM.",
	.examples = examples,
	.options = proxy_options,
	.options_bytes = sizeof(struct proxy_options),
	.arguments_min = 1,
	.arguments_max = 1,
	.run = proxy_run_alone,
};
