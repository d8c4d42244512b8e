#include "chaos/proxy_http.h"

void reply_write(int status, struct text headers, struct text body, bool head, struct buffer *out)
{
	bool bodiless = status == 204 || status == 304;

	buffer_format(out, "HTTP/1.1 %d %s\r\n", status, http1_reason(status));
	buffer_add_text(out, headers);
	if (!bodiless)
		buffer_format(out, "Content-Length: %zu\r\n", body.length);
	buffer_add_string(out, "\r\n");
	if (!bodiless && !head)
		buffer_add_text(out, body);
}
