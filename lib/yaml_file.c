#include "lib/yaml.h"

#include <stdio.h>
#include <sys/stat.h>

/* Reads at most one byte more than the bound, so that the size is judged in one place. */
static bool read_bytes(FILE *file, struct buffer *out)
{
	while (out->length <= YAML_BYTES_MAX) {
		size_t got = fread(buffer_reserve(out, 65536), 1, 65536, file);

		if (!got)
			break;
		out->length += got;
	}
	return !ferror(file);
}

struct yaml *yaml_read_file(struct arena *arena, const char *path, struct complaints *complaints)
{
	struct place nowhere = { NULL, 0, 0 };
	struct buffer bytes = BUFFER_EMPTY;
	struct yaml *root = NULL;
	struct error err;
	struct stat status;
	FILE *file = fopen(path, "re");

	if (!file || fstat(fileno(file), &status) != 0 || S_ISDIR(status.st_mode)) {
		if (file)
			error_set(&err, "cannot read '%s': it is a directory", path);
		else
			error_errno(&err, "cannot open '%s'", path);
		complain(complaints, nowhere, "%s", err.text);
	} else if (!read_bytes(file, &bytes)) {
		error_errno(&err, "cannot read '%s'", path);
		complain(complaints, nowhere, "%s", err.text);
	} else {
		root = yaml_read_text(arena, path, buffer_text(&bytes), complaints);
	}
	if (file)
		fclose(file);
	buffer_release(&bytes);
	return root;
}
