/*
 * connector: opens TCP connections with libcurl and hands out their descriptors.
 *
 * Names, pinned addresses, local addresses, proxies and happy eyeballs are libcurl's work
 * (CURLOPT_CONNECT_ONLY). When a connection stands, the descriptor is duplicated for the caller and
 * libcurl closes its own: nothing of libcurl is left behind a connection.
 *
 *	connecting = connector_start(connector, origin, connected, lane);
 *
 * `done` is called once, from the loop, and `connecting` is gone then; or connector_cancel() ends
 * it.
 */
#ifndef LOADGEN_CONNECTOR_H
#define LOADGEN_CONNECTOR_H

#include "loadgen/loop.h"
#include "loadgen/transfer.h"

struct connector;
struct connecting;

struct connect_result {
	int fd;               /* non-blocking, the caller's; -1: failed */
	enum failure failure; /* DNS or CONNECT */
	const char *detail;   /* valid during the callback */
	bool exhausted;       /* no descriptor or local port was left */
	uint32_t dns_us, connect_us;
};

typedef void connect_done(void *context, const struct connect_result *result);

struct connector *connector_new(const struct transfer_settings *settings, struct loop *loop,
				struct error *err);
void connector_free(struct connector *connector); /* cancels all */

uint32_t connector_slots(const struct connector *connector); /* opened at once, at most */

struct connecting *connector_start(struct connector *connector, uint16_t origin, connect_done *done,
				   void *context);
void connector_cancel(struct connecting *connecting); /* NULL is fine */
enum failure connector_stage(const struct connecting *connecting); /* how far: DNS or CONNECT */

#endif
