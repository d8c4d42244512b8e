/* The language of contracts as tables. See contract.h. */
#include "sagas/contract_parts.h"

#define FIELD(name) offsetof(struct contract_keys, name)
#define OF(whole, name) (offsetof(struct contract_keys, whole.name) - FIELD(whole))

static const struct shape name_shape = { .kind = SHAPE_STRING };
static const struct shape names_shape = { .kind = SHAPE_LIST_OF, .of = &name_shape };
static const struct shape moves_shape = { .kind = SHAPE_MAP_OF, .of = &names_shape };
static const struct shape any_shape = { .kind = SHAPE_ANY };

static const struct key save_keys[] = {
	{ "token", KEY_STRING, 0, .initial = "/token",
	  .help = "JSON Pointer to the token in the answer" },
	KEYS_END
};

static const struct key login_keys[] = {
	{ "post", KEY_STRING, OF(as, post), .help = "path of the login",
	  .example = "/api/auth/login" },
	{ "json", KEY_NODE, OF(as, json), .shape = &any_shape, .help = "its body",
	  .example = "{ email: admin@shop.example, password: \"${secret:ADMIN}\" }" },
	{ "save", KEY_MAP, OF(as, save), .keys = save_keys,
	  .help = "where the answer has the token that goes with every reading" },
	{ "bearer", KEY_STRING, OF(as, bearer), .help = "a token, instead of a login",
	  .example = "${secret:TOKEN}" },
	KEYS_END
};

static const struct key budget_keys[] = {
	{ "item", KEY_STRING, OF(budget, item),
	  .help = "JSON Pointer, in the placing answer, to what may be spent only so often",
	  .example = "/coupon" },
	{ "where", KEY_STRING, OF(budget, where),
	  .help = "a condition on that answer: whether what it names may be spent only so often",
	  .example = "/coupon starts-with \"SALE-\"" },
	{ "uses", KEY_INTEGER, OF(budget, uses), .initial = "1", .minimum = 1, .maximum = 1e9,
	  .help = "in how many live sagas it may be at once" },
	KEYS_END
};

static const struct key stock_keys[] = {
	{ "read", KEY_STRING, OF(stock, read), .substituted = true,
	  .help = "the list of what is in stock; page by page with ${page} or ${cursor}",
	  .example = "GET /api/inventory?page=${page}&limit=100" },
	{ "each", KEY_STRING, OF(stock, each), .help = "JSON Pointer to the list in the answer" },
	{ "item", KEY_STRING, OF(stock, item), .help = "of an entry: which item it is" },
	{ "available", KEY_STRING, OF(stock, available), .help = "how many can be had" },
	{ "reserved", KEY_STRING, OF(stock, reserved), .help = "how many are held" },
	{ "sold", KEY_STRING, OF(stock, sold), .help = "how many are gone" },
	{ "initial", KEY_STRING, OF(stock, initial), .help = "how many there were at first" },
	{ "restocked", KEY_STRING, OF(stock, restocked), .help = "how many came since" },
	{ "cursor", KEY_STRING, OF(stock, cursor),
	  .help = "of an entry: what ${cursor} is on the next page" },
	{ "first-cursor", KEY_STRING, OF(stock, first_cursor), .initial = "0",
	  .help = "what ${cursor} is on the first page" },
	KEYS_END
};

static const struct key limit_keys[] = {
	{ "rate", KEY_RATE, OF(limit, per_s), .help = "what the system promises to let through" },
	{ "burst", KEY_NUMBER, OF(limit, burst), .maximum = 1e9,
	  .help = "and at once; by default as many as in a second" },
	{ "status", KEY_INTEGER, OF(limit, status), .initial = "429", .minimum = 400,
	  .maximum = 599, .help = "of a refusal" },
	KEYS_END
};

static const char *const counts_choices[] = { "times", "money", "quantity per item", NULL };

#define STEP(name) offsetof(struct step_keys, name)
const struct key contract_step_keys[] = {
	{ "undo", KEY_STRING, STEP(undo), .help = "what takes it back, by a name of your choice",
	  .example = "refund" },
	{ "counts", KEY_CHOICE, STEP(counts), .choices = counts_choices, .initial = "times",
	  .help = "what its amounts are" },
	{ "pivot", KEY_BOOL, STEP(pivot), .initial = "no",
	  .help = "from here on the saga goes forward only" },
	{ "at-least", KEY_INTEGER, STEP(at_least), .initial = "-1", .minimum = -1, .maximum = 1e6,
	  .help = "in a saga that succeeded; -1: no such bound" },
	{ "at-most", KEY_INTEGER, STEP(at_most), .initial = "-1", .minimum = -1, .maximum = 1e6,
	  .help = "in a saga that succeeded; -1: no such bound" },
	KEYS_END
};

