/*
 * auth: who there is, and tokens that say so.
 *
 * An access token is valid until it expires, whatever happens to its user meanwhile: the gateway
 * asks nobody. What can be taken back are refresh tokens: random, kept as their SHA-256, void
 * once used.
 */
#include "shop/services.h"

#include <ctype.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "shop/jwt.h"
#include "shop/password.h"
#include "shop/service.h"
#include "shop/settings.h"

enum {
	SEEDED_CUSTOMERS = 1000,
	EMAIL_MAX = 254,
	NAME_MAX_BYTES = 100,
	PASSWORD_MIN = 8,
	PASSWORD_MAX = 128, /* PBKDF2 bears more; nobody remembers more */
	PAGE_MAX = 100,
	SECRET_BYTES = 32,
	SECRET_HEX = 2 * SECRET_BYTES + 1,
};

static const char schema[] =
	"create table if not exists users (id text primary key, email text not null unique,"
	" name text not null, role text not null check (role in ('customer', 'admin')),"
	" password text not null, created_at text not null) strict, without rowid;"
	"create table if not exists refresh_tokens (hash text primary key, user text not null,"
	" expires_s integer not null) strict, without rowid;"
	"create index if not exists refresh_tokens_of_user on refresh_tokens (user);"
	"create index if not exists refresh_tokens_by_end on refresh_tokens (expires_s);";

struct user {
	const char *id, *email, *name, *role, *password;
};

static struct store *store_of(const struct request *request)
{
	return request->service->store;
}

static int64_t now_s(void)
{
	return clock_wall_us() / US_PER_S;
}

static bool say_broken(struct request *request, struct reply *reply, const struct error *err)
{
	reply_error(request, reply, 500, "internal", "%s", err->text);
	return false;
}

/* Seeding. */

static void seed_user(struct store *store, const char *id, const char *email, const char *role,
		      const char *password, const char *at)
{
	const char *name = strcmp(role, "admin") == 0 ? "Admin" : "Customer";

	store_run(store, "insert or ignore into users values (?1, ?2, ?3, ?4, ?5, ?6)", "ssssss",
		  id, email, name, role, password, at);
}

/* One hash for all customers: a thousand of them would be half a second of every start. */
static bool seed(struct service *service, struct arena *arena)
{
	char customer[PASSWORD_STORED_MAX], admin[PASSWORD_STORED_MAX];
	const char *at = time_now_iso(arena);
	char id[24], email[64];

	if (!password_hash("password", customer, NULL) || !password_hash("admin", admin, NULL))
		return false;
	store_begin(service->store);
	seed_user(service->store, "usr_admin", "admin@shop.example", "admin", admin, at);
	for (int n = 1; n <= SEEDED_CUSTOMERS; n++) {
		snprintf(id, sizeof(id), "usr_%d", n);
		snprintf(email, sizeof(email), "customer-%d@shop.example", n);
		seed_user(service->store, id, email, "customer", customer, at);
	}
	store_commit(service->store);
	return true;
}

static void forget_expired(struct service *service)
{
	while (!service->ending) {
		store_run(service->store, "delete from refresh_tokens where expires_s <= ?1", "i",
			  now_s());
		task_sleep_us(60 * US_PER_S);
	}
}

static void started(struct service *service)
{
	struct arena arena = ARENA_EMPTY;

	service->own = jwt_key_new(service->settings->jwt_secret);
	if (store_int(service->store, 0, "select count(*) from users", "") == 0 &&
	    !seed(service, &arena))
		abort(); /* an OpenSSL without PBKDF2 or without random numbers */
	arena_release(&arena);
	forget_expired(service);
}

/* Users. */

/* `where` is one of ours, with ?1. The strings are in the request's arena. */
static bool find_user(struct request *request, const char *sql, const char *what, struct user *user)
{
	struct rows rows = store_query(store_of(request), sql, "s", what);
	const char **fields[] = { &user->id, &user->email, &user->name, &user->role,
				  &user->password };
	bool found = rows_next(&rows);

	for (int i = 0; found && i < 5; i++)
		*fields[i] = arena_string(request->arena, text_of(rows_text(&rows, i)));
	rows_end(&rows);
	return found;
}

