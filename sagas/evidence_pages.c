/*
 * Over HTTP: page by page, or saga by saga. A page must lead somewhere new: a cursor that was there
 * before, or the same page again, ends the reading as incomplete.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "lib/saga_key.h"
#include "lib/url.h"
#include "sagas/evidence_parts.h"

enum { CURSOR_MAX = 500, LOGINS_MAX = 2 };

/* Paths. */

static void fill_name(struct buffer *url, const struct contract *contract, struct text name,
		      const char *key, const char *id, struct text cursor)
{
	size_t length = strlen(contract->name);
	bool own = name.length > length && memcmp(name.data, contract->name, length) == 0;

	if (text_is(name, "cursor") || text_is(name, "page"))
		url_encode(url, cursor);
	else if (own && text_is((struct text){ name.data + length, name.length - length }, ".key"))
		url_encode(url, text_of(key ? key : ""));
	else if (own && text_is((struct text){ name.data + length, name.length - length }, ".id"))
		url_encode(url, text_of(id ? id : ""));
}

void path_fill(struct buffer *url, const struct contract *contract, const char *path,
	       const char *key, const char *id, struct text cursor)
{
	while (*path) {
		const char *start = strstr(path, "${");
		const char *end = start ? strchr(start, '}') : NULL;

		if (!end) {
			buffer_add_string(url, path);
			return;
		}
		buffer_add(url, path, (size_t)(start - path));
		fill_name(url, contract, (struct text){ start + 2, (size_t)(end - start) - 2 }, key,
			  id, cursor);
		path = end + 1;
	}
}

/* NULL: there is no such service. */
static const char *base_of(const struct source_reading *reading)
{
	const struct evidence_settings *settings = &reading->evidence->settings;
	const char *target = reading->source ? reading->source->target : NULL;

	if (!target)
		return settings->target;
	if (strstr(target, "://"))
		return target;
	return settings->service_url ? settings->service_url(settings->context, target) : NULL;
}

/* Logging in. */

struct login {
	struct evidence *evidence;
	const struct contract *contract;
	bool asked, good;
	char why[ERROR_MAX];
};

static bool ask_login(void *context, struct buffer *url, uint64_t *tag)
{
	struct login *login = context;

	if (login->asked)
		return false;
	login->asked = true;
	*tag = 0;
	buffer_format(url, "%s%s", login->evidence->settings.target, login->contract->login.post);
	return true;
}

/* A token becomes a header line: nothing may end that. */
static bool is_token(struct text token)
{
	for (size_t i = 0; i < token.length; i++)
		if ((unsigned char)token.data[i] <= ' ' || (unsigned char)token.data[i] >= 0x7f)
			return false;
	return token.length > 0 && token.length < 8192;
}

static void take_login(void *context, uint64_t tag, const struct fetched *fetched)
{
	struct login *login = context;
	struct evidence *evidence = login->evidence;
	const struct contract *contract = login->contract;
	struct value token;

	(void)tag;
	if (fetched->problem || fetched->status < 200 || fetched->status > 299) {
		snprintf(login->why, sizeof(login->why), "login: %.200s%d",
			 fetched->problem ? fetched->problem : "status ", fetched->status);
		return;
	}
	token = entry_value(evidence, &contract->login.token, fetched->body);
	login->good = token.kind == VALUE_STRING && is_token(token.text);
	if (!login->good) {
		snprintf(login->why, sizeof(login->why), "login: no token");
		return;
	}
	free(evidence->tokens[contract->number]);
	evidence->tokens[contract->number] = memory_array(token.text.length + 1, 1);
	memcpy(evidence->tokens[contract->number], token.text.data, token.text.length);
}

bool evidence_login(struct evidence *evidence, const struct contract *contract, bool anew,
		    struct error *err)
{
	struct login login = { .evidence = evidence, .contract = contract };
	const struct fetch_plan plan = { .body = contract->login.body,
					 .next = ask_login,
					 .done = take_login,
					 .context = &login };

	if (!contract->login.given || contract->login.bearer ||
	    (evidence->tokens[contract->number] && !anew))
		return true;
	if (!fetcher_run(evidence->fetcher, &plan, err))
		return false;
	return login.good || error_set(err, "%s", login.why);
}

/* One page. */

struct page {
	struct source_reading *reading;
	const char *url;
	bool asked, unauthorized, answered;
	void (*entry)(struct source_reading *reading, struct text entry);
	const struct json_pointer *each, *cursor;
	uint64_t entries;
	uint64_t sum;                /* of the answer */
	char last[CURSOR_MAX + 1];   /* what the cursor of the last entry was; "": none */
};

