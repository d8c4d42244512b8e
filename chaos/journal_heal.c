/* Healing from a journal: by the engine when its supervisor died, and by `sagastorm chaos heal`. */
#include "chaos/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chaos/heal.h"
#include "chaos/journal.h"
#include "lib/clock.h"
#include "lib/memory.h"
#include "lib/visible.h"

enum {
	LOCK_WAIT_US = 60000000,
	HEED_WAIT_US = 10000000, /* for a living supervisor to heal what is quick to heal */
	BEGIN_WAIT_US = 200000,  /* for it to begin */
	UNBEGUN_US = 10000000,
	DEATH_WAIT_US = 5000000,
	PAUSE_US = 5000,
};

struct heal_count {
	uint32_t healed, unproven;
	struct buffer *said;
};

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

/* One healer at a time. False with `*gone`: another one was quicker, and nothing is left to do. */
static int lock_journal(const char *path, bool *gone, struct error *err)
{
	int64_t end_us = clock_now_us() + LOCK_WAIT_US;
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	*gone = fd < 0 && errno == ENOENT;
	if (fd < 0) {
		error_errno(err, "cannot open '%s'", path);
		return -1;
	}
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (clock_now_us() > end_us) {
			error_set(err, "someone else is healing from '%s' for a long time", path);
			close(fd);
			return -1;
		}
		usleep(PAUSE_US);
	}
	*gone = !is_there(path);
	return fd;
}

static void kill_and_wait(const struct process_identity *process)
{
	int64_t end_us = clock_now_us() + DEATH_WAIT_US;
	bool gone;

	process_signal(process, SIGKILL, &gone, NULL);
	while (process_alive(process) && clock_now_us() < end_us)
		usleep(PAUSE_US);
}

static int64_t longest_patience_us(const struct journal_contents *contents)
{
	int64_t longest_us = 0;

	for (size_t i = 0; i < contents->count; i++) {
		int64_t patience_us = heal_patience_us(contents->entries[i].undo);

		if (journal_entry_open(&contents->entries[i]) && patience_us > longest_us)
			longest_us = patience_us;
	}
	return longest_us;
}

static bool has_heeded(const char *path)
{
	struct journal_contents now;
	bool heeded;

	if (!journal_read(path, &now, NULL))
		return false;
	heeded = journal_busy_count(&now) == 0;
	journal_contents_release(&now);
	return heeded;
}

/* It knows best what it did. One that does not heed is ended, so that it can do no more. */
static void ask_supervisor(const struct journal_contents *contents)
{
	int64_t now_us = clock_now_us(), least_us = now_us + BEGIN_WAIT_US;
	int64_t end_us = now_us + HEED_WAIT_US + longest_patience_us(contents);
	bool gone;

	process_signal(&contents->supervisor, SIGUSR1, &gone, NULL);
	while (is_there(contents->path) && supervisor_is_alive(&contents->supervisor)) {
		now_us = clock_now_us();
		if (now_us > least_us && has_heeded(contents->path))
			return;
		if (now_us > end_us) {
			kill_and_wait(&contents->supervisor);
			return;
		}
		usleep(PAUSE_US);
	}
}

static void say(struct heal_count *count, const struct journal_entry *entry, bool healed,
		const char *why)
{
	if (healed)
		count->healed++;
	else
		count->unproven++;
	if (!count->said)
		return;
	buffer_add_string(count->said, healed ? "healed: " : "NOT PROVEN HEALED: ");
	visible_add(count->said, text_of(entry->name));
	buffer_add_string(count->said, why[0] ? ": " : "");
	visible_add(count->said, text_of(why));
	buffer_add_char(count->said, '\n');
}

/* Its supervisor began one before its journal: a directory without it is no run's, or another's. */
static bool has_trail(const char *history)
{
	struct buffer path = BUFFER_EMPTY;
	bool there;

	buffer_format(&path, "%s/chaos.history", history);
	there = is_there(path.data);
	buffer_release(&path);
	return there;
}

/* Into the run's history, if that is still where it was. */
static void record(const struct journal_contents *contents, const struct journal_entry *entry,
		   bool healed, const char *why)
{
	struct record_fault fault = {
		.at_us = clock_wall_us() - contents->start_wall_us,
		.fault = entry->fault,
		.state = healed ? FAULT_HEALED : FAULT_UNPROVEN,
		.by_heal = 1,
		.hits = -1,
	};
	struct history *history;
	struct buffer text = BUFFER_EMPTY;

	if (!contents->history || !has_trail(contents->history))
		return;
	history = history_append(contents->history, "chaos", NULL);
	if (!history)
		return;
	history_put(history, RECORD_FAULT, 0, &fault, sizeof(fault));
	buffer_format(&text, "%s from the journal by process %d: %s", healed ? "healed" : "tried",
		      (int)getpid(), healed ? "looked, and it is gone" : why);
	history_add_text(history, RECORD_FAULT_TEXT, entry->fault, buffer_text(&text));
	buffer_release(&text);
	history_close(history);
}

