#include "lib/json_pointer.h"
#include "lib/json_scan.h"
#include "lib/template_parts.h"

static const bool unreserved[256] = {
	['-'] = true, ['.'] = true, ['_'] = true, ['~'] = true,
	['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
};

static void write_percent(struct text text, struct buffer *out)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (unreserved[c])
			buffer_add_char(out, (char)c);
		else
			buffer_add(out, (char[]){ '%', hex[c >> 4], hex[c & 15] }, 3);
	}
}

static void write_url(struct text text, struct buffer *out)
{
	for (size_t i = 0; i < text.length; i++) {
		if (!unreserved[(unsigned char)text.data[i]]) {
			write_percent(text, out);
			return;
		}
	}
	buffer_add_text(out, text);
}

/* Not every number that people write is one in JSON: 007, +1, 0x1f. */
static bool is_json_number(struct text text)
{
	const char *end = text.data + text.length;

	return text.length && json_number_end(text.data, end) == end;
}

static void write_json_value(struct value value, struct buffer *out)
{
	if (value.kind == VALUE_ABSENT) {
		buffer_add(out, "null", 4);
	} else if (value.kind == VALUE_STRING ||
		   (value.kind == VALUE_NUMBER && !is_json_number(value.text))) {
		buffer_add_char(out, '"');
		json_escape(out, value.text);
		buffer_add_char(out, '"');
	} else {
		buffer_add_text(out, value.text);
	}
}

static void write_header(struct text text, struct buffer *out)
{
	for (size_t i = 0, begin = 0; i <= text.length; i++) {
		bool cut = i < text.length &&
			   (text.data[i] == '\r' || text.data[i] == '\n' || text.data[i] == '\0');

		if (!cut && i < text.length)
			continue;
		buffer_add(out, text.data + begin, i - begin);
		begin = i + 1;
	}
}

void template_write_value(struct value value, enum escape escape, struct buffer *out)
{
	if (escape == ESCAPE_JSON_VALUE) {
		write_json_value(value, out);
		return;
	}
	if (value.kind == VALUE_ABSENT)
		return;
	switch (escape) {
	case ESCAPE_URL:
		write_url(value.text, out);
		return;
	case ESCAPE_JSON_STRING:
		json_escape(out, value.text);
		return;
	case ESCAPE_HEADER:
		write_header(value.text, out);
		return;
	case ESCAPE_NONE:
	case ESCAPE_JSON_VALUE:
		buffer_add_text(out, value.text);
		return;
	}
}

static void write_call(const struct template_call *call, enum escape escape,
		       const struct template_source *source, struct buffer *out)
{
	bool quoted = escape == ESCAPE_JSON_VALUE && call->function->gives == VALUE_STRING;

	if (call->function->choose) {
		template_write_value(call->function->choose(call, source)->value, escape, out);
		return;
	}
	if (quoted)
		buffer_add_char(out, '"');
	call->function->write(call, source, out);
	if (quoted)
		buffer_add_char(out, '"');
}

/* From the end to the front, so that it can be done in place: four letters for three bytes. */
static void encode_base64(struct buffer *out, size_t from)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t bytes = out->length - from, groups = (bytes + 2) / 3;
	unsigned char *data;

	buffer_reserve(out, 4 * groups - bytes);
	data = (unsigned char *)out->data + from;
	for (size_t group = groups; group-- > 0;) {
		const unsigned char *in = data + 3 * group;
		size_t left = bytes - 3 * group;
		unsigned a = in[0], b = left > 1 ? in[1] : 0, c = left > 2 ? in[2] : 0;
		char quad[4] = { letters[a >> 2], letters[(a & 3) << 4 | b >> 4],
				 left > 1 ? letters[(b & 15) << 2 | c >> 6] : '=',
				 left > 2 ? letters[c & 63] : '=' };

		memcpy(data + 4 * group, quad, sizeof(quad));
	}
	out->length = from + 4 * groups;
	out->data[out->length] = '\0';
}

static void write_base64(const struct template *inner, const struct template_source *source,
			 struct buffer *out)
{
	size_t from = out->length;

	template_render(inner, source, out);
	if (out->length > from)
		encode_base64(out, from);
}

void template_render(const struct template *template, const struct template_source *source,
		     struct buffer *out)
{
	if (template->constant) {
		buffer_add_text(out, template->fixed);
		return;
	}
	for (const struct template_part *part = template->parts, *end = part + template->count;
	     part < end; part++) {
		switch ((enum part_kind)part->kind) {
		case PART_LITERAL:
			buffer_add_text(out, part->literal);
			break;
		case PART_REF:
			template_write_value(source->get(source->context, part->ref),
					     (enum escape)part->escape, out);
			break;
		case PART_FUNCTION:
			write_call(part->call, (enum escape)part->escape, source, out);
			break;
		case PART_BASE64:
			write_base64(part->inner, source, out);
			break;
		}
	}
}

bool template_single(const struct template *template, const struct template_source *source,
		     struct value *out)
{
	if (template->count != 1 || template->parts[0].kind != PART_REF)
		return false;
	*out = source->get(source->context, template->parts[0].ref);
	return true;
}

static void show_call(const struct template_call *call, struct buffer *out)
{
	buffer_format(out, "${fn.%s", call->function->name);
	for (uint8_t i = 0; i < call->count; i++) {
		buffer_add_char(out, i ? ',' : '(');
		buffer_add_text(out, call->arguments[i].value.text);
	}
	buffer_add_string(out, call->count ? ")}" : "}");
}

void template_show(const struct template *template,
		   void (*name)(void *context, uint16_t ref, struct buffer *out), void *context,
		   struct buffer *out)
{
	if (template->constant)
		buffer_add_text(out, template->fixed);
	for (uint32_t i = 0; i < template->count && !template->constant; i++) {
		const struct template_part *part = &template->parts[i];

		if (part->kind == PART_LITERAL) {
			buffer_add_text(out, part->literal);
		} else if (part->kind == PART_FUNCTION) {
			show_call(part->call, out);
		} else if (part->kind == PART_BASE64) {
			buffer_add_string(out, "base64(");
			template_show(part->inner, name, context, out);
			buffer_add_char(out, ')');
		} else {
			buffer_add_string(out, "${");
			name(context, part->ref, out);
			buffer_add_char(out, '}');
		}
	}
}
