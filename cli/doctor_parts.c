/* doctor_parts: the kernel and the libraries that a run stands on. */
#include "cli/doctor.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

void look_at_kernel(struct finding *finding)
{
	struct utsname name;
	int major = 0, minor = 0;

	uname(&name);
	buffer_format(&finding->seen, "%s %s, %s", name.sysname, name.release, name.machine);
	if (sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	    (major < 4 || (major == 4 && minor < 2)))
		finding_warn(finding, "before 4.2 a bound address costs a port per connection");
}

void look_at_huge_pages(struct finding *finding)
{
	char line[128];

	read_line("/sys/kernel/mm/transparent_hugepage/enabled", line, sizeof(line));
	buffer_format(&finding->seen, "transparent huge pages: %s", line[0] ? line : "none");
	if (strstr(line, "[always]"))
		finding_warn(finding, "memory per user looks larger than it is; 'madvise' is "
				      "steadier");
}

void look_at_libcurl(struct finding *finding)
{
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
	bool http2 = info->features & CURL_VERSION_HTTP2;
	bool openssl = info->ssl_version && strncmp(info->ssl_version, "OpenSSL", 7) == 0;

	buffer_format(&finding->seen, "%s, HTTP/2 %s, TLS by %s, names resolved %s", info->version,
		      http2 ? "yes" : "no", info->ssl_version ? info->ssl_version : "nothing",
		      info->features & CURL_VERSION_ASYNCHDNS ? "aside" : "in the loop");
	if (!http2)
		finding_warn(finding, "this libcurl can't do HTTP/2");
	if (!openssl)
		finding_warn(finding, "this libcurl does TLS without OpenSSL: TLS takes the slow "
				      "path, or none");
	if (!(info->features & CURL_VERSION_ASYNCHDNS))
		finding_warn(finding, "a slow name server stops the loop: use addresses");
}

void look_at_libevent(struct finding *finding)
{
	struct event_base *base = event_base_new();
	const char *method = base ? event_base_get_method(base) : "nothing";

	buffer_format(&finding->seen, "%s, waits by %s", event_get_version(), method);
	if (strcmp(method, "epoll") != 0)
		finding_warn(finding, "many connections need epoll");
	if (base)
		event_base_free(base);
}

void look_at_openssl(struct finding *finding)
{
	buffer_add_string(&finding->seen, OpenSSL_version(OPENSSL_VERSION));
	if (OPENSSL_version_major() < 3)
		finding_warn(finding, "built for OpenSSL 3");
}
