/*
 * notification: tells customers how their orders ended, by mail.
 *
 * An event becomes a row, in the transaction that notes the event: the mail that is owed.
 * Postmen, a few tasks, send what is owed and mark it. A crash between the two sends it again, with
 * the same Message-Id, so that whoever gets it twice can know. Mails of one order go one after the
 * other: nobody hears that an order was cancelled before hearing that it was confirmed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "shop/evidence.h"
#include "shop/services.h"
#include "shop/settings.h"
#include "shop/smtp.h"

enum { POSTMEN = 8, BATCH = 64, ID_BYTES_MAX = 200, POLL_US = 10 * 1000 };

#define RETRY_FIRST_US (100 * US_PER_MS)
#define RETRY_MOST_US  (5 * US_PER_S)

static const char schema[] =
	"create table if not exists notifications(id integer primary key, order_id text not null,"
	" order_key text not null, user text, kind text not null, address text not null,"
	" total_cents integer not null, correlation text, state text not null default 'OWED',"
	" attempts integer not null default 0, next_at integer not null default 0, sent_at text,"
	" at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));"
	"create index if not exists notifications_of on notifications(order_id);"
	"create index if not exists notifications_owed on notifications(next_at)"
	" where state = 'OWED';";

/* What becomes of an order, and how it is said. */
static const struct kind {
	const char *event, *name, *subject, *sentence;
} kinds[] = {
	{ "OrderConfirmed", "CONFIRMED", "Your order is confirmed",
	  "Thank you! Your order is confirmed and will be sent to you soon." },
	{ "OrderFailed", "FAILED", "Your order could not be completed",
	  "We are sorry: your order could not be completed. You have not been charged, or what "
	  "you paid has been given back." },
	{ "OrderCancelled", "CANCELLED", "Your order is cancelled",
	  "Your order is cancelled. What you paid has been or will be given back in full." },
};

static const struct kind *kind_of(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0 || strcmp(kinds[i].event, name) == 0)
			return &kinds[i];
	return NULL;
}

/* Sending. */

struct letter {
	int64_t id, total_cents, attempts;
	const struct kind *kind;
	char *order, *order_key, *address, *correlation;
	struct letter *next;
};

struct post {
	struct service *service;
	struct letter *waiting, **end; /* claimed rows, oldest first */
	uint32_t claimed;              /* of them and of those being sent */
	struct task *postmen[POSTMEN];
	int postman_count;
};

static void letter_free(struct letter *letter)
{
	free(letter->order);
	free(letter->order_key);
	free(letter->address);
	free(letter->correlation);
	free(letter);
}

/* What others wrote must not end a header line. */
static void add_header(struct buffer *out, const char *name, const char *value)
{
	buffer_format(out, "%s: ", name);
	for (; value && *value; value++)
		buffer_add_char(out, *value < ' ' || *value > '~' ? '?' : *value);
	buffer_add_string(out, "\r\n");
}

static void write_headers(struct buffer *out, const struct letter *letter)
{
	struct buffer id = BUFFER_EMPTY;

	/* The row is the order and how it ended; all its attempts are one mail. */
	buffer_format(&id, "<%s.%s.%" PRId64, letter->order, letter->kind->name, letter->id);
	if (bug(BUG_MAIL_EVERY_RETRY))
		buffer_format(&id, ".%" PRId64, clock_wall_us());
	buffer_add_string(&id, "@shop.example>");
	add_header(out, "From", "The shop <orders@shop.example>");
	add_header(out, "To", letter->address);
	add_header(out, "Subject", letter->kind->subject);
	add_header(out, "Message-Id", id.data);
	add_header(out, "X-Order-Id", letter->order);
	add_header(out, "X-Order-Key", letter->order_key);
	add_header(out, "X-Order-Outcome", letter->kind->name);
	add_header(out, "X-Correlation-Id", letter->correlation);
	add_header(out, "Content-Type", "text/plain; charset=utf-8");
	buffer_release(&id);
}

