#include "lib/history.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/buffer.h"
#include "lib/checksum.h"
#include "lib/file.h"
#include "lib/record.h"
#include "tests/unit/tap.h"

static char directory[] = "/tmp/test_history_XXXXXX";

static char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s.history", directory, name);
	return path;
}

static bool put(struct history *history, uint32_t number)
{
	struct record_request request = { .intended_us = number * INT64_C(1000), .start = number };

	return history_put(history, RECORD_REQUEST, REQUEST_MEASURED, &request, sizeof(request));
}

/* How many records there are, all of them as put() made them, numbered from 0; -1 if not so. */
static int64_t count_good(const char *path, bool *torn, uint64_t *lost)
{
	struct error err;
	struct history_reader *reader = history_open(path, &err);
	const struct record *record;
	int64_t count = 0;

	if (!reader) {
		printf("# %s\n", err.text);
		return -1;
	}
	for (; (record = history_read(reader)) && count >= 0; count++) {
		struct record_request request;

		memcpy(&request, record->payload, sizeof(request));
		if (record->kind != RECORD_REQUEST || record->flags != REQUEST_MEASURED ||
		    request.start != count || request.intended_us != count * 1000)
			count = -2;
	}
	*torn = history_torn(reader);
	*lost = history_reader_lost(reader);
	history_reader_free(reader);
	return count;
}

static void make(const char *name, uint32_t records)
{
	struct error err;
	struct history *history = history_create(directory, name, &err);

	for (uint32_t i = 0; i < records; i++)
		put(history, i);
	history_close(history);
}

static int64_t size_of(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? status.st_size : -1;
}

static void test_round_trip(void)
{
	enum { RECORDS = 200000 }; /* 12.8 MB: several chunks */
	bool torn = true;
	uint64_t lost = 1;

	TEST("what was written is read, in order, and reserved space is given back") {
		make("many", RECORDS);
		CHECK_INT(count_good(path_of("many"), &torn, &lost), RECORDS);
		CHECK(!torn);
		CHECK_INT(lost, 0);
		CHECK_INT(size_of(path_of("many")), (RECORDS + 1) * RECORD_BYTES);
	}
	TEST("a history that is there is not overwritten") {
		struct error err;

		CHECK(!history_create(directory, "many", &err));
		CHECK(strstr(err.text, "File exists") != NULL);
		CHECK_INT(count_good(path_of("many"), &torn, &lost), RECORDS);
	}
	TEST("appending goes on after the last record") {
		struct history *history = history_append(directory, "many", NULL);

		CHECK_INT(history_written(history), RECORDS);
		for (uint32_t i = RECORDS; i < RECORDS + 5; i++)
			CHECK(put(history, i));
		history_close(history);
		CHECK_INT(count_good(path_of("many"), &torn, &lost), RECORDS + 5);
		CHECK(!torn);
	}
	TEST("appending to nothing begins a history") {
		history_close(history_append(directory, "fresh", NULL));
		CHECK_INT(count_good(path_of("fresh"), &torn, &lost), 0);
		CHECK(!torn);
		history_close(NULL);
		history_reader_free(NULL);
	}
}

static void test_being_written(void)
{
	struct history *history = history_create(directory, "open", NULL);
	bool torn = true;
	uint64_t lost;

	TEST("a history can be read while it is written, and an uncommitted record is not there") {
		struct record_request *request;

		for (uint32_t i = 0; i < 100; i++)
			put(history, i);
		request = history_next(history);
		request->start = 100;
		CHECK_INT(count_good(path_of("open"), &torn, &lost), 100);
		CHECK_INT(history_written(history), 100);
		CHECK(!history_problem(history));
	}
	TEST("next without commit gives the same room again, zeroed") {
		struct record_request *request = history_next(history);

		CHECK_INT(request->start, 0);
	}
	history_close(history);
}

static void test_text(void)
{
	static const char long_text[] =
		"HTTP/1.1 503 Service Unavailable: the payment provider said 'no' again and again, "
		"and this text is longer than one record and longer than two of them";
	struct history *history = history_create(directory, "text", NULL);
	struct buffer joined = BUFFER_EMPTY;
	struct history_reader *reader;
	const struct record *record;
	int ends = 0;

	history_add_text(history, RECORD_TEXT, 7, text_of(long_text));
	history_add_text(history, RECORD_TEXT, 8, text_of(""));
	history_close(history);
	reader = history_open(path_of("text"), NULL);
	TEST("a long text comes back from its pieces, an empty one is there") {
		while ((record = history_read(reader))) {
			struct record_text piece;

			memcpy(&piece, record->payload, sizeof(piece));
			CHECK_INT(record->kind, RECORD_TEXT);
			CHECK_INT(piece.subject, ends ? 8 : 7);
			buffer_add(&joined, piece.bytes, piece.length);
			ends += (record->flags & 1) == 0;
		}
		CHECK_TEXT(joined.data, long_text);
		CHECK_INT(ends, 2);
	}
	history_reader_free(reader);
	buffer_release(&joined);
}

