#include "loadgen/connector.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "lib/buffer.h"
#include "lib/memory.h"
#include "loadgen/curl_drive.h"
#include "loadgen/curl_options.h"
#include "loadgen/transport.h"

/*
 * So many connections are opened at once, unless descriptors are scarce; further ones wait for
 * their turn.
 */
enum { SLOTS_MOST = 512, SLOTS_LEAST = 4, DESCRIPTORS_PER_SLOT = 16 };

/* An easy handle, used again and again. */
struct slot {
	CURL *easy;
	struct slot *next; /* free ones */
	struct connecting *connecting;
	struct drive_user user;
	uint16_t origin;   /* whose URL is set; UINT16_MAX: none yet */
	char problem[CURL_ERROR_SIZE];
};

struct connecting {
	struct connector *connector;
	struct slot *slot; /* NULL: waiting for one */
	uint16_t origin;
	connect_done *done;
	void *context;
	TAILQ_ENTRY(connecting) entry;
};

TAILQ_HEAD(connecting_list, connecting);

struct connector {
	struct drive drive;
	struct drive_sockets sockets;
	const struct transfer_settings *settings;
	struct curl_slist *pins;
	struct slot *free;
	uint32_t slots, slots_max;
	uint32_t local_turn;
	struct connecting_list waiting, under_way;
};

/* --- slots --- */

static size_t swallow(char *bytes, size_t size, size_t count, void *context)
{
	(void)bytes, (void)context;
	return size * count;
}

static struct slot *slot_new(struct connector *connector)
{
	struct slot *slot = memory_new(sizeof(*slot));

	slot->easy = curl_easy_init();
	if (!slot->easy) {
		free(slot);
		return NULL;
	}
	slot->origin = UINT16_MAX;
	curl_set_basics(slot->easy, connector->settings);
	curl_easy_setopt(slot->easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(slot->easy, CURLOPT_WRITEFUNCTION, swallow);
	curl_easy_setopt(slot->easy, CURLOPT_ERRORBUFFER, slot->problem);
	curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot);
	curl_easy_setopt(slot->easy, CURLOPT_RESOLVE, connector->pins);
	curl_easy_setopt(slot->easy, CURLOPT_HTTPPROXYTUNNEL, connector->settings->proxy ? 1L : 0L);
	drive_adopt(&connector->drive, slot->easy, &slot->user);
	connector->slots++;
	return slot;
}

static struct slot *slot_take(struct connector *connector)
{
	struct slot *slot = connector->free;

	if (slot)
		connector->free = slot->next;
	else if (connector->slots < connector->slots_max)
		slot = slot_new(connector);
	return slot;
}

static void slot_give(struct connector *connector, struct slot *slot)
{
	curl_multi_remove_handle(connector->drive.multi, slot->easy); /* and closes its socket */
	slot->connecting = NULL;
	slot->next = connector->free;
	connector->free = slot;
}

/* TLS is ours: libcurl is told of a plain connection to the same port. */
static void aim(struct connector *connector, struct slot *slot, uint16_t number)
{
	const struct origin *origin = &connector->settings->origins[number];
	struct text host = origin_url_host(origin);
	struct buffer url = BUFFER_EMPTY;

	curl_set_local_address(slot->easy, connector->settings, &connector->local_turn);
	if (slot->origin == number)
		return;
	buffer_format(&url, "http://%.*s:%d/", TEXT_ARG(host), origin->port);
	curl_easy_setopt(slot->easy, CURLOPT_URL, url.data);
	buffer_release(&url);
	slot->origin = number;
}

static void begin(struct connector *connector, struct connecting *connecting, struct slot *slot)
{
	connecting->slot = slot;
	slot->connecting = connecting;
	slot->user.refused = 0;
	slot->problem[0] = '\0';
	aim(connector, slot, connecting->origin);
	TAILQ_INSERT_TAIL(&connector->under_way, connecting, entry);
	curl_multi_add_handle(connector->drive.multi, slot->easy);
}

static void begin_waiting(struct connector *connector)
{
	struct connecting *connecting;
	struct slot *slot;

	while ((connecting = TAILQ_FIRST(&connector->waiting)) && (slot = slot_take(connector))) {
		TAILQ_REMOVE(&connector->waiting, connecting, entry);
		begin(connector, connecting, slot);
	}
}

/* --- the end of connecting --- */

static enum failure stage_of(CURLcode code, CURL *easy)
{
	if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY)
		return FAILURE_DNS;
	if (code == CURLE_OPERATION_TIMEDOUT && !curl_time(easy, CURLINFO_NAMELOOKUP_TIME_T))
		return FAILURE_DNS;
	return FAILURE_CONNECT;
}

