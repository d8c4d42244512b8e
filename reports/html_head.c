/* The head of the page, the bar on top of it, and its end. */
#include <openssl/evp.h>
#include <string.h>

#include "lib/clock.h"
#include "reports/html_assets.h"
#include "reports/html_parts.h"
#include "reports/words.h"

/* What a Content-Security-Policy knows our own style and script by. */
static void add_hash(struct buffer *out, struct text text)
{
	unsigned char digest[EVP_MAX_MD_SIZE], words[64];
	unsigned length = 0;

	if (!EVP_Digest(text.data, text.length, digest, &length, EVP_sha256(), NULL))
		return;
	EVP_EncodeBlock(words, digest, (int)length);
	buffer_format(out, "'sha256-%s'", (const char *)words);
}

/*
 * Nothing but our own style and script may do anything, whatever a name or a sample might contain,
 * and even those nothing over the network.
 */
static void add_policy(struct buffer *out)
{
	buffer_add_string(out, "<meta http-equiv=\"Content-Security-Policy\" content=\""
			       "default-src 'none'; style-src ");
	add_hash(out, html_style());
	buffer_add_string(out, "; script-src ");
	add_hash(out, html_script());
	buffer_add_string(out, "; base-uri 'none'; form-action 'none'\">\n");
}

static void add_links(struct page *page)
{
	static const struct {
		const char *id, *title;
	} links[] = {
		{ "gates", "Gates" },	    { "errors", "Errors" },
		{ "sagas", "Sagas" },	    { "requests", "Requests" },
		{ "timeline", "Over time" }, { "spread", "Latency" },
		{ "faults", "Faults" },	    { "environment", "Environment" },
	};

	buffer_add_string(page->out, "<nav aria-label=\"Sections\"><ul>");
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		if (strcmp(links[i].id, "faults") == 0 && !page->report->faults->count)
			continue;
		if (strcmp(links[i].id, "sagas") == 0 && !json_object_size(page->report->sagas))
			continue;
		buffer_format(page->out, "<li><a href=\"#%s\">%s</a></li>", links[i].id,
			      links[i].title);
	}
	buffer_add_string(page->out, "</ul></nav>\n");
}

static void add_fact(struct page *page, const char *name, const char *words)
{
	buffer_format(page->out, "<div><dt>%s</dt><dd>", name);
	html_add(page->out, words);
	buffer_add_string(page->out, "</dd></div>\n");
}

static void add_facts(struct page *page)
{
	const struct meta *meta = page->report->meta;
	char words[WORDS_MAX], started[40];

	buffer_add_string(page->out, "<dl class=\"facts\">\n");
	snprintf(words, sizeof(words), "%d", page->report->verdict.exit_code);
	add_fact(page, "exit code", words);
	add_fact(page, "took", html_duration(words, figures_duration_us(page->report->figures)));
	snprintf(started, sizeof(started), "%.10s %.8s UTC", meta->started,
		 strlen(meta->started) > 11 ? meta->started + 11 : "");
	if (*meta->started)
		add_fact(page, "started", started);
	if (*meta->seed)
		add_fact(page, "seed", meta->seed);
	if (*meta->target)
		add_fact(page, "target", meta->target);
	buffer_add_string(page->out, "</dl>\n");
}

static const char *verdict_class(const struct report *report)
{
	return report->verdict.exit_code == 0	    ? "good" :
	       report->verdict.name[0] == 'f' ? "bad" :
						"maybe";
}

static const char *name_of(const struct report *report)
{
	return *report->meta->name ? report->meta->name : "a run without a name";
}

static void add_bar(struct page *page)
{
	const struct report *report = page->report;

	buffer_format(page->out,
		      "<header class=\"%s\">\n<p class=\"product\">sagastorm report</p>\n"
		      "<div class=\"title\"><h1>",
		      verdict_class(report));
	html_add(page->out, name_of(report));
	buffer_add_string(page->out, "</h1>\n<p class=\"stamp\">");
	buffer_add_string(page->out, report->verdict.exit_code == 0	  ? "PASS" :
				     report->verdict.name[0] == 'f' ? "FAIL" :
								      "UNKNOWN");
	buffer_add_string(page->out, "</p></div>\n");
	if (*report->meta->about) {
		buffer_add_string(page->out, "<p class=\"about\">");
		html_add_text(page->out, text_of(report->meta->about), 1000);
		buffer_add_string(page->out, "</p>\n");
	}
	add_facts(page);
	buffer_add_string(page->out, "</header>\n");
}

void html_head(struct page *page)
{
	struct buffer *out = page->out;

	buffer_add_string(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
			       "<meta charset=\"utf-8\">\n");
	add_policy(out);
	buffer_add_string(out, "<meta name=\"viewport\" content=\"width=device-width, "
			       "initial-scale=1\">\n<meta name=\"generator\" content=\"sagastorm "
			       "");
	html_add(out, page->report->meta->version);
	buffer_add_string(out, "\">\n<title>");
	html_format(out, "%s: %s", name_of(page->report), page->report->verdict.name);
	buffer_add_string(out, "</title>\n<style>");
	buffer_add_text(out, html_style());
	buffer_add_string(out, "</style>\n</head>\n<body>\n"
			       "<a class=\"skip\" href=\"#main\">Skip to the verdict</a>\n");
	add_bar(page);
	add_links(page);
	buffer_add_string(out, "<main id=\"main\" tabindex=\"-1\">\n");
}

void html_end(struct page *page)
{
	buffer_add_string(page->out, "</main>\n<footer><p>Made by sagastorm ");
	html_add(page->out, page->report->meta->version);
	buffer_add_string(page->out, " from the history of the run alone; <code>sagastorm report"
				     "</code> makes it again. Latency counts from the moment a "
				     "request was meant to be sent.</p></footer>\n<script>");
	buffer_add_text(page->out, html_script());
	buffer_add_string(page->out, "</script>\n</body>\n</html>\n");
}
