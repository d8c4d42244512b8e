/*
 * workflow: being run by GitHub Actions, which reads commands out of what programs print.
 */
#ifndef CLI_WORKFLOW_H
#define CLI_WORKFLOW_H

#include <stdbool.h>

#include "lib/buffer.h"

/* GITHUB_ACTIONS=true, as GitHub's runners set it. */
bool workflow_is_github(void);

/*
 * Between two lines that make the runner look away: a name or an answer of the system under test
 * must not become a command. The second has a secret in it that nothing in between can know.
 */
void workflow_quote(struct buffer *text);

#endif
