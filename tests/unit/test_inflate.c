#include "lib/inflate.h"

#include <stdlib.h>
#include <zlib.h>

#include "lib/random.h"
#include "tests/unit/tap.h"

enum { GZIP = 15 + 16, ZLIB = 15, RAW = -15 };

static void compress_text(struct text plain, int wrapper, struct buffer *out)
{
	z_stream stream = { .avail_in = (uInt)plain.length };
	uLong bound;

	memcpy(&stream.next_in, &plain.data, sizeof(plain.data));
	deflateInit2(&stream, 9, Z_DEFLATED, wrapper, 8, Z_DEFAULT_STRATEGY);
	bound = deflateBound(&stream, (uLong)plain.length) + 64;
	stream.next_out = (Bytef *)buffer_reserve(out, bound);
	stream.avail_out = (uInt)bound;
	deflate(&stream, Z_FINISH);
	out->length += bound - stream.avail_out;
	deflateEnd(&stream);
}

static struct error err;
static struct buffer out;

static enum inflate_result undo(struct text compressed, const char *coding, size_t limit)
{
	/* A copy of exactly that size, so that ASan sees a read past the end. */
	char *copy = malloc(compressed.length + !compressed.length);
	enum inflate_result result;

	if (compressed.length)
		memcpy(copy, compressed.data, compressed.length);
	buffer_clear(&out);
	err.text[0] = '\0';
	result = inflate_text((struct text){ copy, compressed.length }, text_of(coding), limit,
			      &out, &err);
	free(copy);
	return result;
}

static void test_codings(struct text plain)
{
	struct buffer gzip = BUFFER_EMPTY, zlib = BUFFER_EMPTY, raw = BUFFER_EMPTY;

	compress_text(plain, GZIP, &gzip);
	compress_text(plain, ZLIB, &zlib);
	compress_text(plain, RAW, &raw);
	TEST("gzip, both kinds of deflate, and identity are undone") {
		CHECK_INT(undo(buffer_text(&gzip), "gzip", 1 << 20), INFLATE_DONE);
		CHECK(text_equal(buffer_text(&out), plain));
		CHECK_INT(undo(buffer_text(&gzip), " X-GZip ", 1 << 20), INFLATE_DONE);
		CHECK_INT(undo(buffer_text(&zlib), "deflate", 1 << 20), INFLATE_DONE);
		CHECK(text_equal(buffer_text(&out), plain));
		CHECK_INT(undo(buffer_text(&raw), "deflate", 1 << 20), INFLATE_DONE);
		CHECK(text_equal(buffer_text(&out), plain));
		CHECK_INT(undo(plain, "identity", 1 << 20), INFLATE_DONE);
		CHECK(text_equal(buffer_text(&out), plain));
		CHECK_INT(undo(plain, "", 1 << 20), INFLATE_DONE);
	}
	TEST("lists of codings are undone from the last") {
		struct buffer twice = BUFFER_EMPTY;

		compress_text(buffer_text(&zlib), GZIP, &twice);
		CHECK_INT(undo(buffer_text(&twice), "deflate, gzip", 1 << 20), INFLATE_DONE);
		CHECK(text_equal(buffer_text(&out), plain));
		CHECK_INT(undo(buffer_text(&twice), "identity,deflate ,gzip", 1 << 20),
			  INFLATE_DONE);
		CHECK(text_equal(buffer_text(&out), plain));
		CHECK_INT(undo(buffer_text(&twice), "gzip, deflate", 1 << 20), INFLATE_BAD);
		CHECK_INT(undo(plain, "identity,identity,identity,identity", 1 << 20),
			  INFLATE_UNKNOWN);
		buffer_release(&twice);
	}
	TEST("a gzip body of several members is one body") {
		struct buffer two = BUFFER_EMPTY;

		compress_text(plain, GZIP, &two);
		compress_text(text_of("tail"), GZIP, &two);
		CHECK_INT(undo(buffer_text(&two), "gzip", 1 << 20), INFLATE_DONE);
		CHECK_INT(out.length, plain.length + 4);
		buffer_release(&two);
	}
	TEST("a body cut anywhere is refused, and nothing of it handed out") {
		for (size_t cut = 0; cut < gzip.length; cut++) {
			CHECK_INT(undo((struct text){ gzip.data, cut }, "gzip", 1 << 20),
				  INFLATE_BAD);
			CHECK_INT(out.length, 0);
		}
		for (size_t cut = 0; cut < zlib.length; cut++)
			CHECK_INT(undo((struct text){ zlib.data, cut }, "deflate", 1 << 20),
				  INFLATE_BAD);
	}
	TEST("a damaged body is refused") {
		struct random random = random_stream(3, "damage", 0);

		for (int turn = 0; turn < 500; turn++) {
			/* Behind the header, where gzip's checksum or the code itself must tell. */
			size_t at = 10 + random_below(&random, gzip.length - 10);
			char bit = (char)(1 << random_below(&random, 8));

			gzip.data[at] ^= bit;
			CHECK(undo(buffer_text(&gzip), "gzip", 1 << 20) != INFLATE_DONE);
			gzip.data[at] ^= bit;
		}
		buffer_add_string(&gzip, "x");
		CHECK_INT(undo(buffer_text(&gzip), "gzip", 1 << 20), INFLATE_BAD);
		CHECK_TEXT(err.text, "something follows the compressed body");
		CHECK_INT(undo(text_of("not gzip at all"), "gzip", 1 << 20), INFLATE_BAD);
	}
	buffer_release(&gzip);
	buffer_release(&zlib);
	buffer_release(&raw);
}

static void test_limits(void)
{
	struct buffer zeros = BUFFER_EMPTY, bomb = BUFFER_EMPTY;

	memset(buffer_reserve(&zeros, 50000000), 0, 50000000);
	zeros.length = 50000000;
	compress_text(buffer_text(&zeros), GZIP, &bomb);
	TEST("a bomb is refused within its limit") {
		printf("#   %zu bytes of bomb\n", bomb.length);
		CHECK_INT(undo(buffer_text(&bomb), "gzip", 1000000), INFLATE_LARGE);
		CHECK_INT(out.length, 0);
		CHECK(out.room < 3000000);
		CHECK_INT(undo(buffer_text(&bomb), "gzip", 49999999), INFLATE_LARGE);
		CHECK_INT(undo(buffer_text(&bomb), "gzip", 50000000), INFLATE_DONE);
		CHECK_INT(out.length, 50000000);
		CHECK_INT(undo(text_of("12345"), "identity", 4), INFLATE_LARGE);
		CHECK_INT(undo(text_of("12345"), "identity", 5), INFLATE_DONE);
	}
	TEST("an unknown coding is named") {
		CHECK_INT(undo(text_of("x"), "br", 100), INFLATE_UNKNOWN);
		CHECK_TEXT(err.text, "unknown Content-Encoding 'br'");
		CHECK_INT(undo(text_of("x"), "gzip, \x01zstd", 100), INFLATE_UNKNOWN);
		CHECK_TEXT(err.text, "unknown Content-Encoding '\\x01zstd'");
	}
	buffer_release(&zeros);
	buffer_release(&bomb);
}

int main(void)
{
	struct buffer plain = BUFFER_EMPTY;

	for (int i = 0; i < 300; i++)
		buffer_format(&plain, "{\"sku\":\"SKU-%04d\",\"price\":%d.99}", i * 17 % 301,
			      i * i % 97);
	test_codings(buffer_text(&plain));
	test_limits();
	buffer_release(&plain);
	buffer_release(&out);
	return tap_done();
}
