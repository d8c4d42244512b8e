#include "chaos/witness.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "chaos/control_mark.h"
#include "lib/clock.h"
#include "lib/url.h"

enum { ANSWER_MAX = 256 * 1024, TIMEOUT_MS = 2000, ID_BYTES = 40 };

#define ID_PREFIX  "sagastorm-"
/* Beyond its time, for who heals late; then the witness ends it by itself. */
#define LONGER_US  (5 * US_PER_S)

/* Asking one. */

struct question {
	const char *url, *method, *id; /* `id` may be NULL: all faults */
	const char *body;
	long status;       /* 0: none came */
	bool gone;         /* nobody is there */
	json_t *answer;    /* owned; NULL: none that is JSON */
};

static size_t keep(char *bytes, size_t size, size_t count, void *context)
{
	struct buffer *answer = context;

	if (answer->length + size * count > ANSWER_MAX)
		return 0;
	buffer_add(answer, bytes, size * count);
	return size * count;
}

static int keep_free(void *context, curl_socket_t socket, curlsocktype purpose)
{
	(void)context;
	(void)purpose;
	control_mark_socket(socket);
	return CURL_SOCKOPT_OK;
}

static void prepare(CURL *curl, const struct question *question, const char *url,
		    struct buffer *answer)
{
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, question->method);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, keep_free);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	if (question->body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, question->body);
}

static bool perform(CURL *curl, struct question *question, struct error *err)
{
	struct buffer url = BUFFER_EMPTY, answer = BUFFER_EMPTY;
	CURLcode code;

	buffer_format(&url, "%s/witness/faults%s%s", question->url, question->id ? "/" : "",
		      question->id ? question->id : "");
	prepare(curl, question, url.data, &answer);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &question->status);
	question->gone = code == CURLE_COULDNT_CONNECT;
	if (code == CURLE_OK && answer.length)
		question->answer = json_loadb(answer.data, answer.length, 0, NULL);
	buffer_release(&url);
	buffer_release(&answer);
	return code == CURLE_OK ||
	       error_set(err, "'%s' does not answer: %s", question->url, curl_easy_strerror(code));
}

static bool ask(struct question *question, struct error *err)
{
	CURL *curl = curl_easy_init();
	bool good = curl ? perform(curl, question, err) : error_set(err, "cannot start libcurl");

	curl_easy_cleanup(curl);
	return good;
}

static const char *word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static bool is_witness(const struct question *question)
{
	return question->status == 200 && *word(question->answer, "witness") &&
	       json_is_array(json_object_get(question->answer, "faults"));
}

static const json_t *find(const struct question *question, const char *id)
{
	const json_t *list = json_object_get(question->answer, "faults");

	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(word(json_array_get(list, i), "id"), id) == 0)
			return json_array_get(list, i);
	return NULL;
}

/* Records. */

static bool is_id(const char *id)
{
	size_t length = strlen(id), prefix = sizeof(ID_PREFIX) - 1;

	return strncmp(id, ID_PREFIX, prefix) == 0 && length > prefix && length < ID_BYTES &&
	       strspn(id + prefix, "0123456789abcdef") == length - prefix;
}

/* "http://host:port", and nothing behind it. */
static bool is_base(const char *base)
{
	struct url url;

	return url_parse(text_of(base), &url, NULL) && !url.tls && !url.path.length;
}

typedef bool witness_act(const char *url, const char *id, void *context, struct error *err);

/* All of them; goes on after one has failed, and says why the first one did. */
static bool each(const json_t *undo, witness_act *act, void *context, struct error *err)
{
	const json_t *list = json_object_get(undo, "witnesses");
	const char *id = word(undo, "fault");
	struct error ignored;
	bool good = true;

	if (!is_id(id) || !json_array_size(list))
		return error_set(err, "the record does not say which fault of which witness");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *url = word(json_array_get(list, i), "url");
		struct error *why = good ? err : &ignored;

		if (!is_base(url))
			good = error_set(why, "the record does not say where the witness is");
		else
			good = act(url, id, context, why) && good;
	}
	return good;
}

/* Planning. */

