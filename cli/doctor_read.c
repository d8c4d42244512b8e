/* doctor_read: small files of the kernel. */
#include "cli/doctor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void finding_warn(struct finding *finding, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	finding->warning = true;
	if (finding->advice.length)
		buffer_add_string(&finding->advice, "; ");
	buffer_add_string(&finding->advice, text);
}

bool read_line(const char *path, char *line, size_t room)
{
	FILE *file = fopen(path, "re");
	bool good;

	line[0] = '\0';
	if (!file)
		return false;
	good = fgets(line, (int)room, file) != NULL;
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	return good;
}

bool read_integer(const char *path, int64_t *integer)
{
	char line[64], *end;

	if (!read_line(path, line, sizeof(line)))
		return false;
	*integer = strtoll(line, &end, 10);
	return end != line;
}

int64_t meminfo_bytes(const char *key)
{
	FILE *file = fopen("/proc/meminfo", "re");
	size_t length = strlen(key);
	int64_t bytes = -1;
	char line[256];

	if (!file)
		return -1;
	while (bytes < 0 && fgets(line, sizeof(line), file))
		if (strncmp(line, key, length) == 0 && line[length] == ':')
			bytes = strtoll(line + length + 1, NULL, 10) * 1024;
	fclose(file);
	return bytes;
}

/* "0::/user.slice/x" of /proc/self/cgroup names the place in the one hierarchy of version 2. */
bool cgroup_file(const char *name, char *path, size_t room)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[512] = "";

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file) && strncmp(line, "0::", 3) != 0)
		line[0] = '\0';
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	if (line[0]) {
		snprintf(path, room, "/sys/fs/cgroup%s/%s", line + 3, name);
		if (access(path, R_OK) == 0)
			return true;
	}
	snprintf(path, room, "/sys/fs/cgroup/%s", name); /* a container's own root */
	return access(path, R_OK) == 0;
}
