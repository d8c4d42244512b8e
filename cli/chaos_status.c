#include "cli/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "chaos/journal.h"
#include "chaos/supervisor.h"
#include "cli/chaos_edges.h"
#include "lib/clock.h"
#include "lib/visible.h"

struct status_options {
	bool json;
};

static const struct option status_options[] = {
	{ "json", 0, NULL, KEY_BOOL, offsetof(struct status_options, json),
	  .help = "print it as JSON" },
	OPTIONS_END
};

static void add_time(int64_t wall_us, struct buffer *out)
{
	time_t seconds = (time_t)(wall_us / US_PER_S);
	struct tm utc;
	char text[32];

	if (!gmtime_r(&seconds, &utc) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc))
		snprintf(text, sizeof(text), "?");
	buffer_add_string(out, text);
}

static void add_entry(const struct journal_entry *entry, struct proxy *proxy, struct buffer *out)
{
	char name[VISIBLE_MAX];
	int64_t hits;

	buffer_format(out, "  %-8s %s since ", fault_state_name(entry->state),
		      visible(name, text_of(entry->name)));
	add_time(entry->since_wall_us, out);
	buffer_add_string(out, " until ");
	add_time(entry->until_wall_us, out);
	if (entry->until_wall_us < clock_wall_us())
		buffer_add_string(out, ", overdue");
	if (chaos_hits_of(proxy, entry, &hits))
		buffer_format(out, ", %" PRId64 " hits so far", hits);
	buffer_add_char(out, '\n');
}

static void add_journal(const struct journal_contents *contents, struct proxy *proxy,
			struct buffer *out)
{
	char shown[VISIBLE_MAX];

	buffer_format(out, "%s, ", visible(shown, text_of(contents->run ? contents->run : "?")));
	buffer_format(out, "by %s: ", visible(shown, text_of(contents->by ? contents->by : "?")));
	if (contents->supervisor_alive)
		buffer_format(out, "its supervisor is process %" PRId64 "\n",
			      contents->supervisor.pid);
	else
		buffer_add_string(out, "its supervisor is dead; 'sagastorm chaos heal' heals\n");
	buffer_format(out, "  journal  %s\n", visible(shown, text_of(contents->path)));
	for (size_t i = 0; i < contents->count; i++)
		if (journal_entry_open(&contents->entries[i]))
			add_entry(&contents->entries[i], proxy, out);
	if (contents->damaged)
		buffer_add_string(out, "  the journal is damaged: there may be more\n");
	chaos_add_edges(proxy, out);
}

static json_t *entry_json(const struct journal_entry *entry, struct proxy *proxy)
{
	int64_t hits;
	json_t *json = json_pack("{s:i, s:s, s:s, s:s, s:I, s:I}", "fault", (int)entry->fault,
				 "name", entry->name, "kind", entry->kind_name, "state",
				 fault_state_name(entry->state), "since_us",
				 (json_int_t)entry->since_wall_us, "until_us",
				 (json_int_t)entry->until_wall_us);

	if (chaos_hits_of(proxy, entry, &hits))
		json_object_set_new(json, "hits", json_integer(hits));
	return json;
}

static json_t *journal_json(const struct journal_contents *contents, struct proxy *proxy)
{
	json_t *faults = json_array();

	for (size_t i = 0; i < contents->count; i++)
		if (journal_entry_open(&contents->entries[i]))
			json_array_append_new(faults, entry_json(&contents->entries[i], proxy));
	return json_pack("{s:s, s:s?, s:s?, s:s?, s:I, s:b, s:b, s:o, s:o}", "journal",
			 contents->path, "run", contents->run, "by", contents->by, "host",
			 contents->host, "supervisor", (json_int_t)contents->supervisor.pid,
			 "alive", contents->supervisor_alive, "damaged", contents->damaged,
			 "faults", faults, "edges", chaos_edges_json(proxy));
}

struct findings {
	json_t *journals;
	struct buffer text;
	bool broken, abandoned;
};

static bool look_at(const char *path, struct findings *findings, struct error *err)
{
	struct journal_contents contents;

	if (!journal_read(path, &contents, err))
		return false;
	if (contents.begun && (journal_open_count(&contents) || contents.damaged)) {
		struct proxy *proxy = chaos_proxy_of(&contents);

		findings->broken = true;
		findings->abandoned = findings->abandoned || !contents.supervisor_alive;
		add_journal(&contents, proxy, &findings->text);
		json_array_append_new(findings->journals, journal_json(&contents, proxy));
		proxy_let_go(proxy);
	}
	journal_contents_release(&contents);
	return true;
}

static bool look_at_all(const struct invocation *invocation, struct findings *findings,
			struct error *err)
{
	struct buffer directory = BUFFER_EMPTY;
	char **paths = NULL;
	size_t count = 0;
	bool good = state_directory(&directory, err) &&
		    journal_list(directory.data, &paths, &count, err);

	for (size_t i = 0; i < count; i++) {
		/* One that is gone meanwhile tells of nothing that is broken. */
		if (!look_at(paths[i], findings, err) && access(paths[i], F_OK) == 0) {
			command_fail(invocation, EXIT_NOT_HEALED, err);
			findings->abandoned = true;
		}
	}
	journal_list_free(paths, count);
	buffer_release(&directory);
	return good;
}

static void print_findings(const struct findings *findings, bool json)
{
	struct buffer out = BUFFER_EMPTY;
	char *text = NULL;

	if (json) {
		text = json_dumps(findings->journals, JSON_INDENT(2));
		buffer_format(&out, "%s\n", text ? text : "[]");
		free(text);
	} else if (findings->text.length) {
		buffer_add_text(&out, buffer_text(&findings->text));
	} else if (!findings->abandoned) {
		buffer_add_string(&out, "nothing is broken by us\n");
	}
	print_buffer(&out);
	buffer_release(&out);
}

static int status_run(struct invocation *invocation)
{
	const struct status_options *options = invocation->options;
	struct findings findings = { .journals = json_array() };
	struct error err;
	bool good = look_at_all(invocation, &findings, &err);

	if (good)
		print_findings(&findings, options->json);
	json_decref(findings.journals);
	buffer_release(&findings.text);
	if (!good)
		return command_fail(invocation, EXIT_INTERNAL, &err);
	return findings.abandoned ? EXIT_NOT_HEALED : EXIT_PASS;
}

const struct command command_chaos_status = {
	.name = "chaos status",
	.summary = "say what is broken right now, by which run, since when and until when",
	.usage = "[--json]",
	.about = "Reads the journals of the state directory. The exit code is 0 when nothing is "
		 "broken, or when a living supervisor looks after what is; it is 30 when nobody "
		 "does: then 'sagastorm chaos heal' is due.\n\n"
		 "Where faults are armed in a proxy, it is asked what they have hit so far, and what "
		 "has passed over its edges.",
	.options = status_options,
	.options_bytes = sizeof(struct status_options),
	.run = status_run,
};
