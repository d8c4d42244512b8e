/*
 * instance: one process of a running shop, as the launcher knows it. Inside the launcher only.
 */
#ifndef SHOP_INSTANCE_H
#define SHOP_INSTANCE_H

#include <sys/types.h>

#include "lib/arena.h"
#include "shop/launcher.h"
#include "shop/service.h"

struct instance {
	const char *name;                /* "order", "psp"; with a region "order.eu" */
	const char *service;             /* without the region */
	const struct service_kind *kind; /* NULL: a counterparty (psp, mail) */
	struct shop_settings *settings;  /* of its region */
	int listener;                    /* HTTP */
	int smtp_listener;               /* mail only, else -1 */
	uint16_t port, smtp_port;
	pid_t pid;                       /* 0: not running */
	int64_t started_us;
	int64_t restart_at_us;           /* when not running */
	int64_t patience_us;             /* before the next start; grows while it keeps dying */
	uint32_t restarts;
};

struct shop {
	struct launch *launch;
	struct arena arena;
	struct instance *instances;
	size_t count;
	struct shop_settings *settings;  /* per region */
	const char **regions;
	size_t region_count;
	pid_t launcher;
	int64_t write_at_us;             /* when the system file is to be written again; 0: never */
};

/* instance.c: who there is, with ports bound and edges laid. */
bool instances_make(struct shop *shop, struct error *err);
void instances_release(struct shop *shop);

/* instance_process.c: starting and ending them. */
bool instance_start(struct shop *shop, struct instance *instance, struct error *err);
bool instance_is_ready(const struct instance *instance);

/* system_file.c: what runs where, for the harness. */
bool system_file_write(const struct shop *shop, const char *path, struct error *err);

#endif