static bool ask_page(void *context, struct buffer *url, uint64_t *tag)
{
	struct page *page = context;

	if (page->asked)
		return false;
	page->asked = true;
	*tag = 0;
	buffer_add_string(url, page->url);
	return true;
}

static bool take_entry(void *context, struct json_found *element)
{
	struct page *page = context;
	struct value value;

	page->entries++;
	if (element->kind != VALUE_JSON) {
		page->reading->read++;
		page->reading->strange++;
		return true;
	}
	page->entry(page->reading, element->raw);
	if (!page->cursor)
		return true;
	value = entry_value(page->reading->evidence, page->cursor, element->raw);
	page->last[0] = '\0';
	if ((value.kind == VALUE_STRING || value.kind == VALUE_NUMBER) &&
	    value.text.length <= CURSOR_MAX && !memchr(value.text.data, '\0', value.text.length))
		snprintf(page->last, sizeof(page->last), "%.*s", TEXT_ARG(value.text));
	return true;
}

static bool find_list(const struct page *page, struct text body, struct text *list)
{
	struct json_found found;

	*list = body;
	if (!page->each || !pointer_given(page->each))
		return true;
	if (json_find(page->each, body, &found) != JSON_FOUND || found.kind != VALUE_JSON)
		return false;
	*list = found.raw;
	return true;
}

static void take_page(void *context, uint64_t tag, const struct fetched *fetched)
{
	struct page *page = context;
	struct text list;
	char why[60];

	(void)tag;
	page->answered = true;
	page->unauthorized = fetched->status == 401;
	if (page->unauthorized)
		return;
	if (fetched->problem) {
		source_breaks(page->reading, fetched->problem);
	} else if (fetched->status != 200) {
		snprintf(why, sizeof(why), "status %d", fetched->status);
		source_breaks(page->reading, why);
	} else if (!find_list(page, fetched->body, &list) ||
		   json_each(list, take_entry, page) != JSON_FOUND) {
		source_breaks(page->reading, "no list in the answer");
	} else {
		page->sum = text_hash(fetched->body);
	}
}

static bool get_page(struct page *page, double rate_per_s, struct error *err)
{
	struct source_reading *reading = page->reading;
	struct evidence *evidence = reading->evidence;

	for (int logins = 0; logins < LOGINS_MAX; logins++) {
		struct fetch_plan plan = { .rate_per_s = rate_per_s,
					   .tries = evidence->settings.live ? 1 : 0,
					   .bearer = evidence_token(evidence, reading->contract),
					   .next = ask_page,
					   .done = take_page,
					   .context = page };
		struct error why;

		page->asked = page->unauthorized = page->answered = false;
		if (!fetcher_run(evidence->fetcher, &plan, err))
			return false;
		if (!page->unauthorized || !reading->contract->login.given)
			break;
		if (!evidence_login(evidence, reading->contract, true, &why))
			source_breaks(reading, why.text);
	}
	if (page->unauthorized)
		source_breaks(reading, "status 401");
	return true;
}

/* Pages. */

struct pages {
	struct source_reading *reading;
	const char *base, *first, *path; /* path of the first page, and of the others */
	enum source_paging paging;
	const char *first_cursor;
	double rate_per_s;
	const struct json_pointer *each, *cursor;
	void (*entry)(struct source_reading *reading, struct text entry);
};

/* Where the next page begins: somewhere that was not begun at before. False: that was the last. */
static bool step_on(struct source_reading *reading, const struct page *page,
		    enum source_paging paging, struct hash_map *seen, uint64_t number,
		    struct buffer *cursor)
{
	if (paging == PAGING_NONE || page->entries == 0 || reading->broken)
		return false;
	buffer_clear(cursor);
	if (paging == PAGING_NUMBER) {
		buffer_add_number(cursor, (int64_t)number + 1);
		if (hash_map_add(seen, page->sum, 0))
			return true;
		source_breaks(reading, "the same page again");
		return false;
	}
	buffer_add_string(cursor, page->last);
	if (!page->last[0])
		source_breaks(reading, "no cursor in an entry");
	else if (!hash_map_add(seen, text_hash(text_of(page->last)), 0))
		source_breaks(reading, "the cursor goes round");
	return !reading->broken;
}

