/* One request of a user, from the first attempt to the last. See visit.h. */
#include "loadgen/visit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/http1.h"
#include "lib/inflate.h"
#include "lib/memory.h"
#include "lib/redact.h"

/* The pool. */

static struct visit *take_visit(struct user *user)
{
	struct worker *worker = user->worker;
	struct visit *visit = worker->free_visits;

	if (visit)
		worker->free_visits = visit->next;
	else
		visit = memory_new(sizeof(*visit));
	visit->user = user;
	visit->next = user->visits;
	user->visits = visit;
	worker->visits++;
	return visit;
}

static void give_back(struct visit *visit)
{
	struct worker *worker = visit->user->worker;
	struct visit **link = &visit->user->visits;

	while (*link != visit)
		link = &(*link)->next;
	*link = visit->next;
	visit->next = worker->free_visits;
	worker->free_visits = visit;
	worker->visits--;
}

void visits_free(struct worker *worker)
{
	while (worker->free_visits) {
		struct visit *visit = worker->free_visits;

		worker->free_visits = visit->next;
		buffer_release(&visit->path);
		buffer_release(&visit->headers);
		buffer_release(&visit->body);
		buffer_release(&visit->hop_path);
		buffer_release(&visit->hop_lines);
		buffer_release(&visit->with_cookies);
		free(visit);
	}
}

/* What is sent. */

static struct text render(const struct template *template, const struct template_source *source,
			  struct buffer *own)
{
	if (template->constant)
		return template->fixed;
	buffer_clear(own);
	template_render(template, source, own);
	return buffer_text(own);
}

/* The cookies of this hop, on top of the lines that stay the same from hop to hop. */
static void add_cookies(struct visit *visit)
{
	struct user *user = visit->user;
	const struct origin *origin = &user->worker->load->transfer->origins[visit->origin];

	visit->request.headers = visit->lines;
	if (cookies_empty(&user->cookies))
		return;
	buffer_clear(&visit->with_cookies);
	buffer_add_text(&visit->with_cookies, visit->lines);
	cookies_write(&user->cookies, text_of(origin->name), visit->request.path, origin->tls,
		      &visit->with_cookies);
	visit->request.headers = buffer_text(&visit->with_cookies);
}

static void prepare(struct visit *visit)
{
	const struct request_step *step = visit->step;
	struct scene scene = { .user = visit->user };
	struct template_source source;

	if (step->mints_key) {
		random_uuid(&visit->user->random, visit->key);
		scene.request_key = visit->key;
	}
	source = scene_templates(&scene);
	visit->first = (struct exchange_request){
		.method = step->method,
		.path = render(&step->path, &source, &visit->path),
		.headers = render(&step->headers, &source, &visit->headers),
		.body = render(&step->body, &source, &visit->body),
		.has_body = step->body_kind != BODY_NONE,
		.want_body = step->reads_body,
	};
}

/* An attempt begins, or goes on at another address. */

static void answered(void *context, const struct exchange_result *result);

void visit_transmit(struct visit *visit, struct user_lane *lane)
{
	struct user *user = visit->user;
	int64_t now_us = loop_now(user->worker->loop);
	int64_t spent_us = visit->redirects ? now_us - visit->sent_us : 0;

	add_cookies(visit);
	visit->lane = (uint8_t)(lane - user->lanes);
	lane->busy = true;
	visit->under_way = true;
	visit->sent_us = now_us - spent_us;
	visit->request.timeout_us = visit->step->timeout_us - spent_us;
	if (visit->request.timeout_us < 1)
		visit->request.timeout_us = 1;
	user->worker->tally.sent++;
	if (visit->step->saga && !visit->redirects)
		saga_sent(visit);
	lane_send(lane->lane, &visit->request, answered, visit);
}

/* First come, first served: whoever would send while others wait for room waits, too. */
void visit_send(struct visit *visit)
{
	struct worker *worker = visit->user->worker;
	struct user_lane *lane = NULL;

	if (TAILQ_EMPTY(&worker->waiting))
		lane = user_lane_for(visit->user, visit->origin);
	if (lane)
		visit_transmit(visit, lane);
	else
		room_wait(visit);
}

