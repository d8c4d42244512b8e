#include "tests/unit/asking.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/memory.h"

/* --- certificates --- */

static const char make_certificates[] =
	"set -e; cd \"$1\"\n"
	"key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'\n"
	"authority() {\n"
	"	openssl req -x509 $key -days 30 -subj \"/CN=$1\" -keyout $1.key -out $1.pem\n"
	"}\n"
	"new() {\n"
	"	openssl req $key -subj \"/CN=$1\" -keyout $1.key -out $1.csr\n"
	"	echo \"subjectAltName=$2\" >$1.ext\n"
	"	openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -days $3 -extfile $1.ext \\\n"
	"		-set_serial $4 -out $1.pem\n"
	"}\n"
	"exec >certificates.log 2>&1\n"
	"authority ca; authority other\n"
	"new good DNS:localhost,DNS:shop.test,IP:127.0.0.1 30 1\n"
	"new stranger DNS:stranger.test 30 2\n"
	"new expired DNS:localhost -1 3\n"
	"new client DNS:client.test 30 4\n";

static bool run(const char *const *arguments)
{
	int status, pid = fork();

	if (pid == 0) {
		execvp(arguments[0], (char *const *)(uintptr_t)arguments);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool prepare_directory(struct hostile *hostile)
{
	snprintf(hostile->directory, sizeof(hostile->directory), "/tmp/test_transfer.XXXXXX");
	if (!mkdtemp(hostile->directory))
		return false;
	snprintf(hostile->ca, sizeof(hostile->ca), "%s/ca.pem", hostile->directory);
	snprintf(hostile->other_ca, sizeof(hostile->other_ca), "%s/other.pem", hostile->directory);
	snprintf(hostile->certificate, sizeof(hostile->certificate), "%s/client.pem",
		 hostile->directory);
	snprintf(hostile->key, sizeof(hostile->key), "%s/client.key", hostile->directory);
	return run((const char *const[]){ "sh", "-c", make_certificates, "sh", hostile->directory,
					  NULL });
}

/* --- the server --- */

enum { SERVER_PORTS = 6 };

static bool start_server(struct hostile *hostile, int ports[SERVER_PORTS])
{
	int input[2], output[2];
	FILE *answer;
	int got = 0;

	if (pipe(input) < 0 || pipe(output) < 0)
		return false;
	hostile->pid = fork();
	if (hostile->pid == 0) {
		dup2(input[0], 0);
		dup2(output[1], 1);
		closefrom(3);
		execl("/usr/bin/python3", "python3", "tests/tools/hostile.py", hostile->directory,
		      (char *)NULL);
		_exit(127);
	}
	close(input[0]);
	close(output[1]);
	hostile->input = input[1];
	fcntl(hostile->input, F_SETFD, FD_CLOEXEC);
	answer = fdopen(output[0], "r");
	while (answer && got < SERVER_PORTS && fscanf(answer, "%d", &ports[got]) == 1)
		got++;
	if (answer)
		fclose(answer);
	return got == SERVER_PORTS;
}

static int bind_loopback(uint16_t *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return -1;
	*port = ntohs(address.sin_port);
	return fd;
}

/* A listener that nobody serves, with its queue filled: the kernel drops what comes further. */
static uint16_t fill_listener(struct hostile *hostile)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	uint16_t port = 0;

	hostile->full = bind_loopback(&port);
	listen(hostile->full, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons(port);
	for (size_t i = 0; i < sizeof(hostile->filler) / sizeof(*hostile->filler); i++) {
		hostile->filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		connect(hostile->filler[i], (struct sockaddr *)&address, sizeof(address));
	}
	return port;
}

static void set_origin(struct hostile *hostile, int number, bool tls, const char *name, int port)
{
	struct origin *origin = &hostile->origins[number];
	struct buffer text = BUFFER_EMPTY;

	buffer_format(&text, "%s://%s:%d", tls ? "https" : "http", name, port);
	origin->url = text.data;
	origin->host = strstr(origin->url, "://") + 3;
	origin->name = memory_copy_string(name);
	origin->port = (uint16_t)port;
	origin->tls = tls;
}

static void set_origins(struct hostile *hostile, const int ports[SERVER_PORTS])
{
	uint16_t closed = 0;

	close(bind_loopback(&closed));
	set_origin(hostile, ORIGIN_PLAIN, false, "127.0.0.1", ports[0]);
	set_origin(hostile, ORIGIN_GOOD, true, "localhost", ports[1]);
	set_origin(hostile, ORIGIN_ADDRESS, true, "127.0.0.1", ports[1]);
	set_origin(hostile, ORIGIN_STRANGER, true, "localhost", ports[2]);
	set_origin(hostile, ORIGIN_EXPIRED, true, "localhost", ports[3]);
	set_origin(hostile, ORIGIN_MUTUAL, true, "localhost", ports[4]);
	set_origin(hostile, ORIGIN_CONFUSED, true, "localhost", ports[0]);
	set_origin(hostile, ORIGIN_SILENT, true, "127.0.0.1", ports[5]);
	set_origin(hostile, ORIGIN_CLOSED, false, "127.0.0.1", closed);
	set_origin(hostile, ORIGIN_FULL, false, "127.0.0.1", fill_listener(hostile));
	set_origin(hostile, ORIGIN_NAMELESS, false, "name.invalid", 80);
	set_origin(hostile, ORIGIN_PINNED, false, "shop.test", 80 + 7);
	snprintf(hostile->pin, sizeof(hostile->pin), "shop.test:%d:127.0.0.1", ports[0]);
	hostile->origins[ORIGIN_PINNED].port = (uint16_t)ports[0];
}

bool hostile_start(struct hostile *hostile)
{
	int ports[SERVER_PORTS];

	*hostile = (struct hostile){ .pid = 0 };
	if (!prepare_directory(hostile) || !start_server(hostile, ports)) {
		printf("Bail out! the hostile server does not come up\n");
		return false;
	}
	set_origins(hostile, ports);
	return true;
}

void hostile_stop(struct hostile *hostile)
{
	int status;

	close(hostile->input); /* it ends with its input */
	waitpid(hostile->pid, &status, 0);
	close(hostile->full);
	for (size_t i = 0; i < sizeof(hostile->filler) / sizeof(*hostile->filler); i++)
		close(hostile->filler[i]);
	for (int i = 0; i < ORIGINS; i++) {
		free(hostile->origins[i].url);
		free(hostile->origins[i].name);
	}
	run((const char *const[]){ "rm", "-rf", hostile->directory, NULL });
}

/* --- asking --- */

struct transfer_settings hostile_settings(const struct hostile *hostile)
{
	return (struct transfer_settings){
		.origins = (struct origin *)(uintptr_t)hostile->origins,
		.origin_count = ORIGINS,
		.verify = true,
		.ca = hostile->ca,
		.connect_timeout_us = 300 * US_PER_MS,
		.max_body_bytes = 2 << 20,
		.keep_alive = true,
	};
}

bool asker_init(struct asker *asker, enum transport_kind kind,
		const struct transfer_settings *settings)
{
	*asker = (struct asker){ .settings = *settings };
	asker->loop = loop_new(&asker->error);
	asker->transport = transport_new(kind, &asker->settings, asker->loop, &asker->error);
	return asker->transport != NULL;
}

void asker_release(struct asker *asker)
{
	for (int i = 0; i < ORIGINS; i++)
		lane_free(asker->lanes[i]);
	transport_free(asker->transport);
	loop_free(asker->loop);
	buffer_release(&asker->saw.headers);
	buffer_release(&asker->saw.body);
	buffer_release(&asker->saw.detail);
}

static struct text copy(struct buffer *into, struct text text)
{
	buffer_clear(into);
	buffer_add_text(into, text);
	return buffer_text(into);
}

static void answered(void *context, const struct exchange_result *result)
{
	struct asker *asker = context;
	struct saw *saw = &asker->saw;

	saw->times++;
	saw->result = *result;
	saw->result.headers = copy(&saw->headers, result->headers);
	saw->result.body = copy(&saw->body, result->body);
	saw->result.detail =
		result->detail ? copy(&saw->detail, text_of(result->detail)).data : NULL;
	loop_stop(asker->loop);
}

static void stop(void *context)
{
	loop_stop(context);
}

void asker_wait(struct asker *asker, int64_t us)
{
	struct alarm end = { 0 };

	alarm_set(asker->loop, &end, clock_now_us() + us, stop, asker->loop);
	loop_run(asker->loop);
	alarm_clear(asker->loop, &end);
}

const struct exchange_result *ask(struct asker *asker, int origin,
				  const struct exchange_request *request)
{
	struct exchange_request filled = *request;
	struct alarm end = { 0 };

	if (!filled.timeout_us)
		filled.timeout_us = 2 * US_PER_S;
	if (!asker->lanes[origin])
		asker->lanes[origin] = lane_new(asker->transport, (uint16_t)origin);
	asker->saw.times = 0;
	asker->saw.result = (struct exchange_result){ .failure = FAILURE_COUNT };
	alarm_set(asker->loop, &end, clock_now_us() + 20 * US_PER_S, stop, asker->loop);
	lane_send(asker->lanes[origin], &filled, answered, asker);
	if (asker->saw.times) /* never from within lane_send() */
		asker->saw.times = -1;
	else
		loop_run(asker->loop);
	alarm_clear(asker->loop, &end);
	return &asker->saw.result;
}

const struct exchange_result *get(struct asker *asker, int origin, const char *path)
{
	return ask(asker, origin,
		   &(struct exchange_request){ .path = text_of(path), .want_body = true });
}

const char *saw_body(const struct asker *asker)
{
	return asker->saw.body.data ? asker->saw.body.data : "";
}

int open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = -3; /* this one, and two dots */

	while (directory && readdir(directory))
		count++;
	if (directory)
		closedir(directory);
	return count;
}
