/*
 * fuzz_proxy_http: both sides of a proxied connection say what they like, in any order and in any
 * pieces, while faults come and go.
 *
 * The first byte says which faults are armed (bits 0 to 5, in the order of `kinds`), bit 6 that a
 * watch holds a call, bit 7 that all mean every other call only. The second says for each fault
 * which of its two settings it has. Then come moves: a byte whose
 * lower three bits say what happens, and whose upper five how many of the following bytes it takes
 * (31: as many as the next two bytes say).
 *
 * Whatever happens: without faults, what comes out is what came in; a connection of which every
 * call is aborted sends nothing upstream; no more ends than one; nothing is left behind.
 */
#include "tests/unit/fake_relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum move {
	MOVE_REQUEST,
	MOVE_ANSWER,
	MOVE_REQUEST_END,
	MOVE_ANSWER_END,
	MOVE_RING,
	MOVE_HEAL,
	MOVE_RELEASE,
	MOVE_ANSWER_PIECES
};

static const struct {
	const struct fault_kind *kind;
	const char *settings[2];
} kinds[] = {
	{ &call_abort, { "{}", "{ status: 503 }" } },
	{ &call_delay, { "{ delay: 1s }", "{ delay: 1s, jitter: 1s }" } },
	{ &call_duplicate, { "{}", "{ answer: second }" } },
	{ &call_lose_reply, { "{ caller-gets: timeout }", "{ status: 502 }" } },
	{ &call_replace, { "{ status: 500 }", "{ body: '{}', headers: [ 'A: b' ] }" } },
	{ &call_truncate, { "{ after: 3 }", "{ after-share: 50% }" } },
};
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static struct buffer said[FLOW_COUNT];
static bool ended[FLOW_COUNT];

static void say(enum flow flow, const uint8_t *bytes, size_t length)
{
	struct text text = { (const char *)bytes, length };

	if (ended[flow] || fake.relay.ended || !length)
		return;
	buffer_add_text(&said[flow], text);
	http_bytes(fake.relay.http, flow, text);
}

static void end(enum flow flow)
{
	if (!ended[flow] && !fake.relay.ended)
		http_end(fake.relay.http, flow);
	ended[flow] = true;
}

static void heal_first(void)
{
	if (fake.core.armed)
		fake_heal(fake.core.armed);
}

static void release_all(void)
{
	for (struct armed *armed = fake.core.armed; armed; armed = armed->next) {
		armed->released = armed->watch;
		http_changed(fake.relay.http, armed);
	}
}

static void make_move(enum move move, const uint8_t *bytes, size_t length)
{
	switch (move) {
	case MOVE_REQUEST:
		say(FLOW_REQUESTS, bytes, length);
		break;
	case MOVE_ANSWER:
		say(FLOW_ANSWERS, bytes, length);
		break;
	case MOVE_ANSWER_PIECES:
		for (size_t i = 0; i < length; i++)
			say(FLOW_ANSWERS, bytes + i, 1);
		break;
	case MOVE_REQUEST_END:
		end(FLOW_REQUESTS);
		break;
	case MOVE_ANSWER_END:
		end(FLOW_ANSWERS);
		break;
	case MOVE_RING:
		fake_ring();
		break;
	case MOVE_HEAL:
		heal_first();
		break;
	case MOVE_RELEASE:
		release_all();
		break;
	}
}

static void arm(uint8_t which, uint8_t how)
{
	struct call_match match = { .every = which & 0x80 ? 2 : 0 };
	struct armed *armed;

	for (size_t i = 0; i < KINDS; i++) {
		if (!(which >> i & 1))
			continue;
		armed = fake_arm(kinds[i].kind, kinds[i].settings[how >> i & 1]);
		armed->fault.match = match;
	}
	if (!(which & 0x40))
		return;
	armed = fake_arm(NULL, NULL);
	armed->fault.trigger = (struct fault_trigger){ .match = match, .hold = true };
}

static void check_unchanged(void)
{
	for (int flow = 0; flow < FLOW_COUNT; flow++) {
		struct text out = buffer_text(&fake.passed[flow]);
		struct text in = buffer_text(&said[flow]);

		/* Only the head that is not complete may be missing. */
		assert(!fake.relay.ended && out.length <= in.length);
		assert(memcmp(in.data, out.data, out.length) == 0);
		if (ended[0] && ended[1])
			assert(out.length == in.length && fake.ends[flow] == 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 2;

	if (size < 2)
		return 0;
	fake_begin();
	arm(data[0], data[1]);
	while (at < size) {
		enum move move = data[at] & 7;
		size_t length = data[at++] >> 3;

		if (length == 31 && size - at >= 2) {
			length = (size_t)data[at] << 8 | data[at + 1];
			at += 2;
		}
		if (length > size - at)
			length = size - at;
		make_move(move, data + at, length);
		at += length;
	}
	if (data[0] == 1 && !(data[1] & 1) && fake.hit_count)
		assert(fake.passed[FLOW_REQUESTS].length == 0);
	end(FLOW_REQUESTS);
	end(FLOW_ANSWERS);
	while (fake_ring())
		;
	if (data[0] == 0)
		check_unchanged();
	for (int flow = 0; flow < FLOW_COUNT; flow++) {
		assert(fake.ends[flow] <= 1);
		buffer_release(&said[flow]);
		ended[flow] = false;
	}
	fake_end();
	return 0;
}
