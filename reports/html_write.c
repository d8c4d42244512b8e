#include "reports/html_write.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { WORDS_BYTES_MAX = 300, FORMAT_BYTES_MAX = 600 };

static void add_escaped(struct buffer *out, struct text text)
{
	for (size_t i = 0; i < text.length; i++) {
		switch (text.data[i]) {
		case '<':
			buffer_add_string(out, "&lt;");
			break;
		case '>':
			buffer_add_string(out, "&gt;");
			break;
		case '&':
			buffer_add_string(out, "&amp;");
			break;
		case '"':
			buffer_add_string(out, "&quot;");
			break;
		case '\'':
			buffer_add_string(out, "&#39;");
			break;
		default:
			buffer_add_char(out, text.data[i]);
		}
	}
}

void html_add_text(struct buffer *out, struct text text, size_t most)
{
	struct buffer clean = BUFFER_EMPTY;

	words_add_line(&clean, text, most);
	add_escaped(out, buffer_text(&clean));
	buffer_release(&clean);
}

void html_add(struct buffer *out, const char *words)
{
	html_add_text(out, text_of(words), WORDS_BYTES_MAX);
}

void html_format(struct buffer *out, const char *format, ...)
{
	char words[FORMAT_BYTES_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(words, sizeof(words), format, arguments);
	va_end(arguments);
	html_add_text(out, text_of(words), sizeof(words));
}

void html_section_begin(struct buffer *out, const char *id, const char *title)
{
	buffer_format(out,
		      "\n<section id=\"%s\" aria-labelledby=\"%s-title\">\n"
		      "<h2 id=\"%s-title\">%s</h2>\n",
		      id, id, id, title);
}

void html_section_end(struct buffer *out)
{
	buffer_add_string(out, "</section>\n");
}

void html_table_begin(struct buffer *out, const char *caption, const struct html_column *columns,
		      size_t count)
{
	buffer_add_string(out, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" "
			       "aria-label=\"");
	html_add(out, caption);
	buffer_add_string(out, "\"><table>\n<caption>");
	html_add(out, caption);
	buffer_add_string(out, "</caption>\n<thead><tr>");
	for (size_t i = 0; i < count; i++) {
		buffer_format(out, "<th scope=\"col\"%s>", columns[i].number ? " class=\"n\"" : "");
		html_add(out, columns[i].title);
		buffer_add_string(out, "</th>");
	}
	buffer_add_string(out, "</tr></thead>\n<tbody>\n");
}

void html_table_end(struct buffer *out)
{
	buffer_add_string(out, "</tbody></table></div>\n");
}

void html_cell(struct buffer *out, const char *words)
{
	buffer_add_string(out, "<td>");
	html_add(out, words);
	buffer_add_string(out, "</td>");
}

void html_cell_head(struct buffer *out, const char *words)
{
	buffer_add_string(out, "<th scope=\"row\">");
	html_add(out, words);
	buffer_add_string(out, "</th>");
}

void html_cell_number(struct buffer *out, double value, const char *words)
{
	if (!isfinite(value)) {
		html_cell_none(out);
		return;
	}
	buffer_format(out, "<td class=\"n\" data-v=\"%.7g\">", value);
	html_add(out, words);
	buffer_add_string(out, "</td>");
}

void html_cell_none(struct buffer *out)
{
	buffer_add_string(out, "<td class=\"n none\">\xe2\x80\x93</td>");
}

const char *html_duration(char out[WORDS_MAX], int64_t us)
{
	size_t length = strlen(words_duration(out, us));

	if (length > 3 && strcmp(out + length - 3, " us") == 0)
		strcpy(out + length - 2, "\xc2\xb5s");
	return out;
}

void html_add_verdict(struct buffer *out, const char *verdict)
{
	const char *class = "maybe", *sign = "?";

	if (strcmp(verdict, "pass") == 0 || strcmp(verdict, "valid") == 0)
		class = "good", sign = "\xe2\x9c\x93";
	else if (strcmp(verdict, "fail") == 0 || strcmp(verdict, "invalid") == 0)
		class = "bad", sign = "\xe2\x9c\x97";
	buffer_format(out, "<span class=\"verdict %s\"><span aria-hidden=\"true\">%s</span> ",
		      class, sign);
	html_add(out, verdict);
	buffer_add_string(out, "</span>");
}
