#include "shop/password.h"

#include "lib/clock.h"
#include "tests/unit/tap.h"

/* By Python: hashlib.pbkdf2_hmac("sha256", b"password", bytes(range(16)), 1000). */
#define KNOWN_SALT "000102030405060708090a0b0c0d0e0f"
#define KNOWN_HASH "25eb86acc76e43018f18b9a8f90c2fed462d1c799e83d48ae3d7c69046a60b67"

static void test_hashes(void)
{
	char first[PASSWORD_STORED_MAX], second[PASSWORD_STORED_MAX];

	TEST("the right password matches, no other does") {
		CHECK(password_hash("tr0ub4dor&3", first, NULL));
		CHECK(password_matches("tr0ub4dor&3", first));
		CHECK(!password_matches("tr0ub4dor&", first));
		CHECK(!password_matches("tr0ub4dor&33", first));
		CHECK(!password_matches("", first));
	}
	TEST("the same password twice is kept differently") {
		CHECK(password_hash("same", first, NULL) && password_hash("same", second, NULL));
		CHECK(strcmp(first, second) != 0);
		CHECK(password_matches("same", first) && password_matches("same", second));
	}
	TEST("nothing of the password is kept") {
		CHECK(password_hash("visible-secret", first, NULL));
		CHECK(!strstr(first, "visible"));
	}
	TEST("others' PBKDF2 is ours") {
		CHECK(password_matches("password",
				       "pbkdf2-sha256$1000$" KNOWN_SALT "$" KNOWN_HASH));
		CHECK(!password_matches("password",
					"pbkdf2-sha256$1001$" KNOWN_SALT "$" KNOWN_HASH));
	}
}

static void test_damage(void)
{
	static const char *const damaged[] = {
		"",
		"password",
		"pbkdf2-sha256$",
		"pbkdf2-sha256$1000$",
		"pbkdf2-sha256$1000$" KNOWN_SALT,
		"pbkdf2-sha256$1000$" KNOWN_SALT "$",
		"pbkdf2-sha256$0$" KNOWN_SALT "$" KNOWN_HASH,
		"pbkdf2-sha256$-1$" KNOWN_SALT "$" KNOWN_HASH,
		"pbkdf2-sha256$99999999999$" KNOWN_SALT "$" KNOWN_HASH,
		"pbkdf2-sha256$1000$" KNOWN_SALT "$" KNOWN_HASH "0",
		"pbkdf2-sha256$1000$zz" KNOWN_SALT "$" KNOWN_HASH,
		"pbkdf2-sha512$1000$" KNOWN_SALT "$" KNOWN_HASH,
	};

	TEST("what is damaged matches nothing") {
		for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++)
			CHECK(!password_matches("password", damaged[i]));
	}
}

static int64_t checks_us(bool nobody, const char *stored)
{
	int64_t start = clock_cpu_us();

	for (int i = 0; i < 50; i++) {
		if (nobody)
			password_check_nobody("wrong");
		else
			password_matches("wrong", stored);
	}
	return clock_cpu_us() - start;
}

static void test_cost(void)
{
	TEST("asking for nobody costs what asking for somebody costs") {
		char stored[PASSWORD_STORED_MAX];

		password_hash("right", stored, NULL);
		CHECK_NEAR((double)checks_us(true, stored) / (double)checks_us(false, stored), 1.0,
			   0.5);
	}
}

int main(void)
{
	test_hashes();
	test_damage();
	test_cost();
	return tap_done();
}
