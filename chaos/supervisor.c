/* The controller's side of a supervisor: start, next, end; and healing when it died. */
#include "chaos/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chaos/supervisor_parts.h"
#include "lib/clock.h"
#include "lib/memory.h"

enum {
	READY_WAIT_US = 10000000,
	/* Beyond what it may take to plan, arm, count, heal; and then it is not well itself. */
	END_SLACK_US = 30000000,
	/* A fault goes on so long after its time: then the supervisor hangs. */
	OVERDUE_US = 10000000,
	ABSENT_US = 2000000, /* between two of our looks: then it was us who hung */
};

struct supervisor {
	pid_t pid;
	int control, process, either; /* a socket, a pidfd, and an epoll of both */
	char *journal;
	int64_t start_us;
	const struct chaos_section *section;
	enum fault_state *states;     /* as last heard */
	int64_t *until_us;            /* when what is armed ends at the latest */
	int64_t looked_us, overdue_us; /* last; since when, 0: nothing is */
	size_t fault_count;
	bool dead;                    /* without a last word */
	bool rescued;                 /* and what it left was healed, or not */
	struct fault_event *late;     /* what came of that */
	size_t late_count, late_next;
	bool over;                    /* `outcome` was heard */
	struct supervisor_outcome outcome;
};

static void supervisor_free(struct supervisor *supervisor)
{
	if (supervisor->control >= 0)
		close(supervisor->control);
	if (supervisor->process >= 0)
		close(supervisor->process);
	if (supervisor->either >= 0)
		close(supervisor->either);
	free(supervisor->journal);
	free(supervisor->states);
	free(supervisor->until_us);
	free(supervisor->late);
	free(supervisor);
}

static bool poll_both(struct supervisor *supervisor)
{
	struct epoll_event event = { .events = EPOLLIN };

	supervisor->process = (int)syscall(SYS_pidfd_open, supervisor->pid, 0);
	supervisor->either = epoll_create1(EPOLL_CLOEXEC);
	return supervisor->process >= 0 && supervisor->either >= 0 &&
	       epoll_ctl(supervisor->either, EPOLL_CTL_ADD, supervisor->process, &event) == 0 &&
	       epoll_ctl(supervisor->either, EPOLL_CTL_ADD, supervisor->control, &event) == 0;
}

static void wait_either(const struct supervisor *supervisor, int64_t wait_us)
{
	struct pollfd polled = { supervisor->either, POLLIN, 0 };

	poll(&polled, 1, (int)(wait_us / US_PER_MS) + 1);
}

/* True: there was one. Its death is only believed when nothing that it said is left. */
static bool receive(struct supervisor *supervisor, struct notice *notice)
{
	struct pollfd died = { supervisor->process, POLLIN, 0 };
	bool gone = supervisor->dead || poll(&died, 1, 0) > 0;
	ssize_t got = recv(supervisor->control, notice, sizeof(*notice), MSG_DONTWAIT);

	if (got == (ssize_t)sizeof(*notice))
		return true;
	if (gone && !supervisor->over)
		supervisor->dead = true;
	return false;
}

