/* The pipe from a worker to its coordinator. See worker.h. */
#include <errno.h>
#include <unistd.h>

#include "loadgen/worker.h"

static bool write_all(int pipe, struct text bytes)
{
	while (bytes.length) {
		ssize_t wrote = write(pipe, bytes.data, bytes.length);

		if (wrote < 0 && errno != EINTR)
			return false;
		if (wrote > 0) {
			bytes.data += wrote;
			bytes.length -= (size_t)wrote;
		}
	}
	return true;
}

bool worker_tell(int pipe, enum worker_message kind, struct text text)
{
	struct buffer message = BUFFER_EMPTY;
	bool told;

	for (int shift = 0; shift < 32; shift += 8)
		buffer_add_char(&message, (char)((text.length + 1) >> shift));
	buffer_add_char(&message, (char)kind);
	buffer_add_text(&message, text);
	told = write_all(pipe, buffer_text(&message));
	buffer_release(&message);
	return told;
}