static void begin_attempt(struct visit *visit)
{
	visit->request = visit->first;
	visit->lines = visit->first.headers;
	visit->origin = visit->step->origin;
	visit->redirects = 0;
	visit->new_connection = false;
	memset(&visit->record, 0, sizeof(visit->record));
	visit_send(visit);
}

static void send_again(void *context)
{
	struct visit *visit = context;

	begin_attempt(visit);
}

void visit_begin(struct user *user, const struct request_step *step, int64_t due_us, bool part)
{
	struct visit *visit = take_visit(user);

	visit->step = step;
	visit->part = part;
	visit->again = false;
	visit->attempt = 0;
	visit->intended_us = due_us;
	visit->poll_until_us = due_us + step->poll.within_us;
	prepare(visit);
	begin_attempt(visit);
}

static void wait_and_send_again(struct visit *visit, int64_t due_us)
{
	alarm_set(visit->user->worker->loop, &visit->alarm, due_us, send_again, visit);
}

/* Records. */

static void add_to_record(struct visit *visit, const struct exchange_result *result)
{
	struct record_request *record = &visit->record;
	bool first = visit->redirects == 0;

	if (first)
		visit->sent_us = result->sent_us;
	record->dns_us += result->dns_us;
	record->connect_us += result->connect_us;
	record->tls_us += result->tls_us;
	record->bytes_in = clamp_u32((int64_t)record->bytes_in + (int64_t)result->bytes_in);
	record->bytes_out = clamp_u32((int64_t)record->bytes_out + (int64_t)result->bytes_out);
	record->service_us = clamp_u32(result->done_us - visit->sent_us);
	record->first_byte_us =
		result->first_byte_us ? clamp_u32(result->first_byte_us - visit->sent_us) : 0;
	record->status = (uint16_t)result->status;
	if (result->new_connection)
		visit->new_connection = true;
}

static void write_record(struct visit *visit, enum failure failure, bool will_retry)
{
	struct user *user = visit->user;
	struct worker *worker = user->worker;
	struct record_request *record = history_next(worker->history);
	uint8_t phase = user->phase;
	uint16_t flags = 0;

	worker->tally.failures[failure]++;
	if (!record)
		return;
	*record = visit->record;
	record->intended_us = worker_since_start(worker, visit->intended_us);
	record->lag_us = clamp_u32(visit->sent_us - visit->intended_us);
	record->start = user->number;
	record->name = visit->step->name;
	record->journey = user->journey->number;
	record->phase = phase;
	record->failure = (uint8_t)failure;
	record->attempt = visit->attempt;
	flags |= visit->new_connection ? REQUEST_NEW_CONNECTION : 0;
	flags |= will_retry ? REQUEST_WILL_RETRY : 0;
	flags |= worker->load->plan->phases[phase].measured ? REQUEST_MEASURED : 0;
	flags |= visit->part ? REQUEST_PART : 0;
	history_commit(worker->history, RECORD_REQUEST, flags);
}

/* One sample per class and name is enough to see what went wrong; each worker keeps its first. */
static void keep_sample(struct visit *visit, enum failure failure, const char *why,
			const struct answer *answer)
{
	struct worker *worker = visit->user->worker;
	size_t bit = (size_t)visit->step->name * FAILURE_COUNT + (size_t)failure;
	struct buffer sample = BUFFER_EMPTY, safe = BUFFER_EMPTY;

	if (worker->sampled[bit / 8] & 1u << bit % 8)
		return;
	worker->sampled[bit / 8] |= (uint8_t)(1u << bit % 8);
	buffer_format(&sample, "%s ", http_method_name(visit->request.method));
	buffer_add_text(&sample, visit->request.path);
	buffer_format(&sample, ": %s", why);
	if (answer && answer->body.length) {
		buffer_add_string(&sample, "; body: ");
		buffer_add(&sample, answer->body.data,
			   answer->body.length < SAMPLE_MAX ? answer->body.length : SAMPLE_MAX);
	}
	redact(buffer_text(&sample), worker->load->secrets, worker->load->secret_count, SAMPLE_MAX,
	       &safe);
	history_add_text(worker->history, RECORD_TEXT, text_subject(failure, visit->step->name),
			 buffer_text(&safe));
	buffer_release(&sample);
	buffer_release(&safe);
}

