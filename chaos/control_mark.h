/*
 * control_mark: how the harness's own control path stays free of its network faults.
 *
 * Sockets that look after the system under test (health, the steady state's own questions) carry
 * this mark; every table of ours lets marked packets, and what comes back to marked sockets, pass
 * first. It reaches as far as marks do: within a namespace. Where a rule stands in the target's
 * namespace and we are not in it, packets of ours are like anyone else's.
 *
 * Without the right to set a mark (CAP_NET_ADMIN) there are no network faults either.
 */
#ifndef CHAOS_CONTROL_MARK_H
#define CHAOS_CONTROL_MARK_H

#include <sys/socket.h>

enum { CONTROL_MARK = 0x5a6a };

static inline void control_mark_socket(int socket)
{
	int mark = CONTROL_MARK;

	if (setsockopt(socket, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) != 0)
		return; /* not allowed to: then nothing has to be kept free, see above */
}

#endif
