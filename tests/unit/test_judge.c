#include <stdlib.h>

#include "sagas/judge_parts.h"
#include "tests/unit/canned.h"
#include "tests/unit/tap.h"

/* An order as it should be, up to the moment in which it is asked how it ended. */
#define PLACED "saga:1990 sent id:ord_1 ok:PENDING:1990 "
#define LOG    "was:PENDING told:PENDING was:RESERVED told:RESERVED was:PAID told:PAID "
#define HAPPY                                                                                      \
	PLACED "was:PENDING told:PENDING reserve:2:SKU-1 was:RESERVED told:RESERVED charge:1990 "  \
	       "book:1990 was:PAID told:PAID was:CONFIRMED told:CONFIRMED mail:ok sell:2:SKU-1 "   \
	       "saw:CONFIRMED @60 is:CONFIRMED:1990 "
#define FAILED                                                                                     \
	PLACED "was:PENDING told:PENDING reserve:2:SKU-1 was:RESERVED told:RESERVED charge:1990 "  \
	       "refund:1990 release:2:SKU-1 was:FAILED told:FAILED mail:failed @60 is:FAILED:1990 "

struct case_of {
	const char *invariant, *verdict, *words, *without;
};

static const struct case_of cases[] = {
	{ "atomic", "valid", HAPPY FAILED, NULL },
	{ "atomic", "valid", PLACED "reserve:2:SKU-1 charge:1990 refund:1990 release:2:SKU-1 is:CANCELLED", NULL },
	{ "atomic", "invalid", PLACED "reserve:2:SKU-1 is:FAILED", NULL },
	{ "atomic", "invalid", PLACED "charge:1990 is:FAILED", NULL },
	{ "atomic", "invalid", PLACED "reserve:2:SKU-1 charge:1990 release:2:SKU-1 is:FAILED", NULL },
	{ "atomic", "invalid", PLACED "charge:1990 is:CONFIRMED", NULL },
	{ "atomic", "unknown", PLACED "reserve:2:SKU-1 is:FAILED incomplete:movements", NULL },
	{ "atomic", "unknown", PLACED "reserve:2:SKU-1 is:FAILED differs:psp", NULL },
	{ "atomic", "unknown", PLACED "reserve:2:SKU-1 charge:1990 unreadable", NULL },
	{ "atomic", "unknown", "once " HAPPY, NULL },
	{ "atomic", "unknown", HAPPY "damaged", NULL },
	{ "atomic", "unknown", PLACED "reserve:2:SKU-1 is:FAILED damaged", NULL },

	{ "charge-has-order", "valid", HAPPY FAILED, NULL },
	{ "charge-has-order", "invalid", PLACED "charge:1990 is:FAILED", NULL },
	{ "charge-has-order", "invalid", PLACED "charge:1990 refund:1500 is:FAILED", NULL },
	{ "charge-has-order", "invalid", "saga sent info charge:1990 absent", NULL },
	{ "charge-has-order", "unknown", PLACED "charge:1990 unreadable", NULL },
	{ "charge-has-order", "unknown", PLACED "charge:1990 is:FAILED incomplete:psp", NULL },
	{ "charge-has-order", "unknown", PLACED "is:FAILED", NULL },
	{ "charge-has-order", "unknown", PLACED "charge:1990 is:FAILED", "evidence.psp evidence.books" },

	{ "order-has-charge", "valid", HAPPY, NULL },
	{ "order-has-charge", "valid", "saga:0 sent ok:PENDING:0 is:CONFIRMED " HAPPY, NULL },
	{ "order-has-charge", "invalid", PLACED "reserve:2:SKU-1 is:CONFIRMED", NULL },
	{ "order-has-charge", "invalid", PLACED "charge:1990 refund:1990 is:SHIPPED", NULL },
	{ "order-has-charge", "unknown", PLACED "is:CONFIRMED incomplete:psp", NULL },
	{ "order-has-charge", "unknown", FAILED, NULL },

	{ "charge-once", "valid", HAPPY FAILED, NULL },
	{ "charge-once", "valid", PLACED "charge:1990:pi_1 charge:1990:pi_1 is:CONFIRMED", NULL },
	{ "charge-once", "invalid", PLACED "charge:1990:pi_1 charge:1990:pi_2 is:CONFIRMED", NULL },
	{ "charge-once", "invalid", PLACED "charge:1990 charge:1990 refund:1990 is:CONFIRMED", NULL },
	{ "charge-once", "invalid", PLACED "charge:1990 charge:1990 unreadable incomplete:psp", NULL },
	{ "charge-once", "unknown", PLACED "is:FAILED", NULL },
	{ "charge-once", "unknown", HAPPY "incomplete:psp", NULL },

	{ "idempotent", "valid", HAPPY "again:1", NULL },
	{ "idempotent", "valid", HAPPY "misused:1", NULL },
	{ "idempotent", "valid", "saga sent info sent id:ord_1 ok:PENDING id:ord_1 is:CONFIRMED", NULL },
	{ "idempotent", "invalid", HAPPY "again:0", NULL },
	{ "idempotent", "invalid", HAPPY "misused:0", NULL },
	{ "idempotent", "invalid", "saga sent id:ord_1 info sent id:ord_2 ok:PENDING is:CONFIRMED", NULL },
	{ "idempotent", "unknown", HAPPY, NULL },

	{ "undo-once", "valid", FAILED, NULL },
	{ "undo-once", "valid", PLACED "reserve:2:A reserve:1:B release:2:A release:1:B is:FAILED", NULL },
	{ "undo-once", "invalid", PLACED "reserve:2:A release:2:A release:2:A is:FAILED", NULL },
	{ "undo-once", "invalid", PLACED "reserve:2:A reserve:2:B release:2:A release:2:A is:FAILED", NULL },
	{ "undo-once", "invalid", PLACED "charge:1990 refund:1990 refund:1990 is:FAILED", NULL },
	{ "undo-once", "invalid", PLACED "release:2:A is:FAILED", NULL },
	{ "undo-once", "invalid", PLACED "charge:1990:pi_1 refund:1990:re_1:pi_1 refund:1990:re_2:pi_1 is:FAILED incomplete:psp", NULL },
	{ "undo-once", "unknown", HAPPY, NULL },
	{ "undo-once", "unknown", PLACED "release:2:A is:FAILED incomplete:movements", NULL },

	{ "undo-full", "valid", FAILED, NULL },
	{ "undo-full", "valid", PLACED "charge:1990 refund:1490 refund:500 is:CANCELLED", NULL },
	{ "undo-full", "invalid", PLACED "charge:1990 refund:1491 is:FAILED", NULL },
	{ "undo-full", "invalid", PLACED "reserve:2:A reserve:1:B release:3:A is:FAILED", NULL },
	{ "undo-full", "invalid", PLACED "reserve:2:A charge:1990 refund:1990 is:CANCELLED", NULL },
	{ "undo-full", "unknown", HAPPY, NULL },
	{ "undo-full", "unknown", PLACED "charge:1990 is:FAILED incomplete:psp", NULL },

	{ "undo-order", "valid", HAPPY FAILED, NULL },
	{ "undo-order", "valid", PLACED "reserve:2:A charge:1990 was:CONFIRMED cancel cancel-ok refund:1990 release:2:A is:CANCELLED", NULL },
	{ "undo-order", "valid", PLACED "charge:1990 reserve:2:A was:CONFIRMED is:CONFIRMED", "order" },
	{ "undo-order", "invalid", PLACED "reserve:2:A charge:1990 release:2:A refund:1990 is:FAILED", NULL },
	{ "undo-order", "invalid", PLACED "charge:1990 reserve:2:A is:CONFIRMED", NULL },
	{ "undo-order", "invalid", PLACED "charge:1990 refund:1990 is:FAILED", NULL },
	{ "undo-order", "invalid", PLACED "reserve:2:A charge:1990 was:CONFIRMED refund:1990 is:CONFIRMED", NULL },
	{ "undo-order", "invalid", PLACED "reserve:2:A charge:1990 was:CONFIRMED refund:1990 is:CONFIRMED", "order" },
	{ "undo-order", "unknown", PLACED "is:FAILED", NULL },
	{ "undo-order", "unknown", PLACED "charge:1990 reserve:2:A is:CONFIRMED incomplete:psp", NULL },

	{ "no-hang", "valid", FAILED, NULL },
	{ "no-hang", "invalid", PLACED "release:2:A reserve:2:A is:FAILED", NULL },
	{ "no-hang", "invalid", PLACED "was:FAILED reserve:2:A is:FAILED", NULL },
	{ "no-hang", "invalid", PLACED "reserve:2:A was:CANCELLED charge:1990 is:CANCELLED", NULL },
	{ "no-hang", "unknown", HAPPY, NULL },
	{ "no-hang", "unknown", FAILED "incomplete:movements", NULL },

	{ "no-oversell", "valid", HAPPY "stock:SKU-1:8:0:2:10:0", NULL },
	{ "no-oversell", "invalid", "stock:SKU-1:-1:0:11:10:0", NULL },
	{ "no-oversell", "invalid", "stock:SKU-1:0:1:10:10:0", NULL },
	{ "no-oversell", "invalid", HAPPY HAPPY "stock:SKU-1:1:0:2:3:0", NULL },
	{ "no-oversell", "invalid", "stock:SKU-1:-1:0:11:10:0 incomplete:stock", NULL },
	{ "no-oversell", "unknown", HAPPY "stock:SKU-1:8:0:2:10:0 incomplete:stock", NULL },
	{ "no-oversell", "unknown", HAPPY, NULL },

	{ "stock-conserved", "valid", HAPPY FAILED "stock:SKU-1:8:0:2:10:0", NULL },
	{ "stock-conserved", "valid", HAPPY "stock:SKU-1:11:1:2:9:5", NULL },
	{ "stock-conserved", "invalid", HAPPY "stock:SKU-1:9:0:2:10:0", NULL },
	{ "stock-conserved", "invalid", HAPPY "stock:SKU-1:7:0:2:10:0", NULL },
	{ "stock-conserved", "invalid", PLACED "reserve:2:SKU-1 is:FAILED stock:SKU-1:8:2:0:10:0", NULL },
	{ "stock-conserved", "invalid", PLACED "release:2:SKU-1 is:FAILED stock:SKU-1:12:-2:0:10:0", NULL },
	{ "stock-conserved", "unknown", HAPPY "stock:SKU-1:9:0:2:10:0 incomplete:stock", NULL },
	{ "stock-conserved", "unknown", HAPPY "stock:SKU-1:9:0:2:10:0 differs:stock", NULL },
	{ "stock-conserved", "unknown", HAPPY, "stock" },

	{ "terminal", "valid", HAPPY FAILED, NULL },
	{ "terminal", "valid", "saga sent info absent " HAPPY, NULL },
	{ "terminal", "invalid", PLACED "@60 is:PAID", NULL },
	{ "terminal", "invalid", PLACED "@60 undoing:CONFIRMED", NULL },
	{ "terminal", "invalid", "saga sent info @60 is:PENDING", NULL },
	{ "terminal", "unknown", PLACED "@60 unreadable", NULL },
	{ "terminal", "unknown", PLACED "@5 is:PENDING", NULL },
	{ "terminal", "unknown", PLACED "armed:0 @55 healed:0 @60 is:PENDING", NULL },
	{ "terminal", "unknown", "saga sent fail:400 absent", NULL },

	{ "legal-moves", "valid", HAPPY FAILED, NULL },
	{ "legal-moves", "invalid", PLACED "was:PENDING was:PAID is:CONFIRMED", NULL },
	{ "legal-moves", "invalid", PLACED "was:RESERVED was:PAID is:CONFIRMED", NULL },
	{ "legal-moves", "invalid", PLACED "was:PENDING was:ODD is:CONFIRMED", NULL },
	{ "legal-moves", "unknown", PLACED "was:PENDING was:PAID is:CONFIRMED incomplete:log", NULL },
	{ "legal-moves", "unknown", HAPPY, "evidence.log" },

	{ "monotonic", "valid", HAPPY FAILED, NULL },
	{ "monotonic", "valid", PLACED "saw:CONFIRMED saw:CANCELLED is:CANCELLED", NULL },
	{ "monotonic", "invalid", PLACED "was:PENDING was:CANCELLED was:PAID is:CONFIRMED", NULL },
	{ "monotonic", "invalid", PLACED "saw:FAILED is:CONFIRMED", NULL },
	{ "monotonic", "invalid", PLACED "saw:CONFIRMED saw:PENDING is:CONFIRMED", NULL },
	{ "monotonic", "invalid", PLACED "was:PENDING told:PENDING told:CANCELLED told:PAID is:CONFIRMED", NULL },
	{ "monotonic", "valid", PLACED "was:PENDING told:PENDING told:CANCELLED told:PENDING was:CANCELLED is:CANCELLED", NULL },
	{ "monotonic", "unknown", PLACED "saw:PENDING is:PENDING", NULL },

	{ "read-your-writes", "valid", HAPPY, NULL },
	{ "read-your-writes", "invalid", PLACED "missed saw:PENDING is:CONFIRMED", NULL },
	{ "read-your-writes", "invalid", PLACED "missed unreadable", NULL },
	{ "read-your-writes", "unknown", PLACED "is:CONFIRMED", NULL },

	{ "durable", "valid", HAPPY FAILED, NULL },
	{ "durable", "invalid", PLACED "absent", NULL },
	{ "durable", "invalid", PLACED "@5 is:PENDING @60 absent", NULL },
	{ "durable", "unknown", PLACED "unreadable", NULL },
	{ "durable", "unknown", "saga sent info absent", NULL },

	{ "no-phantom", "valid", HAPPY "saga sent fail:409 absent", NULL },
	{ "no-phantom", "valid", "saga sent info sent fail:409 reserve:2:A is:FAILED", NULL },
	{ "no-phantom", "invalid", "saga sent fail:409 is:PENDING", NULL },
	{ "no-phantom", "invalid", "saga sent fail:500 reserve:2:A", NULL },
	{ "no-phantom", "invalid", "ghost charge:1990", NULL },
	{ "no-phantom", "unknown", "saga sent fail:409 absent incomplete:movements", NULL },
	{ "no-phantom", "unknown", "saga sent info absent", NULL },

	{ "notify", "valid", HAPPY FAILED, NULL },
	{ "notify", "valid", PLACED "was:CONFIRMED mail:ok cancel cancel-ok was:CANCELLED mail:failed is:CANCELLED", NULL },
	{ "notify", "valid", PLACED "mail:ok:m1 mail:ok:m1 is:CONFIRMED", NULL },
	{ "notify", "invalid", PLACED "is:CONFIRMED", NULL },
	{ "notify", "invalid", PLACED "mail:ok:m1 mail:ok:m2 is:CONFIRMED", NULL },
	{ "notify", "invalid", PLACED "mail:ok was:PENDING was:FAILED mail:failed is:FAILED", NULL },
	{ "notify", "invalid", PLACED "mail:failed mail:ok is:CONFIRMED", NULL },
	{ "notify", "invalid", PLACED "was:FAILED is:FAILED", NULL },
	{ "notify", "invalid", "saga sent info mail:ok absent", NULL },
	{ "notify", "unknown", PLACED "is:CONFIRMED incomplete:mails", NULL },
	{ "notify", "unknown", PLACED "cancel cancel-ok mail:ok mail:failed is:CANCELLED incomplete:log", NULL },
	{ "notify", "unknown", HAPPY, "evidence.mails" },

	{ "outbox", "valid", HAPPY FAILED, NULL },
	{ "outbox", "valid", PLACED LOG "told:PENDING is:PAID", NULL },
	{ "outbox", "invalid", PLACED "was:PENDING told:PENDING was:RESERVED is:RESERVED", NULL },
	{ "outbox", "invalid", PLACED "was:PENDING told:PENDING told:RESERVED is:PENDING", NULL },
	{ "outbox", "invalid", PLACED "was:PENDING was:RESERVED told:RESERVED told:PENDING is:RESERVED", NULL },
	{ "outbox", "unknown", PLACED "was:PENDING is:PENDING incomplete:events", NULL },
	{ "outbox", "unknown", PLACED "was:PENDING is:PENDING", "evidence.events" },

	{ "dead-letters", "valid", FAILED "dead queue:mail:10:9:1", NULL },
	{ "dead-letters", "invalid", FAILED "queue:mail:10:9:0", NULL },
	{ "dead-letters", "invalid", FAILED "queue:mail:10:11:0", NULL },
	{ "dead-letters", "invalid", PLACED "dead @60 is:PAID", NULL },
	{ "dead-letters", "unknown", FAILED "queue:mail:10:9:0 incomplete:queues", NULL },
	{ "dead-letters", "unknown", FAILED, NULL },

	{ "ledger-balanced", "valid", HAPPY "posting:tx_1:1990:1990", NULL },
	{ "ledger-balanced", "invalid", HAPPY "posting:tx_1:1990:1980", NULL },
	{ "ledger-balanced", "invalid", HAPPY "posting:tx_1:1990:1990 posting:tx_2:5:0", NULL },
	{ "ledger-balanced", "invalid", PLACED "charge:1990 book:1990 refund:1990 is:FAILED", NULL },
	{ "ledger-balanced", "unknown", HAPPY "posting:tx_1:1990:1980 incomplete:ledger", NULL },
	{ "ledger-balanced", "unknown", HAPPY, "evidence.ledger evidence.books" },

	{ "price-intact", "valid", HAPPY "priced:1990:1990", NULL },
	{ "price-intact", "invalid", PLACED "charge:1989 is:CONFIRMED", NULL },
	{ "price-intact", "invalid", "saga:1990 sent ok:PENDING:2100 charge:2100 is:CONFIRMED", NULL },
	{ "price-intact", "invalid", HAPPY "priced:1990:1991", NULL },
	{ "price-intact", "invalid", PLACED "charge:1990 is:CONFIRMED:1980", NULL },
	{ "price-intact", "unknown", PLACED "is:FAILED", NULL },
	{ "price-intact", "unknown", HAPPY "incomplete:psp", NULL },

	{ "budget", "valid", "saga:10:SALE sent ok:PENDING is:CONFIRMED saga:10:SALE sent fail:409", NULL },
	{ "budget", "valid", "saga:10:SALE sent ok:PENDING is:FAILED saga:10:SALE sent ok:PENDING is:CONFIRMED", NULL },
	{ "budget", "invalid", "saga:10:SALE sent ok:PENDING is:CONFIRMED saga:10:SALE sent ok:PENDING is:CONFIRMED", NULL },
	{ "budget", "invalid", "saga:10:SALE sent ok:PENDING was:FAILED is:FAILED saga:10:SALE sent fail:409 saga:10:SALE sent fail:409", NULL },
	{ "budget", "unknown", "saga:10:SALE sent ok:PENDING was:CANCELLED is:CANCELLED saga:11:SALE sent fail:409", NULL },
	{ "budget", "unknown", HAPPY, NULL },
	{ "budget", "unknown", "saga:10:SALE sent ok:PENDING is:CONFIRMED", "budget" },

	{ "cancel-wins", "valid", PLACED "cancel cancel-ok is:CANCELLED", NULL },
	{ "cancel-wins", "invalid", PLACED "cancel cancel-ok is:CONFIRMED", NULL },
	{ "cancel-wins", "invalid", PLACED "cancel cancel-ok saw:CANCELLED is:SHIPPED", NULL },
	{ "cancel-wins", "unknown", PLACED "cancel cancel-ok unreadable", NULL },
	{ "cancel-wins", "unknown", PLACED "cancel cancel-no is:CONFIRMED", NULL },

	{ "breaker", "valid", "breaker:psp:CLOSED breaker:psp:OPEN breaker:psp:CLOSED", NULL },
	{ "breaker", "invalid", "armed:0 breaker:psp:OPEN @20 healed:0 @40 " HAPPY "@70 breaker:psp:OPEN", NULL },
	{ "breaker", "invalid", PLACED "hit:0:60 is:CONFIRMED", NULL },
	{ "breaker", "unknown", "armed:0 breaker:psp:OPEN @20 healed:0 @70 breaker:psp:OPEN", NULL },
	{ "breaker", "unknown", "breaker:psp:CLOSED", NULL },

	{ "rate-limited", "valid", "requests:200:15 requests:429:3", NULL },
	{ "rate-limited", "valid", "saga sent fail:429 absent @5 requests:200:12 @6 requests:200:12 requests:429:1", NULL },
	{ "rate-limited", "invalid", "requests:200:16 requests:429:3", NULL },
	{ "rate-limited", "invalid", "@5 requests:200:13 @6 requests:200:13", NULL },
	{ "rate-limited", "invalid", "saga sent fail:429 is:PENDING", NULL },
	{ "rate-limited", "unknown", "requests:200:5", NULL },
	{ "rate-limited", "unknown", "requests:200:50", "limit" },

	{ "regions-converge", "valid", "region:us:SKU-1:10 region:eu:SKU-1:10", NULL },
	{ "regions-converge", "invalid", "region:us:SKU-1:10 region:eu:SKU-1:11", NULL },
	{ "regions-converge", "invalid", "region:us:SKU-1:10 region:eu:SKU-1:10 region:us:SKU-2:5", NULL },
	{ "regions-converge", "unknown", "region:us:SKU-1:10 region:eu:SKU-1:11 incomplete:eu", NULL },
	{ "regions-converge", "unknown", "region:us:SKU-1:10 region:eu:SKU-1:11", "evidence.eu" },

	{ "vacuity", "valid", HAPPY FAILED "armed:0 hit:0 healed:0 armed:1 healed:1", NULL },
	{ "vacuity", "unknown", HAPPY "armed:0 hit:0 healed:0 armed:1 healed:1", NULL },
	{ "vacuity", "unknown", HAPPY FAILED "armed:0 hit:0 healed:0", NULL },
	{ "vacuity", "unknown", HAPPY FAILED "armed:0 hit:0 healed:0 armed:1 unmet:1", NULL },
	{ "vacuity", "unknown", "", NULL },
};

