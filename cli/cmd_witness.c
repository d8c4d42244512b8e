#include "cli/command.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sagas/mail.h"
#include "sagas/misdeeds.h"
#include "sagas/psp.h"

struct witness_options {
	int64_t port, smtp_port, latency_us, seed;
	char *ledger, *webhook;
	struct strings faults;
};

#define FIELD(name) offsetof(struct witness_options, name)

static const struct option witness_options[] = {
	{ "fault", 0, "FAULT", KEY_STRINGS, FIELD(faults),
	  .help = "what it does wrong, such as 'decline: { share: 10% }'; may be repeated" },
	{ "latency", 0, "TIME", KEY_DURATION, FIELD(latency_us), .initial = "0s", .maximum = 60e6,
	  .help = "psp: how long a charge or a refund takes at least" },
	{ "ledger", 0, "FILE", KEY_STRING, FIELD(ledger),
	  .help = "what happened, a JSON object per line; read back at the start" },
	{ "port", 'p', "PORT", KEY_INTEGER, FIELD(port), .initial = "0", .maximum = 65535,
	  .help = "of HTTP; 0 is any free one" },
	{ "seed", 0, "N", KEY_INTEGER, FIELD(seed), .initial = "1",
	  .help = "of the faults' random streams" },
	{ "smtp-port", 0, "PORT", KEY_INTEGER, FIELD(smtp_port), .initial = "0", .maximum = 65535,
	  .help = "mail: of SMTP; 0 is any free one" },
	{ "webhook", 0, "URL", KEY_STRING, FIELD(webhook),
	  .help = "psp: where to tell what happened to the money" },
	OPTIONS_END
};

/* A socket that listens on loopback; `port` becomes the one that it got. */
static int listen_on(int64_t *port, struct error *err)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)*port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, 1024) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
		error_errno(err, "cannot listen on port %d", (int)*port);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*port = ntohs(address.sin_port);
	return fd;
}

/* Before anything is said: its first line is a promise. */
static bool check_faults(const char *witness, const struct witness_options *options,
			 struct error *err)
{
	struct misdeeds *misdeeds = misdeeds_new(witness);
	bool good = misdeeds_add_all(misdeeds, (const char *const *)options->faults.items, 1, err);

	misdeeds_free(misdeeds);
	return good;
}

static bool be_psp(struct witness_options *options, struct error *err)
{
	struct psp_settings settings = {
		.listener = listen_on(&options->port, err),
		.ledger = options->ledger,
		.webhook_url = options->webhook,
		.latency_us = options->latency_us,
		.faults = (const char *const *)options->faults.items,
		.seed = (uint64_t)options->seed,
	};

	if (settings.listener < 0)
		return false;
	printf("psp http://127.0.0.1:%d\n", (int)options->port);
	fflush(stdout);
	return psp_run(&settings, err);
}

static bool be_mail(struct witness_options *options, struct error *err)
{
	struct mail_settings settings = {
		.ledger = options->ledger,
		.faults = (const char *const *)options->faults.items,
		.seed = (uint64_t)options->seed,
	};

	settings.http_listener = listen_on(&options->port, err);
	if (settings.http_listener < 0)
		return false;
	settings.smtp_listener = listen_on(&options->smtp_port, err);
	if (settings.smtp_listener < 0)
		return false;
	printf("mail http://127.0.0.1:%d smtp 127.0.0.1:%d\n", (int)options->port,
	       (int)options->smtp_port);
	fflush(stdout);
	return mail_run(&settings, err);
}

static int witness_run(struct invocation *invocation)
{
	const char *which = invocation->arguments.items[0];
	struct error err;
	bool good;

	signal(SIGPIPE, SIG_IGN);
	if (strcmp(which, "psp") == 0)
		good = check_faults(which, invocation->options, &err) &&
		       be_psp(invocation->options, &err);
	else if (strcmp(which, "mail") == 0)
		good = check_faults(which, invocation->options, &err) &&
		       be_mail(invocation->options, &err);
	else
		return command_usage(invocation, "there is no witness '%s', only psp and mail",
				     which);
	return good ? EXIT_PASS : command_fail(invocation, EXIT_USAGE, &err);
}

static const char *const examples[] = {
	"witness psp --port 9000 --ledger psp.jsonl --webhook http://127.0.0.1:8080/webhooks",
	"witness mail --smtp-port 2525 --ledger mail.jsonl",
	"witness psp --fault 'decline: { share: 10% }' --fault 'lose-reply: { share: 5% }'",
	NULL
};

const struct command command_witness = {
	.name = "witness",
	.summary = "play the payment provider or the mail server, and remember everything",
	.usage = "[options] psp|mail",
	.about = "Plays a party that a system under test talks to, so that it can be asked later "
	"what really happened. psp is a payment provider shaped like Stripe's API; mail is an SMTP "
	"server that keeps what it gets. Both write a ledger, durable before anything is answered, "
	"and survive being killed.\n\n"
	"With --fault they do something wrong: psp knows decline, error, lose-reply, delay and "
	"webhooks, mail knows bounce, lose-reply and delay. GET, PUT and DELETE /witness/faults "
	"change that while they run; docs/witnesses.md has the details.\n\n"
	"The first line of the output says where it listens. SIGINT and SIGTERM end it.",
	.examples = examples,
	.options = witness_options,
	.options_bytes = sizeof(struct witness_options),
	.arguments_min = 1, .arguments_max = 1,
	.run = witness_run,
};
