/* The story of a saga that shows a violation, as a timeline. */
#include "reports/html_parts.h"

enum { LINES_MAX = 60, FAULTS_MAX = 12 };

static const char *string_in(const json_t *object, const char *key)
{
	const char *string = json_string_value(json_object_get(object, key));

	return string ? string : "";
}

static void add_line(struct page *page, const json_t *line)
{
	const json_t *at_s = json_object_get(line, "at_s");
	bool contradicts = json_is_true(json_object_get(line, "contradicts"));
	bool fault = strcmp(string_in(line, "source"), "fault") == 0;

	buffer_format(page->out, "<li class=\"%s\"><span class=\"at\">",
		      contradicts ? "contradicts" :
		      fault	  ? "fault" :
				    "plain");
	if (json_is_number(at_s))
		buffer_format(page->out, "%.3f s", json_number_value(at_s));
	buffer_add_string(page->out, "</span> <span class=\"who\">");
	html_add(page->out, string_in(line, "source"));
	buffer_add_string(page->out, "</span> <span class=\"what\">");
	if (contradicts)
		buffer_add_string(page->out, "<strong>contradicts:</strong> ");
	html_add(page->out, string_in(line, "what"));
	if (*string_in(line, "detail")) {
		buffer_add_string(page->out, ": ");
		html_add(page->out, string_in(line, "detail"));
	}
	buffer_add_string(page->out, "</span></li>\n");
}

static void add_faults(struct page *page, const json_t *faults)
{
	const json_t *fault;
	size_t i;

	if (!json_array_size(faults))
		return;
	buffer_add_string(page->out, "<p class=\"note\">Met ");
	json_array_foreach(faults, i, fault) {
		if (i >= FAULTS_MAX)
			break;
		buffer_add_string(page->out, i ? ", " : "");
		html_format(page->out, "%s (%s)", string_in(fault, "name"),
			    string_in(fault, "met"));
	}
	buffer_add_string(page->out, ".</p>\n");
}

void html_witness(struct page *page, const json_t *witness)
{
	const json_t *timeline = json_object_get(witness, "timeline"), *line;
	size_t i, count = json_array_size(timeline);

	buffer_add_string(page->out, "<article class=\"witness\">\n<h5>");
	html_add(page->out, string_in(witness, "reason"));
	buffer_add_string(page->out, "</h5>\n<p class=\"note\">saga <code>");
	html_add(page->out, string_in(witness, "saga"));
	buffer_add_string(page->out, "</code>, seed <code>");
	html_add(page->out, string_in(witness, "seed"));
	buffer_add_string(page->out, "</code></p>\n<ol class=\"story\">\n");
	json_array_foreach(timeline, i, line) {
		if (i < LINES_MAX || json_is_true(json_object_get(line, "contradicts")))
			add_line(page, line);
	}
	buffer_add_string(page->out, "</ol>\n");
	if (count > LINES_MAX)
		html_add_more(page, count - LINES_MAX);
	add_faults(page, json_object_get(witness, "faults"));
	buffer_add_string(page->out, "</article>\n");
}
