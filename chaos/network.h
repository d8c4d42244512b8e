/*
 * network: what faults on packets share. A kind says what becomes of a packet; this finds the
 * packets: in which namespace, by which address and port.
 *
 * An edge is met where its caller is: in the caller's network namespace if it has one of its own,
 * else in ours, and there at the address where the proxy stands in for the edge, if that is known,
 * else at the callee's. A service is met in its own namespace at its port, else in ours at its
 * address. In ours, everybody who talks to that address is meant, but for the control path
 * (chaos/control_mark.h); callers in a cgroup of their own (v2) are told apart from others.
 *
 * The record: {"table": NAME, "places": [{"netns": {...}, "script": NFT,
 *              "device": D, "handle": H, "queues": TC}]}
 */
#ifndef CHAOS_NETWORK_H
#define CHAOS_NETWORK_H

#include "chaos/fault.h"

enum { NETWORK_HOST_MAX = 256, NETWORK_ADDRESSES_MAX = 8, NETWORK_ADDRESS_MAX = 46 };

struct network_way {
	const char *what;     /* for the sentence: "drop every packet" */
	const char *requests; /* nft: what becomes of a packet to the callee; NULL: it passes */
	const char *answers;
	/*
	 * Lines for `tc -batch` after the root of the queues; '@' is the device, '#' the handle.
	 * With them packets are only told apart, where they leave.
	 */
	const char *queues;
	const char *device;   /* that was asked for; NULL: found */
	int64_t port;         /* that was asked for; 0: as the system file says */
	bool all_instances;   /* the share is not one of instances */
	bool isolates;        /* a service is also kept from those it calls */
};

bool network_plan(const struct fault *fault, const struct network_way *way, struct fault_plan *plan,
		  struct error *err);
bool network_arm(const struct fault *fault, const json_t *undo, struct error *err);
bool network_heal(const json_t *undo, struct error *err);
bool network_look(const json_t *undo, struct error *err);
int64_t network_hits(const struct fault *fault, const json_t *undo);
bool network_possible(struct error *err);

/* chaos/network_address.c */
struct network_end {
	char host[NETWORK_HOST_MAX];
	uint16_t port;
	char addresses[NETWORK_ADDRESSES_MAX][NETWORK_ADDRESS_MAX]; /* numeric */
	size_t count;
};
/* "http://host:port/...", "host:port", "[::1]:80" */
bool network_end_parse(struct text url, struct network_end *end, struct error *err);
/* Fills the addresses; a name is asked for, at most two seconds. */
bool network_end_resolve(struct network_end *end, struct error *err);
/* The device by which that address is reached, or "lo" when it is local. */
bool network_device(int netns, const char *address, struct buffer *device, struct error *err);
/* The device over which most others are reached. */
bool network_default_device(int netns, struct buffer *device, struct error *err);

/* chaos/network_rules.c: the places, while they are being planned. */
enum network_side { SIDE_CALLER, SIDE_CALLEE };
struct network_flow {
	json_t *netns;
	enum network_side side;
	const struct network_end *end;
	const char *cgroup; /* of the caller, below the root of cgroups; NULL: everybody */
	const char *who;    /* "order -> payment" */
};
struct network_place;
struct network_places {
	const struct network_way *way;
	const char *handle; /* of the queues */
	struct network_place *items;
	size_t count, room;
	struct buffer said; /* "127.0.0.1:7004 (order -> payment), in our network namespace" */
};
bool network_places_add(struct network_places *places, const struct network_flow *flow,
			struct error *err);
json_t *network_places_record(const struct network_places *places, const char *table);
void network_places_release(struct network_places *places);

#endif
