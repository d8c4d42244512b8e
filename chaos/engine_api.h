/*
 * engine_api: a container engine, asked over its unix socket in the Docker API. Podman speaks it.
 *
 * Where it is: `container-engine` of the system, else $DOCKER_HOST (unix:// only), else the first
 * of /var/run/docker.sock, /run/podman/podman.sock and $XDG_RUNTIME_DIR/podman/podman.sock. Never
 * over a network. Answers are bounded in size and time.
 */
#ifndef CHAOS_ENGINE_API_H
#define CHAOS_ENGINE_API_H

#include <jansson.h>

#include "lib/buffer.h"
#include "lib/error.h"

enum { ENGINE_ANSWER_MAX = 4 * 1024 * 1024, ENGINE_TIMEOUT_MS = 10000 };

/* `given` may be NULL. */
bool engine_socket(const char *given, struct buffer *path, struct error *err);

struct engine_call {
	const char *socket; /* a path */
	const char *method;
	const char *path;   /* "/containers/json"; names in it were encoded by the caller */
	json_t *body;       /* borrowed; NULL: none */
};

/*
 * False when there was no answer. Whatever the status, the answer's JSON is in `*answer` (NULL when
 * it is none); the caller owns it.
 */
bool engine_ask(const struct engine_call *call, long *status, json_t **answer, struct error *err);

/* The same, where any status but 2xx and 304 ("it is so already") is an error. */
bool engine_do(const struct engine_call *call, json_t **answer, struct error *err);

/* "Docker 28.2.2" or "Podman Engine 4.3.1", of the usual places. */
bool engine_version(const char *socket, struct buffer *said, struct error *err);

#endif
