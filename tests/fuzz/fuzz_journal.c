/*
 * The reader of a journal, on any bytes; and what looks at undo records of any content. Nothing is
 * healed here: what is read may name any process of this machine.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chaos/heal.h"
#include "chaos/journal.h"
#include "chaos/kinds.h"
#include "lib/file.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static char path[64];

static void remove_it(void)
{
	unlink(path);
}

static void prepare(void)
{
	if (path[0])
		return;
	umask(022);
	snprintf(path, sizeof(path), "/tmp/fuzz-%d.journal", (int)getpid());
	atexit(remove_it);
}

static void look_at(const struct journal_entry *entry)
{
	int64_t patience_us = heal_patience_us(entry->undo);

	assert(patience_us > 0 && patience_us <= INT64_C(300000000));
	if (entry->kind == &process_stop || entry->kind == &process_fd_limit)
		entry->kind->look(entry->undo, NULL);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct journal_contents contents;
	struct text bytes = { (const char *)data, size };

	prepare();
	if (!file_write(path, bytes, NULL) || !journal_read(path, &contents, NULL))
		return 0;
	assert(contents.count <= FAULTS_MAX && contents.good_bytes <= size);
	assert(journal_busy_count(&contents) <= journal_open_count(&contents));
	for (size_t i = 0; i < contents.count; i++)
		look_at(&contents.entries[i]);
	journal_contents_release(&contents);
	return 0;
}
