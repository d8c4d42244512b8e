#include "loadgen/tally.h"

/* Every number of a tally, in the order of its packed form. */
enum { TALLY_NUMBERS = 8 + OUTCOME_COUNT + FAILURE_COUNT };

void tally_init(struct tally *tally)
{
	*tally = (struct tally){ .latency = hist_new(2) };
}

void tally_release(struct tally *tally)
{
	if (!tally)
		return;
	hist_free(tally->latency);
	tally->latency = NULL;
}

bool tally_balances(const struct tally *tally)
{
	uint64_t sum = tally->under_way;

	for (int i = 0; i < OUTCOME_COUNT; i++)
		sum += tally->outcomes[i];
	return sum == tally->scheduled;
}

void tally_merge(struct tally *into, const struct tally *from)
{
	into->scheduled += from->scheduled;
	into->under_way += from->under_way;
	into->sent += from->sent;
	into->done += from->done;
	into->lost_records += from->lost_records;
	into->connections += from->connections;
	for (int i = 0; i < OUTCOME_COUNT; i++)
		into->outcomes[i] += from->outcomes[i];
	for (int i = 0; i < FAILURE_COUNT; i++)
		into->failures[i] += from->failures[i];
	if (from->seconds > into->seconds)
		into->seconds = from->seconds;
	if (from->lag_max_us > into->lag_max_us)
		into->lag_max_us = from->lag_max_us;
	hist_merge(into->latency, from->latency);
}

static void put(struct buffer *out, uint64_t number)
{
	char bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (char)(number >> (8 * i));
	buffer_add(out, bytes, sizeof(bytes));
}

static uint64_t take(struct text *from)
{
	uint64_t number = 0;

	for (int i = 0; i < 8; i++)
		number |= (uint64_t)(unsigned char)from->data[i] << (8 * i);
	from->data += 8;
	from->length -= 8;
	return number;
}

void tally_pack(const struct tally *tally, struct buffer *out)
{
	put(out, tally->scheduled);
	put(out, tally->under_way);
	put(out, tally->sent);
	put(out, tally->done);
	put(out, tally->lost_records);
	put(out, tally->connections);
	put(out, tally->seconds);
	put(out, (uint64_t)tally->lag_max_us);
	for (int i = 0; i < OUTCOME_COUNT; i++)
		put(out, tally->outcomes[i]);
	for (int i = 0; i < FAILURE_COUNT; i++)
		put(out, tally->failures[i]);
	hist_pack(tally->latency, out);
}

bool tally_unpack(struct tally *tally, struct text *from, struct error *err)
{
	if (from->length < TALLY_NUMBERS * 8)
		return error_set(err, "a snapshot of a worker is cut short");
	tally->scheduled = take(from);
	tally->under_way = take(from);
	tally->sent = take(from);
	tally->done = take(from);
	tally->lost_records = take(from);
	tally->connections = (uint32_t)take(from);
	tally->seconds = (uint32_t)take(from);
	tally->lag_max_us = (int64_t)take(from);
	for (int i = 0; i < OUTCOME_COUNT; i++)
		tally->outcomes[i] = take(from);
	for (int i = 0; i < FAILURE_COUNT; i++)
		tally->failures[i] = take(from);
	hist_reset(tally->latency);
	return hist_unpack(tally->latency, from, err);
}
