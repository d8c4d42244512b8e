#include "chaos/helpers.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "lib/signals.h"

static const char prefix[] = "sgst-";
enum { GRACE_S = 3, GONE_WITHIN_US = 1000000 };

struct started {
	char token[HELPERS_TOKEN];
	struct helper_board *board;
	pid_t *pids;
	size_t count;
	struct started *next;
};
static struct started *all_started; /* of this process */

void helpers_token(char token[HELPERS_TOKEN])
{
	uint64_t chance = 0;

	if (getrandom(&chance, sizeof(chance), 0) < 0)
		chance = (uint64_t)clock_now_us();
	snprintf(token, HELPERS_TOKEN, "%s%010llx", prefix,
		 (unsigned long long)(chance & 0xffffffffffULL));
}

/* Whether a token that came from a record can be one: no other process may be found by it. */
static bool is_token(const char *token)
{
	size_t front = sizeof(prefix) - 1;

	return token && strlen(token) == HELPERS_TOKEN - 1 && strncmp(token, prefix, front) == 0 &&
	       strspn(token + front, "0123456789abcdef") == HELPERS_TOKEN - 1 - front;
}

static struct started *find_started(const char *token)
{
	for (struct started *one = all_started; one && token; one = one->next)
		if (strcmp(one->token, token) == 0)
			return one;
	return NULL;
}

struct helper_board *helpers_board(const char *token)
{
	const struct started *one = find_started(token);

	return one ? one->board : NULL;
}

int64_t helpers_done(const char *token)
{
	struct helper_board *board = helpers_board(token);
	int64_t sum = 0;

	for (size_t i = 0; board && i < HELPERS_MAX; i++)
		sum += atomic_load(&board->done[i]);
	return board ? sum : -1;
}

static struct started *started_new(const struct helper_order *order, struct error *err)
{
	struct helper_board *board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
					  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct started *one;

	if (board == MAP_FAILED) {
		error_errno(err, "no memory for the board of helpers");
		return NULL;
	}
	one = memory_new(sizeof(*one));
	snprintf(one->token, sizeof(one->token), "%s", order->token);
	one->board = board;
	one->pids = memory_array(order->count + 1, sizeof(*one->pids));
	one->next = all_started;
	all_started = one;
	return one;
}

/* Nothing of who started it stays: a socket kept open here would hide that its owner has died. */
static void let_go_of_all(void)
{
	int nowhere = open("/dev/null", O_RDWR);

	for (int fd = 0; fd < 3 && nowhere >= 0; fd++)
		dup2(nowhere, fd);
	close_range(3, ~0U, 0);
}

__attribute__((noreturn)) static void
become(const struct helper_order *order, struct helper_board *board, size_t number, pid_t parent)
{
	prctl(PR_SET_NAME, order->token);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1); /* it died before we asked to be told */
	signals_reset();
	signal(SIGINT, SIG_IGN); /* the terminal sends it to all */
	alarm((unsigned)(order->lasts_us / US_PER_S) + GRACE_S);
	let_go_of_all();
	setpriority(PRIO_PROCESS, 0, order->nice);
	order->work(board, number, order->context);
	_exit(0);
}

bool helpers_start(const struct helper_order *order, struct error *err)
{
	struct started *one;
	pid_t parent = getpid();

	if (!is_token(order->token) || order->count > HELPERS_MAX)
		return error_set(err, "the record has no helpers of ours");
	one = started_new(order, err);
	for (size_t i = 0; one && i < order->count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return error_errno(err, "cannot start helper %zu of %zu", i + 1,
					   order->count);
		if (pid == 0)
			become(order, one->board, i, parent);
		one->pids[one->count++] = pid;
	}
	return one;
}

/* One that can't be looked at may be one of them: it is not ended, and not taken to be gone. */
enum sight { SIGHT_OTHER, SIGHT_HELPER, SIGHT_NONE };

/* Whether that process is one of them and alive; a zombie only waits for its parent. */
static enum sight see_helper(const char *pid, const char *token)
{
	char path[300], line[512] = "";
	const char *name, *end;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ESRCH ? SIGHT_OTHER : SIGHT_NONE;
	if (read(fd, line, sizeof(line) - 1) < 0)
		line[0] = '\0';
	close(fd);
	name = strchr(line, '(');
	end = strrchr(line, ')');
	if (name && end && (size_t)(end - name - 1) == strlen(token) &&
	    strncmp(name + 1, token, strlen(token)) == 0 && strncmp(end, ") Z", 3) != 0 &&
	    strncmp(end, ") X", 3) != 0)
		return SIGHT_HELPER;
	return SIGHT_OTHER;
}

/* Through a pidfd, and a second look after it was opened: never a successor. */
static void end_one(const char *pid, const char *token)
{
	pid_t number = (pid_t)atoi(pid);
	int fd = (int)syscall(SYS_pidfd_open, number, 0);

	if (fd < 0)
		return;
	if (see_helper(pid, token) == SIGHT_HELPER)
		syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	close(fd);
}

static size_t find_helpers(const char *token, bool end_them)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	size_t found = processes ? 0 : 1; /* nobody can tell */

	while (processes && (entry = readdir(processes))) {
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    see_helper(entry->d_name, token) == SIGHT_OTHER)
			continue;
		found++;
		if (end_them)
			end_one(entry->d_name, token);
	}
	if (processes)
		closedir(processes);
	return found;
}

/* Those of our own; others' are not ours to wait for. */
static void reap(const char *token)
{
	const struct started *one = find_started(token);

	for (size_t i = 0; one && i < one->count; i++)
		waitpid(one->pids[i], NULL, WNOHANG);
}

bool helpers_end(const char *token, struct error *err)
{
	int64_t deadline_us = clock_now_us() + GONE_WITHIN_US;
	size_t left;

	if (!is_token(token))
		return error_set(err, "the record has no helpers of ours");
	while ((left = find_helpers(token, true)) && clock_now_us() < deadline_us)
		usleep(5000);
	reap(token);
	return !left || error_set(err, "%zu helper processes '%s' don't end", left, token);
}

bool helpers_gone(const char *token, struct error *err)
{
	size_t left = is_token(token) ? find_helpers(token, false) : 0;

	if (!is_token(token))
		return error_set(err, "the record has no helpers of ours");
	return !left || error_set(err, "%zu helper processes '%s' are still there", left, token);
}

static const char *token_of(const json_t *undo)
{
	return json_string_value(json_object_get(undo, "helpers"));
}

bool helpers_heal(const json_t *undo, struct error *err)
{
	return helpers_end(token_of(undo), err);
}

bool helpers_look(const json_t *undo, struct error *err)
{
	return helpers_gone(token_of(undo), err);
}

int64_t helpers_hits(const struct fault *fault, const json_t *undo)
{
	(void)fault;
	return helpers_done(token_of(undo));
}
