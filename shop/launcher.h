/*
 * launcher: starts the shop's services, each a process, and keeps them there.
 *
 * The launcher binds every port itself and hands the listening descriptor to the child, so a service
 * that is started again keeps its port. What dies is started again after a short wait; when the
 * launcher ends, however it does, so do all of them.
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
	bool keep;                     /* databases of an earlier shop in that directory are kept */
	void (*ready)(void *context, const char *url, double seconds);
	void *context;
};

/* Until a signal says to end. */
bool launcher_run(struct launch *launch, struct error *err);

#endif
