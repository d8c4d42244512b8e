/*
 * site: where a run takes place: the system under test, the proxy in front of its edges, and the
 * reference shop when it is started for the run.
 *
 *	struct site *site = site_open(scenario, directory, err);  // the scenario is aimed at it
 *	... the run ...
 *	site_close(site);                                         // what was started here ends
 *
 * In front of a shop of our own the proxy stands in for every edge, the visitors' included. Of
 * another system it stands in for the edges that have a `listen:`, and for the way in.
 */
#ifndef ENGINE_SITE_H
#define ENGINE_SITE_H

#include "chaos/proxy.h"
#include "engine/scenario.h"

struct site;

/* `directory` of the run: shop.log goes there. */
struct site *site_open(struct scenario *scenario, const char *directory, struct error *err);
void site_close(struct site *site);

struct proxy *site_proxy(const struct site *site); /* NULL: nothing needs one */
/* The way in beside the proxy: for what the harness itself asks. */
const char *site_control_url(const struct site *site);
/* Where the shop's witnesses write their ledgers; NULL: it is not ours. */
const char *site_ledgers(const struct site *site);

#endif