static void check_bounds(struct source_reading *reading, uint64_t number)
{
	if (number >= EVIDENCE_PAGES_MAX)
		source_breaks(reading, "too many pages");
	if (clock_now_us() > reading->until_us)
		source_breaks(reading, "took too long");
	if (reading->read > EVIDENCE_ENTRIES_MAX)
		source_breaks(reading, "too many entries");
}

static bool read_pages(const struct pages *pages, struct error *err)
{
	struct source_reading *reading = pages->reading;
	struct hash_map seen = { NULL, NULL, 0, 0 };
	struct buffer cursor = BUFFER_EMPTY, url = BUFFER_EMPTY;
	bool more = true, good = true;

	buffer_add_string(&cursor, pages->paging == PAGING_NUMBER ? "1" : pages->first_cursor);
	if (pages->paging == PAGING_CURSOR && cursor.length)
		hash_map_add(&seen, text_hash(buffer_text(&cursor)), 0);
	for (uint64_t number = 1; more && good; number++) {
		struct page page = { .reading = reading,
				     .each = pages->each,
				     .cursor = pages->cursor,
				     .entry = pages->entry };

		buffer_clear(&url);
		buffer_add_string(&url, pages->base);
		path_fill(&url, reading->contract, number == 1 ? pages->first : pages->path, NULL,
			  NULL, buffer_text(&cursor));
		page.url = url.data;
		good = get_page(&page, pages->rate_per_s, err);
		check_bounds(reading, number);
		more = good && step_on(reading, &page, pages->paging, &seen, number, &cursor);
	}
	hash_map_release(&seen);
	buffer_release(&cursor);
	buffer_release(&url);
	return good;
}

static void take_bulk(struct source_reading *reading, struct text entry)
{
	entry_read(reading, entry, SAGA_NONE);
}

/* Saga by saga. */

struct by_saga {
	struct source_reading *reading;
	struct known_saga *known;
	uint32_t next;
	uint64_t unauthorized;
};

static bool ask_about(void *context, struct buffer *url, uint64_t *tag)
{
	struct by_saga *by = context;
	struct evidence *evidence = by->reading->evidence;
	const struct contract *contract = by->reading->contract;
	char key[SAGA_KEY_BYTES];

	if (clock_now_us() > by->reading->until_us && by->next < evidence->known.count)
		source_breaks(by->reading, "took too long");
	for (; by->next < evidence->known.count && !by->reading->broken; by->next++) {
		struct known_saga *saga = known_saga(&evidence->known, by->next, contract->number);
		const char *id = saga ? known_id(&evidence->known, saga) : NULL;

		if (!saga || (!id && strstr(by->reading->source->read, ".id}")))
			continue; /* what has no name can't be asked for by it */
		saga_key_write(evidence->settings.run, contract->number, by->next, key);
		buffer_add_string(url, base_of(by->reading));
		path_fill(url, contract, by->reading->source->read, key, id, text_of("1"));
		*tag = by->next++;
		return true;
	}
	return false;
}

struct saga_entries {
	struct source_reading *reading;
	uint32_t saga;
};

static bool take_of_saga(void *context, struct json_found *element)
{
	struct saga_entries *entries = context;

	if (element->kind == VALUE_JSON) {
		entry_read(entries->reading, element->raw, entries->saga);
		return true;
	}
	entries->reading->read++;
	entries->reading->strange++;
	return true;
}

/* Without `each` the answer is the list, or the one entry. */
static bool take_list(struct saga_entries *entries, struct text body)
{
	const struct json_pointer *each = &entries->reading->source->each;
	struct json_found found = { .raw = body };
	enum json_result result;

	if (pointer_given(each) && json_find(each, body, &found) != JSON_FOUND)
		return false;
	result = json_each(found.raw, take_of_saga, entries);
	if (result != JSON_MISSING || pointer_given(each))
		return result == JSON_FOUND;
	entry_read(entries->reading, body, entries->saga);
	return true;
}

/* 404: there is nothing about it. */
static void take_about(void *context, uint64_t tag, const struct fetched *fetched)
{
	struct by_saga *by = context;
	struct source_reading *reading = by->reading;
	struct saga_entries entries = { reading, (uint32_t)tag };
	char why[60];

	if (fetched->problem) {
		source_breaks(reading, fetched->problem);
	} else if (fetched->status == 404) {
		return;
	} else if (fetched->status != 200) {
		snprintf(why, sizeof(why), "status %d", fetched->status);
		source_breaks(reading, why);
	} else if (!take_list(&entries, fetched->body)) {
		source_breaks(reading, "no list in the answer");
	}
}

