/*
 * launcher: starts the shop's services, each a process, and keeps them there.
 *
 * The launcher binds every port itself and hands the listening descriptor to the child, so a
 * service that is started again keeps its port. What dies is started again after a short wait; when
 * the launcher ends, however it does, so do all of them.
 */
#ifndef SHOP_LAUNCHER_H
#define SHOP_LAUNCHER_H

#include "lib/error.h"
#include "shop/settings.h"

struct launch {
	struct shop_settings settings; /* edges and region are filled in by the launcher */
	uint16_t port;                 /* of the (first) gateway; 0: any */
	const char *const *regions;    /* NULL-ended; NULL: one without a name */
	const char *const *reroutes;   /* "order->payment=http://127.0.0.1:9", NULL-ended */
	const char *system_file;       /* where system.yaml is written */
	/*
	 * The counterparties are not the shop's own: whoever launches it brings them. Each is the
	 * whole life of a process, and closes its listeners.
	 */
	int (*psp)(int listener, const char *ledger, const char *webhook_url);
	int (*mail)(int smtp_listener, int http_listener, const char *ledger);
	/* `url` with regions: "http://127.0.0.1:8080 (us), http://127.0.0.1:8081 (eu)" */
	void (*ready)(void *context, const char *url, double seconds);
	void *context;
};

/* Until a signal says to end. */
bool launcher_run(struct launch *launch, struct error *err);

#endif
