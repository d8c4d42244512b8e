#include "loadgen/phase_keys.h"

static const char *const arrivals_choices[] = { "even", "poisson", NULL };

const struct key steps_keys[] = {
	{ "from", KEY_RATE, offsetof(struct steps_keys, from), .maximum = RATE_MAX,
	  .required = true, .help = "rate of the first step" },
	{ "to", KEY_RATE, offsetof(struct steps_keys, to), .maximum = RATE_MAX, .required = true,
	  .help = "no step goes beyond this rate" },
	{ "by", KEY_RATE, offsetof(struct steps_keys, by), .maximum = RATE_MAX, .required = true,
	  .help = "how much each step adds (or takes, when `to` is below `from`)" },
	{ "each", KEY_DURATION, offsetof(struct steps_keys, each_us), .minimum = 1000,
	  .maximum = (double)PHASE_US_MAX, .required = true, .help = "how long each step lasts" },
	KEYS_END
};

const struct key spike_keys[] = {
	{ "base", KEY_RATE, offsetof(struct spike_keys, base), .maximum = RATE_MAX,
	  .required = true, .help = "the rate before and after" },
	{ "peak", KEY_RATE, offsetof(struct spike_keys, peak), .maximum = RATE_MAX,
	  .required = true, .help = "the rate at the top" },
	{ "rise", KEY_DURATION, offsetof(struct spike_keys, rise_us), .initial = "0",
	  .maximum = (double)PHASE_US_MAX, .help = "time from base to peak; 0: at once" },
	{ "hold", KEY_DURATION, offsetof(struct spike_keys, hold_us), .minimum = 1000,
	  .maximum = (double)PHASE_US_MAX, .required = true, .help = "time at the peak" },
	{ "fall", KEY_DURATION, offsetof(struct spike_keys, fall_us), .initial = "0",
	  .maximum = (double)PHASE_US_MAX, .help = "time from peak to base; 0: at once" },
	KEYS_END
};

const struct key curve_keys[] = {
	{ "file", KEY_STRING, offsetof(struct curve_keys, file), .required = true,
	  .help = "CSV whose first line is `time_s,rate_per_s`; between two points the rate "
		  "goes along a straight line", .example = "curves/monday.csv" },
	{ "scale", KEY_NUMBER, offsetof(struct curve_keys, scale), .initial = "1", .minimum = 1e-6,
	  .maximum = 1e6, .help = "multiplies the rates" },
	{ "speed", KEY_NUMBER, offsetof(struct curve_keys, speed), .initial = "1", .minimum = 1e-6,
	  .maximum = 1e6,
	  .help = "divides the times: 60 plays an hour in a minute, at the same rates" },
	KEYS_END
};

static const struct shape rate_shape = {
	.kind = SHAPE_STRING, .help = "rate, or `A to B` for a ramp",
	.pattern = "^([0-9]+(\\.[0-9]*)?|\\.[0-9]+)/(s|m|h)"
		   "( +to +([0-9]+(\\.[0-9]*)?|\\.[0-9]+)/(s|m|h))?$|\\$\\{",
};
static const struct shape users_number = { .kind = SHAPE_STRING };
static const struct shape steps_shape = { .kind = SHAPE_KEYS,
					  .name = "load-steps",
					  .keys = steps_keys };
static const struct shape spike_shape = { .kind = SHAPE_KEYS,
					  .name = "load-spike",
					  .keys = spike_keys };
static const struct shape curve_map = { .kind = SHAPE_KEYS,
					.name = "load-curve",
					.keys = curve_keys };

const struct key phase_keys[] = {
	{ "rate", KEY_NODE, offsetof(struct phase_keys, rate), .shape = &rate_shape,
	  .help = "open load: so many journeys start per second, whatever the system does; `A "
		  "to B` is a ramp", .example = "20/s to 200/s" },
	{ "users", KEY_NODE, offsetof(struct phase_keys, users), .shape = &users_number,
	  .help = "closed load: so many users, each starting anew when its journey ends; `10 to "
		  "200` is a ramp", .example = "50" },
	{ "steps", KEY_NODE, offsetof(struct phase_keys, steps), .shape = &steps_shape,
	  .help = "open load in a staircase; becomes the phases `NAME 1`, `NAME 2`, ...",
	  .example = "{ from: 50/s, to: 500/s, by: 50/s, each: 30s }" },
	{ "spike", KEY_NODE, offsetof(struct phase_keys, spike), .shape = &spike_shape,
	  .help = "open load with a peak; becomes the phases `NAME rise`, `NAME peak`, `NAME fall`",
	  .example = "{ base: 20/s, peak: 500/s, rise: 2s, hold: 10s, fall: 5s }" },
	{ "curve", KEY_NODE, offsetof(struct phase_keys, curve), .shape = &curve_map,
	  .help = "open load as it was recorded", .example = "{ file: curves/monday.csv, speed: "
	  	"60 }" },
	{ "pause", KEY_DURATION, offsetof(struct phase_keys, pause_us), .minimum = 1000,
	  .maximum = (double)PHASE_US_MAX,
	  .help = "nothing starts for so long; what is under way goes on" },
	{ "for", KEY_DURATION, offsetof(struct phase_keys, for_us), .minimum = 1000,
	  .maximum = (double)PHASE_US_MAX,
	  .help = "how long (`rate`, `users`); at most so long with `iterations`, where the "
		  "default is 10m", .example = "60s" },
	{ "iterations", KEY_INTEGER, offsetof(struct phase_keys, iterations), .minimum = 1,
	  .maximum = 1e9,
	  .help = "with `users`: ends when all of them together have made so many starts" },
	{ "arrivals", KEY_CHOICE, offsetof(struct phase_keys, arrivals),
	  .choices = arrivals_choices, .initial = "even",
	  .help = "open load: evenly spaced, or at random like people who know nothing of each "
		  "other" },
	{ "measure", KEY_BOOL, offsetof(struct phase_keys, measure), .initial = "yes",
	  .help = "whether the phase counts in the totals; say no for a warm-up" },
	KEYS_END
};

static const struct shape phase_shape = { .kind = SHAPE_KEYS, .name = "phase", .keys = phase_keys };
const struct shape load_shape = { .kind = SHAPE_MAP_OF, .of = &phase_shape };