enum { CASES = sizeof(cases) / sizeof(*cases) };

static size_t count_cases(const char *invariant, const char *verdict)
{
	size_t count = 0;

	for (size_t i = 0; i < CASES; i++)
		count += strcmp(cases[i].invariant, invariant) == 0 &&
			 strcmp(cases[i].verdict, verdict) == 0;
	return count;
}

static void try_case(const struct case_of *tried)
{
	struct canned canned;
	const char *verdict;

	if (!CHECK(canned_judge(&canned, tried->words, tried->without)))
		printf("#   %s\n", canned.err.text);
	verdict = canned_verdict(&canned, tried->invariant);
	if (!CHECK(strcmp(verdict, tried->verdict) == 0)) {
		char *words = json_dumps(canned_invariant(&canned, tried->invariant), 0);

		printf("#   %s of '%s' is not %s: %.600s\n", tried->invariant, tried->words,
		       tried->verdict, words ? words : "");
		free(words);
	}
	if (strcmp(verdict, "unknown") == 0)
		CHECK(json_is_string(
			json_object_get(canned_invariant(&canned, tried->invariant), "why")));
	canned_release(&canned);
}

static void try_all(const char *verdict)
{
	for (size_t i = 0; i < CASES; i++)
		if (strcmp(cases[i].verdict, verdict) == 0)
			try_case(&cases[i]);
}