static bool read_by_saga(struct source_reading *reading, struct error *err)
{
	struct by_saga by = { .reading = reading };
	const struct fetch_plan plan = { .rate_per_s = reading->source->rate_per_s,
					 .bearer = evidence_token(reading->evidence,
								  reading->contract),
					 .next = ask_about,
					 .done = take_about,
					 .context = &by };

	return fetcher_run(reading->evidence->fetcher, &plan, err);
}

bool pages_read(struct source_reading *reading, struct error *err)
{
	const struct source *source = reading->source;
	const struct pages pages = {
		.reading = reading,
		.base = base_of(reading),
		.first = source->read,
		.path = source->read,
		.paging = source->paging,
		.first_cursor = source->first_cursor ? source->first_cursor : "",
		.rate_per_s = source->rate_per_s,
		.each = &source->each,
		.cursor = source->paging == PAGING_CURSOR ? &source->cursor : NULL,
		.entry = take_bulk,
	};
	struct error why;

	if (!pages.base) {
		source_breaks(reading, "no such service");
		return true;
	}
	if (!evidence_login(reading->evidence, reading->contract, false, &why)) {
		source_breaks(reading, why.text);
		return true;
	}
	return source->per_saga ? read_by_saga(reading, err) : read_pages(&pages, err);
}

bool stock_pages_read(struct source_reading *reading, struct error *err)
{
	const struct stock_source *stock = &reading->contract->stock;
	const struct pages pages = {
		.reading = reading,
		.base = base_of(reading),
		.first = stock->read,
		.path = stock->read,
		.paging = stock->paging,
		.first_cursor = stock->first_cursor ? stock->first_cursor : "",
		.each = &stock->each,
		.cursor = stock->paging == PAGING_CURSOR ? &stock->cursor : NULL,
		.entry = stock_read,
	};
	struct error why;

	if (!evidence_login(reading->evidence, reading->contract, false, &why)) {
		source_breaks(reading, why.text);
		return true;
	}
	return read_pages(&pages, err);
}

/* Witnesses over their own HTTP: the same entries as in their ledgers. */

static bool read_witness_list(struct source_reading *reading, const char *url, const char *path,
			      const char *each, const char *after, struct error *err)
{
	struct arena arena = ARENA_EMPTY;
	struct json_pointer list, id;
	struct pages pages = { .reading = reading,
			       .base = url,
			       .first = path,
			       .paging = PAGING_CURSOR,
			       .first_cursor = "",
			       .rate_per_s = reading->source->rate_per_s,
			       .each = &list,
			       .cursor = &id,
			       .entry = take_bulk };
	bool good;

	pages.path = arena_format(&arena, "%s&%s=${cursor}", path, after);
	good = json_pointer_compile(&list, text_of(each), &arena, err) &&
	       json_pointer_compile(&id, text_of("/id"), &arena, err) && read_pages(&pages, err);
	arena_release(&arena);
	return good;
}

bool witness_pages_read(struct source_reading *reading, const char *url, struct error *err)
{
	if (reading->source->from == FROM_MAIL)
		return read_witness_list(reading, url, "/mails?limit=100", "/items", "after", err);
	return read_witness_list(reading, url, "/v1/payment_intents?limit=100", "/data",
				 "starting_after", err) &&
	       read_witness_list(reading, url, "/v1/refunds?limit=100", "/data", "starting_after",
				 err);
}

/* The provider lists the newest first, so what came before them may be missed: it is read later. */
bool witness_poll(struct source_reading *reading, const char *url, struct buffer *cursor,
		  struct error *err)
{
	bool mail = reading->source->from == FROM_MAIL;
	struct arena arena = ARENA_EMPTY;
	struct buffer path = BUFFER_EMPTY;
	struct json_pointer list, id;
	struct page page = { .reading = reading, .each = &list, .cursor = &id, .entry = take_bulk };
	bool good;

	buffer_format(&path, "%s%s", url,
		      mail ? "/mails?limit=1000" : "/v1/payment_intents?limit=100");
	if (mail && cursor->length) {
		buffer_add_string(&path, "&after=");
		url_encode(&path, buffer_text(cursor));
	}
	page.url = path.data;
	good = json_pointer_compile(&list, text_of(mail ? "/items" : "/data"), &arena, err) &&
	       json_pointer_compile(&id, text_of("/id"), &arena, err) &&
	       get_page(&page, reading->source->rate_per_s, err);
	if (mail && page.last[0]) {
		buffer_clear(cursor);
		buffer_add_string(cursor, page.last);
	}
	buffer_release(&path);
	arena_release(&arena);
	return good;
}