#define SOURCE(name) offsetof(struct source_keys, name)
const struct key contract_source_keys[] = {
	{ "from", KEY_STRING, SOURCE(from), .help = "a witness: `psp` or `mail`" },
	{ "read", KEY_STRING, SOURCE(read), .substituted = true,
	  .help = "a path of the system: per saga with ${NAME.id} or ${NAME.key}, else in bulk; "
		  "page by page with ${cursor} or ${page}",
	  .example = "GET /api/inventory/movements?after=${cursor}&limit=1000" },
	{ "file", KEY_STRING, SOURCE(file), .help = "a file of JSON Lines" },
	{ "name", KEY_STRING, SOURCE(name), .help = "what reports call it" },
	{ "each", KEY_STRING, SOURCE(each), .help = "JSON Pointer to the list in the answer" },
	{ "cursor", KEY_STRING, SOURCE(cursor),
	  .help = "of an entry: what ${cursor} is on the next page" },
	{ "first-cursor", KEY_STRING, SOURCE(first_cursor), .initial = "0",
	  .help = "what ${cursor} is on the first page" },
	{ "target", KEY_STRING, SOURCE(target),
	  .help = "where it is read, if not at the target of the run: a URL, or a service of the "
		  "system", .example = "http://127.0.0.1:8081" },
	{ "targets", KEY_STRING, SOURCE(targets),
	  .help = "several of them, with blanks in between: a source each; with none it is left out",
	  .example = "gateway.us gateway.eu" },
	{ "every", KEY_DURATION, SOURCE(every_us), .minimum = 100000, .maximum = 3600e6,
	  .help = "`breaker`: read so often while the run goes on, too, so that what opens and "
		  "closes again is seen" },
	{ "rate", KEY_RATE, SOURCE(rate_per_s), .initial = "200/s", .minimum = 0.1,
	  .maximum = 1e5, .help = "at most so many requests, for reading is no load test" },
	KEYS_END
};

#define RULE(name) offsetof(struct rule_keys, name)
const struct key contract_rule_keys[] = {
	{ "where", KEY_STRING, RULE(where), .help = "a condition on the entry; by default, each",
	  .example = "/kind == \"RESERVE\"" },
	{ "key", KEY_STRING, RULE(key),
	  .help = "JSON Pointer to the saga's key; of mails also `header X-Order-Key`" },
	{ "id", KEY_STRING, RULE(id), .help = "or to what the system calls it" },
	{ "amount", KEY_STRING, RULE(amount),
	  .help = "to the money or the quantity; of a breaker: how often it has opened" },
	{ "item", KEY_STRING, RULE(item),
	  .help = "to which item; also the transaction, the queue, the breaker, the object" },
	{ "identity", KEY_STRING, RULE(identity),
	  .help = "to what the source calls the entry, so that it counts once if it comes twice" },
	{ "cause", KEY_STRING, RULE(cause), .help = "to the identity of what it takes back" },
	{ "at", KEY_STRING, RULE(at),
	  .help = "to its time: ISO 8601, or seconds, ms or us since 1970" },
	{ "state", KEY_STRING, RULE(state), .help = "`states`, `told`: to the state" },
	{ "position", KEY_STRING, RULE(position), .help = "`states`, `told`: to its number" },
	{ "debit", KEY_STRING, RULE(debit), .help = "`ledger`" },
	{ "credit", KEY_STRING, RULE(credit), .help = "`ledger`" },
	{ "published", KEY_STRING, RULE(published), .help = "`counts`" },
	{ "consumed", KEY_STRING, RULE(consumed), .help = "`counts`" },
	{ "dead", KEY_STRING, RULE(dead), .help = "`counts`" },
	{ "value", KEY_STRING, RULE(value), .help = "`breaker`, `region`: to what it is" },
	{ "succeeded", KEY_STRING, RULE(succeeded),
	  .help = "of a message to the customer: the condition under which it says all is well",
	  .example = "/subject contains \"confirmed\"" },
	{ "compensated", KEY_STRING, RULE(compensated), .help = "or that it is not" },
	KEYS_END
};

const char *const contract_role_names[] = { "states", "told",    "dead",   "ledger", "counts",
					    "breaker", "region", "outcome", NULL };

static const struct shape step_shape = { .kind = SHAPE_KEYS,
					 .name = "saga-step",
					 .keys = contract_step_keys };
