/* While a run goes on: what is wrong for good is told once, and what may become right is not. */
#include "sagas/anytime.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/saga_key.h"
#include "tests/unit/tap.h"

enum { RUN = 0x5a6a };

/* `moves` of an order that is over when it is confirmed, and of one that can be cancelled then. */
static const char contract_text[] =
	"{'name': 'order', 'number': 0, 'read': 'GET /by-key/${order.key}', 'state': '/status',"
	" 'moves': {'NEW': ['DONE', 'FAILED'], 'DONE': [%s], 'FAILED': []},"
	" 'succeeded': ['DONE'], 'compensated': ['FAILED'],"
	" 'steps': {'charge': {'undo': 'refund', 'counts': 'money'}, 'confirm': {'pivot': true},"
	"  'mail': {'at-most': 1}},"
	" 'evidence': ["
	"  {'name': 'psp', 'from': 'psp',"
	"   'charge': {'where': '/o == c', 'key': '/k', 'amount': '/a', 'identity': '/i'},"
	"   'refund': {'where': '/o == r', 'key': '/k', 'amount': '/a', 'identity': '/i'}},"
	"  {'name': 'mails', 'from': 'mail', 'mail': {'key': 'header X-Key', 'identity': '/i',"
	"   'succeeded': '/x == 1', 'compensated': '/x == 2'}},"
	"  {'name': 'books', 'read': 'GET /books', 'each': '/items',"
	"   'charge': {'key': '/k', 'amount': '/a', 'identity': '/i'}}]}";

struct stage {
	char directory[64];
	char psp[100], mail[100];
	struct arena arena;
	struct contract contract;
	struct history *history;
	struct anytime *anytime;
	int identity;
};

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	return remove(path);
}

static void read_contract(struct stage *stage, const char *after)
{
	char *text = arena_format(&stage->arena, "%.*s%s%s",
				  (int)(strstr(contract_text, "%s") - contract_text), contract_text,
				  after, strstr(contract_text, "%s") + 2);
	struct error err = { "" };
	json_t *json;

	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	json = json_loads(text, 0, NULL);
	if (!json || !contract_from_json(json, &stage->arena, &stage->contract, &err)) {
		fprintf(stderr, "no contract: %s\n", err.text);
		abort();
	}
	json_decref(json);
}

/* `after`: where an order may go that is done, in single quotes. */
static void begin(struct stage *stage, const char *after)
{
	struct evidence_settings settings = {
		.contract_count = 1, .target = "http://127.0.0.1:1", .live = true, .run = RUN
	};
	struct error err;

	*stage = (struct stage){ .directory = "/tmp/test_anytime_XXXXXX" };
	if (!mkdtemp(stage->directory))
		abort();
	snprintf(stage->psp, sizeof(stage->psp), "%s/psp.jsonl", stage->directory);
	snprintf(stage->mail, sizeof(stage->mail), "%s/mail.jsonl", stage->directory);
	read_contract(stage, after);
	stage->history = history_create(stage->directory, "observer", NULL);
	settings.contracts = &stage->contract;
	settings.history = stage->history;
	settings.directory = stage->directory;
	settings.psp_ledger = stage->psp;
	settings.mail_ledger = stage->mail;
	settings.start_us = clock_now_us();
	stage->anytime = anytime_new(&settings, &err);
	if (!stage->anytime)
		abort();
}

