#include "lib/saga_key.h"

#include "tests/unit/tap.h"

static bool reads_back(uint64_t run, uint8_t contract, uint32_t saga)
{
	char key[SAGA_KEY_BYTES];
	uint8_t found_contract = 0;
	uint32_t found = 0;

	saga_key_write(run, contract, saga, key);
	return strlen(key) == 36 && saga_key_read(text_of(key), run, &found_contract, &found) &&
	       found_contract == contract && found == saga;
}

int main(void)
{
	uint64_t run = saga_run_id();
	char key[SAGA_KEY_BYTES], other[SAGA_KEY_BYTES];
	uint8_t contract;
	uint32_t saga;

	TEST("a key says which contract and saga it belongs to") {
		for (uint32_t i = 0; i < 1000; i++)
			CHECK(reads_back(run, (uint8_t)(i % 256), i * 4294967u));
		CHECK(reads_back(UINT64_MAX, 255, UINT32_MAX));
		CHECK(reads_back(1, 0, 0));
	}
	TEST("one run gives the same key again, another run another one") {
		saga_key_write(run, 1, 7, key);
		saga_key_write(run, 1, 7, other);
		CHECK(strcmp(key, other) == 0);
		saga_key_write(run ^ UINT64_C(1) << 40, 1, 7, other);
		CHECK(strcmp(key, other) != 0);
		CHECK(!saga_key_read(text_of(other), run, &contract, &saga));
	}
	TEST("what is not quite a key is none") {
		saga_key_write(run, 1, 7, key);
		for (size_t i = 0; i < 36; i++) {
			strcpy(other, key);
			other[i] = other[i] == '3' ? '5' : '3';
			CHECK(!saga_key_read(text_of(other), run, &contract, &saga));
			CHECK(!saga_key_read((struct text){ key, i }, run, &contract, &saga));
		}
	}
	TEST("a hash is never 0, and tells texts apart") {
		CHECK(text_hash(text_of("")) != 0);
		CHECK(text_hash(text_of("SKU-1")) != text_hash(text_of("SKU-2")));
	}
	return tap_done();
}
