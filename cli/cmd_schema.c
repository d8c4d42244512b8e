#include "cli/command.h"

#include "engine/scenario.h"

static int schema_run(struct invocation *invocation)
{
	struct buffer text = BUFFER_EMPTY;
	bool printed;

	(void)invocation;
	schema_write_json(scenario_keys, "sagastorm scenario", &text);
	printed = print_buffer(&text);
	buffer_release(&text);
	return printed ? EXIT_PASS : EXIT_INTERNAL;
}

static const char *const examples[] = { "schema > scenario.schema.json", NULL };

const struct command command_schema = {
	.name = "schema",
	.summary = "print the JSON Schema of the scenario language",
	.usage = "",
	.about = "Prints a JSON Schema (draft-07) of the scenario language, from the same tables "
	"that the parser uses. Editors with a YAML language server complete and check scenarios "
		 "with it, when a scenario starts with a line such as\n\n"
		 "# yaml-language-server: $schema=scenario.schema.json",
	.examples = examples,
	.run = schema_run,
};