static void cut_copy(const char *from, const char *to, size_t bytes)
{
	struct buffer contents = BUFFER_EMPTY;
	FILE *file = fopen(to, "w");

	file_read(from, &contents, NULL);
	fwrite(contents.data, 1, bytes, file);
	fclose(file);
	buffer_release(&contents);
}

static void test_torn_tail(void)
{
	enum { RECORDS = 20, WHOLE = (RECORDS + 1) * RECORD_BYTES };
	char whole[256], cut[256];
	bool torn;
	uint64_t lost;

	make("whole", RECORDS);
	snprintf(whole, sizeof(whole), "%s", path_of("whole"));
	snprintf(cut, sizeof(cut), "%s", path_of("cut"));
	TEST("cut at any byte, the whole records before it are read, and the tear is seen") {
		for (size_t length = RECORD_BYTES; length < WHOLE; length++) {
			cut_copy(whole, cut, length);
			CHECK_INT(count_good(cut, &torn, &lost), length / RECORD_BYTES - 1);
			CHECK(torn);
		}
	}
	TEST("cut at any byte, the tail is repaired by whoever goes on") {
		for (size_t length = 0; length < WHOLE; length++) {
			uint32_t good =
				length < RECORD_BYTES ? 0 : (uint32_t)(length / RECORD_BYTES - 1);
			struct history *history;
			struct error err;

			cut_copy(whole, cut, length);
			history = history_append(directory, "cut", &err);
			if (!CHECK(history != NULL))
				continue;
			put(history, good);
			history_close(history);
			CHECK_INT(count_good(cut, &torn, &lost), good + 1);
			CHECK(!torn);
		}
	}
}

static void flip(const char *path, long offset)
{
	FILE *file = fopen(path, "r+");
	int byte;

	fseek(file, offset, SEEK_SET);
	byte = fgetc(file);
	fseek(file, offset, SEEK_SET);
	fputc(byte ^ 0x10, file);
	fclose(file);
}

static void test_damage(void)
{
	enum { RECORDS = 6 };
	bool torn;
	uint64_t lost;

	TEST("a flipped bit anywhere in a record ends the history there") {
		make("flipped", RECORDS);
		for (long at = RECORD_BYTES; at < (RECORDS + 1) * RECORD_BYTES; at++) {
			flip(path_of("flipped"), at);
			CHECK_INT(count_good(path_of("flipped"), &torn, &lost),
				  at / RECORD_BYTES - 1);
			CHECK(torn);
			flip(path_of("flipped"), at);
		}
		CHECK_INT(count_good(path_of("flipped"), &torn, &lost), RECORDS);
	}
	TEST("a file that is something else is refused, also for appending, and stays as it was") {
		struct error err;

		file_write(path_of("other"),
			   text_of("-----BEGIN PRIVATE KEY-----\nof someone else, and "
				   "long enough to be taken for a header\n"),
			   NULL);
		CHECK(!history_open(path_of("other"), &err));
		CHECK(strstr(err.text, "not a history") != NULL);
		CHECK(!history_append(directory, "other", &err));
		CHECK_INT(size_of(path_of("other")), 86);
		CHECK(!history_open(path_of("nowhere"), &err));
		CHECK(strstr(err.text, "No such file") != NULL);
	}
	TEST("a header of another version or byte order is told from a damaged one") {
		struct error err;

		flip(path_of("flipped"), 8);
		CHECK(!history_open(path_of("flipped"), &err));
		CHECK(strstr(err.text, "another version") != NULL);
		flip(path_of("flipped"), 8);
		flip(path_of("flipped"), 12);
		CHECK(!history_open(path_of("flipped"), &err));
		CHECK(strstr(err.text, "byte order") != NULL);
		flip(path_of("flipped"), 12);
		flip(path_of("flipped"), 20);
		CHECK(!history_open(path_of("flipped"), &err));
		CHECK(strstr(err.text, "damaged") != NULL);
	}
}

/* Writes until it is killed, and tells through the pipe how far it got. */
static void write_forever(int to_parent)
{
	struct history *history = history_create(directory, "killed", NULL);

	for (uint32_t i = 0;; i++) {
		put(history, i);
		if (i % 512 == 511 && write(to_parent, &i, sizeof(i)) != sizeof(i))
			_exit(1);
	}
}

