/*
 * A scenario of any bytes: never a crash, never a hang, and either complaints or a scenario. What
 * was resolved is itself a scenario, and resolves to itself.
 */
#include <assert.h>
#include <string.h>

#include "engine/scenario.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* Files that never end are not what this is about. */
static bool names_devices(struct text text)
{
	static const char *const words[] = { "/proc", "/dev", "/sys" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (memmem(text.data, text.length, words[i], strlen(words[i])))
			return true;
	return false;
}

static struct scenario *load(struct text text, struct complaints *complaints)
{
	struct scenario *scenario = scenario_load_text("f.yaml", text, NULL, complaints);
	struct buffer said = BUFFER_EMPTY;

	complaints_write(complaints, &said);
	assert((scenario != NULL) == (complaints->errors == 0));
	buffer_release(&said);
	return scenario;
}

static void check_resolved(const struct scenario *scenario)
{
	struct complaints complaints = COMPLAINTS_EMPTY;
	struct scenario *again = load(text_of(scenario->resolved), &complaints);

	assert(again && strcmp(again->resolved, scenario->resolved) == 0);
	assert(plan_starts(&again->plan) == plan_starts(&scenario->plan));
	scenario_free(again);
	complaints_release(&complaints);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct text text = { (const char *)data, size };
	struct complaints complaints = COMPLAINTS_EMPTY;
	struct scenario *scenario;

	if (size > 65536 || names_devices(text))
		return 0;
	scenario = load(text, &complaints);
	if (scenario)
		check_resolved(scenario);
	scenario_free(scenario);
	complaints_release(&complaints);
	return 0;
}