static void end(struct stage *stage)
{
	anytime_free(stage->anytime);
	history_close(stage->history);
	arena_release(&stage->arena);
	nftw(stage->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void append(const char *path, const char *text)
{
	FILE *file = fopen(path, "a");

	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		abort();
}

static void money(struct stage *stage, uint64_t run, uint32_t saga, const char *kind, int amount,
		  int identity)
{
	char key[SAGA_KEY_BYTES], line[200];

	saga_key_write(run, 0, saga, key);
	snprintf(line, sizeof(line), "{\"o\": \"%s\", \"k\": \"%s\", \"a\": %d, \"i\": \"%d\"}\n",
		 kind, key, amount, identity);
	append(stage->psp, line);
}

static void tell(struct stage *stage, uint32_t saga, int outcome)
{
	char key[SAGA_KEY_BYTES], line[200];

	saga_key_write(RUN, 0, saga, key);
	snprintf(line, sizeof(line),
		 "{\"headers\": {\"x-key\": \"%s\"}, \"x\": %d, \"i\": \"%d\"}\n", key, outcome,
		 ++stage->identity);
	append(stage->mail, line);
}

/* "saga:what saga:what", of all that was told so far. */
static const char *told(struct stage *stage)
{
	static char words[500];
	char path[120];
	struct history_reader *reader;
	const struct record *record;
	struct record_event event;
	struct wrong_fact fact;

	anytime_turn(stage->anytime);
	snprintf(path, sizeof(path), "%s/observer.history", stage->directory);
	reader = history_open(path, NULL);
	words[0] = '\0';
	while (reader && (record = history_follow(reader))) {
		memcpy(&event, record->payload, sizeof(event));
		CHECK(record->kind == RECORD_EVENT && event.event == EVENT_WRONG &&
		      wrong_fact_unpack(event.number, event.value, &fact));
		snprintf(words + strlen(words), sizeof(words) - strlen(words), "%s%u:%d",
			 *words ? " " : "", fact.saga, (int)fact.what);
	}
	history_reader_free(reader);
	return words;
}

static void test_money(void)
{
	struct stage stage;

	begin(&stage, "");
	TEST("ledgers that are not there yet say nothing") {
		CHECK_TEXT(told(&stage), "");
	}
	TEST("a charge, and its refund, are as they should be") {
		money(&stage, RUN, 1, "c", 500, 1);
		money(&stage, RUN, 1, "r", 200, 2);
		money(&stage, RUN, 1, "r", 300, 3);
		CHECK_TEXT(told(&stage), "");
	}
	TEST("a second charge is told once, also when it is given back") {
		money(&stage, RUN, 2, "c", 500, 4);
		CHECK_TEXT(told(&stage), "");
		money(&stage, RUN, 2, "c", 500, 5);
		CHECK_TEXT(told(&stage), "2:0");
		money(&stage, RUN, 2, "c", 500, 6);
		money(&stage, RUN, 2, "r", 500, 7);
		CHECK_TEXT(told(&stage), "2:0");
	}
	TEST("more given back than was taken is told") {
		money(&stage, RUN, 1, "r", 1, 8);
		CHECK_TEXT(told(&stage), "2:0 1:1");
	}
	TEST("the same entry twice is one, that of another run none, and neither is one without a name") {
		money(&stage, RUN, 3, "c", 500, 9);
		money(&stage, RUN, 3, "c", 500, 9);
		money(&stage, RUN + 1, 3, "c", 500, 10);
		append(stage.psp, "{\"o\": \"c\", \"k\": \"none\", \"a\": 1, \"i\": \"11\"}\n");
		CHECK_TEXT(told(&stage), "2:0 1:1");
	}
	TEST("half a line waits for its other half") {
		char key[SAGA_KEY_BYTES];

		saga_key_write(RUN, 0, 3, key);
		append(stage.psp, "{\"o\": \"c\", \"k\": \"");
		append(stage.psp, key);
		CHECK_TEXT(told(&stage), "2:0 1:1");
		append(stage.psp, "\", \"a\": 5, \"i\": \"12\"}\n");
		CHECK_TEXT(told(&stage), "2:0 1:1 3:0");
	}
	TEST("what is no entry does no harm") {
		append(stage.psp, "nonsense\n\n{}\n[1]\n{\"o\": \"c\", \"a\": 1e99, \"i\": {}}\n"
				  "{\"o\": \"c\", \"a\": 9223372036854775807, \"i\": \"13\"}\n");
		money(&stage, RUN, 4, "c", 2147483647, 14);
		money(&stage, RUN, 4, "c", 2147483647, 15);
		CHECK_TEXT(told(&stage), "2:0 1:1 3:0 4:0");
	}
	end(&stage);
}

static void test_messages(void)
{
	struct stage stage;

	begin(&stage, "");
	TEST("to be told the same twice is too often") {
		tell(&stage, 1, 1);
		tell(&stage, 2, 1);
		CHECK_TEXT(told(&stage), "");
		tell(&stage, 2, 1);
		CHECK_TEXT(told(&stage), "2:2");
	}
	TEST("to be told both outcomes is wrong where none follows from the other") {
		tell(&stage, 1, 2);
		CHECK_TEXT(told(&stage), "2:2 1:3");
	}
	end(&stage);
	begin(&stage, "'FAILED'");
	TEST("and right where what is done can be cancelled") {
		tell(&stage, 1, 1);
		tell(&stage, 1, 2);
		CHECK_TEXT(told(&stage), "");
	}
	end(&stage);
}

static void test_facts(void)
{
	const struct wrong_fact fact = { 7, 2, 3, WRONG_TOLD };
	struct wrong_fact back;

	TEST("a fact is the same after it was packed, and what is none is refused") {
		CHECK(wrong_fact_unpack(7, wrong_fact_pack(&fact), &back));
		CHECK(back.saga == 7 && back.contract == 2 && back.step == 3 &&
		      back.what == WRONG_TOLD);
		CHECK(!wrong_fact_unpack(7, -1, &back));
		CHECK(!wrong_fact_unpack(7, INT64_MAX, &back));
		CHECK(!wrong_fact_unpack(7, WRONG_COUNT << 16, &back));
		CHECK(!wrong_fact_unpack(7, CONTRACTS_MAX, &back));
		CHECK(!wrong_fact_unpack(7, SAGA_STEPS_MAX << 8, &back));
	}
}

int main(void)
{
	test_money();
	test_messages();
	test_facts();
	return tap_done();
}
