#include "chaos/engine_api.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_socket(const char *path)
{
	struct stat seen;

	return stat(path, &seen) == 0 && S_ISSOCK(seen.st_mode);
}

static bool try_path(struct buffer *path, const char *directory, const char *name)
{
	buffer_clear(path);
	buffer_format(path, "%s%s", directory, name);
	return is_socket(path->data);
}

bool engine_socket(const char *given, struct buffer *path, struct error *err)
{
	static const char unix_scheme[] = "unix://";
	const char *host = getenv("DOCKER_HOST"), *runtime = getenv("XDG_RUNTIME_DIR");

	if (!given && host && strncmp(host, unix_scheme, sizeof(unix_scheme) - 1) == 0)
		given = host;
	if (given) {
		bool prefixed = strncmp(given, unix_scheme, sizeof(unix_scheme) - 1) == 0;

		return try_path(path, given + (prefixed ? sizeof(unix_scheme) - 1 : 0), "") ||
		       error_set(err, "there is no container engine at '%s'", path->data);
	}
	if (host && *host)
		return error_set(err, "the container engine at '%s' is not on this machine", host);
	if (try_path(path, "/var/run/docker.sock", "") ||
	    try_path(path, "/run/podman/podman.sock", "") ||
	    (runtime && try_path(path, runtime, "/podman/podman.sock")))
		return true;
	return error_set(err, "there is no container engine: neither a socket of Docker nor one of "
			      "Podman (podman system service)");
}

static size_t keep(char *bytes, size_t size, size_t count, void *context)
{
	struct buffer *answer = context;

	if (answer->length + size * count > ENGINE_ANSWER_MAX)
		return 0;
	buffer_add(answer, bytes, size * count);
	return size * count;
}

static void set_up(CURL *curl, const struct engine_call *call, const char *url, const char *body,
		   struct buffer *answer)
{
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, call->socket);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)ENGINE_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	if (strcmp(call->method, "POST") == 0)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body ? body : "");
}

static bool perform(CURL *curl, const struct engine_call *call, long *status, json_t **json,
		    struct error *err)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	struct buffer answer = BUFFER_EMPTY, url = BUFFER_EMPTY;
	char *body = call->body ? json_dumps(call->body, JSON_COMPACT) : NULL;
	CURLcode code;

	buffer_format(&url, "http://localhost%s", call->path);
	set_up(curl, call, url.data, body, &answer);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	code = curl_easy_perform(curl);
	if (code == CURLE_OK) {
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
		*json = answer.length ? json_loadb(answer.data, answer.length, 0, NULL) : NULL;
	} else {
		error_set(err, "the container engine at '%s' does not answer: %s", call->socket,
			  curl_easy_strerror(code));
	}
	curl_slist_free_all(headers);
	free(body);
	buffer_release(&answer);
	buffer_release(&url);
	return code == CURLE_OK;
}

bool engine_ask(const struct engine_call *call, long *status, json_t **answer, struct error *err)
{
	CURL *curl = curl_easy_init();
	bool ok;

	*status = 0;
	*answer = NULL;
	if (!curl)
		return error_set(err, "libcurl can't be used");
	ok = perform(curl, call, status, answer, err);
	curl_easy_cleanup(curl);
	return ok;
}

static void tell(const struct engine_call *call, long status, const json_t *answer,
		 struct error *err)
{
	const char *message = json_string_value(json_object_get(answer, "message"));

	error_set(err, "the container engine answered %ld to %s %.100s: %.300s", status,
		  call->method, call->path, message ? message : "no reason given");
}

bool engine_do(const struct engine_call *call, json_t **answer, struct error *err)
{
	json_t *said;
	long status;
	bool ok;

	if (!engine_ask(call, &status, &said, err))
		return false;
	ok = (status >= 200 && status < 300) || status == 304;
	if (!ok)
		tell(call, status, said, err);
	if (ok && answer)
		*answer = json_incref(said);
	json_decref(said);
	return ok;
}

bool engine_version(const char *socket, struct buffer *said, struct error *err)
{
	struct engine_call call = { socket, "GET", "/version", NULL };
	json_t *answer = NULL;
	const json_t *part;
	const char *name, *version;

	if (!engine_do(&call, &answer, err))
		return false;
	part = json_array_get(json_object_get(answer, "Components"), 0);
	name = json_string_value(json_object_get(part, "Name"));
	version = json_string_value(json_object_get(answer, "Version"));
	buffer_format(said, "%.40s %.40s", name ? name : "an engine", version ? version : "?");
	json_decref(answer);
	return true;
}
