#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* The other screen, no cursor, no wrapping of long lines; and back. Unknown ones do no harm. */
#define TAKE "\033[?1049h\033[?25l\033[?7l\033[0m\033[H\033[2J"
#define GIVE_BACK "\033[?2026l\033[0m\033[H\033[2J\033[?7h\033[?25h\033[?1049l"

enum { ROWS_MAX = 500, COLUMNS_MAX = 500, KEYS_AT_ONCE = 64 };

/* What the guard is told. */
enum { TOLD_TAKEN = 't', TOLD_GIVEN_BACK = 'g' };

static struct {
	int out, in;       /* in: -1 without keys */
	pid_t owner;       /* what was forked from us has no business with it */
	pid_t guard;
	int to_guard;      /* a pipe */
	struct termios before, ours;
	volatile sig_atomic_t taken; /* by us, though maybe given back for now */
	volatile sig_atomic_t shown; /* our screen is on it */
} terminal = { .out = -1, .in = -1, .guard = -1, .to_guard = -1 };

/* Only what may be called in a signal handler. */

static void send(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t sent = write(fd, bytes, length);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return;
		bytes += sent;
		length -= (size_t)sent;
	}
}

/* From the background, setting modes would stop us. */
static void set_modes(int fd, const struct termios *modes)
{
	sigset_t mask, old;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTTOU);
	pthread_sigmask(SIG_BLOCK, &mask, &old);
	tcsetattr(fd, TCSANOW, modes);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void tell_guard(char what)
{
	if (terminal.to_guard >= 0)
		send(terminal.to_guard, &what, 1);
}

static void hide(void)
{
	if (!terminal.shown || getpid() != terminal.owner)
		return;
	terminal.shown = 0;
	send(terminal.out, GIVE_BACK, sizeof(GIVE_BACK) - 1);
	if (terminal.in >= 0)
		set_modes(terminal.in, &terminal.before);
	tell_guard(TOLD_GIVEN_BACK);
}

/* Where nobody controls jobs, there is no background. */
static bool in_foreground(int fd)
{
	pid_t group = tcgetpgrp(fd);

	return group < 0 || group == getpgrp();
}

/* Signals. Those that stop a run are the coordinator's; here are those that end or halt us. */

static const int ending[] = { SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE,
			      SIGSEGV, SIGSYS, SIGXCPU, SIGTSTP, SIGCONT };
enum { ENDING = sizeof(ending) / sizeof(ending[0]) };

static struct sigaction old_actions[ENDING];

/* As if we had not been in between: what others made of the signal comes next. */
static void pass_on(int number)
{
	sigset_t mask, old;

	for (size_t i = 0; i < ENDING; i++)
		if (ending[i] == number)
			sigaction(number, &old_actions[i], NULL);
	sigemptyset(&mask);
	sigaddset(&mask, number);
	raise(number);
	pthread_sigmask(SIG_UNBLOCK, &mask, &old);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* Whoever had it meanwhile left it in some state. In the background it stays theirs. */
static void come_back(void)
{
	if (terminal.shown && getpid() == terminal.owner && !in_foreground(terminal.out)) {
		send(terminal.out, GIVE_BACK, sizeof(GIVE_BACK) - 1);
		tell_guard(TOLD_GIVEN_BACK);
	}
	terminal.shown = 0;
}

static void signal_came(int number)
{
	const struct sigaction again = { .sa_handler = signal_came, .sa_flags = SA_RESTART };
	int error = errno;

	if (number == SIGCONT) {
		come_back();
	} else {
		hide();
		pass_on(number);
		sigaction(number, &again, NULL); /* after Ctrl-Z and `fg` we are here again */
	}
	errno = error;
}

static void listen_for_signals(void)
{
	const struct sigaction action = { .sa_handler = signal_came, .sa_flags = SA_RESTART };

	for (size_t i = 0; i < ENDING; i++) {
		sigaction(ending[i], NULL, &old_actions[i]);
		if (old_actions[i].sa_handler != SIG_IGN)
			sigaction(ending[i], &action, NULL);
	}
}

static void stop_listening(void)
{
	for (size_t i = 0; i < ENDING; i++)
		sigaction(ending[i], &old_actions[i], NULL);
}

/* The guard. */

/* Whoever has set other modes since then is using the terminal already: a shell. */
static bool modes_are(int fd, const struct termios *modes)
{
	struct termios now;

	return tcgetattr(fd, &now) == 0 && now.c_lflag == modes->c_lflag &&
	       now.c_iflag == modes->c_iflag && now.c_oflag == modes->c_oflag;
}

__attribute__((noreturn)) static void guard(int from_owner)
{
	int in = terminal.in >= 0 ? terminal.in : terminal.out;
	bool shown = false;
	char told;

	setsid();
	prctl(PR_SET_NAME, "sagastorm-tty");
	dup2(from_owner, 3);
	dup2(terminal.out, 1);
	dup2(in, 0);
	dup2(1, 2);
	close_range(4, ~0u, 0);
	while (read(3, &told, 1) == 1)
		shown = told == TOLD_TAKEN;
	if (shown) {
		send(1, GIVE_BACK, sizeof(GIVE_BACK) - 1);
		if (terminal.in >= 0 && modes_are(0, &terminal.ours))
			tcsetattr(0, TCSANOW, &terminal.before);
	}
	_exit(0);
}

/* Without one, too, we do: it is only for when we are killed outright. */
static void post_guard(void)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return;
	terminal.guard = fork();
	if (terminal.guard == 0)
		guard(ends[0]);
	close(ends[0]);
	terminal.to_guard = ends[1];
}

