/* state: where journals are. */
#include "chaos/supervisor.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

static const char *home(void)
{
	const char *named = getenv("HOME");
	const struct passwd *user;

	if (named && named[0] == '/')
		return named;
	user = getpwuid(getuid());
	return user && user->pw_dir && user->pw_dir[0] == '/' ? user->pw_dir : NULL;
}

bool state_directory(struct buffer *path, struct error *err)
{
	const char *given = getenv("SAGASTORM_STATE");
	const char *state = getenv("XDG_STATE_HOME");
	const char *at_home;

	if (given && *given) {
		buffer_add_string(path, given);
		return true;
	}
	if (state && state[0] == '/') { /* by its specification, relative ones do not count */
		buffer_format(path, "%s/sagastorm", state);
		return true;
	}
	at_home = home();
	if (!at_home)
		return error_set(err, "no home directory for the journal: set SAGASTORM_STATE");
	buffer_format(path, "%s/.local/state/sagastorm", at_home);
	return true;
}
