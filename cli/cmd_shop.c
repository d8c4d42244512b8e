#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "lib/clock.h"
#include "sagas/mail.h"
#include "sagas/psp.h"
#include "shop/launcher.h"

struct shop_options {
	char *directory, *psp, *mail, *system;
	struct strings bugs, edges, regions;
	int saga;
	int64_t port, products, stock, all_per_s, auth_per_minute, breaker_failures;
	int64_t breaker_open_us, call_timeout_us, deadline_us;
	bool keep, limit, list_bugs, verbose;
};

static const char *const sagas[] = { "orchestrated", "choreographed", NULL };

#define FIELD(name) offsetof(struct shop_options, name)

static const struct option shop_options[] = {
	{ "auth-limit", 0, "N", KEY_INTEGER, FIELD(auth_per_minute), .initial = "100",
	  .help = "logins and registrations per minute that the gateway lets through" },
	{ "breaker-failures", 0, "N", KEY_INTEGER, FIELD(breaker_failures), .initial = "5",
	  .minimum = 1, .maximum = 1000, .help = "failures in a row that open a circuit breaker" },
	{ "breaker-open", 0, "TIME", KEY_DURATION, FIELD(breaker_open_us), .initial = "2s",
	  .help = "how long an open breaker waits before it tries again" },
	{ "bug", 0, "NAME", KEY_STRINGS, FIELD(bugs),
	  .help = "switch a mistake on; may be repeated (see --list-bugs)" },
	{ "call-timeout", 0, "TIME", KEY_DURATION, FIELD(call_timeout_us), .initial = "2s",
	  .help = "timeout of a call from service to service" },
	{ "deadline", 0, "TIME", KEY_DURATION, FIELD(deadline_us), .initial = "8s",
	  .help = "an order that is not through by then is compensated" },
	{ "directory", 'd', "DIR", KEY_STRING, FIELD(directory),
	  .help = "where the databases are (default: a new one in $TMPDIR or /tmp, removed at the end)" },
	{ "edge", 0, "A->B=URL", KEY_STRINGS, FIELD(edges),
	  .help = "lead a connection elsewhere, through a proxy for one; may be repeated" },
	{ "keep", 0, NULL, KEY_BOOL, FIELD(keep), .help = "do not remove the databases at the end" },
	{ "limit", 0, "N", KEY_INTEGER, FIELD(all_per_s), .initial = "1000",
	  .help = "requests per second that the gateway lets through" },
	{ "limits", 0, NULL, KEY_BOOL, FIELD(limit), .initial = "yes", .help = "no rate limits at all" },
	{ "list-bugs", 0, NULL, KEY_BOOL, FIELD(list_bugs), .help = "what can be switched on, and which "
								     "invariant finds it" },
	{ "mail", 0, "HOST:PORT", KEY_STRING, FIELD(mail), .help = "an SMTP server instead of our own" },
	{ "port", 'p', "N", KEY_INTEGER, FIELD(port), .maximum = 65535,
	  .help = "of the gateway (default: any free one)" },
	{ "products", 0, "N", KEY_INTEGER, FIELD(products), .initial = "500", .minimum = 1,
	  .maximum = 100000, .help = "how many products there are" },
	{ "psp", 0, "URL", KEY_STRING, FIELD(psp), .help = "a payment provider instead of our own" },
	{ "regions", 0, "NAMES", KEY_STRINGS, FIELD(regions), .help = "a shop per region: us,eu,asia" },
	{ "saga", 0, "STYLE", KEY_CHOICE, FIELD(saga), .choices = sagas, .initial = "orchestrated",
	  .help = "how orders are carried out: orchestrated or choreographed" },
	{ "stock", 0, "N", KEY_INTEGER, FIELD(stock), .initial = "100000", .maximum = 1e9,
	  .help = "of every product, in the beginning" },
	{ "system", 0, "FILE", KEY_STRING, FIELD(system),
	  .help = "write there what runs where (default: system.yaml in the directory)" },
	{ "verbose", 'v', NULL, KEY_BOOL, FIELD(verbose), .help = "say what dies and is started again" },
	OPTIONS_END
};

static void say_ready(void *context, const char *url, double seconds)
{
	const struct launch *launch = context;

	printf("the shop is open at %s after %.2f s; system file %s\n", url, seconds,
	       launch->system_file);
	fflush(stdout);
}

static int be_psp(int listener, const char *ledger, const char *webhook_url)
{
	return psp_main(&(struct psp_settings){
		.listener = listener, .ledger = ledger, .webhook_url = webhook_url });
}

static int be_mail(int smtp_listener, int http_listener, const char *ledger)
{
	return mail_main(&(struct mail_settings){
		.smtp_listener = smtp_listener, .http_listener = http_listener, .ledger = ledger });
}