static void test_kill(int round)
{
	uint32_t told = 0, last = 0;
	bool torn = true;
	uint64_t lost;
	int64_t good;
	int ends[2];
	pid_t child;

	unlink(path_of("killed"));
	if (pipe(ends) != 0)
		return;
	fflush(stdout);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		write_forever(ends[1]);
	}
	close(ends[1]);
	while (last < 30000u + 20000u * (uint32_t)round &&
	       read(ends[0], &last, sizeof(last)) == sizeof(last))
		told = last;
	usleep(137); /* it was woken by our reading: let it get back to writing records */
	kill(child, SIGKILL);
	while (read(ends[0], &last, sizeof(last)) == sizeof(last))
		told = last;
	close(ends[0]);
	waitpid(child, NULL, 0);
	good = count_good(path_of("killed"), &torn, &lost);
	printf("# told %u, read %lld\n", told + 1, (long long)good);
	CHECK(good >= (int64_t)told + 1);
	history_close(history_append(directory, "killed", NULL));
	CHECK_INT(count_good(path_of("killed"), &torn, &lost), good);
	CHECK(!torn);
	CHECK_INT(size_of(path_of("killed")), (good + 1) * RECORD_BYTES);
}

/* Exit codes: 0 as promised, 77 can't be tried here, anything else a failure. */
static int in_child(int (*what)(void))
{
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		_exit(what());
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* Writes more than fits; everything that was taken must be there, everything else be counted. */
static int fill_up(const char *name, uint32_t records)
{
	struct error err;
	struct history *history = history_create(directory, name, &err);
	uint32_t taken = 0, refused = 0;
	uint64_t lost;
	bool torn;

	if (!history)
		return 2;
	for (uint32_t i = 0; i < records; i++) {
		if (put(history, taken))
			taken++;
		else
			refused++;
	}
	if (refused == 0 || taken == 0 || history_lost(history) != refused ||
	    history_written(history) != taken || !history_problem(history))
		return 3;
	if (!strstr(history_problem(history), "no room for more records"))
		return 4;
	history_close(history);
	if (count_good(path_of(name), &torn, &lost) != taken || torn || lost != refused)
		return 5;
	return 0;
}

static int fill_limit(void)
{
	const struct rlimit limit = { 3 << 20, 3 << 20 };

	signal(SIGXFSZ, SIG_DFL);
	setrlimit(RLIMIT_FSIZE, &limit);
	return fill_up("limited", 100000);
}

static int fill_disk(void)
{
	if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return 77;
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", directory, "tmpfs", 0, "size=2m") != 0)
		return 77;
	return fill_up("full", 100000);
}

static void test_full(void)
{
	int disk = in_child(fill_disk);

	TEST("at the file size limit records are refused and counted, and no signal kills")
		CHECK_INT(in_child(fill_limit), 0);
	if (disk == 77) {
		SKIP("on a full disk records are refused and counted, without SIGBUS",
		     "no file system can be mounted here");
		return;
	}
	TEST("on a full disk records are refused and counted, without SIGBUS")
		CHECK_INT(disk, 0);
}

static void test_list(void)
{
	char **paths;
	size_t count;
	struct error err;

	TEST("the histories of a directory are listed in order, other files are not") {
		char other[256];

		snprintf(other, sizeof(other), "%s/meta.json", directory);
		file_write(other, text_of("{}"), NULL);
		count = history_list(directory, &paths, &err);
		CHECK(count >= 8);
		for (size_t i = 1; i < count; i++)
			CHECK(strcmp(paths[i - 1], paths[i]) < 0);
		for (size_t i = 0; i < count; i++)
			CHECK(strcmp(paths[i], other) != 0);
		history_list_free(paths, count);
		unlink(other);
	}
	TEST("no directory, or none in it, is an error") {
		CHECK_INT(history_list("/nonexistent", &paths, &err), 0);
		CHECK(strstr(err.text, "/nonexistent") != NULL);
		history_list_free(paths, 0);
		CHECK_INT(history_list("/proc/self/task", &paths, &err), 0);
		CHECK(strstr(err.text, "no *.history") != NULL);
		history_list_free(paths, 0);
	}
}

static void test_checksum(void)
{
	uint64_t words[7] = { 1, 2, 3, 4, 5, 6, 7 };
	uint64_t sum = checksum_words(0, words, 7);

	TEST("the checksum sees every single bit that changed, and words that changed places") {
		for (int bit = 0; bit < 7 * 64; bit++) {
			words[bit / 64] ^= UINT64_C(1) << bit % 64;
			CHECK((uint32_t)checksum_words(0, words, 7) != (uint32_t)sum);
			words[bit / 64] ^= UINT64_C(1) << bit % 64;
		}
		words[0] = 2;
		words[1] = 1;
		CHECK((uint32_t)checksum_words(0, words, 7) != (uint32_t)sum);
	}
}

static void remove_all(void)
{
	char **paths;
	size_t count = history_list(directory, &paths, NULL);

	for (size_t i = 0; i < count; i++)
		unlink(paths[i]);
	history_list_free(paths, count);
	rmdir(directory);
}

int main(void)
{
	if (!mkdtemp(directory))
		return 1;
	test_checksum();
	test_round_trip();
	test_being_written();
	test_text();
	test_torn_tail();
	test_damage();
	TEST("kill -9 of the writer loses nothing that was committed")
		for (int round = 0; round < 3; round++)
			test_kill(round);
	test_full();
	test_list();
	remove_all();
	return tap_done();
}