static void take_socket(struct slot *slot, struct connect_result *result)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	uint32_t dns_us = curl_time(slot->easy, CURLINFO_NAMELOOKUP_TIME_T);

	curl_easy_getinfo(slot->easy, CURLINFO_ACTIVESOCKET, &fd);
	result->dns_us = dns_us;
	result->connect_us = curl_span(dns_us, curl_time(slot->easy, CURLINFO_CONNECT_TIME_T));
	if (fd != CURL_SOCKET_BAD)
		result->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (result->fd >= 0)
		return;
	result->failure = FAILURE_CONNECT;
	result->exhausted = fd != CURL_SOCKET_BAD && is_exhaustion(errno);
	result->detail = fd == CURL_SOCKET_BAD ? "the connection was lost" : strerror(errno);
}

static void judge(struct slot *slot, CURLcode code, struct connect_result *result)
{
	*result = (struct connect_result){ .fd = -1 };
	if (code == CURLE_OK) {
		take_socket(slot, result);
		return;
	}
	result->failure = stage_of(code, slot->easy);
	result->detail = slot->problem[0] ? slot->problem : curl_easy_strerror(code);
	result->exhausted =
		code == CURLE_COULDNT_CONNECT && drive_exhausted(&slot->user, slot->easy);
	if (result->exhausted)
		result->detail = DRIVE_EXHAUSTED;
}

static void settle(struct connector *connector, struct slot *slot, CURLcode code)
{
	struct connecting *connecting = slot->connecting;
	struct connect_result result;
	char problem[CURL_ERROR_SIZE];

	judge(slot, code, &result);
	if (result.detail == slot->problem) /* the slot may be in use again when it is read */
		result.detail = memcpy(problem, slot->problem, sizeof(problem));
	TAILQ_REMOVE(&connector->under_way, connecting, entry);
	slot_give(connector, slot);
	connecting->done(connecting->context, &result);
	free(connecting);
}

static void progressed(struct drive *drive)
{
	struct connector *connector = (struct connector *)drive;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(drive->multi, &left))) {
		struct slot *slot = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &slot);
		settle(connector, slot, message->data.result);
	}
	begin_waiting(connector);
}

/* --- what callers see --- */

static uint32_t slots_affordable(void)
{
	uint32_t slots = descriptors_left() / DESCRIPTORS_PER_SLOT;

	return slots < SLOTS_LEAST ? SLOTS_LEAST : slots > SLOTS_MOST ? SLOTS_MOST : slots;
}

uint32_t connector_slots(const struct connector *connector)
{
	return connector->slots_max;
}

struct connector *connector_new(const struct transfer_settings *settings, struct loop *loop,
				struct error *err)
{
	struct connector *connector = memory_new(sizeof(*connector));

	connector->settings = settings;
	connector->slots_max = slots_affordable();
	TAILQ_INIT(&connector->waiting);
	TAILQ_INIT(&connector->under_way);
	connector->drive.progressed = progressed;
	connector->drive.binds = settings->from && settings->from[0];
	if (!curl_ready(err) || !drive_init(&connector->drive, loop, &connector->sockets, err)) {
		free(connector);
		return NULL;
	}
	connector->pins = curl_pins(settings);
	return connector;
}

void connector_free(struct connector *connector)
{
	struct connecting *connecting;
	struct slot *slot;

	if (!connector)
		return;
	while ((connecting = TAILQ_FIRST(&connector->waiting)) ||
	       (connecting = TAILQ_FIRST(&connector->under_way)))
		connector_cancel(connecting);
	while ((slot = connector->free)) {
		connector->free = slot->next;
		curl_easy_cleanup(slot->easy);
		free(slot);
	}
	drive_release(&connector->drive);
	drive_sockets_release(&connector->sockets);
	curl_slist_free_all(connector->pins);
	free(connector);
}

struct connecting *connector_start(struct connector *connector, uint16_t origin, connect_done *done,
				   void *context)
{
	struct connecting *connecting = memory_new(sizeof(*connecting));
	struct slot *slot = slot_take(connector);

	connecting->connector = connector;
	connecting->origin = origin;
	connecting->done = done;
	connecting->context = context;
	if (slot)
		begin(connector, connecting, slot);
	else
		TAILQ_INSERT_TAIL(&connector->waiting, connecting, entry);
	return connecting;
}

void connector_cancel(struct connecting *connecting)
{
	struct connector *connector;

	if (!connecting)
		return;
	connector = connecting->connector;
	if (connecting->slot) {
		TAILQ_REMOVE(&connector->under_way, connecting, entry);
		slot_give(connector, connecting->slot);
	} else {
		TAILQ_REMOVE(&connector->waiting, connecting, entry);
	}
	free(connecting);
	begin_waiting(connector);
}

enum failure connector_stage(const struct connecting *connecting)
{
	bool named =
		connecting->slot && curl_time(connecting->slot->easy, CURLINFO_NAMELOOKUP_TIME_T);

	return named || !connecting->slot ? FAILURE_CONNECT : FAILURE_DNS;
}