static bool find_by_id(struct request *request, const char *id, struct user *user)
{
	return find_user(request, "select id, email, name, role, password from users where id = ?1",
			 id, user);
}

static bool find_by_email(struct request *request, const char *email, struct user *user)
{
	return find_user(request,
			 "select id, email, name, role, password from users where email = ?1",
			 email, user);
}

static json_t *public_user(const struct user *user)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "id", user->id, "email", user->email, "name",
			 user->name, "role", user->role);
}

static bool looks_like_email(const char *email)
{
	const char *at = strchr(email, '@');

	for (const char *p = email; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 127)
			return false;
	return at && at > email && at[1] && !strchr(at + 1, '@') && strchr(at + 1, '.');
}

/* Lower case, so that one mailbox is one user. */
static bool read_email(struct request *request, struct reply *reply, const char **out)
{
	const char *given;
	char *email;

	if (!request_string(request, reply, "email", EMAIL_MAX, &given))
		return false;
	if (!looks_like_email(given)) {
		reply_error(request, reply, 400, "bad_email", "this is no e-mail address");
		return false;
	}
	email = arena_string(request->arena, text_of(given));
	for (char *p = email; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	*out = email;
	return true;
}

static bool read_new_password(struct request *request, struct reply *reply, char *stored)
{
	const char *password;
	struct error err;

	if (!request_string(request, reply, "password", PASSWORD_MAX, &password))
		return false;
	if (strlen(password) < PASSWORD_MIN) {
		reply_error(request, reply, 400, "weak_password",
			    "a password has at least %d characters", PASSWORD_MIN);
		return false;
	}
	return password_hash(password, stored, &err) || say_broken(request, reply, &err);
}

static void reply_taken(struct request *request, struct reply *reply)
{
	reply_error(request, reply, 409, "email_taken",
		    "somebody has registered with this address");
}

/* Whether the body has such a member at all: then it must be good, too. */
static bool is_given(const struct request *request, const char *name)
{
	return json_object_get(request->json, name) != NULL;
}

static void register_user(struct request *request, struct reply *reply)
{
	const char *email, *name = "";
	char stored[PASSWORD_STORED_MAX];
	const char *id;

	if (!read_email(request, reply, &email) || !read_new_password(request, reply, stored))
		return;
	if (is_given(request, "name") &&
	    !request_string(request, reply, "name", NAME_MAX_BYTES, &name))
		return;
	id = make_id(request->service, request->arena, "usr_");
	if (!store_run(store_of(request),
		       "insert into users values (?1, ?2, ?3, 'customer', ?4, ?5)", "sssss", id,
		       email, name, stored, time_now_iso(request->arena))) {
		reply_taken(request, reply);
		return;
	}
	reply_json(reply, 201,
		   json_pack("{s:s, s:s, s:s, s:s}", "id", id, "email", email, "name", name, "role",
			     "customer"));
}

/* Tokens. */

static void write_hex(char *out, const unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

/* What is kept of a refresh token: enough to know it again, too little to use it. */
static void hash_secret(const char *secret, char out[SECRET_HEX])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *)secret, strlen(secret), digest);
	write_hex(out, digest, sizeof(digest));
}

/* Inside a transaction. */
static bool new_refresh_token(struct request *request, const char *user, char out[SECRET_HEX])
{
	unsigned char secret[SECRET_BYTES];
	char hash[SECRET_HEX];

	if (RAND_bytes(secret, sizeof(secret)) != 1)
		return false;
	write_hex(out, secret, sizeof(secret));
	hash_secret(out, hash);
	return store_run(store_of(request), "insert into refresh_tokens values (?1, ?2, ?3)", "ssi",
			 hash, user, now_s() + request->service->settings->refresh_life_s);
}

