/* doctor_chaos: which faults this machine lets us make, and which it doesn't, and why. */
#include "cli/doctor.h"

#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "chaos/engine_api.h"
#include "chaos/nft.h"
#include "chaos/tc.h"

void look_at_nftables(struct finding *finding)
{
	struct error err;

	if (nft_possible(&err)) {
		buffer_add_string(&finding->seen, "nftables, in network namespaces");
		return;
	}
	buffer_add_string(&finding->seen, err.text);
	finding_warn(finding, "no faults on packets (partition, loss, reject): they need nft and "
			      "CAP_NET_ADMIN with CAP_SYS_ADMIN");
}

void look_at_queues(struct finding *finding)
{
	struct error htb, netem;
	bool has_htb = tc_possible_htb(&htb), has_netem = tc_possible_netem(&netem);

	buffer_format(&finding->seen, "htb: %s; netem: %s", has_htb ? "yes" : htb.text,
		      has_netem ? "yes" : netem.text);
	if (!has_htb)
		finding_warn(finding, "no fault link-rate: 'bandwidth' in the proxy does without");
	else if (!has_netem)
		finding_warn(finding,
			     "no fault netem: 'loss', and 'latency' in the proxy, do without");
}

void look_at_containers(struct finding *finding)
{
	struct buffer socket = BUFFER_EMPTY;
	struct error err;

	if (engine_socket(NULL, &socket, &err) &&
	    engine_version(socket.data, &finding->seen, &err)) {
		buffer_format(&finding->seen, " at %s", socket.data);
	} else {
		buffer_add_string(&finding->seen, err.text);
		finding_warn(finding, "no faults on containers, unless the system file has a "
				      "'container-engine'");
	}
	buffer_release(&socket);
}

static bool has_right(unsigned number)
{
	char text[4096], *line;
	FILE *file = fopen("/proc/self/status", "re");
	size_t got = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	if (file)
		fclose(file);
	text[got] = '\0';
	line = strstr(text, "CapEff:");
	return line && strtoull(line + 7, NULL, 16) >> number & 1;
}

void look_at_rights(struct finding *finding)
{
	static const struct {
		unsigned number;
		const char *name, *what;
	} rights[] = {
		{ CAP_KILL, "CAP_KILL", "end and stop others' processes" },
		{ CAP_SYS_RESOURCE, "CAP_SYS_RESOURCE", "change others' limits" },
		{ CAP_NET_ADMIN, "CAP_NET_ADMIN", "change rules for packets" },
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "enter network namespaces" },
	};
	struct buffer missing = BUFFER_EMPTY;
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0);

	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
		if (!has_right(rights[i].number))
			buffer_format(&missing, "%s%s (%s)", missing.length ? ", " : "",
				      rights[i].name, rights[i].what);
	buffer_format(&finding->seen, "pidfd: %s; %s%s", self >= 0 ? "yes" : "no",
		      missing.length ? "without " : "all rights that faults need",
		      missing.length ? missing.data : "");
	if (self < 0)
		finding_warn(finding, "no faults on processes: this kernel has no pidfd (5.3)");
	else if (missing.length)
		finding_warn(finding,
			     "faults that need that are refused; for all, run as root with "
			     "every capability");
	if (self >= 0)
		close(self);
	buffer_release(&missing);
}
