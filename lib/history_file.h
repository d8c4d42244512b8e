/*
 * history_file: what the first 64 bytes of a history say; for the writer and the reader only.
 */
#ifndef LIB_HISTORY_FILE_H
#define LIB_HISTORY_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/checksum.h"
#include "lib/history.h"

#define HISTORY_MAGIC  "sagahist"
#define HISTORY_SUFFIX ".history"
enum { HISTORY_VERSION = 1, HISTORY_ORDER = 0x01020304 };

struct history_header {
	char magic[8];
	uint32_t version;
	uint32_t order; /* of the bytes of a number on the machine that wrote */
	uint32_t record_bytes;
	uint32_t check;	  /* lib/checksum.h, of all above; below changes during the run */
	uint64_t written; /* records committed */
	uint64_t lost;	  /* records that there was no room for */
	uint32_t closed;  /* the writer ended well */
	unsigned char spare[20];
};

_Static_assert(sizeof(struct history_header) == RECORD_BYTES, "the header takes a record's room");

static inline uint32_t history_header_check(const struct history_header *header)
{
	uint64_t sum = checksum_words(0, header, 2);

	return (uint32_t)checksum_add(sum, header->record_bytes);
}

static inline uint32_t record_check(const struct record *record)
{
	uint64_t sum = checksum_add(0, (uint64_t)record->kind << 16 | record->flags);

	return (uint32_t)checksum_words(sum, record->payload, RECORD_PAYLOAD / 8);
}

#endif