/* What is right is right for all of them: none may see what is not there. */
static void try_rightness(const char *words)
{
	struct canned canned;
	size_t i;
	const json_t *invariant;

	CHECK(canned_judge(&canned, words, NULL));
	json_array_foreach(json_object_get(canned_saga(&canned), "invariants"), i, invariant) {
		char *seen = json_dumps(invariant, 0);

		if (!CHECK(json_integer_value(json_object_get(invariant, "violations")) == 0))
			printf("#   '%s': %.500s\n", words, seen);
		free(seen);
	}
	canned_release(&canned);
}

int main(void)
{
	TEST("each invariant has a case that is valid, two that are invalid, one that is unknown") {
		for (size_t i = 0; invariants[i]; i++) {
			const char *name = invariants[i]->name;
			size_t invalid = count_cases(name, "invalid");

			/* A run that tests nothing is not the system's fault: never invalid. */
			if (strcmp(name, "vacuity") == 0)
				invalid += 2;
			if (!CHECK(count_cases(name, "valid") >= 1 && invalid >= 2 &&
				   count_cases(name, "unknown") >= 1))
				printf("#   %s\n", name);
		}
	}
	TEST("what is right is found valid") {
		try_all("valid");
	}
	TEST("what is wrong is found invalid") {
		try_all("invalid");
	}
	TEST("what can't be known is unknown, with a reason") {
		try_all("unknown");
	}
	TEST("no invariant finds anything in what is right") {
		try_rightness(HAPPY FAILED);
		try_rightness(HAPPY "stock:SKU-1:8:0:2:10:0 posting:t:1:1 again:1 misused:1");
		try_rightness(PLACED "cancel cancel-ok was:PENDING told:PENDING was:CANCELLED "
				     "told:CANCELLED mail:failed is:CANCELLED:1990");
		try_rightness("saga sent info absent");
		try_rightness("saga sent fail:429 absent");
		try_rightness("foreign-charge:500");
		try_rightness("saga");
	}
	return tap_done();
}
