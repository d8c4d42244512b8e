#include "sagas/psp_parts.h"

#include <stdlib.h>

#include "lib/buffer.h"
#include "lib/server.h"

enum { LIMIT_DEFAULT = 10, LIMIT_MAX = 100 };

/* Newest first, as the provider's pages have it: from the place below `from`, down. */
struct page {
	size_t from, limit;
	bool has_more;
	json_t *data;
};

static bool fits(const struct psp_filter *filter, const struct psp_object *object)
{
	return !filter->by_intent || object->intent == filter->intent;
}

/* As the ledger has it: the provider's own times are of whole seconds. */
static void add(struct page *page, const struct psp_object *object)
{
	json_t *shown = json_loads(object->text, 0, NULL);

	json_object_set_new(shown, "witness",
			    json_pack("{s:I}", "at_us", (json_int_t)object->at_us));
	json_array_append_new(page->data, shown);
}

static void collect_down(const struct psp_filter *filter, struct page *page)
{
	for (size_t i = page->from; i > 0; i--) {
		const struct psp_object *object = &filter->shelf->objects[i - 1];

		if (!fits(filter, object))
			continue;
		if (json_array_size(page->data) == page->limit) {
			page->has_more = true;
			return;
		}
		add(page, object);
	}
}

/* The place above which the page that ends before `place` begins. */
static size_t page_before(const struct psp_filter *filter, size_t place, size_t limit)
{
	size_t i = place + 1;

	for (size_t found = 0; i < filter->shelf->count && found < limit; i++)
		found += fits(filter, &filter->shelf->objects[i]);
	return i;
}

static bool refuse(json_t **body, const char *param, const char *value)
{
	*body = psp_error_body("invalid_request_error",
			       strcmp(param, "limit") == 0 ? "parameter_invalid_integer" :
							     "resource_missing",
			       param, "No such %s: '%.100s'", param, value);
	return false;
}

static bool read_limit(struct text query, struct page *page, struct buffer *text)
{
	char *end;
	long limit;

	page->limit = LIMIT_DEFAULT;
	if (!server_parameter(query, "limit", text))
		return true;
	limit = strtol(text->data ? text->data : "", &end, 10);
	if (!text->length || *end || limit < 1 || limit > LIMIT_MAX)
		return false;
	page->limit = (size_t)limit;
	return true;
}

/* Where the page starts. NULL, or the parameter that is wrong, its value in `text`. */
static const char *read_cursor(const struct psp_filter *filter, struct text query,
			       struct page *page, struct buffer *text)
{
	static const char *const names[] = { "starting_after", "ending_before" };

	page->from = filter->shelf->count;
	for (size_t i = 0; i < 2; i++) {
		const struct psp_object *at;

		buffer_clear(text);
		if (!server_parameter(query, names[i], text))
			continue;
		at = text->length ? shelf_find(filter->shelf, text->data) : NULL;
		if (!at)
			return names[i];
		page->from = (size_t)(at - filter->shelf->objects);
		if (i == 1)
			page->from = page_before(filter, page->from, page->limit);
	}
	return NULL;
}

bool shelf_list(const struct psp_filter *filter, struct text query, json_t **body)
{
	struct buffer text = BUFFER_EMPTY;
	struct page page = { .limit = 0 };
	const char *wrong;
	bool good;

	wrong = read_limit(query, &page, &text) ? read_cursor(filter, query, &page, &text) :
						  "limit";
	good = wrong ? refuse(body, wrong, buffer_text(&text).data) : true;
	buffer_release(&text);
	if (!good)
		return false;
	page.data = json_array();
	collect_down(filter, &page);
	*body = json_pack("{s:s, s:s, s:b, s:o}", "object", "list", "url", filter->url, "has_more",
			  page.has_more, "data", page.data);
	return true;
}