static void reap(const struct supervisor *supervisor)
{
	while (waitpid(supervisor->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static bool wait_ready(struct supervisor *supervisor, struct error *err)
{
	int64_t end_us = clock_now_us() + READY_WAIT_US;
	struct notice notice;

	while (!receive(supervisor, &notice)) {
		if (supervisor->dead)
			return error_set(err, "the supervisor died at once");
		if (clock_now_us() > end_us)
			return error_set(err, "the supervisor does not get ready");
		wait_either(supervisor, 100 * US_PER_MS);
	}
	notice.text[sizeof(notice.text) - 1] = '\0';
	if (notice.kind != NOTICE_READY)
		return error_set(err, "%s", notice.text);
	supervisor->journal = memory_copy_string(notice.text);
	return true;
}

static bool start_process(struct supervisor *supervisor, const struct supervisor_settings *settings,
			  struct error *err)
{
	pid_t controller = getpid();
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return error_errno(err, "cannot make a socket for the supervisor");
	fflush(NULL);
	supervisor->pid = fork();
	if (supervisor->pid == 0) {
		close(ends[0]);
		supervisor_main(settings, ends[1], controller);
	}
	close(ends[1]);
	supervisor->control = ends[0];
	if (supervisor->pid < 0)
		return error_errno(err, "cannot start the supervisor");
	return true;
}

struct supervisor *supervisor_start(const struct supervisor_settings *settings, struct error *err)
{
	struct supervisor *supervisor = memory_new(sizeof(*supervisor));

	supervisor->control = supervisor->process = supervisor->either = -1;
	supervisor->start_us = settings->start_us;
	supervisor->fault_count = settings->section->fault_count;
	supervisor->section = settings->section;
	supervisor->until_us =
		memory_array(supervisor->fault_count + 1, sizeof(*supervisor->until_us));
	supervisor->states = memory_array(supervisor->fault_count + 1, sizeof(*supervisor->states));
	if (!start_process(supervisor, settings, err)) {
		supervisor_free(supervisor);
		return NULL;
	}
	if (poll_both(supervisor) ? wait_ready(supervisor, err) :
				    error_errno(err, "cannot watch the supervisor"))
		return supervisor;
	kill(supervisor->pid, SIGKILL); /* nothing was armed yet */
	reap(supervisor);
	supervisor_free(supervisor);
	return NULL;
}

int supervisor_fd(const struct supervisor *supervisor)
{
	return supervisor->either;
}

bool supervisor_lost(const struct supervisor *supervisor)
{
	return supervisor->rescued && supervisor->late_next >= supervisor->late_count;
}

static void order(struct supervisor *supervisor, enum order_kind kind, uint32_t fault,
		  const char *text)
{
	struct order order = { .kind = kind, .fault = fault };

	snprintf(order.text, sizeof(order.text), "%s", text);
	if (!supervisor->dead)
		send(supervisor->control, &order, sizeof(order), MSG_NOSIGNAL);
}

void supervisor_allow(struct supervisor *supervisor)
{
	order(supervisor, ORDER_ALLOW, 0, "");
}

void supervisor_refuse(struct supervisor *supervisor, const char *why)
{
	order(supervisor, ORDER_REFUSE, 0, why && *why ? why : "faults were not allowed");
}

void supervisor_trigger(struct supervisor *supervisor, uint32_t fault)
{
	order(supervisor, ORDER_TRIGGER, fault, "");
}

void supervisor_heal_all(struct supervisor *supervisor)
{
	order(supervisor, ORDER_HEAL_ALL, 0, "");
}

static void note(struct supervisor *supervisor, const struct fault_event *event)
{
	if (event->fault >= supervisor->fault_count)
		return;
	supervisor->states[event->fault] = event->state;
	supervisor->until_us[event->fault] =
		clock_now_us() + supervisor->section->faults[event->fault].duration_us;
}

static bool is_overdue(const struct supervisor *supervisor, int64_t now_us)
{
	for (size_t i = 0; i < supervisor->fault_count; i++)
		if (supervisor->states[i] == FAULT_ARMED && now_us > supervisor->until_us[i])
			return true;
	return false;
}

/*
 * It is there, but stands still: stopped, or hung. It can't be told to go on, and what it holds up
 * would last as long as the run; once it is dead, its journal can be healed from.
 */
static void end_if_hung(struct supervisor *supervisor)
{
	int64_t now_us = clock_now_us();

	if (now_us - supervisor->looked_us > ABSENT_US || !is_overdue(supervisor, now_us))
		supervisor->overdue_us = 0;
	else if (!supervisor->overdue_us)
		supervisor->overdue_us = now_us;
	else if (now_us - supervisor->overdue_us > OVERDUE_US)
		kill(supervisor->pid, SIGKILL); /* our child, not reaped: the number is its own */
	supervisor->looked_us = now_us;
}

static void add_late(struct supervisor *supervisor, const struct journal_entry *entry, bool healed,
		     const char *why)
{
	struct fault_event *event;

	supervisor->late = memory_resize(supervisor->late, supervisor->late_count + 1,
					 sizeof(*supervisor->late));
	event = &supervisor->late[supervisor->late_count++];
	*event = (struct fault_event){ .fault = entry->fault,
				       .state = healed ? FAULT_HEALED : FAULT_UNPROVEN,
				       .at_us = clock_now_us() - supervisor->start_us,
				       .hits = -1 };
	snprintf(event->text, sizeof(event->text), "the supervisor died; %s", why);
	note(supervisor, event);
}

static enum fault_state state_since(const struct journal_contents *after, bool there,
				    uint32_t fault)
{
	for (size_t i = 0; there && i < after->count; i++)
		if (after->entries[i].fault == fault)
			return after->entries[i].state;
	return FAULT_HEALED; /* it is gone, as it is when everything in it is healed */
}

/* It had healed everything, and was about to say so: else there would be a journal. */
static void believe_healed(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->fault_count; i++)
		if (supervisor->states[i] == FAULT_ARMING || supervisor->states[i] == FAULT_ARMED ||
		    supervisor->states[i] == FAULT_HEALING)
			supervisor->states[i] = FAULT_HEALED;
}

static void tell_rescued(struct supervisor *supervisor, const struct journal_contents *before)
{
	struct journal_contents after;
	bool there = journal_read(supervisor->journal, &after, NULL);

	for (size_t i = 0; i < before->count; i++) {
		const struct journal_entry *entry = &before->entries[i];
		enum fault_state state = state_since(&after, there, entry->fault);

		if (journal_entry_open(entry))
			add_late(supervisor, entry, state == FAULT_HEALED,
				 state == FAULT_HEALED ? "healed from its journal" :
							 "'sagastorm chaos heal' says more");
		else if (entry->fault < supervisor->fault_count)
			supervisor->states[entry->fault] = entry->state;
	}
	if (there)
		journal_contents_release(&after);
}

/* What it left is put back here and now: that is more urgent than anything else we could do. */
static void rescue(struct supervisor *supervisor)
{
	struct journal_contents before;
	uint32_t healed, unproven;

	supervisor->rescued = true;
	reap(supervisor);
	/* Who polls us would be woken for ever by its death. */
	epoll_ctl(supervisor->either, EPOLL_CTL_DEL, supervisor->process, NULL);
	epoll_ctl(supervisor->either, EPOLL_CTL_DEL, supervisor->control, NULL);
	if (!journal_read(supervisor->journal, &before, NULL)) {
		if (access(supervisor->journal, F_OK) != 0)
			believe_healed(supervisor);
		return;
	}
	journal_heal(supervisor->journal, &healed, &unproven, NULL, NULL);
	tell_rescued(supervisor, &before);
	journal_contents_release(&before);
}

bool supervisor_next(struct supervisor *supervisor, struct fault_event *event)
{
	struct notice notice;

	while (!supervisor->dead && receive(supervisor, &notice)) {
		if (notice.kind == NOTICE_OUTCOME) {
			supervisor->over = true;
			supervisor->outcome = notice.outcome;
		}
		if (notice.kind != NOTICE_EVENT)
			continue;
		notice.event.text[sizeof(notice.event.text) - 1] = '\0';
		*event = notice.event;
		note(supervisor, event);
		return true;
	}
	if (supervisor->dead && !supervisor->rescued)
		rescue(supervisor);
	else if (!supervisor->dead && !supervisor->over)
		end_if_hung(supervisor);
	if (supervisor->late_next >= supervisor->late_count)
		return false;
	*event = supervisor->late[supervisor->late_next++];
	return true;
}

static void wait_end(struct supervisor *supervisor, int64_t end_us)
{
	struct fault_event event;

	while (!supervisor->over) {
		if (supervisor_next(supervisor, &event))
			continue;
		if (supervisor->dead || supervisor->over)
			return;
		if (clock_now_us() > end_us) {
			kill(supervisor->pid, SIGKILL); /* and then it is dead */
			end_us = INT64_MAX;
		}
		wait_either(supervisor, US_PER_S);
	}
}

static int64_t patience_us(const struct supervisor *supervisor)
{
	struct journal_contents contents;
	int64_t longest_us = END_SLACK_US;

	if (!journal_read(supervisor->journal, &contents, NULL))
		return longest_us;
	for (size_t i = 0; i < contents.count; i++) {
		int64_t one_us = heal_patience_us(contents.entries[i].undo) + HEAL_GRACE_US;

		if (one_us + END_SLACK_US > longest_us)
			longest_us = one_us + END_SLACK_US;
	}
	journal_contents_release(&contents);
	return longest_us;
}

void supervisor_end(struct supervisor *supervisor, struct supervisor_outcome *outcome)
{
	*outcome = (struct supervisor_outcome){ .healed = 0 };
	if (!supervisor)
		return;
	order(supervisor, ORDER_END, 0, "");
	wait_end(supervisor, clock_now_us() + patience_us(supervisor));
	if (supervisor->over) {
		*outcome = supervisor->outcome;
		reap(supervisor);
	} else {
		outcome->supervisor_died = true;
		for (size_t i = 0; i < supervisor->fault_count; i++)
			outcome_count(outcome, supervisor->states[i]);
	}
	supervisor_free(supervisor);
}
