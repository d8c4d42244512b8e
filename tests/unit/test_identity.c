#include "chaos/identity.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chaos/helpers.h"
#include "chaos/kinds.h"
#include "chaos/netns.h"
#include "tests/unit/tap.h"

/* From here on nothing can be opened, until `limits` are back. */
static void take_descriptors(struct rlimit *limits)
{
	struct rlimit none;

	getrlimit(RLIMIT_NOFILE, limits);
	none = *limits;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
}

static pid_t start_child(void)
{
	pid_t child = fork();

	while (child == 0)
		pause();
	return child;
}

static void test_blind(pid_t child)
{
	struct process_identity identity;
	struct rlimit limits;
	struct error err = { "" };
	char state;
	bool gone, sent, alive;

	TEST("what can't be looked at is not gone, and is not signalled") {
		CHECK(process_identify(child, &identity, &err));
		take_descriptors(&limits);
		state = process_state(&identity);
		alive = process_alive(&identity);
		sent = process_signal(&identity, SIGKILL, &gone, &err);
		setrlimit(RLIMIT_NOFILE, &limits);
		CHECK_INT(state, PROCESS_UNSEEN);
		CHECK(alive);
		CHECK(!sent && !gone);
		CHECK(process_alive(&identity));
	}
}

static void test_blind_stop(pid_t child)
{
	struct process_identity identity;
	struct rlimit limits;
	struct error err = { "" };
	json_t *undo;
	bool healed;

	TEST("a stopped process that can't be looked at is not called healed") {
		CHECK(process_identify(child, &identity, &err));
		undo = json_pack("{s:[{s:o}]}", "processes", "process", process_to_json(&identity));
		kill(child, SIGSTOP);
		take_descriptors(&limits);
		healed = process_stop.look(undo, &err);
		setrlimit(RLIMIT_NOFILE, &limits);
		CHECK(!healed);
		kill(child, SIGCONT);
		json_decref(undo);
	}
}

static void test_blind_helpers(void)
{
	char token[HELPERS_TOKEN];
	struct rlimit limits;
	struct error err = { "" };
	bool gone;

	helpers_token(token);
	TEST("nor are helpers gone that nobody can look for") {
		CHECK(helpers_gone(token, &err));
		take_descriptors(&limits);
		gone = helpers_gone(token, &err);
		setrlimit(RLIMIT_NOFILE, &limits);
		CHECK(!gone);
	}
}

static void test_blind_namespace(void)
{
	struct rlimit limits;
	struct error err = { "" };
	json_t *record = netns_ours(&err);
	bool gone;
	int fd;

	TEST("nor is a network namespace") {
		CHECK(record);
		take_descriptors(&limits);
		fd = netns_open(record, &gone, &err);
		setrlimit(RLIMIT_NOFILE, &limits);
		CHECK(fd < 0 && !gone);
	}
	json_decref(record);
}

static void test_gone(pid_t child)
{
	struct process_identity identity;
	struct error err = { "" };
	bool gone;

	TEST("one that has ended is gone, reaped or not") {
		CHECK(process_identify(child, &identity, &err));
		kill(child, SIGKILL);
		waitid(P_PID, (id_t)child, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
		CHECK(!process_alive(&identity));
		CHECK(!process_signal(&identity, SIGKILL, &gone, &err) && gone);
		CHECK(!process_identify(child, &identity, &err));
		waitpid(child, NULL, 0);
		CHECK(!process_alive(&identity));
	}
}

int main(void)
{
	pid_t child = start_child();

	test_blind(child);
	test_blind_stop(child);
	test_blind_helpers();
	test_blind_namespace();
	test_gone(child);
	return tap_done();
}