static char *access_token(struct request *request, const struct user *user)
{
	struct buffer token = BUFFER_EMPTY;
	struct jwt_claims claims = {
		.subject = user->id,
		.role = user->role,
		.id = make_id(request->service, request->arena, "jti_"),
		.issued_s = now_s(),
		.expires_s = now_s() + request->service->settings->token_life_s,
	};
	char *text;

	jwt_sign(request->service->own, &claims, &token);
	text = arena_string(request->arena, buffer_text(&token));
	buffer_release(&token);
	return text;
}

/* Commits what was begun. */
static void reply_tokens(struct request *request, struct reply *reply, const struct user *user)
{
	char refresh[SECRET_HEX];

	if (!new_refresh_token(request, user->id, refresh)) {
		store_rollback(store_of(request));
		reply_error(request, reply, 500, "internal", "no random numbers");
		return;
	}
	store_commit(store_of(request));
	reply_json(reply, 200,
		   json_pack("{s:s, s:s, s:I, s:o}", "token", access_token(request, user),
					 "refresh_token", refresh, "expires_in",
					 (json_int_t)request->service->settings->token_life_s, "user",
					 public_user(user)));
}

static bool password_is_right(const struct user *user, bool found, const char *password)
{
	if (found)
		return password_matches(password, user->password);
	password_check_nobody(password);
	return false;
}

static void login(struct request *request, struct reply *reply)
{
	const char *email, *password;
	struct user user;

	if (!read_email(request, reply, &email) ||
	    !request_string(request, reply, "password", PASSWORD_MAX, &password))
		return;
	if (!password_is_right(&user, find_by_email(request, email, &user), password)) {
		metric_add(request->service, "logins_total", "outcome=\"refused\"", 1);
		reply_error(request, reply, 401, "bad_credentials", "wrong address or password");
		return;
	}
	metric_add(request->service, "logins_total", "outcome=\"accepted\"", 1);
	store_begin(store_of(request));
	reply_tokens(request, reply, &user);
}

/* The deleted row is the right to a new pair: of two who come with one token, one gets it. */
static void refresh(struct request *request, struct reply *reply)
{
	struct store *store = store_of(request);
	const char *secret;
	char hash[SECRET_HEX];
	struct user user;
	bool found;

	if (!request_string(request, reply, "refresh_token", 200, &secret))
		return;
	hash_secret(secret, hash);
	store_begin(store);
	found = find_user(request,
			  "select u.id, u.email, u.name, u.role, u.password from users u"
			  " join refresh_tokens t on t.user = u.id where t.hash = ?1",
			  hash, &user);
	store_run(store, "delete from refresh_tokens where hash = ?1 and expires_s > ?2", "si",
		  hash, now_s());
	if (!found || store_changes(store) != 1) {
		store_rollback(store);
		reply_error(request, reply, 401, "bad_refresh_token",
			    "this refresh token is unknown, used, void or too old");
		return;
	}
	reply_tokens(request, reply, &user);
}

static bool is_known(struct request *request, struct reply *reply)
{
	if (!request->user)
		reply_error(request, reply, 401, "unauthorized", "a token is needed");
	return request->user != NULL;
}

static void forget_tokens(struct request *request, const char *user)
{
	store_run(store_of(request), "delete from refresh_tokens where user = ?1", "s", user);
}

static void logout(struct request *request, struct reply *reply)
{
	if (!is_known(request, reply))
		return;
	forget_tokens(request, request->user);
	reply->status = 204;
}

/* Handlers of users. */

static void reply_no_such_user(struct request *request, struct reply *reply)
{
	reply_error(request, reply, 404, "no_such_user", "there is no such user");
}

static void get_me(struct request *request, struct reply *reply)
{
	struct user user;

	if (!is_known(request, reply))
		return;
	if (find_by_id(request, request->user, &user))
		reply_json(reply, 200, public_user(&user));
	else
		reply_no_such_user(request, reply);
}

/* Oneself or, for an admin, anyone. */
static bool may_touch(struct request *request, struct reply *reply, struct user *user)
{
	if (!is_known(request, reply))
		return false;
	if (!request->is_admin && strcmp(request->user, request->parameters[0]) != 0) {
		reply_error(request, reply, 403, "forbidden", "this is somebody else");
		return false;
	}
	if (!find_by_id(request, request->parameters[0], user)) {
		reply_no_such_user(request, reply);
		return false;
	}
	return true;
}

