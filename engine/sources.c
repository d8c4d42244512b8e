#include "engine/sources.h"

#include "lib/clock.h"

static char *ledger(const struct site *site, struct arena *arena, const char *name)
{
	const char *directory = site_ledgers(site);

	return directory ? arena_format(arena, "%s/%s", directory, name) : NULL;
}

static const char *service_url(void *context, const char *name)
{
	const struct scenario *scenario = context;
	const struct service *service =
		scenario->system ? system_service(scenario->system, text_of(name)) : NULL;

	return service ? service->url : NULL;
}

struct evidence_settings sources_of(const struct scenario *scenario, const struct site *site,
				    int64_t start_us, struct arena *arena)
{
	void *context = (void *)(uintptr_t)scenario;

	return (struct evidence_settings){
		.contracts = scenario->contracts,
		.contract_count = scenario->contract_count,
		.target = site_control_url(site),
		.start_us = start_us,
		.wall_start_us = clock_wall_us() - (clock_now_us() - start_us),
		.psp_ledger = ledger(site, arena, "psp.jsonl"),
		.mail_ledger = ledger(site, arena, "mail.jsonl"),
		.psp_url = service_url(context, "psp"),
		.mail_url = service_url(context, "mail"),
		.ca = scenario->transfer.ca,
		.trust_anyone = !scenario->transfer.verify,
		.service_url = service_url,
		.context = context,
	};
}
