#include "loadgen/data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/tap.h"

static char name[] = "customers";

static struct data_source source_of(enum data_origin origin, char *file, enum pick pick)
{
	return (struct data_source){ .name = name,
				     .at = { "sale.yaml", 3, 5 },
				     .origin = origin,
				     .file = file,
				     .pick = pick };
}

static bool read_csv(struct data_source *source, struct arena *arena, const char *text,
		     struct error *err)
{
	static char path[64];
	FILE *file;
	bool good;

	snprintf(path, sizeof(path), "/tmp/sagastorm-test-%d.csv", (int)getpid());
	file = fopen(path, "w");
	fputs(text, file);
	fclose(file);
	*source = source_of(DATA_CSV, path, PICK_SEQUENTIAL);
	good = data_read_file(source, arena, err);
	unlink(path);
	return good;
}

static void check_refused(const char *text, const char *reason)
{
	struct arena arena = ARENA_EMPTY;
	struct data_source source;
	struct error err = { "" };

	CHECK(!read_csv(&source, &arena, text, &err));
	if (!CHECK(strstr(err.text, reason) != NULL))
		printf("#   saw '%s'\n", err.text);
	arena_release(&arena);
}

static void test_csv(void)
{
	struct arena arena = ARENA_EMPTY;
	struct data_source source;
	struct error err;

	TEST("CSV: quotes, commas and line ends in quotes, CRLF, BOM, blank lines") {
		CHECK(read_csv(&source, &arena,
			       "\xef\xbb\xbf"
			       "email,name\r\na@x,\"O'Neil, \"\"Pat\"\"\"\r\n\r\n"
			       "b@x,\"two\nlines\"\n,last",
			       &err));
		CHECK_INT(source.column_count, 2);
		CHECK_INT(source.row_count, 3);
		CHECK_TEXT(data_value(&source, 0, 1).text.data, "O'Neil, \"Pat\"");
		CHECK_TEXT(data_value(&source, 1, 1).text.data, "two\nlines");
		CHECK_TEXT(data_value(&source, 2, 0).text.data, "");
		CHECK_TEXT(data_value(&source, 2, 1).text.data, "last");
	}
	TEST("CSV: mistakes are named with file, line and column") {
		check_refused("", ".csv:1:1: the file is empty");
		check_refused("a,b\n1\n", ".csv:2:1: this line has no column 'b'");
		check_refused("a,b\n1,2,3\n", ".csv:2:5: this line has more than 2 fields");
		check_refused("a,a\n1,2\n", ".csv:1:3: two columns are called 'a'");
		check_refused("a,b\n1,\"2\n", ".csv:2:3: this quote is never closed");
		check_refused("a,b\n\"1\"x,2\n", ".csv:2:4: a comma or the end of the line");
		check_refused("a,\n1,2\n", ".csv:1:3: a column without a name");
		check_refused("a,b\n", "sale.yaml:3:5: data 'customers' has no rows");
	}
	TEST("a file that is not there is named at the place that asks for it") {
		static char missing[] = "/nonexistent/x.csv";

		source = source_of(DATA_CSV, missing, PICK_RANDOM);
		CHECK(!data_read_file(&source, &arena, &err));
		CHECK_TEXT(err.text, "sale.yaml:3:5: cannot open '/nonexistent/x.csv': "
				     "No such file or directory");
	}
	arena_release(&arena);
}