static void get_user(struct request *request, struct reply *reply)
{
	struct user user;

	if (may_touch(request, reply, &user))
		reply_json(reply, 200, public_user(&user));
}

static void list_users(struct request *request, struct reply *reply)
{
	int64_t page, limit;
	json_t *items;
	struct rows rows;

	if (!is_known(request, reply))
		return;
	if (!request->is_admin) {
		reply_error(request, reply, 403, "forbidden", "only an admin lists users");
		return;
	}
	if (!request_query_int(request, reply, "page", 1, 1, 1000000, &page) ||
	    !request_query_int(request, reply, "limit", 20, 1, PAGE_MAX, &limit))
		return;
	items = json_array();
	rows = store_query(store_of(request),
			   "select id, email, name, role from users order by created_at, id"
			   " limit ?1 offset ?2",
			   "ii", limit, (page - 1) * limit);
	while (rows_next(&rows))
		json_array_append_new(items,
				      public_user(&(struct user){ .id = rows_text(&rows, 0),
						     .email = rows_text(&rows, 1),
						     .name = rows_text(&rows, 2),
						     .role = rows_text(&rows, 3) }));
	rows_end(&rows);
	reply_json(reply, 200,
		   json_pack("{s:o, s:I, s:I, s:I}", "items", items, "page", (json_int_t)page,
			     "limit", (json_int_t)limit, "total",
					 (json_int_t)store_int(store_of(request), 0,
							       "select count(*) from users", "")));
}

/* What the body gives, in place of what there was. */
static bool read_changes(struct request *request, struct reply *reply, struct user *user,
			 char *stored)
{
	if (!json_is_object(request->json)) {
		reply_error(request, reply, 400, "bad_body", "a JSON object is needed");
		return false;
	}
	if (is_given(request, "name") &&
	    !request_string(request, reply, "name", NAME_MAX_BYTES, &user->name))
		return false;
	if (is_given(request, "email") && !read_email(request, reply, &user->email))
		return false;
	if (is_given(request, "password")) {
		if (!read_new_password(request, reply, stored))
			return false;
		user->password = stored;
	}
	return true;
}

static void change_user(struct request *request, struct reply *reply)
{
	struct store *store = store_of(request);
	char stored[PASSWORD_STORED_MAX];
	struct user user;

	if (!may_touch(request, reply, &user) || !read_changes(request, reply, &user, stored))
		return;
	store_begin(store);
	if (!store_run(store, "update users set email = ?2, name = ?3, password = ?4 where id = ?1",
		       "ssss", user.id, user.email, user.name, user.password)) {
		store_rollback(store);
		reply_taken(request, reply);
		return;
	}
	if (is_given(request, "password"))
		forget_tokens(request, user.id); /* whoever else had the old one is out */
	store_commit(store);
	reply_json(reply, 200, public_user(&user));
}

static void delete_user(struct request *request, struct reply *reply)
{
	struct store *store = store_of(request);
	struct user user;

	if (!may_touch(request, reply, &user))
		return;
	store_begin(store);
	forget_tokens(request, user.id);
	store_run(store, "delete from users where id = ?1", "s", user.id);
	store_commit(store);
	reply->status = 204;
}

static const struct route routes[] = {
	{ "POST", "/api/auth/register", register_user },
	{ "POST", "/api/auth/login", login },
	{ "POST", "/api/auth/refresh", refresh },
	{ "POST", "/api/auth/logout", logout },
	{ "GET", "/api/auth/me", get_me },
	{ "GET", "/api/users", list_users },
	{ "GET", "/api/users/{id}", get_user },
	{ "PUT", "/api/users/{id}", change_user },
	{ "DELETE", "/api/users/{id}", delete_user },
	ROUTES_END
};

const struct service_kind service_auth = {
	.name = "auth",
	.schema = schema,
	.routes = routes,
	.started = started,
};