/* What an answer means. */

static void remember_cookies(struct visit *visit, const struct exchange_result *result)
{
	struct user *user = visit->user;
	const struct origin *origin = &user->worker->load->transfer->origins[visit->origin];
	struct text rest = result->headers, name, value;

	if (!result->has_set_cookie)
		return;
	while (http1_next_header(&rest, &name, &value))
		if (text_is_nocase(name, "set-cookie"))
			cookies_set(&user->cookies, text_of(origin->name), visit->request.path,
				    origin->tls, value, user->worker->wall_us / US_PER_S);
}

static bool decode(struct visit *visit, const struct exchange_result *result, struct text *body,
		   struct error *why)
{
	struct worker *worker = visit->user->worker;
	struct text coding;

	*body = result->body;
	if (!visit->step->reads_body || !result->has_content_encoding ||
	    !http1_header(result->headers, "content-encoding", &coding))
		return true;
	buffer_clear(&worker->inflated);
	if (inflate_text(result->body, coding, (size_t)worker->load->transfer->max_body_bytes,
			 &worker->inflated, why) != INFLATE_DONE)
		return false;
	*body = buffer_text(&worker->inflated);
	return true;
}

static bool wants_retry(const struct visit *visit, enum failure failure, int status)
{
	uint8_t on = visit->step->retry.on;

	if (visit->attempt >= visit->step->retry.times || visit->user->worker->cutting_off)
		return false;
	switch (failure) {
	case FAILURE_TIMEOUT:
		return on & RETRY_TIMEOUT;
	case FAILURE_RESET:
	case FAILURE_PROTOCOL:
		return on & RETRY_RESET;
	case FAILURE_DNS:
	case FAILURE_CONNECT:
	case FAILURE_TLS:
		return on & RETRY_CONNECT;
	case FAILURE_HTTP:
		return (status >= 500 && on & RETRY_5XX) || (status == 429 && on & RETRY_429);
	case FAILURE_EXPECTATION:
		return on & RETRY_EXPECTATION;
	default:
		return false;
	}
}

static int64_t backoff_us(struct visit *visit)
{
	const struct retry *retry = &visit->step->retry;
	double wait = (double)retry->backoff_us *
		      pow(retry->factor > 0 ? retry->factor : 1, visit->attempt);

	if (retry->jitter > 0)
		wait *= 1 + retry->jitter * (2 * random_unit(&visit->user->random) - 1);
	return llround(fmin(wait, 3600e6));
}

static void end(struct visit *visit, enum failure failure, int64_t done_us)
{
	struct user *user = visit->user;
	const struct request_step *step = visit->step;

	give_back(visit);
	user_visit_ended(user, step, failure, done_us);
}

static enum failure poll_again(struct visit *visit, struct scene *scene, int64_t done_us,
			       bool *again, struct error *why)
{
	const struct poll *poll = &visit->step->poll;

	*again = false;
	if (!poll->until || answer_until(scene, visit->step))
		return FAILURE_NONE;
	if (done_us + poll->every_us > visit->poll_until_us) {
		struct text until = expression_text(poll->until);

		error_set(why, "'until: %.*s' did not come true in time", TEXT_ARG(until));
		return FAILURE_EXPECTATION;
	}
	*again = true;
	return FAILURE_NONE;
}

