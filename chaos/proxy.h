/*
 * proxy: stands in for edges, and is where wire and call faults happen.
 *
 * One process, any number of edges. Each edge has a listener and leads somewhere; without a fault
 * it passes bytes on with back-pressure, as they are. Faults come and go while connections live.
 *
 *	struct proxy *proxy = proxy_start(&settings, err);      // forks; it listens
 *	proxy_port(proxy, "order -> payment");                        // lead the caller here
 *	proxy_route(proxy, "order -> payment", "127.0.0.1:7004", err); // and this is where it leads
 *	proxy_arm(proxy, fault, err);
 *	proxy_heal(proxy, fault->number, err);
 *	proxy_free(proxy);                                             // ends the process
 *
 * Faults are leased: the proxy drops a fault the moment the process that armed it ends, however it
 * ends, or frees its handle. A proxy that a run started ends with the process that started it, or
 * by its proxy_free(); one that was started alone (`sagastorm chaos proxy SYSTEM`) goes on passing.
 * Controls never go through a faulted edge.
 *
 * A handle may be used after a fork(), in both processes: each then has a control connection of its
 * own, made when it is first needed, and all of them mean the same faults by the same numbers.
 */
#ifndef CHAOS_PROXY_H
#define CHAOS_PROXY_H

#include "chaos/fault.h"

struct proxy_settings {
	const struct system *system;
	const char *history; /* directory: proxy.history gets a RECORD_HIT for every hit; or NULL */
	int64_t start_us;    /* of the run */
};

struct proxy;

struct proxy *proxy_start(const struct proxy_settings *settings, struct error *err);
struct proxy *proxy_connect(const char *control, struct error *err); /* one that runs already */
void proxy_free(struct proxy *proxy);
/* Frees the handle without ending the proxy: after a fork, in the one that hands over. */
void proxy_let_go(struct proxy *proxy);
int64_t proxy_pid(const struct proxy *proxy); /* 0: it was connected to */
const char *proxy_control(const struct proxy *proxy); /* where proxy_connect() finds it */
const char *proxy_run(const struct proxy *proxy);     /* whose faults its numbers mean */
/* From now on they mean those of another handle's proxy_run(). */
bool proxy_set_run(struct proxy *proxy, const char *run, struct error *err);
int64_t proxy_server_pid(const struct proxy *proxy); /* also of one that was connected to */

/* For `sagastorm chaos proxy`: until SIGINT or SIGTERM. `ready` is told once all edges listen. */
struct proxy_ready {
	void (*listens)(void *context, const struct edge *edge, uint16_t port);
	void *context;
};
bool proxy_serve(const struct system *system, const char *control, struct proxy_ready ready,
		 struct error *err);

/* The calls below wait for their answer, at most two seconds. */
uint16_t proxy_port(struct proxy *proxy, const char *edge); /* 0: there is no such edge */
bool proxy_route(struct proxy *proxy, const char *edge, const char *to, struct error *err);
/*
 * For a run whose start was not known yet when the proxy was: from now on its hits go into
 * proxy.history in that directory, until this control connection closes.
 */
bool proxy_record(struct proxy *proxy, const char *history, int64_t start_us, struct error *err);
/* A fault with a number that is armed already is changed, without a reconnect. */
bool proxy_arm(struct proxy *proxy, const struct fault *fault, struct error *err);
bool proxy_heal(struct proxy *proxy, uint32_t fault, struct error *err); /* not armed: fine */
bool proxy_is_armed(struct proxy *proxy, uint32_t fault, bool *armed, struct error *err);
bool proxy_hits(struct proxy *proxy, uint32_t fault, int64_t *hits, struct error *err);

/*
 * TRIGGER_ON of faults that are armed elsewhere: tells once, and holds that call if asked to, until
 * it is released, at most a second. Set again, it tells again, and has counted on. It belongs to
 * the process that set it, as faults do; healing the fault of that number leaves it alone.
 */
bool proxy_watch(struct proxy *proxy, const struct fault *fault, struct error *err);
bool proxy_unwatch(struct proxy *proxy, uint32_t fault, struct error *err); /* not set: fine */
bool proxy_release(struct proxy *proxy, uint32_t fault, struct error *err);
int proxy_fd(struct proxy *proxy); /* of this process; -1: the proxy has died */
/* A watch that came true, if any. Never blocks. False with `*gone`: the proxy has died. */
bool proxy_next(struct proxy *proxy, uint32_t *fault, bool *gone);

struct edge_stats {
	uint64_t connections, open, refused; /* refused: the upstream was */
	uint64_t calls;                      /* HTTP edges */
	uint64_t bytes_forth, bytes_back;
	uint64_t not_http;                   /* HTTP edges: connections that spoke something else */
};
/* The name of each edge, in no order: NULL after the last. Borrowed. */
const char *proxy_edge_name(const struct proxy *proxy, size_t number);
bool proxy_stats(struct proxy *proxy, const char *edge, struct edge_stats *stats,
		 struct error *err);

#endif
