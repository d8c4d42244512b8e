/* Where a 3xx leads, and what goes along. See visit.h. */
#include "lib/http1.h"
#include "lib/url.h"
#include "loadgen/visit.h"

static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool find_origin(struct worker *worker, const struct url *url, uint16_t *origin)
{
	const struct transfer_settings *transfer = worker->load->transfer;

	for (uint16_t i = 0; i < transfer->origin_count; i++) {
		const struct origin *known = &transfer->origins[i];

		if (known->tls == url->tls && known->port == url->port &&
		    text_is_nocase(url->host, known->name)) {
			*origin = i;
			return true;
		}
	}
	return false;
}

enum keep { KEEP_ALL = 0, DROP_CREDENTIALS = 1, DROP_CONTENT = 2 };

static bool is_dropped(struct text name, int dropped)
{
	if (dropped & DROP_CREDENTIALS && text_is_nocase(name, "authorization"))
		return true;
	return dropped & DROP_CONTENT && text_is_nocase(name, "content-type");
}

static void drop_lines(struct visit *visit, int dropped)
{
	struct text rest = visit->lines, name, value;
	struct buffer kept = BUFFER_EMPTY;

	if (!dropped)
		return;
	while (http1_next_header(&rest, &name, &value))
		if (!is_dropped(name, dropped))
			buffer_format(&kept, "%.*s: %.*s\r\n", TEXT_ARG(name), TEXT_ARG(value));
	buffer_release(&visit->hop_lines);
	visit->hop_lines = kept;
	visit->lines = buffer_text(&visit->hop_lines);
}

/* As browsers do: a POST becomes a GET, but for 307 and 308, which say that it must not. */
static bool becomes_get(const struct visit *visit, int status)
{
	if (status == 303)
		return visit->request.method != METHOD_HEAD;
	return status < 303 && visit->request.method == METHOD_POST;
}

static void go_to(struct visit *visit, int status, uint16_t origin, struct text path)
{
	int dropped = KEEP_ALL;

	buffer_clear(&visit->hop_path);
	buffer_add_text(&visit->hop_path, path);
	visit->request.path = buffer_text(&visit->hop_path);
	if (becomes_get(visit, status)) {
		visit->request.method = METHOD_GET;
		visit->request.body = (struct text){ "", 0 };
		visit->request.has_body = false;
		dropped |= DROP_CONTENT;
	}
	/* Credentials are for whom they were written. */
	if (origin != visit->origin)
		dropped |= DROP_CREDENTIALS;
	drop_lines(visit, dropped);
	visit->origin = origin;
	visit->redirects++;
	visit_send(visit);
}

bool visit_follow(struct visit *visit, const struct exchange_result *result, enum failure *failure,
		  struct error *why)
{
	struct worker *worker = visit->user->worker;
	const struct origin *from = &worker->load->transfer->origins[visit->origin];
	struct buffer target = BUFFER_EMPTY;
	uint16_t origin = visit->origin;
	struct text location;
	struct url url;
	bool good;

	if (!is_redirect(result->status) || !visit->step->redirects || !result->has_location ||
	    !http1_header(result->headers, "location", &location))
		return false;
	*failure = FAILURE_PROTOCOL;
	if (visit->redirects >= visit->step->redirects)
		return error_set(why, "more than %d redirects", visit->step->redirects);
	good = url_resolve(from->url, visit->request.path, location, &target, &url, why);
	if (good && !find_origin(worker, &url, &origin))
		good = error_set(why,
				 "a redirect to '%.*s', which is not the target and not in 'allow'",
				 TEXT_ARG(url.host));
	if (good) {
		*failure = FAILURE_NONE;
		go_to(visit, result->status, origin, url.path);
	}
	buffer_release(&target);
	return good;
}