static int list_bugs(void)
{
	struct buffer text = BUFFER_EMPTY;
	bool printed;

	bugs_list(&text);
	printed = print_buffer(&text);
	buffer_release(&text);
	return printed ? EXIT_PASS : EXIT_INTERNAL;
}

/* --psp and --mail are edges like others, from everyone. */
static const char *const *all_reroutes(const struct invocation *invocation)
{
	const struct shop_options *options = invocation->options;
	const char **all = arena_array(invocation->arena, options->edges.count + 3, sizeof(*all));
	size_t count = 0;

	for (; count < options->edges.count; count++)
		all[count] = options->edges.items[count];
	if (options->psp)
		all[count++] = arena_format(invocation->arena, "*->psp=%s", options->psp);
	if (options->mail)
		all[count++] = arena_format(invocation->arena, "*->mail=%s", options->mail);
	return all;
}

/* "us,eu" and repeated options mean the same. */
static const char *const *all_regions(const struct invocation *invocation)
{
	const struct shop_options *options = invocation->options;
	const char **all = arena_array(invocation->arena, 65, sizeof(*all));
	size_t count = 0;

	for (size_t i = 0; i < options->regions.count; i++) {
		char *rest = arena_string(invocation->arena, text_of(options->regions.items[i]));
		char *name;

		while (count < 64 && (name = strsep(&rest, ",")))
			if (*name)
				all[count++] = name;
	}
	return count ? all : NULL;
}

static struct shop_settings settings_of(const struct shop_options *options, const char *directory)
{
	return (struct shop_settings){
		.directory = directory,
		.region = "",
		.saga = options->saga ? SAGA_CHOREOGRAPHED : SAGA_ORCHESTRATED,
		.jwt_secret = "the-reference-shop-keeps-no-secrets",
		.token_life_s = 3600,
		.refresh_life_s = 86400,
		.limit_all_per_s = options->limit ? (double)options->all_per_s : 0,
		.limit_auth_per_minute = options->limit ? (double)options->auth_per_minute : 0,
		.call_timeout_us = options->call_timeout_us,
		.call_retries = 2,
		.breaker_failures = (int)options->breaker_failures,
		.breaker_open_us = options->breaker_open_us,
		.saga_deadline_us = options->deadline_us,
		.initial_stock = options->stock,
		.products = options->products,
		.verbose = options->verbose,
	};
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	(void)status, (void)kind, (void)where;
	return remove(path);
}

static char *new_directory(struct arena *arena, struct error *err)
{
	const char *where = getenv("TMPDIR");
	char *made =
		arena_format(arena, "%s/sagastorm-shop-XXXXXX", where && *where ? where : "/tmp");

	if (mkdtemp(made))
		return made;
	error_errno(err, "cannot make a directory like '%s'", made);
	return NULL;
}

/* Only ever what mkdtemp() gave us. */
static void remove_directory(const char *directory)
{
	if (nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
		fprintf(stderr, "sagastorm shop: cannot remove '%s'\n", directory);
}

static int shop_run(struct invocation *invocation)
{
	struct shop_options *options = invocation->options;
	const char *directory = options->directory, *made = NULL;
	struct launch launch;
	struct error err;
	bool good;

	if (options->list_bugs)
		return list_bugs();
	for (size_t i = 0; i < options->bugs.count; i++)
		if (!bugs_switch_on(options->bugs.items[i], &err))
			return command_usage(invocation, "%s", err.text);
	if (!directory && !(directory = made = new_directory(invocation->arena, &err)))
		return command_fail(invocation, EXIT_INTERNAL, &err);
	launch = (struct launch){
		.settings = settings_of(options, directory),
		.port = (uint16_t)options->port,
		.regions = all_regions(invocation),
		.reroutes = all_reroutes(invocation),
		.system_file = options->system ?
				       options->system :
				       arena_format(invocation->arena, "%s/system.yaml", directory),
		.psp = be_psp,
		.mail = be_mail,
		.ready = say_ready,
		.context = &launch,
	};
	good = launcher_run(&launch, &err);
	if (made && !options->keep)
		remove_directory(made);
	return good ? EXIT_PASS : command_fail(invocation, EXIT_INTERNAL, &err);
}

static const char *const shop_examples[] = {
	"shop --port 8080",
	"shop --saga choreographed --bug no-dedupe --bug mail-every-retry",
	"shop --edge 'payment->psp=http://127.0.0.1:9000'",
	NULL
};

const struct command command_shop = {
	.name = "shop",
	.summary = "run the reference shop: a real distributed system to break",
	.usage = "[options]",
	.about = "Starts a small shop on this machine, one process per service, and keeps it running "
		 "until Ctrl-C. What dies is started again. Customers are customer-1@shop.example to "
		 "customer-1000@shop.example, password 'password'; the administrator is "
		 "admin@shop.example, password 'admin'.",
	.examples = shop_examples,
	.options = shop_options,
	.options_bytes = sizeof(struct shop_options),
	.run = shop_run,
};