static void test_json(void)
{
	static char each[] = "/items";
	struct arena arena = ARENA_EMPTY;
	struct data_source source = source_of(DATA_JSON, NULL, PICK_SEQUENTIAL);
	struct error err;

	TEST("JSON: rows keep their numbers as written, columns are the members") {
		source.each = each;
		CHECK(data_read_json(&source,
				     text_of("{\"items\":[{\"sku\":\"a\",\"price\":10.00},"
					     "{\"sku\":\"b\\u00e9\",\"a/b~c\":{\"x\":[1]}}]}"),
				     "items.json", &arena, &err));
		CHECK_INT(source.row_count, 2);
		CHECK_INT(source.column_count, 3);
		CHECK_TEXT(data_value(&source, 0, 1).text.data, "10.00");
		CHECK_INT(data_value(&source, 0, 1).kind, VALUE_NUMBER);
		CHECK_TEXT(data_value(&source, 1, 0).text.data, "b\xc3\xa9");
		CHECK_INT(data_value(&source, 1, 1).kind, VALUE_ABSENT);
		CHECK_TEXT(data_value(&source, 1, 2).text.data, "{\"x\":[1]}");
	}
	TEST("JSON: an array of plain values is a column called value") {
		source = source_of(DATA_JSON, NULL, PICK_SEQUENTIAL);
		CHECK(data_read_json(&source, text_of("[\"a\",\"b\",3]"), "x", &arena, &err));
		CHECK_INT(source.row_count, 3);
		CHECK_TEXT(source.columns[0], "value");
		CHECK_TEXT(data_value(&source, 2, 0).text.data, "3");
	}
	TEST("JSON: mistakes are named") {
		source = source_of(DATA_JSON, NULL, PICK_SEQUENTIAL);
		CHECK(!data_read_json(&source, text_of("[1,\n2,]"), "x.json", &arena, &err));
		CHECK(strstr(err.text, "x.json:2:3: not JSON") != NULL);
		source.each = each;
		CHECK(!data_read_json(&source, text_of("{\"rows\":[]}"), "x.json", &arena, &err));
		CHECK_TEXT(err.text, "x.json: there is no '/items' in it (data 'customers')");
		CHECK(!data_read_json(&source, text_of("{\"items\":{}}"), "x.json", &arena, &err));
		CHECK_TEXT(err.text, "x.json: '/items' is not an array of rows (data 'customers')");
		CHECK(!data_read_json(&source, text_of("{\"items\":[]}"), "x.json", &arena, &err));
	}
	arena_release(&arena);
}

static struct data_source rows(uint32_t count, enum pick pick, struct arena *arena)
{
	struct data_source source = source_of(DATA_INLINE, NULL, pick);

	source.row_count = count;
	source.zipf = 1.1;
	data_prepare(&source, 42, arena);
	return source;
}

static void test_picks(void)
{
	struct arena arena = ARENA_EMPTY;

	TEST("sequential goes round and round") {
		struct data_source source = rows(3, PICK_SEQUENTIAL, &arena);

		CHECK_INT(data_pick(&source, 0, 0), 0);
		CHECK_INT(data_pick(&source, 4, 0), 1);
	}
	TEST("unique gives every row once, then none; users of closed phases take from the other end") {
		struct data_source source = rows(500, PICK_UNIQUE, &arena);
		bool taken[500] = { false };

		for (uint64_t i = 0; i < 500; i++) {
			uint32_t row = data_pick(&source, i, 0);

			CHECK(!taken[row]);
			taken[row] = true;
		}
		CHECK_INT(data_pick(&source, 500, 0), NO_ROW);
		CHECK_INT(data_pick_for_user(&source, 0), data_pick(&source, 499, 0));
		CHECK_INT(data_pick_for_user(&source, 500), NO_ROW);
	}
	TEST("random is even") {
		struct data_source source = rows(10, PICK_RANDOM, &arena);
		int counts[10] = { 0 };

		for (uint64_t i = 0; i < 10000; i++)
			counts[data_pick(&source, i, 0)]++;
		for (int i = 0; i < 10; i++)
			CHECK(counts[i] > 850 && counts[i] < 1150);
	}
	TEST("zipf favours the first rows as 1 / rank^1.1") {
		struct data_source source = rows(100, PICK_ZIPF, &arena);
		double counts[100] = { 0 }, sum = 0;

		for (uint64_t i = 0; i < 100000; i++)
			counts[data_pick(&source, i, 0)]++;
		for (int i = 1; i <= 100; i++)
			sum += pow(i, -1.1);
		CHECK_NEAR(counts[0] / 100000, 1 / sum, 0.01);
		CHECK_NEAR(counts[9] / 100000, pow(10, -1.1) / sum, 0.003);
	}
	TEST("the same draw gives the same row; the next pick of a start another one") {
		struct data_source source = rows(1000, PICK_RANDOM, &arena);

		CHECK_INT(data_pick(&source, 7, 0), data_pick(&source, 7, 0));
		CHECK(data_pick(&source, 7, 0) != data_pick(&source, 7, 1));
	}
	arena_release(&arena);
}

int main(void)
{
	test_csv();
	test_json();
	test_picks();
	return tap_done();
}