/* Closes the books of this attempt, and goes on to what follows it. */
static void conclude(struct visit *visit, enum failure failure, const char *why,
		     const struct answer *answer, int64_t done_us, bool poll_again)
{
	bool retry = failure != FAILURE_NONE && wants_retry(visit, failure, answer->status);

	if (visit->step->saga)
		saga_answered(visit, failure, answer, done_us);
	if (failure != FAILURE_NONE)
		keep_sample(visit, failure, why, answer);
	write_record(visit, failure, retry);
	if (retry) {
		wait_and_send_again(visit, done_us + backoff_us(visit));
		visit->attempt++;
	} else if (poll_again) {
		visit->part = true;
		visit->attempt = 0;
		visit->intended_us = done_us + visit->step->poll.every_us;
		wait_and_send_again(visit, visit->intended_us);
	} else if (visit->step->saga && saga_wants_again(visit, failure, answer)) {
		visit->again = visit->part = true;
		visit->attempt = 0;
		visit->intended_us = done_us;
		wait_and_send_again(visit, done_us);
	} else {
		end(visit, failure, done_us);
	}
}

static void judge(struct visit *visit, const struct exchange_result *result, struct answer *answer)
{
	struct scene scene = { .user = visit->user,
			       .request_key = visit->step->mints_key ? visit->key : NULL,
			       .answer = answer };
	enum failure failure = result->failure;
	struct error why;
	bool again = false;

	why.text[0] = '\0';
	if (failure != FAILURE_NONE)
		error_set(&why, "%s", result->detail ? result->detail : failure_name(failure));
	else if (!decode(visit, result, &answer->body, &why))
		failure = FAILURE_PROTOCOL;
	else
		failure = answer_judge(&scene, visit->step, &why);
	if (failure == FAILURE_NONE)
		failure = poll_again(visit, &scene, result->done_us, &again, &why);
	if (failure == FAILURE_NONE && !again && !visit->again)
		failure = answer_save(&scene, visit->step, &why);
	conclude(visit, failure, why.text, answer, result->done_us, again);
}

static void answered(void *context, const struct exchange_result *result)
{
	struct visit *visit = context;
	struct user *user = visit->user;
	struct worker *worker = user->worker;
	enum failure failure = FAILURE_NONE;
	struct answer answer = { .status = result->status,
				 .minor = result->minor,
				 .headers = result->headers,
				 .body = result->body,
				 .service_us = result->done_us - result->sent_us };
	struct error why;

	visit->under_way = false;
	user->lanes[visit->lane].busy = false;
	user->requests++;
	user->last_status = (uint16_t)result->status;
	worker->tally.done++;
	worker->exhausted += result->exhausted;
	hist_record(worker->tally.latency, result->done_us - visit->intended_us);
	if (result->sent_us - visit->intended_us > worker->tally.lag_max_us && !visit->attempt &&
	    !visit->redirects)
		worker->tally.lag_max_us = result->sent_us - visit->intended_us;
	add_to_record(visit, result);
	remember_cookies(visit, result);
	if (result->failure == FAILURE_NONE && visit_follow(visit, result, &failure, &why))
		return;
	if (failure != FAILURE_NONE)
		conclude(visit, failure, why.text, &answer, result->done_us, false);
	else
		judge(visit, result, &answer);
}

bool visits_wait(const struct user *user)
{
	for (const struct visit *visit = user->visits; visit; visit = visit->next)
		if (visit->is_waiting)
			return true;
	return false;
}

void visits_cut_off(struct user *user)
{
	struct worker *worker = user->worker;
	int64_t now_us = loop_now(worker->loop);

	while (user->visits) {
		struct visit *visit = user->visits;
		struct answer none = { 0 };

		if (visit->is_waiting) {
			room_leave(visit);
			worker->exhausted++;
		}
		alarm_clear(worker->loop, &visit->alarm);
		if (visit->under_way) {
			struct user_lane *lane = &user->lanes[visit->lane];

			lane_free(lane->lane);
			lane->lane = lane_new(worker->transport, lane->origin);
			lane->busy = visit->under_way = false;
			visit->record.service_us = clamp_u32(now_us - visit->sent_us);
			if (!worker->aborting)
				keep_sample(visit, (enum failure)user->failure,
					    "no answer by the end of the run", &none);
			if (visit->step->saga)
				saga_answered(visit, FAILURE_INTERRUPTED, &none, now_us);
			write_record(visit, (enum failure)user->failure, false);
			worker->tally.done++;
		}
		give_back(visit);
	}
	user->parts_under_way = 0;
}
