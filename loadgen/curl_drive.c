#include "loadgen/curl_drive.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/memory.h"
#include "loadgen/transport.h"

struct drive_socket {
	struct event event;
	struct drive *drive;
	struct drive_socket *next;
	int fd;
	short watched; /* EV_READ | EV_WRITE; 0: not registered */
	bool counted;  /* opened by us, in a drive that keeps */
	bool kept;     /* the connection */
};

bool curl_ready(struct error *err)
{
	static bool ready;

	if (!ready && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(err, "libcurl cannot be initialised");
	ready = true;
	return true;
}

/* --- sockets --- */

static struct drive_socket *find(struct drive *drive, curl_socket_t fd)
{
	struct drive_socket *each = drive->sockets;

	while (each && each->fd != fd)
		each = each->next;
	return each;
}

static struct drive_socket *add(struct drive *drive, curl_socket_t fd)
{
	struct drive_socket *added = memory_new(sizeof(*added));

	added->drive = drive;
	added->fd = fd;
	added->next = drive->sockets;
	drive->sockets = added;
	return added;
}

static void unwatch(struct drive_socket *entry)
{
	if (entry->watched)
		event_del(&entry->event);
	entry->watched = 0;
}

static void drop(struct drive_socket *entry)
{
	struct drive_socket **link = &entry->drive->sockets;

	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	unwatch(entry);
	if (entry->counted) {
		entry->drive->open--;
		if (entry->drive->connections)
			--*entry->drive->connections;
	}
	free(entry);
}

static void socket_ready(evutil_socket_t fd, short events, void *context)
{
	struct drive_socket *entry = context;
	struct drive *drive = entry->drive;
	int running, what = (events & EV_READ ? CURL_CSELECT_IN : 0) |
			    (events & EV_WRITE ? CURL_CSELECT_OUT : 0);

	loop_now(drive->loop);
	if (drive->idle && drive->keeps) {
		drive->idle_readable(drive, fd);
		return;
	}
	curl_multi_socket_action(drive->multi, fd, what, &running);
	drive->progressed(drive);
}

static void watch(struct drive_socket *entry, short events)
{
	if (entry->watched == events)
		return;
	unwatch(entry);
	event_assign(&entry->event, loop_base(entry->drive->loop), entry->fd, events | EV_PERSIST,
		     socket_ready, entry);
	if (event_add(&entry->event, NULL) == 0)
		entry->watched = events;
}

static short events_of(int what)
{
	return (short)((what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
}

static void no_longer_wanted(struct drive_socket *entry)
{
	if (entry->kept && entry->watched & EV_WRITE)
		watch(entry, EV_READ); /* writable is what an idle connection always is */
	else if (entry->counted && !entry->kept)
		unwatch(entry);
	else if (!entry->kept)
		drop(entry);
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned)
{
	struct drive *drive = context;
	struct drive_socket *entry = assigned ? assigned : find(drive, fd);

	(void)easy;
	if (what != CURL_POLL_REMOVE) {
		entry = entry ? entry : add(drive, fd);
		if (!assigned)
			curl_multi_assign(drive->multi, fd, entry);
		watch(entry, events_of(what));
	} else if (entry) {
		no_longer_wanted(entry);
	}
	return 0;
}

static void count(struct drive_socket *entry)
{
	struct drive *drive = entry->drive;

	if (entry->counted)
		return;
	entry->counted = true;
	drive->open++;
	if (drive->connections)
		++*drive->connections;
}

/* A number that we still watch is one that libcurl closed behind our back: this is a new socket. */
static void number_again(struct drive_socket *entry)
{
	short watched = entry->watched;

	entry->kept = false;
	unwatch(entry);
	if (watched)
		watch(entry, watched);
}

static curl_socket_t drive_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct drive *drive = context;
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	struct drive_socket *entry;
	int yes = 1;

	(void)purpose;
	if (fd < 0) {
		drive->refused = errno;
		return CURL_SOCKET_BAD;
	}
	if (drive->binds)
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes));
	entry = find(drive, fd);
	if (entry)
		number_again(entry);
	if (drive->keeps)
		count(entry ? entry : add(drive, fd));
	return fd;
}

static int drive_close(void *context, curl_socket_t fd)
{
	struct drive *drive = context;
	struct drive_socket *entry = find(drive, fd);

	if (entry)
		drop(entry);
	return close(fd);
}

/* libcurl knows what connect(2) said, but not what our drive_open() did. */
bool drive_exhausted(const struct drive *drive, CURL *easy)
{
	long error = 0;

	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &error);
	return is_exhaustion(error ? error : drive->refused);
}

void drive_settle(struct drive *drive, int fd)
{
	struct drive_socket *each, *next;

	for (each = drive->sockets; each; each = next) {
		next = each->next;
		if (each->fd == fd && each->counted) {
			each->kept = true;
			watch(each, EV_READ);
		} else if (each->counted) {
			drop(each);
		}
	}
}

void drive_adopt(struct drive *drive, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, drive_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, drive);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, drive_close);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, drive);
}

void drive_ignore(struct drive *drive, int fd)
{
	struct drive_socket *entry = find(drive, fd);

	if (entry)
		unwatch(entry);
}

/* --- time --- */

static void call_due(void *context)
{
	struct drive *drive = context;
	int running;

	curl_multi_socket_action(drive->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	drive->progressed(drive);
}

static int time_wanted(CURLM *multi, long wait_ms, void *context)
{
	struct drive *drive = context;

	(void)multi;
	if (wait_ms < 0)
		alarm_clear(drive->loop, &drive->alarm);
	else
		alarm_set(drive->loop, &drive->alarm, loop_now(drive->loop) + wait_ms * 1000,
			  call_due, drive);
	return 0;
}

bool drive_init(struct drive *drive, struct loop *loop, struct error *err)
{
	drive->loop = loop;
	drive->multi = curl_multi_init();
	if (!drive->multi)
		return error_set(err, "libcurl gives no multi handle");
	curl_multi_setopt(drive->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
	curl_multi_setopt(drive->multi, CURLMOPT_SOCKETDATA, drive);
	curl_multi_setopt(drive->multi, CURLMOPT_TIMERFUNCTION, time_wanted);
	curl_multi_setopt(drive->multi, CURLMOPT_TIMERDATA, drive);
	return true;
}

void drive_release(struct drive *drive)
{
	if (drive->multi)
		curl_multi_cleanup(drive->multi);
	drive->multi = NULL;
	alarm_clear(drive->loop, &drive->alarm);
	while (drive->sockets)
		drop(drive->sockets);
}
