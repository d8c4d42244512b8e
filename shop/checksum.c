#include "shop/checksum.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/http1.h"
#include "lib/saga_key.h"

static const char sum_name[] = "X-Checksum", mark_name[] = "X-Checked";

static uint64_t add(uint64_t sum, struct text part)
{
	return (sum ^ text_hash(part)) * UINT64_C(0x9e3779b97f4a7c15) + part.length;
}

uint64_t checksum_of_request(const struct checked_request *request)
{
	struct text rest = request->headers, name, value;
	uint64_t sum = add(0, request->method);

	sum = add(sum, request->path);
	sum = add(sum, request->query);
	while (http1_next_header(&rest, &name, &value)) {
		if (text_is_nocase(name, sum_name) || text_is_nocase(name, mark_name))
			continue;
		sum = add(add(sum, name), value);
	}
	return add(sum, request->body);
}

uint64_t checksum_of_answer(int status, struct text body)
{
	return add((uint64_t)status, body);
}

void checksum_write(struct buffer *headers, uint64_t sum)
{
	buffer_format(headers, "%s: %016" PRIx64 "\r\n%s: yes\r\n", sum_name, sum, mark_name);
}

bool checksum_fits(struct text headers, uint64_t sum)
{
	struct text value;
	char wanted[17];

	if (!http1_header(headers, sum_name, &value))
		return !http1_header(headers, mark_name, &value);
	snprintf(wanted, sizeof(wanted), "%016" PRIx64, sum);
	return text_is(value, wanted);
}