static void settle(struct journal *journal, const struct journal_contents *contents,
		   const struct journal_entry *entry, bool healed, const char *why,
		   struct heal_count *count)
{
	journal_state(journal, entry->fault, healed ? FAULT_HEALED : FAULT_UNPROVEN, NULL);
	record(contents, entry, healed, why);
	say(count, entry, healed, why);
}

static bool start_healing(const struct journal_entry *entry, struct hand *hand, struct error *err)
{
	*hand = (struct hand){ .fd = -1 };
	if (!entry->kind)
		return error_set(err, "this sagastorm knows no fault '%s'", entry->kind_name);
	if (process_has_name(&entry->keeper, HAND_NAME))
		kill_and_wait(&entry->keeper);
	return heal_start(hand, entry->kind, entry->undo, err);
}

/* All at once, then one after the other is waited for. */
static void heal_open(struct journal *journal, const struct journal_contents *contents,
		      struct heal_count *count)
{
	struct hand *hands = memory_array(contents->count + 1, sizeof(*hands));
	struct error *errs = memory_array(contents->count + 1, sizeof(*errs));
	bool *started = memory_array(contents->count + 1, sizeof(*started));

	for (size_t i = 0; i < contents->count; i++)
		if (journal_entry_open(&contents->entries[i]))
			started[i] = start_healing(&contents->entries[i], &hands[i], &errs[i]);
	for (size_t i = 0; i < contents->count; i++) {
		const struct journal_entry *entry = &contents->entries[i];
		int64_t wait_us = heal_patience_us(entry->undo) + HEAL_GRACE_US;
		struct hand_word word = { .what = HEAL_UNPROVEN };

		if (!journal_entry_open(entry))
			continue;
		if (started[i] && !hand_wait(&hands[i], wait_us, &word))
			error_set(&errs[i], "healing it took too long, or broke off");
		else if (started[i])
			error_set(&errs[i], "%.*s", TEXT_ARG(word.text));
		settle(journal, contents, entry, started[i] && word.what == HEAL_DONE, errs[i].text,
		       count);
		hand_release(&hands[i]);
	}
	free(hands);
	free(errs);
	free(started);
}

static bool heal_file(const struct journal_contents *contents, struct heal_count *count,
		      struct error *err)
{
	struct journal *journal;

	/* It may be about to be begun; nothing is armed before it is. */
	if (!contents->begun && contents->age_us < UNBEGUN_US)
		return true;
	journal = journal_append(contents->path, err);
	if (!journal)
		return false;
	heal_open(journal, contents, count);
	if (contents->damaged) {
		count->unproven++;
		if (count->said)
			buffer_format(count->said,
				      "NOT PROVEN HEALED: '%s' is damaged: there may have been "
				      "more faults than can be read\n",
				      contents->path);
		journal_keep(journal);
	}
	journal_close(journal);
	return true;
}

/* What a supervisor that was alive did when it was asked to. */
static void count_heeded(const struct journal_contents *before,
			 const struct journal_contents *after, struct heal_count *count)
{
	for (size_t i = 0; i < before->count; i++) {
		const struct journal_entry *entry = &before->entries[i];

		if (journal_entry_open(entry) &&
		    (!after || (i < after->count && !journal_entry_open(&after->entries[i]))))
			say(count, entry, true, "by its supervisor");
	}
}

/* Its file is still in use: what its supervisor could not do is only told. */
static void count_unproven(const struct journal_contents *contents, struct heal_count *count)
{
	for (size_t i = 0; i < contents->count; i++)
		if (journal_entry_open(&contents->entries[i]))
			say(count, &contents->entries[i], false,
			    "its supervisor could not; end its run and try again");
}

static bool heal_read(const struct journal_contents *before, struct heal_count *count,
		      struct error *err)
{
	struct journal_contents now;
	bool good = true;

	if (before->begun && before->supervisor_alive)
		ask_supervisor(before);
	if (!journal_read(before->path, &now, err)) {
		count_heeded(before, NULL, count);
		return !is_there(before->path);
	}
	if (before->supervisor_alive)
		count_heeded(before, &now, count);
	if (now.begun && now.supervisor_alive)
		count_unproven(&now, count);
	else
		good = heal_file(&now, count, err);
	journal_contents_release(&now);
	return good;
}

static bool heal_locked(const char *path, struct heal_count *count, struct error *err)
{
	struct journal_contents before;
	bool good;

	if (!journal_read(path, &before, err))
		return false;
	good = heal_read(&before, count, err);
	journal_contents_release(&before);
	return good;
}

bool journal_heal(const char *path, uint32_t *healed, uint32_t *unproven, struct buffer *said,
		  struct error *err)
{
	struct heal_count count = { .said = said };
	bool gone, good;
	int lock = lock_journal(path, &gone, err);

	*healed = *unproven = 0;
	if (lock < 0)
		return gone;
	good = gone || heal_locked(path, &count, err);
	close(lock);
	*healed = count.healed;
	*unproven = count.unproven;
	return good;
}
