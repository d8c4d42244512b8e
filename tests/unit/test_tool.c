#include "chaos/tool.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tests/unit/tap.h"

static struct tool_result result;
static struct error err;

static bool run(const char *script, struct text input, int64_t timeout_us)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct tool tool = { argv, input, .netns = -1, .timeout_us = timeout_us };

	tool_result_release(&result);
	err.text[0] = '\0';
	return tool_run(&tool, &result, &err);
}

static bool must(const char *script)
{
	const char *const argv[] = { "sh", "-c", script, NULL };

	return tool_must(&(struct tool){ argv, .netns = -1 }, NULL, &err);
}

int main(void)
{
	const struct text nothing = { "", 0 };

	TEST("it gets its input, and what it says is kept apart") {
		CHECK(run("cat; echo oops >&2; exit 3", text_of("one\ntwo\n"), 0));
		CHECK_INT(result.code, 3);
		CHECK_TEXT(result.out.data, "one\ntwo\n");
		CHECK_TEXT(result.err.data, "oops\n");
	}
	TEST("input may be read by name, as nft does") {
		CHECK(run("cat /dev/stdin", text_of("rules"), 0));
		CHECK_TEXT(result.out.data, "rules");
	}
	TEST("no words of ours reach a shell") {
		const char *const argv[] = { "echo", "$(id); `id` | cat", NULL };
		struct buffer out = BUFFER_EMPTY;

		CHECK(tool_must(&(struct tool){ argv, .netns = -1 }, &out, &err));
		CHECK_TEXT(out.data, "$(id); `id` | cat\n");
		buffer_release(&out);
	}
	TEST("what takes too long is ended") {
		int64_t from_us = clock_now_us();

		CHECK(!run("exec sleep 30", nothing, 200000));
		CHECK_TEXT(err.text, "'sh' did not end within 0.2 s");
		CHECK(clock_now_us() - from_us < 10 * US_PER_S);
	}
	TEST("what writes without an end is ended") {
		CHECK(!run("exec cat /dev/zero", nothing, 0));
		CHECK(strstr(err.text, "was ended by signal 25") != NULL);
	}
	TEST("its failure is its first line, made harmless") {
		CHECK(!must("printf 'bad \\033[31mthing\\nmore\\n' >&2; exit 1"));
		CHECK_TEXT(err.text, "sh: bad ?[31mthing (exit code 1)");
		CHECK(!must("exit 7"));
		CHECK_TEXT(err.text, "sh: it failed without a word (exit code 7)");
	}
	TEST("it inherits no descriptors and no ignored signals") {
		int fds[2];

		CHECK(pipe(fds) == 0);
		CHECK(run("for fd in /proc/self/fd/*; do echo ${fd##*/}; done; "
			  "grep SigIgn /proc/self/status",
			  nothing, 0));
		CHECK(strncmp(result.out.data, "0\n1\n2\n", 6) == 0);
		CHECK(strstr(result.out.data, "SigIgn:\t0000000000000000") != NULL);
		close(fds[0]);
		close(fds[1]);
	}
	TEST("a program that isn't there") {
		const char *const argv[] = { "sagastorm-has-no-such-program", NULL };

		CHECK(!tool_must(&(struct tool){ argv, .netns = -1 }, NULL, &err));
		CHECK_TEXT(err.text, "there is no program 'sagastorm-has-no-such-program' on this "
				     "machine");
	}
	TEST("a namespace that is none") {
		const char *const argv[] = { "true", NULL };

		CHECK(!tool_must(&(struct tool){ argv, .netns = 0 }, NULL, &err));
		CHECK(strstr(err.text, "cannot enter the network namespace: EINVAL") != NULL);
	}
	tool_result_release(&result);
	return tap_done();
}
