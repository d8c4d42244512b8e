#include "shop/jwt.h"

#include "tests/unit/tap.h"

/* The example of jwt.io, which everyone's library is tried with; its secret is this. */
#define SECRET "your-256-bit-secret"

static struct jwt_key *key;
static struct arena arena;

static struct text signed_token(struct buffer *out, int64_t expires_s)
{
	struct jwt_claims claims = { .subject = "usr_17",
				     .role = "admin",
				     .id = "j\"1",
				     .issued_s = 1000,
				     .expires_s = expires_s };

	buffer_clear(out);
	jwt_sign(key, &claims, out);
	return buffer_text(out);
}

static enum jwt_result verify(struct text token)
{
	struct jwt_claims claims;

	return jwt_verify(key, token, 1500, &arena, &claims);
}

static void test_round_trip(struct buffer *out)
{
	TEST("what was signed is valid and says the same") {
		struct jwt_claims claims = { 0 };
		struct text token = signed_token(out, 2000);

		CHECK_INT(jwt_verify(key, token, 1999, &arena, &claims), JWT_VALID);
		CHECK_TEXT(claims.subject, "usr_17");
		CHECK_TEXT(claims.role, "admin");
		CHECK_TEXT(claims.id, "j\"1");
		CHECK_INT(claims.issued_s, 1000);
		CHECK_INT(claims.expires_s, 2000);
	}
	TEST("a token ends at the second that it names") {
		struct jwt_claims claims;
		struct text token = signed_token(out, 2000);

		CHECK_INT(jwt_verify(key, token, 2000, &arena, &claims), JWT_EXPIRED);
	}
	TEST("one key signs and checks again and again") {
		for (int i = 0; i < 100; i++)
			CHECK_INT(verify(signed_token(out, 1501 + i)), JWT_VALID);
	}
}

static void test_forgery(struct buffer *out)
{
	TEST("no single character can be changed") {
		struct text token = signed_token(out, 2000);
		int refused = 0;

		for (size_t i = 0; i < token.length; i++) {
			char was = out->data[i];

			out->data[i] = was == 'A' ? 'B' : 'A';
			refused += verify(token) != JWT_VALID;
			out->data[i] = was;
		}
		CHECK_INT(refused, token.length);
		CHECK_INT(verify(token), JWT_VALID);
	}
	TEST("no shorter or longer one is valid") {
		struct text token = signed_token(out, 2000);
		int valid = 0;

		for (size_t length = 0; length < token.length; length++)
			valid += verify((struct text){ token.data, length }) == JWT_VALID;
		CHECK_INT(valid, 0);
		buffer_add_char(out, 'A');
		CHECK(verify(buffer_text(out)) != JWT_VALID);
	}
	TEST("another secret's token is forged") {
		struct jwt_key *other = jwt_key_new("another secret");
		struct jwt_claims claims;

		CHECK_INT(jwt_verify(other, signed_token(out, 2000), 1500, &arena, &claims),
			  JWT_FORGED);
		jwt_key_free(other);
	}
}

/*
 * Headers {"alg":"none","typ":"JWT"}, {"alg":"HS384",...}, payload
 * {"sub":"usr_1","role":"admin","jti":"x","iat":1,"exp":9999999999}.
 */
#define PAYLOAD                                                                                    \
	"eyJzdWIiOiJ1c3JfMSIsInJvbGUiOiJhZG1pbiIsImp0aSI6IngiLCJpYXQiOjEsImV4cCI6OTk5OTk5OTk5OX0"

static void test_algorithms(void)
{
	TEST("alg none is refused, with a signature or without") {
		CHECK(verify(text_of("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." PAYLOAD ".")) !=
		      JWT_VALID);
		CHECK(verify(text_of("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." PAYLOAD)) != JWT_VALID);
		CHECK_INT(verify(text_of("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." PAYLOAD ".AAAA")),
			  JWT_MALFORMED);
	}
	TEST("another algorithm is refused") {
		CHECK_INT(verify(text_of("eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9." PAYLOAD ".AAAA")),
			  JWT_MALFORMED);
	}
	TEST("a well-known token is valid as far as its signature goes") {
		/* it has neither role nor exp, so it is not one of ours */
		static const char known[] =
			"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
			"eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ."
			"SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";

		CHECK_INT(verify(text_of(known)), JWT_MALFORMED);
	}
	TEST("the same with another signature is forged") {
		static const char forged[] =
			"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
			"eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ."
			"SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5A";

		CHECK_INT(verify(text_of(forged)), JWT_FORGED);
	}
}

static void test_rubbish(void)
{
	TEST("rubbish is malformed, however long") {
		static const char *const rubbish[] = { "",
						       ".",
						       "..",
						       "...",
						       "a.b.c",
						       "a.b.c.d",
						       "....",
						       "=.=.=",
						       "e30.e30.e30",
						       "eyJhbGciOiJIUzI1NiJ9..",
						       "\xff.\xff.\xff" };
		struct buffer huge = BUFFER_EMPTY;

		for (size_t i = 0; i < sizeof(rubbish) / sizeof(rubbish[0]); i++)
			CHECK_INT(verify(text_of(rubbish[i])), JWT_MALFORMED);
		for (int i = 0; i < 100000; i++)
			buffer_add_string(&huge, i % 1000 ? "A" : ".");
		CHECK_INT(verify(buffer_text(&huge)), JWT_MALFORMED);
		huge.length = JWT_LENGTH_MAX;
		CHECK_INT(verify(buffer_text(&huge)), JWT_MALFORMED);
		buffer_release(&huge);
	}
}

int main(void)
{
	struct buffer out = BUFFER_EMPTY;

	key = jwt_key_new(SECRET);
	test_round_trip(&out);
	test_forgery(&out);
	test_algorithms();
	test_rubbish();
	jwt_key_free(key);
	jwt_key_free(NULL);
	buffer_release(&out);
	arena_release(&arena);
	return tap_done();
}