static enum smtp_result send_letter(struct smtp *smtp, const struct letter *letter)
{
	struct buffer headers = BUFFER_EMPTY, body = BUFFER_EMPTY;
	struct smtp_mail mail = { .from = "orders@shop.example", .to = letter->address };
	enum smtp_result result;
	struct error err;

	write_headers(&headers, letter);
	buffer_format(&body, "%s\n\nOrder: %s\nTotal: %" PRId64 ".%02d USD\n",
		      letter->kind->sentence, letter->order, letter->total_cents / 100,
		      (int)(letter->total_cents % 100));
	mail.headers = buffer_text(&headers);
	mail.body = buffer_text(&body);
	result = smtp_send(smtp, &mail, &err);
	buffer_release(&headers);
	buffer_release(&body);
	return result;
}

static int64_t pause_us(struct service *service, int64_t attempts)
{
	int64_t pause = RETRY_FIRST_US << (attempts < 6 ? attempts : 6);

	pause = pause < RETRY_MOST_US ? pause : RETRY_MOST_US;
	return random_between(&service->random, pause / 2, pause);
}

static void mark(struct service *service, const struct letter *letter, enum smtp_result result)
{
	static const char *const states[] = {
		[SMTP_SENT] = "SENT",
		[SMTP_REFUSED] = "REFUSED",
		[SMTP_UNKNOWN] = "OWED",
	};
	bool again = result == SMTP_UNKNOWN;

	store_begin(service->store);
	store_run(service->store,
		  "update notifications set state = ?1, attempts = attempts + 1, next_at = ?2,"
		  " sent_at = case when ?1 = 'SENT'"
		  " then strftime('%Y-%m-%dT%H:%M:%fZ', 'now') end where id = ?3",
		  "sii", states[result],
		  again ? clock_wall_us() + pause_us(service, letter->attempts) : 0, letter->id);
	store_commit(service->store);
	metric_add(service, "mails_total",
		   result == SMTP_SENT	  ? "result=\"sent\"" :
		   result == SMTP_REFUSED ? "result=\"refused\"" :
					    "result=\"unknown\"",
		   1);
}

static struct letter *take_letter(struct post *post)
{
	struct letter *letter;

	while (!post->waiting)
		task_wait();
	letter = post->waiting;
	post->waiting = letter->next;
	if (!post->waiting)
		post->end = &post->waiting;
	return letter;
}

static void be_postman(void *context)
{
	struct post *post = context;
	struct service *service = post->service;
	struct smtp *smtp = smtp_new(service->base,
				     shop_edge_url(service->settings, service->kind->name, "mail"),
				     service->settings->call_timeout_us);

	post->postmen[post->postman_count++] = task_self();
	while (!service->ending) {
		struct letter *letter = take_letter(post);

		mark(service, letter, send_letter(smtp, letter));
		letter_free(letter);
		post->claimed--;
	}
	smtp_free(smtp);
}

static char *copy(struct rows *rows, int column)
{
	const char *text = rows_text(rows, column);

	return memory_copy_string(text ? text : "");
}

static void add_letter(struct post *post, struct rows *rows)
{
	struct letter *letter = memory_new(sizeof(*letter));

	*letter = (struct letter){
		.id = rows_int(rows, 0),
		.order = copy(rows, 1),
		.order_key = copy(rows, 2),
		.kind = kind_of(rows_text(rows, 3)),
		.address = copy(rows, 4),
		.total_cents = rows_int(rows, 5),
		.correlation = copy(rows, 6),
		.attempts = rows_int(rows, 7),
	};
	*post->end = letter;
	post->end = &letter->next;
	post->claimed++;
}

