#include "reports/condition_names.h"

struct condition_names condition_names_of(const struct meta *meta)
{
	return (struct condition_names){
		.journeys = meta->journeys,
		.journey_count = meta->journey_count,
		.requests = meta->requests,
		.request_count = meta->request_count,
		.phases = meta->phase_names,
		.phase_count = meta->phase_count,
		.faults = meta->fault_names,
		.fault_count = meta->fault_count,
		.sagas = meta->sagas,
		.saga_count = meta->saga_count,
	};
}
