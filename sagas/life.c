#include "sagas/life.h"

#include <event2/event.h>
#include <signal.h>

static void stop(evutil_socket_t fd, short what, void *stopped)
{
	(void)fd;
	(void)what;
	*(bool *)stopped = true;
}

static bool is_ignored(int signal)
{
	struct sigaction action;

	return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

bool life_run(struct event_base *base, const char *(*trouble)(const void *subject),
	      const void *subject, struct error *err)
{
	bool stopped = false;
	struct event *term = evsignal_new(base, SIGTERM, stop, &stopped);
	struct event *interrupt = evsignal_new(base, SIGINT, stop, &stopped);
	const char *why = NULL;

	event_add(term, NULL);
	if (!is_ignored(SIGINT))
		event_add(interrupt, NULL);
	while (!stopped && !why) {
		event_base_loop(base, EVLOOP_ONCE);
		why = trouble(subject);
	}
	event_free(term);
	event_free(interrupt);
	return why ? error_set(err, "%s", why) : true;
}
