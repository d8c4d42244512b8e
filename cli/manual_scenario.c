/* manual_scenario: the page sagastorm-scenario(5) around the tables of keys. */
#include "cli/command.h"

#include "engine/scenario.h"

static const char head[] =
	".Dd " SAGASTORM_RELEASED "\n"
	".Dt SAGASTORM-SCENARIO 5\n"
	".Os\n"
	".Sh NAME\n"
	".Nm sagastorm-scenario\n"
	".Nd the language of scenarios\n"
	".Sh DESCRIPTION\n"
	"A scenario is a YAML file that says who visits a system, what they do there, how\n"
	"many of them come, and when.\n"
	"Everything in it is resolved and checked before the first request is sent; every\n"
	"complaint has the form\n"
	".Dl file:line:column: cause\n"
	".Ss Substitution\n"
	"Strings may hold\n"
	".Bl -tag -width Ds -compact\n"
	".It Li ${name}\n"
	"a variable: from\n"
	".Cm vars ,\n"
	"saved from an answer, or set by a step\n"
	".It Li ${source.column}\n"
	"a cell of the row that was dealt from a data source\n"
	".It Li ${env:NAME} , ${env:NAME:-default}\n"
	"an environment variable\n"
	".It Li ${secret:NAME}\n"
	"the same, masked wherever it would be shown\n"
	".It Li ${fn.uuid} , ${fn.int(1,20)}\n"
	"a function: uuid, int, float, choice, string, hex, digits, timestamp,\n"
	"timestamp_ms, date\n"
	".It Li $${\n"
	"a literal\n"
	".Li ${\n"
	".El\n"
	".Ss Units\n"
	"Durations are written as 250us, 100ms, 1.5s, 2m or 1h; rates as 20/s, 300/m or\n"
	"1000/h; sizes as 512, 64KiB or 10MB; shares as 20% or 0.2.\n"
	".Sh KEYS\n";

static const char tail[] =
	".Sh SEE ALSO\n"
	".Xr sagastorm 1\n";

void scenario_write_man(struct buffer *out)
{
	buffer_add_string(out, head);
	schema_write_manual(scenario_keys, true, out);
	buffer_add_string(out, tail);
}
