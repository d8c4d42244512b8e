/*
 * evidence: reads what a run's sagas did, from wherever their contracts say, into the history.
 *
 * Used once the load is over and the faults are healed:
 *
 *	struct evidence *evidence = evidence_new(&settings, err);    // reads whose keys were minted
 *	sagas_settle(evidence, ...);                                 // sagas/settle.h
 *	evidence_read(evidence, 1, err);
 *	evidence_read(evidence, 2, err);                             // until nothing moves any more
 *	evidence_free(evidence);
 *
 * Everything that is read is hostile: answers, entries and pages are bounded, cursors must move,
 * values must be what the contract says they are, or the entry is counted as strange. A source that
 * could not be read to its end says so (RECORD_SOURCE), and what needs it will be unknown.
 *
 * Reading is no load test: each source has its rate (`rate:`), over a few connections.
 */
#ifndef SAGAS_EVIDENCE_H
#define SAGAS_EVIDENCE_H

#include "lib/history.h"
#include "sagas/contract.h"

enum {
	EVIDENCE_CONNECTIONS = 8,               /* at once */
	EVIDENCE_BODY_MAX = 16 * 1024 * 1024,   /* of an answer */
	EVIDENCE_PAGES_MAX = 100000,            /* of a source */
	EVIDENCE_ENTRIES_MAX = 50 * 1000 * 1000, /* of a source */
	EVIDENCE_LINE_MAX = 1024 * 1024,        /* of a ledger or a file */
};

struct evidence_settings {
	const struct contract *contracts;
	size_t contract_count;
	const char *target;          /* "http://127.0.0.1:8080", as the run had it */
	uint64_t run;                /* saga_run_id() */
	const char *directory;       /* history/ of the run: minted keys and ids are read there */
	bool live;                   /* while the run goes on: every key of the run is a saga's */
	struct history *history;     /* evidence.history, open for writing */
	int64_t start_us;            /* clock_now_us() of the start of the run */
	int64_t wall_start_us;       /* the same moment on clock_wall_us() */
	/* Where a service of the system answers, for sources with its name as `target`; or NULL. */
	const char *(*service_url)(void *context, const char *name);
	/* The witnesses: a ledger file, else a base URL, else what they know stays unknown. */
	const char *psp_ledger, *psp_url;
	const char *mail_ledger, *mail_url;
	int64_t timeout_us;          /* of one request; 0: 10 s */
	int64_t most_us;             /* for one source; 0: 5 minutes */
	double rate_per_s;           /* of all requests together; 0: only what sources say */
	const char *ca;              /* file with certificates to trust; NULL: the system's */
	bool trust_anyone;           /* certificates are not checked */
	/* Asked now and then while waiting; true: stop, everything unread is incomplete. */
	bool (*interrupted)(void *context);
	void *context;
};

struct evidence;
struct evidence *evidence_new(const struct evidence_settings *settings, struct error *err);
void evidence_free(struct evidence *evidence);

/*
 * Reads every source of every contract once, as the reading with that number. False when nothing
 * could be written or it was interrupted; a source that can't be read is no failure here.
 */
bool evidence_read(struct evidence *evidence, uint16_t snapshot, struct error *err);

/*
 * What the last evidence_read() saw, in one number that does not depend on its order: two readings
 * with the same one saw the same. 0: something could not be read, or nothing was.
 */
uint64_t evidence_digest(const struct evidence *evidence);

/* How many sagas were minted, and how many requests were made so far. */
uint64_t evidence_sagas(const struct evidence *evidence);
uint64_t evidence_requests(const struct evidence *evidence);

#endif
