#include "engine/shop_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/buffer.h"
#include "lib/clock.h"
#include "lib/memory.h"

enum { OPEN_WITHIN_MS = 30000, END_WITHIN_MS = 15000, TURN_MS = 10 };

struct shop_process {
	pid_t pid;
	int says; /* its standard output */
	struct arena arena;
	char *system_file, *directory;
};

static size_t count_of(const char *const *arguments)
{
	size_t count = 0;

	while (arguments && arguments[count])
		count++;
	return count;
}

/* What execv() wants. The strings are not written to; its type is older than `const`. */
static char **command_line(const char *const *arguments)
{
	size_t count = count_of(arguments);
	char **line = memory_array(count + 3, sizeof(*line));

	line[0] = memory_copy_string("sagastorm");
	line[1] = memory_copy_string("shop");
	for (size_t i = 0; i < count; i++)
		line[i + 2] = memory_copy_string(arguments[i]);
	return line;
}

static void command_line_free(char **line)
{
	for (size_t i = 0; line[i]; i++)
		free(line[i]);
	free(line);
}

__attribute__((noreturn)) static void be_shop(char *const *line, int says, int log, pid_t parent)
{
	sigset_t none;

	setsid();
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1); /* it died before we could ask to be told */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	dup2(says, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	execv("/proc/self/exe", line);
	_exit(127);
}

static bool start(struct shop_process *shop, const char *const *arguments, const char *log_path,
		  struct error *err)
{
	int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	pid_t parent = getpid();
	char **line;
	int says[2];

	if (log < 0)
		return error_errno(err, "cannot write '%s'", log_path);
	if (pipe2(says, O_CLOEXEC) != 0) {
		close(log);
		return error_errno(err, "cannot make a pipe");
	}
	line = command_line(arguments);
	shop->pid = fork();
	if (shop->pid == 0)
		be_shop(line, says[1], log, parent);
	command_line_free(line);
	close(log);
	close(says[1]);
	shop->says = says[0];
	return shop->pid > 0 || error_errno(err, "cannot start the shop");
}

/* "the shop is open at URL after 0.02 s; system file PATH" */
static bool understand(struct shop_process *shop, struct buffer *said)
{
	static const char before[] = "; system file ";
	char *file = strstr(said->data, before), *end;

	if (!file)
		return false;
	file += sizeof(before) - 1;
	shop->system_file = arena_string(&shop->arena, (struct text){ file, strcspn(file, "\n") });
	shop->directory = arena_string(&shop->arena, text_of(shop->system_file));
	end = strrchr(shop->directory, '/');
	if (end)
		*end = '\0';
	return true;
}

/* Until its first line is complete. */
static bool wait_until_open(struct shop_process *shop, const char *log, struct error *err)
{
	int64_t until_us = clock_now_us() + OPEN_WITHIN_MS * US_PER_MS;
	struct buffer said = BUFFER_EMPTY;
	bool good = false;

	while (clock_now_us() < until_us) {
		struct pollfd polled = { shop->says, POLLIN, 0 };
		ssize_t got;

		if (poll(&polled, 1, TURN_MS) <= 0)
			continue;
		got = read(shop->says, buffer_reserve(&said, 4096), 4095);
		if (got <= 0)
			break;
		said.length += (size_t)got;
		said.data[said.length] = '\0';
		if (memchr(said.data, '\n', said.length)) {
			good = understand(shop, &said);
			break;
		}
	}
	buffer_release(&said);
	return good || error_set(err, "the shop did not open; see '%s'", log);
}

struct shop_process *shop_process_start(const char *const *arguments, const char *log,
					struct error *err)
{
	struct shop_process *shop = memory_new(sizeof(*shop));

	shop->says = -1;
	if (start(shop, arguments, log, err) && wait_until_open(shop, log, err))
		return shop;
	shop_process_free(shop);
	return NULL;
}

static bool has_ended(struct shop_process *shop, int within_ms)
{
	int64_t until_us = clock_now_us() + within_ms * US_PER_MS;

	do {
		if (waitpid(shop->pid, NULL, WNOHANG) != 0)
			return true;
		poll(NULL, 0, TURN_MS);
	} while (clock_now_us() < until_us);
	return false;
}

/* Its launcher ends its services, and removes their databases. */
static void end(struct shop_process *shop)
{
	kill(shop->pid, SIGTERM);
	if (has_ended(shop, END_WITHIN_MS))
		return;
	kill(shop->pid, SIGKILL);
	waitpid(shop->pid, NULL, 0);
}

void shop_process_free(struct shop_process *shop)
{
	if (!shop)
		return;
	if (shop->pid > 0)
		end(shop);
	if (shop->says >= 0)
		close(shop->says);
	arena_release(&shop->arena);
	free(shop);
}

const char *shop_process_system_file(const struct shop_process *shop)
{
	return shop->system_file;
}

const char *shop_process_directory(const struct shop_process *shop)
{
	return shop->directory;
}
