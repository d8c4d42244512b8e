/* Starting a process of the shop, and asking whether it is ready. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "shop/instance.h"

enum { READY_TIMEOUT_MS = 200 };

/* A descriptor of someone else's socket would keep it open when that one is gone. */
static void close_others(const struct shop *shop, const struct instance *mine)
{
	for (size_t i = 0; i < shop->count; i++) {
		const struct instance *other = &shop->instances[i];

		if (other == mine)
			continue;
		close(other->listener);
		if (other->smtp_listener >= 0)
			close(other->smtp_listener);
	}
}

/* The witnesses' are of all regions together. */
static const char *file_in_directory(const struct shop *shop, struct arena *arena, const char *name)
{
	return arena_format(arena, "%s/%s", shop->launch->settings.directory, name);
}

static int be_psp(const struct shop *shop, const struct instance *instance, struct arena *arena)
{
	const char *url = shop_edge_url(instance->settings, "psp", "payment");

	return shop->launch->psp(instance->listener, file_in_directory(shop, arena, "psp.jsonl"),
				 url ? arena_format(arena, "%s/internal/webhooks/psp", url) : NULL);
}

static int be_mail(const struct shop *shop, const struct instance *instance, struct arena *arena)
{
	return shop->launch->mail(instance->smtp_listener, instance->listener,
				  file_in_directory(shop, arena, "mail.jsonl"));
}

__attribute__((noreturn)) static void become(const struct shop *shop,
					     const struct instance *instance)
{
	struct arena arena = ARENA_EMPTY;
	sigset_t none;
	char name[16];
	int code;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != shop->launcher)
		_exit(1); /* it died before we asked to be told */
	snprintf(name, sizeof(name), "shop-%s", instance->service);
	prctl(PR_SET_NAME, name);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGINT, SIG_IGN); /* the terminal sends it to all; the launcher says when to end */
	signal(SIGPIPE, SIG_IGN);
	close_others(shop, instance);
	if (instance->kind)
		code = service_main(instance->kind, instance->settings, instance->listener, -1);
	else if (instance->smtp_listener >= 0)
		code = be_mail(shop, instance, &arena);
	else
		code = be_psp(shop, instance, &arena);
	_exit(code);
}

bool instance_start(struct shop *shop, struct instance *instance, struct error *err)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		become(shop, instance);
	if (pid < 0)
		return error_errno(err, "cannot start '%s'", instance->name);
	instance->pid = pid;
	instance->started_us = clock_now_us();
	return true;
}

/* GET /ready, the plain way: nothing of the shop's own code is asked whether the shop is there. */
static int ask(uint16_t port, char *answer, size_t size)
{
	static const char request[] =
		"GET /ready HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n";
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd polled = { connection, POLLIN, 0 };
	ssize_t got = -1;

	if (connection >= 0 &&
	    connect(connection, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    send(connection, request, sizeof(request) - 1, MSG_NOSIGNAL) == sizeof(request) - 1 &&
	    poll(&polled, 1, READY_TIMEOUT_MS) == 1)
		got = recv(connection, answer, size - 1, 0);
	if (connection >= 0)
		close(connection);
	answer[got > 0 ? got : 0] = '\0';
	return got > 0;
}

bool instance_is_ready(const struct instance *instance)
{
	char answer[64];

	return instance->pid > 0 && ask(instance->port, answer, sizeof(answer)) &&
	       strncmp(answer, "HTTP/1.1 200", 12) == 0;
}
