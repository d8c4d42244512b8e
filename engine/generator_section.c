/* `generator:`. See sections.h. */
#include "engine/sections.h"

static const char *const transports[] = { "auto", "direct", "curl", NULL };

#define FIELD(name) offsetof(struct generator_settings, name)

const struct key generator_keys[] = {
	{ "workers", KEY_INTEGER, FIELD(workers), .initial = "0", .maximum = 256,
	  .help = "worker processes; 0: one per core, but one core is left to the system under "
		  "test when it runs on this machine" },
	{ "max-users", KEY_INTEGER, FIELD(max_users), .initial = "10000", .minimum = 1,
	  .maximum = 1000000,
	  .help = "users at once, in all workers; a start that finds no room is counted as "
		  "dropped" },
	{ "lag-limit", KEY_DURATION, FIELD(lag_limit_us), .initial = "10ms", .minimum = 1,
	  .help = "the run is invalid if the 99th percentile of the lag (sent later than "
		  "intended) is above this" },
	{ "dropped-limit", KEY_SHARE, FIELD(dropped_limit), .initial = "1%",
	  .help = "the run is invalid if a larger share of the starts was dropped" },
	{ "cpu-limit", KEY_SHARE, FIELD(cpu_limit), .initial = "90%",
	  .help = "the run is invalid if the busiest worker used more of its core than this, in "
		  "the median second" },
	{ "stall-limit", KEY_DURATION, FIELD(stall_limit_us), .initial = "100ms", .minimum = 1,
	  .help = "the run is invalid if one turn of an event loop took longer" },
	{ "drain", KEY_DURATION, FIELD(drain_us), .initial = "30s", .maximum = 86400e6,
	  .help = "after the last phase, journeys under way get this long to end" },
	{ "transport", KEY_CHOICE, FIELD(transport), .choices = transports, .initial = "auto",
	  .help = "`direct` is the fast path for HTTP/1.1, `curl` leaves everything to libcurl; "
		  "`auto` takes `direct` unless something needs `curl`" },
	KEYS_END
};

bool generator_section_read(struct loading *loading)
{
	struct scenario *scenario = loading->scenario;

	scenario->generator = loading->sections.generator;
	if (loading->overrides && loading->overrides->transport >= 0)
		scenario->generator.transport = loading->overrides->transport;
	scenario->plan.max_users = (uint32_t)scenario->generator.max_users;
	return true;
}
