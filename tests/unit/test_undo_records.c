/* What heals reads records that anyone may have written: none makes it act, lie or crash. */
#include <jansson.h>

#include "chaos/kinds.h"
#include "chaos/nft.h"
#include "chaos/tc.h"
#include "tests/unit/tap.h"

static const struct fault_kind *const kinds[] = {
	&network_partition,    &network_loss,   &network_reject,    &network_link_rate,
	&network_netem,	       &machine_cpu,    &machine_memory,    &machine_disk_fill,
	&machine_disk_latency, &container_kill, &container_stop,    &container_pause,
	&container_disconnect, &witness_decline, &witness_bounce,    &witness_provider_error,
	&witness_webhooks,
};

static const char *const records[] = {
	"{}",
	"[]",
	"null",
	"{\"table\": 7, \"places\": 7, \"helpers\": 7, \"socket\": 7, \"containers\": 7, "
	"\"directory\": 7, \"file\": 7, \"fault\": 7, \"witnesses\": 7}",
	"{\"table\": \"filter\", \"places\": [{}], \"helpers\": \"init\", \"socket\": "
	"\"/nowhere\", \"containers\": [{}], \"directory\": \"/\", \"file\": \"etc\"}",
	"{\"table\": \"sagastorm_1_1_1; flush ruleset\", \"places\": [null], \"helpers\": "
	"\"sgst-zzzzzzzzzz\", \"socket\": \"\", \"containers\": {}, \"directory\": \"/nowhere\", "
	"\"file\": \".sagastorm-fill-/../../etc/passwd\"}",
	"{\"fault\": \"sagastorm-00\", \"witnesses\": [{\"url\": \"http://127.0.0.1:1/x\"}]}",
	"{\"fault\": \"../x\", \"witnesses\": [{\"url\": \"http://127.0.0.1:1\"}]}",
	"{\"table\": \"sagastorm_1_0_00000000\", \"places\": []}",
	"{\"table\": \"sagastorm_1_0_00000000\", \"places\": [{\"netns\": {\"path\": "
	"\"/etc/passwd\"}}], \"helpers\": \"\", \"socket\": \"/dev/null\", \"containers\": "
	"[[], 1, null]}",
};

int main(void)
{
	TEST("no kind takes a record that is none of ours for healed") {
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
			for (size_t k = 0; k < sizeof(records) / sizeof(records[0]); k++) {
				json_t *record = json_loads(records[k], JSON_DECODE_ANY, NULL);
				struct error err = { "" };

				CHECK(record != NULL);
				CHECK(!kinds[i]->heal(record, &err) && err.text[0]);
				CHECK(!kinds[i]->look(record, &err) && err.text[0]);
				json_decref(record);
			}
		}
	}
	TEST("a table is ours by its name") {
		struct buffer name = BUFFER_EMPTY;

		nft_table_name(&name, 7);
		CHECK(nft_is_ours(name.data));
		CHECK(!nft_is_ours("filter") && !nft_is_ours("") && !nft_is_ours(NULL));
		CHECK(!nft_is_ours("sagastorm_1 ; flush ruleset"));
		CHECK(!nft_is_ours("sagastorm_a/b"));
		buffer_release(&name);
	}
	TEST("a queue is ours by its handle") {
		struct buffer handle = BUFFER_EMPTY;

		for (int i = 0; i < 1000; i++) {
			buffer_clear(&handle);
			tc_handle(&handle);
			CHECK(tc_handle_is(handle.data));
		}
		CHECK(!tc_handle_is("1:") && !tc_handle_is("5a6b") && !tc_handle_is(NULL));
		CHECK(!tc_handle_is("5a6b:1") && !tc_handle_is("-5a6:"));
		CHECK(tc_device_is("eth0") && tc_device_is("veth1234@if5"));
		CHECK(!tc_device_is("") && !tc_device_is("-x") && !tc_device_is("a b"));
		CHECK(!tc_device_is("a-name-that-is-too-long"));
		buffer_release(&handle);
	}
	return tap_done();
}
