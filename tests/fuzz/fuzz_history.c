/*
 * The reader of a history, on any bytes: with and without a good header, and with the checksums of
 * the first records made right, so that what follows a record is reached too.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/history_file.h"
#include "lib/memory.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void write_bytes(int fd, const void *bytes, size_t size)
{
	const unsigned char *from = bytes;

	while (size) {
		ssize_t wrote = write(fd, from, size);

		if (wrote <= 0)
			abort();
		from += wrote;
		size -= (size_t)wrote;
	}
}

/* Every good record is read once, and the end stays the end. */
static void read_all(int fd, size_t size)
{
	char path[64];
	struct history_reader *reader;
	const struct record *record;
	size_t count = 0;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	reader = history_open(path, NULL);
	if (!reader)
		return;
	while ((record = history_read(reader))) {
		assert(record->kind != 0 && record->check == record_check(record));
		count++;
	}
	assert((count + 1) * RECORD_BYTES <= size);
	assert(!history_read(reader));
	(void)history_torn(reader);
	(void)history_reader_lost(reader);
	history_reader_free(reader);
}

static void make_right(unsigned char *bytes, size_t size)
{
	struct history_header header = { .magic = HISTORY_MAGIC,
					 .version = HISTORY_VERSION,
					 .order = HISTORY_ORDER,
					 .record_bytes = RECORD_BYTES };
	size_t half = size / RECORD_BYTES / 2;

	header.check = history_header_check(&header);
	memcpy(bytes, &header, offsetof(struct history_header, written));
	for (size_t i = 1; i <= half; i++) {
		struct record record;

		memcpy(&record, bytes + i * RECORD_BYTES, sizeof(record));
		record.check = record_check(&record);
		memcpy(bytes + i * RECORD_BYTES, &record, sizeof(record));
	}
}

static void read_bytes(const unsigned char *bytes, size_t size)
{
	int fd = memfd_create("history", 0);

	if (fd < 0)
		abort();
	write_bytes(fd, bytes, size);
	read_all(fd, size);
	close(fd);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	unsigned char *copy;

	read_bytes(data, size);
	if (size < RECORD_BYTES)
		return 0;
	copy = memory_array(size, 1);
	memcpy(copy, data, size);
	make_right(copy, size);
	read_bytes(copy, size);
	free(copy);
	return 0;
}