static bool add_witness(const struct fault *fault, const struct service *service, const char *who,
			json_t *list, struct error *err)
{
	struct address address;
	struct question question = { .method = "GET" };
	struct buffer base = BUFFER_EMPTY;
	bool good;

	if (!service->url)
		return error_set(err, "'%s' has no url: where is the witness?", service->name);
	if (!address_read(text_of(service->url), &address, err))
		return false;
	if (!system_allows(fault->system, address.host))
		return error_set(err, "'%s' is on '%.*s', which is not in allow:", service->name,
				 TEXT_ARG(address.host));
	buffer_format(&base,
		      memchr(address.host.data, ':', address.host.length) ? "http://[%.*s]:%u" :
									    "http://%.*s:%u",
		      TEXT_ARG(address.host), address.port);
	question.url = base.data;
	good = ask(&question, err);
	if (good && (!is_witness(&question) || strcmp(word(question.answer, "witness"), who) != 0))
		good = error_set(err, "'%s' at %s is no `sagastorm witness %s`", service->name,
				 base.data, who);
	if (good)
		json_array_append_new(list, json_pack("{s:s, s:s}", "name", service->name, "url",
						      base.data));
	json_decref(question.answer);
	buffer_release(&base);
	return good;
}

static json_t *new_id(void)
{
	uint64_t token = 0;

	if (getrandom(&token, sizeof(token), 0) != sizeof(token))
		token = (uint64_t)clock_wall_us();
	return json_sprintf(ID_PREFIX "%016" PRIx64, token);
}

bool witness_plan(const struct fault *fault, const char *who, const char *does,
		  struct fault_plan *plan, struct error *err)
{
	json_t *list = json_array();
	bool good = true;

	plan->undo = json_pack("{s:o, s:o}", "fault", new_id(), "witnesses", list);
	buffer_format(plan->does, "%g%% %s by", fault->share * 100, does);
	buffer_add_string(plan->undoes, "tell it to stop that:");
	for (size_t i = 0; i < fault->service_count && good; i++) {
		good = add_witness(fault, fault->services[i], who, list, err);
		if (!good)
			break;
		buffer_format(plan->does, "%s %s at %s", i ? "," : "", fault->services[i]->name,
			      word(json_array_get(list, i), "url"));
		buffer_format(plan->undoes, " %s", fault->services[i]->name);
	}
	if (good && !fault->service_count)
		good = error_set(err, "'%s' is aimed at no witness", fault->name);
	return good;
}

/* Doing, undoing, looking. */

static bool put(const char *url, const char *id, void *context, struct error *err)
{
	struct question question = { .url = url, .method = "PUT", .id = id, .body = context };
	bool good = ask(&question, err);

	if (good && question.status != 200)
		good = error_set(err, "'%s' answers %ld: %.300s", url, question.status,
				 word(json_object_get(question.answer, "error"), "message"));
	json_decref(question.answer);
	return good;
}

json_t *witness_duration(int64_t us)
{
	return json_sprintf("%" PRId64 "us", us);
}

bool witness_arm(const struct fault *fault, const char *does, json_t *settings, const json_t *undo,
		 struct error *err)
{
	json_t *order;
	char *body;
	bool good;

	json_object_set_new(settings, "share", json_real(fault->share));
	order = json_pack("{s:o, s:I, s:s, s:o}", does, settings, "seed",
			  (json_int_t)(fault->seed >> 1), "stream", fault->name, "for",
			  witness_duration(fault->duration_us + LONGER_US));
	body = order ? json_dumps(order, JSON_COMPACT) : NULL;
	good = body ? each(undo, put, body, err) :
		      error_set(err, "what the witness is to do can't be written");
	free(body);
	json_decref(order);
	return good;
}

static bool take_away(const char *url, const char *id, void *context, struct error *err)
{
	struct question question = { .url = url, .method = "DELETE", .id = id };
	bool good = ask(&question, err) || question.gone;

	(void)context;
	json_decref(question.answer);
	return good;
}

bool witness_heal(const json_t *undo, struct error *err)
{
	return each(undo, take_away, NULL, err);
}

/* Where nobody is, or someone who is no witness, its faults have ended with it. */
static bool look_at(const char *url, const char *id, void *context, struct error *err)
{
	struct question question = { .url = url, .method = "GET" };
	bool good = ask(&question, err);

	(void)context;
	if (good && find(&question, id))
		good = error_set(err, "the witness at %s still has it", url);
	json_decref(question.answer);
	return good || question.gone;
}

bool witness_look(const json_t *undo, struct error *err)
{
	return each(undo, look_at, NULL, err);
}

static bool count(const char *url, const char *id, void *context, struct error *err)
{
	struct question question = { .url = url, .method = "GET" };
	int64_t *hits = context;
	bool good = ask(&question, err);

	if (good)
		*hits += json_integer_value(json_object_get(find(&question, id), "hits"));
	json_decref(question.answer);
	return good;
}

int64_t witness_hits(const struct fault *fault, const json_t *undo)
{
	int64_t hits = 0;
	struct error err;

	(void)fault;
	return each(undo, count, &hits, &err) ? hits : -1;
}