static const struct shape steps_shape = { .kind = SHAPE_MAP_OF, .of = &step_shape };
static const struct shape rule_shape = {
	.kind = SHAPE_KEYS, .name = "saga-rule", .keys = contract_rule_keys
};
static const struct shape source_member_shape = {
	.kind = SHAPE_ONE_OF,
	.options = (const struct shape *const[]){ &rule_shape, &name_shape, NULL },
};
static const struct shape source_shape = {
	.kind = SHAPE_MAP_OF,
	.name = "saga-source",
	.help = "`from`, `read` or `file` (and `name`, `each`, `cursor`, `first-cursor`, `target`, `targets`, "
		"`every`, `rate`); beside them which entries are what, by the names of steps and undos, or "
		"`states`, `told`, `dead`, `ledger`, `counts`, `breaker`, `region`, "
		"`outcome`",
	.of = &source_member_shape,
};
static const struct shape evidence_shape = { .kind = SHAPE_LIST_OF, .of = &source_shape };

static const char *const styles[] = { "orchestrated", "choreographed", NULL };

const struct key contract_keys[] = {
	{ "as", KEY_MAP, FIELD(as), .keys = login_keys, .help = "who reads the evidence" },
	{ "read", KEY_STRING, FIELD(read), .required = true, .substituted = true,
	  .help = "how to ask for the outcome by the key that we minted",
	  .example = "GET /api/orders/by-key/${order.key}" },
	{ "state", KEY_STRING, FIELD(state), .required = true,
	  .help = "JSON Pointer to the state, in that answer and in the placing one",
	  .example = "/status" },
	{ "undoing", KEY_STRING, FIELD(undoing),
	  .help = "JSON Pointer to what is true while it is being undone: not settled yet" },
	{ "id", KEY_STRING, FIELD(id),
	  .help = "JSON Pointer to what the system calls it, for ${NAME.id}", .example = "/id" },
	{ "amount", KEY_STRING, FIELD(amount),
	  .help = "JSON Pointer to the sum that the customer is shown",
	  .example = "/total_cents" },
	{ "decimals", KEY_INTEGER, FIELD(decimals), .initial = "0", .maximum = 6,
	  .help = "of money: 0 when amounts are whole numbers of the smallest unit, 2 for 19.90" },
	{ "adds-up", KEY_STRINGS, FIELD(adds_up),
	  .help = "JSON Pointers to the parts of `amount`; with `-` in front what is taken off",
	  .example = "[/subtotal_cents, -/discount_cents, /shipping_cents]" },
	{ "key-header", KEY_STRING, FIELD(key_header), .initial = "Idempotency-Key",
	  .help = "header of the placing request that carries the key" },
	{ "correlation-header", KEY_STRING, FIELD(correlation_header),
	  .initial = "X-Correlation-Id",
	  .help = "header that carries it too, so that faults know whom they met; empty: none" },
	{ "budget", KEY_MAP, FIELD(budget), .keys = budget_keys,
	  .help = "what may not be spent twice: a coupon, a gift card" },
	{ "style", KEY_CHOICE, FIELD(style), .choices = styles, .initial = "orchestrated",
	  .help = "orchestrated: effects in the order of `steps`, undone in reverse; "
		  "choreographed: in any order" },
	{ "moves", KEY_NODE, FIELD(moves), .shape = &moves_shape, .required = true,
	  .help = "from each state to which; the first one is where it begins",
	  .example = "{ PENDING: [PAID, FAILED], PAID: [CONFIRMED, FAILED] }" },
	{ "succeeded", KEY_STRINGS, FIELD(succeeded), .required = true,
	  .help = "states in which all has been done" },
	{ "compensated", KEY_STRINGS, FIELD(compensated), .required = true,
	  .help = "states in which nothing has been done, or all has been taken back" },
	{ "settles-within", KEY_DURATION, FIELD(settles_within_us), .initial = "10s",
	  .minimum = 1000, .maximum = 86400e6,
	  .help = "after the load, or after the last fault was healed" },
	{ "steps", KEY_NODE, FIELD(steps), .shape = &steps_shape, .required = true,
	  .help = "what it does to the world, in forward order",
	  .example = "{ charge: { undo: refund, counts: money }, confirm: { pivot: yes } }" },
	{ "evidence", KEY_NODE, FIELD(evidence), .shape = &evidence_shape,
	  .help = "where it can be seen what it did" },
	{ "stock", KEY_MAP, FIELD(stock), .keys = stock_keys, .help = "what is left of what" },
	{ "limit", KEY_MAP, FIELD(limit), .keys = limit_keys, .help = "how much is let in" },
	{ "minimum", KEY_INTEGER, FIELD(minimum), .initial = "1", .minimum = 1, .maximum = 1e9,
	  .help = "cases below which a check is unknown" },
	KEYS_END
};

static const struct shape contract_shape = { .kind = SHAPE_KEYS,
					     .name = "contract",
					     .keys = contract_keys };
const struct shape sagas_shape = { .kind = SHAPE_MAP_OF, .of = &contract_shape };
