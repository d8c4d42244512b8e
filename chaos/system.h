/*
 * system: what is under attack: services, the edges between them, how each is reached and, where
 * allowed, broken.
 *
 *	system:
 *	  name: shop
 *	  allow: [10.0.3.0/24]                  # beside loopback; everything else is refused
 *	  services:
 *	    payment:
 *	      url: http://127.0.0.1:7004
 *	      health: http://127.0.0.1:7004/health
 *	      pidfile: /run/payment.pid         # or pid, command, container, namespace, instances
 *	      start: [systemctl, start, payment]
 *	  edges:
 *	    - { from: order, to: payment, url: "http://127.0.0.1:7004", listen: 127.0.0.1:9004 }
 *	  regions: { eu: [order.eu, payment.eu] }
 *
 * It may be a file of its own (`system: systems/shop.yaml` in a scenario), or stand in one.
 * `system: shop` is the reference shop, started for the run (engine/shop_system.h).
 *
 * What is written here is a claim: who acts on it looks again (chaos/target.h).
 */
#ifndef CHAOS_SYSTEM_H
#define CHAOS_SYSTEM_H

#include <stdint.h>

#include "lib/schema.h"

enum { SERVICES_MAX = 200, EDGES_MAX = 1000, INSTANCES_MAX = 64 };

/* One running copy of a service: how its process is found. Exactly one way is given. */
struct instance_place {
	struct place at;
	int64_t pid;         /* 0: not by pid */
	char *pidfile;
	char *command;       /* a piece of the command line of exactly one process */
	char *container;     /* name or id */
	char *namespace;     /* of `ip netns`, or a path; NULL: that of its process */
	char *url, *health;  /* of this instance; NULL: the service's */
};

struct service {
	struct place at;
	char *name;
	char *url;           /* NULL: it is not called */
	char *health;        /* URL that answers 2xx when all is well; NULL: none (a warning) */
	char *smtp;          /* host:port where it speaks SMTP beside that; NULL: nowhere */
	struct strings start; /* a command that starts it again; none: something else does */
	char *data;          /* a directory on its disk, for disk faults; may be NULL */
	struct instance_place *instances; /* at least one; maybe with no way to find a process */
	size_t instance_count;
	const char *region;  /* NULL: none */
};

enum edge_protocol { EDGE_HTTP, EDGE_TCP, EDGE_TLS };

struct edge {
	struct place at;
	char *name;          /* "order -> payment" */
	char *from, *to;     /* services; `from` may be "visitors": the load itself */
	char *url;           /* where it leads: scheme, host and port, or host:port */
	char *listen;        /* where the proxy stands in for it; NULL: a port of its choosing */
	enum edge_protocol protocol; /* TLS: passed through, wire faults only */
	bool events;         /* calls back (events, webhooks): may close a circle */
};

struct region {
	char *name;
	struct strings services;
};

struct system {
	char *name;
	char *path;          /* of the file, or NULL */
	struct strings allow; /* hosts and networks beside loopback */
	int64_t launcher;    /* pid of who starts services again; 0: nobody */
	char *control;       /* unix socket of a running proxy; NULL: the run starts one */
	char *container_engine; /* unix socket of the Docker API; NULL: the usual places */
	struct service *services;
	size_t service_count;
	struct edge *edges;
	size_t edge_count;
	struct region *regions;
	size_t region_count;
};

extern const struct key system_keys[];  /* of the map below `system:` */
extern const struct shape system_shape; /* of what `system:` takes: that map, or a name */

/* Of an edge, in the order of enum edge_protocol; NULL-ended: "http", "tcp", "tls". */
extern const char *const edge_protocols[];

/*
 * Compiles the map. Checked: circular dependencies (a warning, as events do go round), two services
 * on one host and port, services without a health check (a warning), services that nothing reaches
 * (a warning), edges between unknown services, hosts that are not allowed (an error).
 */
bool system_read(const struct yaml *map, struct reading *reading, struct system *system);
/* A file: `system:` at its top, nothing else required. */
bool system_read_file(const char *path, struct reading *reading, struct system *system);

/* The map below `system:` of a file, for system_read(); NULL after a complaint. */
const struct yaml *system_load_file(const char *path, struct reading *reading);

/*
 * What was known of a system before it ran gets what is there now: urls, pids, directories.
 * Pointers to its services and edges stay. False when something that was known is not there.
 */
bool system_fill(struct system *known, const struct system *now, struct error *err);

/* "http://127.0.0.1:7004/x", "tcp://...", "127.0.0.1:2525": host (without brackets) and port. */
struct address {
	struct text host;
	uint16_t port;
	enum edge_protocol protocol;
};
bool address_read(struct text text, struct address *address, struct error *err);

const struct service *system_service(const struct system *system, struct text name);
const struct edge *system_edge(const struct system *system, struct text name); /* blanks free */
/* The first edge that visitors take; NULL: there is none. */
const struct edge *system_entrance(const struct system *system);
const struct region *system_region(const struct system *system, struct text name);

/*
 * Loopback (127.0.0.0/8, ::1, localhost, unix sockets) or in `allow` (names, addresses, CIDR). A
 * name is allowed by being listed, not by what it resolves to.
 */
bool system_allows(const struct system *system, struct text host);

#endif