/* Only when all that was claimed has been dealt with, so that no row is claimed twice. */
static bool claim(struct post *post)
{
	struct rows rows;

	rows = store_query(
		post->service->store,
		"select id, order_id, order_key, kind, address, total_cents, correlation,"
		" attempts from notifications as n where state = 'OWED' and next_at <= ?1"
		" and not exists (select 1 from notifications as e where"
		" e.order_id = n.order_id and e.id < n.id and e.state = 'OWED')"
		" order by next_at, id limit ?2",
		"ii", clock_wall_us(), (int64_t)BATCH);
	while (rows_next(&rows))
		add_letter(post, &rows);
	rows_end(&rows);
	return post->waiting;
}

static void wake_postmen(struct post *post)
{
	for (int i = 0; i < POSTMEN; i++)
		task_wake(post->postmen[i]);
}

/* A mail must not tell of what a crash could still undo: so what was claimed is settled first. */
static void started(struct service *service)
{
	struct post *post = memory_new(sizeof(*post));

	service->own = post;
	post->service = service;
	post->end = &post->waiting;
	for (int i = 0; i < POSTMEN; i++)
		task_start(be_postman, post);
	while (!service->ending) {
		if (!post->claimed && claim(post)) {
			store_settle(service->store);
			wake_postmen(post);
		}
		task_sleep_us(post->claimed ? POLL_US / 5 : POLL_US);
	}
}

/* Events. */

static const char *member(const struct event *event, const char *name)
{
	const json_t *value = json_object_get(event->data, name);

	return json_string_length(value) <= ID_BYTES_MAX ? json_string_value(value) : NULL;
}

/* Whether the customer knows that already, or something that came later. */
static bool was_told(struct service *service, const char *order, const char *kind)
{
	if (bug(BUG_NO_DEDUPE))
		return false;
	return store_int(service->store, 0,
			 "select 1 from notifications where order_id = ?1"
			 " and (kind <> 'CONFIRMED' or ?2 = 'CONFIRMED') limit 1",
			 "ss", order, kind);
}

static bool consume(struct service *service, const struct event *event)
{
	const struct kind *kind = kind_of(event->type);
	const char *order = member(event, "order_id"), *key = member(event, "order_key");
	const char *address = member(event, "email");

	if (!kind || !order || !key || !address)
		return false;
	if (was_told(service, order, kind->name))
		return true;
	store_run(service->store,
		  "insert into notifications(order_id, order_key, user, kind, address, total_cents,"
		  " correlation) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
		  "sssssis", order, key, member(event, "user"), kind->name, address,
		  json_integer_value(json_object_get(event->data, "total_cents")),
		  event->correlation);
	return true;
}

/* Calls. */

static json_t *notification_json(struct rows *rows)
{
	return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s?, s:I, s:s}", "id",
			 (json_int_t)rows_int(rows, 0), "order_id", rows_text(rows, 1), "kind",
			 rows_text(rows, 2), "to", rows_text(rows, 3), "state", rows_text(rows, 4),
			 "sent_at", rows_text(rows, 5), "attempts", (json_int_t)rows_int(rows, 6),
			 "at", rows_text(rows, 7));
}

static void get_notifications(struct request *request, struct reply *reply)
{
	static const struct evidence notifications = {
		.owner = "select user from notifications where order_id = ?1",
		.list = "select id, order_id, kind, address, state, sent_at, attempts, at"
			" from notifications where (?1 is null or order_id = ?1) and id > ?2"
			" order by id limit ?3",
		.show = notification_json,
	};

	evidence_reply(request, reply, &notifications);
}

static const struct route routes[] = {
	{ "GET", "/api/notifications", get_notifications },
	ROUTES_END
};

static const struct subscription subscriptions[] = {
	{ .type = "OrderConfirmed", .consume = consume },
	{ .type = "OrderFailed", .consume = consume },
	{ .type = "OrderCancelled", .consume = consume },
	SUBSCRIPTIONS_END
};

const struct service_kind service_notification = {
	.name = "notification",
	.schema = schema,
	.routes = routes,
	.subscriptions = subscriptions,
	.started = started,
};
