/*
 * asking: what the tests of the transports have in common: a hostile server, and asking it.
 *
 *	struct hostile hostile;
 *	if (!hostile_start(&hostile)) ...skip
 *	struct asker asker;
 *	asker_init(&asker, &hostile, TRANSPORT_CURL, NULL);
 *	ask(&asker, ORIGIN_PLAIN, &(struct exchange_request){ .path = ... });
 *	CHECK_INT(asker.saw.failure, FAILURE_NONE);
 *	asker_release(&asker);
 *	hostile_stop(&hostile);
 */
#ifndef TESTS_ASKING_H
#define TESTS_ASKING_H

#include "lib/buffer.h"
#include "loadgen/loop.h"
#include "loadgen/transfer.h"

enum {
	ORIGIN_PLAIN,
	ORIGIN_GOOD,     /* https://localhost with a certificate of ca.pem */
	ORIGIN_ADDRESS,  /* the same as https://127.0.0.1 */
	ORIGIN_STRANGER, /* its certificate is for stranger.test */
	ORIGIN_EXPIRED,
	ORIGIN_MUTUAL,   /* wants a client certificate */
	ORIGIN_CONFUSED, /* https:// at a port that speaks plain HTTP */
	ORIGIN_SILENT,   /* accepts, and never shakes hands */
	ORIGIN_CLOSED,   /* nobody listens */
	ORIGIN_FULL,     /* a listener that accepts no more: connecting hangs */
	ORIGIN_NAMELESS, /* name.invalid */
	ORIGIN_PINNED,   /* http://shop.test, where settings.resolve says */
	ORIGINS
};

struct hostile {
	char directory[64]; /* ca.pem, other.pem, good.pem, good.key ... */
	int pid, input;
	int full, filler[8];
	struct origin origins[ORIGINS];
	char pin[64];
	char ca[96], other_ca[96], certificate[96], key[96];
};

/* False when it does not come up; the reason was printed. */
bool hostile_start(struct hostile *hostile);
void hostile_stop(struct hostile *hostile);

/* What came back, copied. */
struct saw {
	struct exchange_result result; /* its texts point below */
	struct buffer headers, body, detail;
	int times;                     /* that `done` was called */
};

struct asker {
	struct transfer_settings settings;
	struct loop *loop;
	struct transport *transport;
	struct lane *lanes[ORIGINS];
	struct saw saw;
	struct error error;
};

/* Settings for the server's origins, trusting its CA. */
struct transfer_settings hostile_settings(const struct hostile *hostile);

bool asker_init(struct asker *asker, enum transport_kind kind,
		const struct transfer_settings *settings);
void asker_release(struct asker *asker);

/* By the asker's lane to that origin, until it is answered. Missing fields: GET, two seconds. */
const struct exchange_result *ask(struct asker *asker, int origin,
				  const struct exchange_request *request);
const struct exchange_result *get(struct asker *asker, int origin, const char *path);

/* Lets the loop run for so long. */
void asker_wait(struct asker *asker, int64_t us);

const char *saw_body(const struct asker *asker);

/* Descriptors this process has open. */
int open_descriptors(void);

static const enum transport_kind both_kinds[] = { TRANSPORT_DIRECT, TRANSPORT_CURL };
static const char *const kind_names[] = { "direct", "curl" };

#endif