static void dismiss_guard(void)
{
	if (terminal.to_guard >= 0)
		close(terminal.to_guard);
	if (terminal.guard > 0)
		waitpid(terminal.guard, NULL, 0);
	terminal.to_guard = terminal.guard = -1;
}

/* Taking it, and giving it back. */

static void show(void)
{
	tell_guard(TOLD_TAKEN);
	terminal.shown = 1;
	if (terminal.in >= 0)
		set_modes(terminal.in, &terminal.ours);
	send(terminal.out, TAKE, sizeof(TAKE) - 1);
}

bool terminal_is_capable(int out)
{
	const char *type = getenv("TERM");

	return isatty(out) && type && *type && strcmp(type, "dumb") != 0 && in_foreground(out);
}

/*
 * Keys at once and unseen; nothing halts the output. A read still waits for one: to a shell that
 * finds the terminal like this, when we were killed, nothing at all would be the end of its input.
 */
static struct termios without_lines(struct termios modes)
{
	modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	modes.c_iflag &= ~(tcflag_t)IXON;
	modes.c_cc[VMIN] = 1;
	modes.c_cc[VTIME] = 0;
	return modes;
}

static void give_back_at_exit(void)
{
	hide();
}

bool terminal_take(int out, int in)
{
	static bool registered;

	if (!terminal_is_capable(out))
		return false;
	terminal.out = out;
	terminal.in = isatty(in) && tcgetattr(in, &terminal.before) == 0 ? in : -1;
	terminal.ours = without_lines(terminal.before);
	terminal.owner = getpid();
	if (!registered)
		registered = atexit(give_back_at_exit) == 0;
	post_guard();
	listen_for_signals();
	terminal.taken = 1;
	show();
	return true;
}

void terminal_give_back(void)
{
	if (!terminal.taken)
		return;
	hide();
	terminal.taken = 0;
	stop_listening();
	dismiss_guard();
}

bool terminal_is_ours(bool *fresh)
{
	*fresh = false;
	if (!terminal.taken || !in_foreground(terminal.out))
		return false;
	if (terminal.shown)
		return true;
	show();
	*fresh = true;
	return true;
}

bool terminal_has_keys(void)
{
	return terminal.in >= 0;
}

void terminal_size(int *rows, int *columns)
{
	struct winsize size;

	*rows = 24;
	*columns = 80;
	if (ioctl(terminal.out, TIOCGWINSZ, &size) != 0 || !size.ws_row || !size.ws_col)
		return;
	*rows = size.ws_row < ROWS_MAX ? size.ws_row : ROWS_MAX;
	*columns = size.ws_col < COLUMNS_MAX ? size.ws_col : COLUMNS_MAX;
}

bool terminal_write(struct text text)
{
	struct pollfd polled = { terminal.out, POLLOUT, 0 };

	if (poll(&polled, 1, 0) != 1 || !(polled.revents & POLLOUT))
		return false;
	send(terminal.out, text.data, text.length);
	return true;
}

int terminal_key(void)
{
	struct pollfd polled = { terminal.in, POLLIN, 0 };
	char keys[KEYS_AT_ONCE];
	ssize_t count;

	if (!terminal.shown || terminal.in < 0 || !in_foreground(terminal.in))
		return 0;
	if (poll(&polled, 1, 0) != 1 || !(polled.revents & POLLIN))
		return 0;
	count = read(terminal.in, keys, sizeof(keys));
	/* One at a time: someone who leans on a key has pressed it once. */
	return count > 0 && keys[0] != '\033' ? (unsigned char)keys[0] : 0;
}
