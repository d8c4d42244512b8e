#include "cli/command.h"
#include "cli/doctor.h"

#include <jansson.h>
#include <stdlib.h>

struct doctor_options {
	bool json;
};

static const struct option doctor_options[] = {
	{ "json", 0, NULL, KEY_BOOL, offsetof(struct doctor_options, json),
	  .help = "print the findings as JSON" },
	OPTIONS_END
};

static const struct check checks[] = {
	{ "descriptors", look_at_descriptors },
	{ "ports", look_at_ports },
	{ "time-wait", look_at_time_wait },
	{ "cores", look_at_cores },
	{ "busyness", look_at_busyness },
	{ "memory", look_at_memory },
	{ "huge-pages", look_at_huge_pages },
	{ "clock", look_at_clock },
	{ "wake-up", look_at_wake_up },
	{ "kernel", look_at_kernel },
	{ "libcurl", look_at_libcurl },
	{ "libevent", look_at_libevent },
	{ "openssl", look_at_openssl },
	{ "nftables", look_at_nftables },
	{ "queues", look_at_queues },
	{ "containers", look_at_containers },
	{ "rights", look_at_rights },
};

enum { CHECKS = sizeof(checks) / sizeof(checks[0]) };

static void write_line(const struct check *check, const struct finding *finding, struct buffer *out)
{
	buffer_format(out, "%-5s %-12s %s\n", finding->warning ? "warn" : "ok", check->name,
		      finding->seen.data);
	if (finding->advice.length)
		buffer_format(out, "%18s -> %s\n", "", finding->advice.data);
}

static json_t *as_json(const struct check *check, const struct finding *finding)
{
	json_t *row = json_pack("{s:s, s:s, s:s}", "name", check->name, "verdict",
				finding->warning ? "warn" : "ok", "seen", finding->seen.data);

	if (finding->advice.length)
		json_object_set_new(row, "advice", json_string(finding->advice.data));
	return row;
}

static void write_json(json_t *rows, struct buffer *out)
{
	json_t *root = json_pack("{s:s, s:o}", "schema", "sagastorm/doctor/1", "checks", rows);
	char *text = json_dumps(root, JSON_INDENT(2));

	buffer_format(out, "%s\n", text ? text : "");
	free(text);
	json_decref(root);
}

static int doctor_run(struct invocation *invocation)
{
	const struct doctor_options *options = invocation->options;
	json_t *rows = json_array();
	struct buffer out = BUFFER_EMPTY;
	int code;

	for (size_t i = 0; i < CHECKS; i++) {
		struct finding finding = { .warning = false };

		checks[i].look(&finding);
		if (options->json)
			json_array_append_new(rows, as_json(&checks[i], &finding));
		else
			write_line(&checks[i], &finding, &out);
		buffer_release(&finding.seen);
		buffer_release(&finding.advice);
	}
	if (options->json)
		write_json(rows, &out);
	else
		json_decref(rows);
	code = print_buffer(&out) ? EXIT_PASS : EXIT_INTERNAL;
	buffer_release(&out);
	return code;
}

const struct command command_doctor = {
	.name = "doctor",
	.summary = "say what limits this machine as a generator, and which faults it can make",
	.usage = "[--json]",
	.about = "Looks at descriptors, ports, cores, memory, the clock and the libraries, "
		 "measures how late this machine wakes up, and says what would limit a run "
		 "and what to do about it. Then it tries out what faults need: rules for packets "
		 "and queues, in a network namespace that is gone afterwards, and a container "
		 "engine.\n\n"
		 "Nothing is changed. The exit code is 0 whatever was found.",
	.options = doctor_options,
	.options_bytes = sizeof(struct doctor_options),
	.run = doctor_run,
};
