/*
 * proxy_control: how a controller talks to the proxy's process: lines of JSON over a unix socket.
 *
 *	{"do": "hello", "run": "a5..."}
 *	                 -> {"ok": true, "pid": 17, "edges": {"order -> payment": 9004}}
 *	{"do": "route", "edge": "order -> payment", "to": "127.0.0.1:7004"}
 *	{"do": "arm", "number": 3, "name": "...", "kind": "latency", "settings": "{ delay: 800ms }",
 *	 "edges": ["order -> payment"], "direction": 3, "share": 1.0, "times": 0, "seed": "2a",
 *	 "match": {"method": "POST", "path": "/x", "header": "X: y", "nth": 0, "every": 0}}
 *	{"do": "watch", "number": 4, "edges": ["order -> payment"], "match": {}, "hold": true}
 *	{"do": "look", "number": 3}           -> {"ok": true, "armed": true, "hits": 12}
 *	{"do": "heal", "number": 3}
 *	{"do": "release", "number": 4}        {"do": "unwatch", "number": 4}
 *	{"do": "stats", "edge": "order -> payment"}
 *	{"do": "record", "history": "/runs/sale/history", "start_us": 81234567}
 *	{"do": "end"}                         a proxy that a run started ends
 *
 * Each line gets one in return: {"ok": true, ...} or {"error": "why"}, with the "id" of the
 * question if it had one. In between, a watch that came true says {"told": 4} to who set it.
 */
#ifndef CHAOS_PROXY_CONTROL_H
#define CHAOS_PROXY_CONTROL_H

#include <jansson.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "chaos/proxy.h"
#include "lib/buffer.h"

enum { CONTROL_LINE_MAX = 1 << 20 };

/* "@name" is a name without a file; everything else is a path. */
bool control_address(const char *control, struct sockaddr_un *address, socklen_t *length,
		     struct error *err);
/* A listener that only we and root can reach. */
int control_listen(const char *control, struct error *err);

/* chaos/proxy_fault.c: a fault on its way. */
json_t *fault_to_json(const struct fault *fault, bool watch);

struct armed;
struct proxy_core;
/* NULL, with the reason, when it says nothing that can be armed here. */
struct armed *armed_from_json(struct proxy_core *core, const json_t *json, bool watch,
			      struct error *err);

#endif
