#include "chaos/system_health.h"

#include <unistd.h>

#include "chaos/target.h"
#include "lib/clock.h"

enum { PAUSE_US = 50000 };

static bool instance_healthy(const struct service *service, size_t instance, int64_t wait_us,
			     struct error *err)
{
	json_t *place = target_place(service, instance);
	int64_t until_us = clock_now_us() + wait_us;
	struct error why;
	bool good;

	while (!(good = target_healthy(place, wait_us, &why)) &&
	       clock_now_us() + PAUSE_US < until_us)
		usleep(PAUSE_US);
	json_decref(place);
	return good || error_set(err, "'%s' is not well: %s", service->name, why.text);
}

bool system_healthy(const struct system *system, int64_t wait_us, struct error *err)
{
	for (size_t i = 0; i < system->service_count; i++) {
		const struct service *service = &system->services[i];

		for (size_t j = 0; j < service->instance_count; j++)
			if (!instance_healthy(service, j, wait_us, err))
				return false;
	}
	return true;
}
