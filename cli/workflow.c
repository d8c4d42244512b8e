#include "cli/workflow.h"

#include <stdlib.h>
#include <sys/random.h>

bool workflow_is_github(void)
{
	const char *actions = getenv("GITHUB_ACTIONS");

	return actions && strcmp(actions, "true") == 0;
}

void workflow_quote(struct buffer *text)
{
	struct buffer quoted = BUFFER_EMPTY;
	uint64_t secret[2] = { 0, 0 };

	/* Without randomness there is no secret: then nothing is said at all. */
	if (getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret)) {
		buffer_clear(text);
		return;
	}
	buffer_format(&quoted, "::stop-commands::%016llx%016llx\n", (unsigned long long)secret[0],
		      (unsigned long long)secret[1]);
	buffer_add_text(&quoted, buffer_text(text));
	buffer_format(&quoted, "::%016llx%016llx::\n", (unsigned long long)secret[0],
		      (unsigned long long)secret[1]);
	buffer_release(text);
	*text = quoted;
}
