/*
 * Idempotency keys: what was asked with a key, and what was answered. A key belongs to a user; the
 * hash tells whether what comes with it is what came first.
 */
#include <openssl/sha.h>
#include <string.h>

#include "lib/clock.h"
#include "shop/frame.h"

enum { KEPT_S = 24 * 3600 };

const char idempotency_schema[] = "create table if not exists idempotency ("
				  " user text not null, key text not null, hash text not null,"
				  " status int, content_type text, body text, at int not null,"
				  " primary key (user, key)) without rowid;";

void idempotency_init(struct service *service)
{
	store_run(service->store, "delete from idempotency where status is null or at < ?1", "i",
		  clock_wall_us() / US_PER_S - KEPT_S);
}

static void add_part(struct buffer *out, struct text part)
{
	buffer_add_number(out, (int64_t)part.length); /* so that "a" + "bc" is not "ab" + "c" */
	buffer_add_char(out, ' ');
	buffer_add_text(out, part);
}

static void hash_request(const struct request *request, char out[2 * SHA256_DIGEST_LENGTH + 1])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char digest[SHA256_DIGEST_LENGTH];
	struct buffer all = BUFFER_EMPTY;

	add_part(&all, text_of(request->method));
	add_part(&all, text_of(request->path));
	add_part(&all, request->query);
	add_part(&all, request->body);
	SHA256((const unsigned char *)all.data, all.length, digest);
	buffer_release(&all);
	for (size_t i = 0; i < sizeof(digest); i++) {
		out[2 * i] = hex[digest[i] >> 4];
		out[2 * i + 1] = hex[digest[i] & 15];
	}
	out[2 * sizeof(digest)] = '\0';
}

static const char *owner(const struct request *request)
{
	return request->user ? request->user : "";
}

static void repeat_answer(struct request *request, struct reply *reply, struct rows *rows)
{
	const char *content_type = rows_text(rows, 2);

	reply->status = (int)rows_int(rows, 1);
	reply->content_type =
		content_type ? arena_string(request->arena, text_of(content_type)) : NULL;
	if (rows_text(rows, 3))
		buffer_add_string(&reply->raw, rows_text(rows, 3));
	buffer_add_string(&reply->headers, "Idempotent-Replayed: true\r\n");
}

static enum key_state judge(struct request *request, struct reply *reply, const char *hash,
			    struct rows *rows)
{
	if (strcmp(rows_text(rows, 0), hash) != 0 && !bug(BUG_KEY_IGNORES_BODY)) {
		reply_error(request, reply, 422, "key_misused",
			    "this Idempotency-Key came with another request before");
		return KEY_MISUSED;
	}
	if (rows_int(rows, 1) == 0) {
		reply_error(request, reply, 409, "key_busy",
			    "the first request with this Idempotency-Key is still under way");
		return KEY_BUSY;
	}
	repeat_answer(request, reply, rows);
	return KEY_REPEATED;
}

static enum key_state look(struct request *request, struct reply *reply, const char *hash)
{
	struct rows rows = store_query(request->service->store,
				       "select hash, status, content_type, body from idempotency"
				       " where user = ?1 and key = ?2",
				       "ss", owner(request), request->key);
	enum key_state state = KEY_NEW;

	if (rows_next(&rows))
		state = judge(request, reply, hash, &rows);
	rows_end(&rows);
	return state;
}

enum key_state key_look(struct request *request, struct reply *reply)
{
	char hash[2 * SHA256_DIGEST_LENGTH + 1];

	if (!request->key)
		return KEY_NEW;
	hash_request(request, hash);
	return look(request, reply, hash);
}

enum key_state key_take(struct request *request, struct reply *reply)
{
	char hash[2 * SHA256_DIGEST_LENGTH + 1];
	enum key_state state;

	if (!request->key)
		return KEY_NEW;
	hash_request(request, hash);
	state = look(request, reply, hash);
	if (state == KEY_NEW)
		store_run(request->service->store,
			  "insert into idempotency (user, key, hash, at) values (?1, ?2, ?3, ?4)",
			  "sssi", owner(request), request->key, hash, clock_wall_us() / US_PER_S);
	return state;
}

void key_answered(struct request *request, const struct reply *reply)
{
	static const char sql[] = "update idempotency set status = ?3, content_type = ?4, body = ?5"
				  " where user = ?1 and key = ?2";
	struct store *store = request->service->store;

	if (!request->key)
		return;
	if (reply->json)
		store_run(store, sql, "ssisj", owner(request), request->key, (int64_t)reply->status,
			  "application/json", reply->json);
	else
		store_run(store, sql, "ssist", owner(request), request->key, (int64_t)reply->status,
			  reply->content_type, buffer_text(&reply->raw));
}
