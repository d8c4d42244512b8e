#include "lib/signals.h"

#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SIGNALS = 64 };

void signals_reset(void)
{
	/* The kernel's struct sigaction, larger than that of any architecture: all default is 0. */
	static const uint64_t as_at_the_start[8];
	sigset_t none;

	for (int number = 1; number <= SIGNALS; number++)
		syscall(SYS_rt_sigaction, number, as_at_the_start, NULL, SIGNALS / 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}
