#include "loadgen/curl_drive.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/memory.h"
#include "loadgen/curl_memory.h"
#include "loadgen/transport.h"

struct drive_socket {
	struct event event;
	struct drive *drive;
	struct drive_user *user;   /* who opened it; NULL: libcurl's own, or not kept */
	struct drive_socket *next; /* of the same user */
	int fd;
	short watched; /* EV_READ | EV_WRITE; 0: not registered */
	bool kept;     /* the connection */
};

bool curl_ready(struct error *err)
{
	static bool ready;

	if (!ready && curl_memory_init() != CURLE_OK)
		return error_set(err, "libcurl cannot be initialised");
	ready = true;
	return true;
}

/* --- time --- */

static void call_due(void *context);

/*
 * libcurl changes its mind with every request, mostly to "now" and back: the alarm is only set when
 * it would ring too late, and finds out when it rings whether it is still wanted.
 */
static void set_alarm(struct drive *drive)
{
	if (drive->due_us == INT64_MAX ||
	    (alarm_is_set(&drive->alarm) && drive->alarm.due_us <= drive->due_us))
		return;
	alarm_set(drive->loop, &drive->alarm, drive->due_us, call_due, drive);
}

static int time_wanted(CURLM *multi, long wait_ms, void *context)
{
	struct drive *drive = context;

	(void)multi;
	drive->due_us = wait_ms < 0 ? INT64_MAX : loop_now(drive->loop) + wait_ms * 1000;
	if (!drive->busy)
		set_alarm(drive);
	return 0;
}

static void act(struct drive *drive, curl_socket_t fd, int what)
{
	int running;

	drive->busy = true;
	if (fd == CURL_SOCKET_TIMEOUT)
		drive->due_us = INT64_MAX; /* unless it says another time */
	curl_multi_socket_action(drive->multi, fd, what, &running);
	drive->busy = false;
	set_alarm(drive);
	drive->progressed(drive);
}

static void call_due(void *context)
{
	struct drive *drive = context;

	if (drive->due_us > loop_now(drive->loop))
		set_alarm(drive);
	else
		act(drive, CURL_SOCKET_TIMEOUT, 0);
}

void drive_add(struct drive *drive, CURL *easy)
{
	drive->busy = true;
	curl_multi_add_handle(drive->multi, easy);
	drive->busy = false;
}

void drive_begin(struct drive *drive)
{
	act(drive, CURL_SOCKET_TIMEOUT, 0);
}

/* --- sockets --- */

static struct drive_socket *find(const struct drive_sockets *sockets, curl_socket_t fd)
{
	return fd >= 0 && fd < sockets->room ? sockets->by_number[fd] : NULL;
}

static void make_room(struct drive_sockets *sockets, int fd)
{
	int room = sockets->room ? sockets->room : 64;

	while (room <= fd)
		room *= 2;
	if (room == sockets->room)
		return;
	sockets->by_number =
		memory_resize(sockets->by_number, (size_t)room, sizeof(*sockets->by_number));
	memset(sockets->by_number + sockets->room, 0,
	       (size_t)(room - sockets->room) * sizeof(*sockets->by_number));
	sockets->room = room;
}

static struct drive_socket *add(struct drive *drive, curl_socket_t fd)
{
	struct drive_socket *added = memory_new(sizeof(*added));

	make_room(drive->sockets, fd);
	drive->sockets->by_number[fd] = added;
	added->drive = drive;
	added->fd = fd;
	return added;
}

static void unwatch(struct drive_socket *entry)
{
	if (entry->watched)
		event_del(&entry->event);
	entry->watched = 0;
}

static void own(struct drive_sockets *sockets, struct drive_socket *entry, struct drive_user *user)
{
	entry->user = user;
	entry->next = user->sockets;
	user->sockets = entry;
	user->open++;
	if (sockets->connections)
		++*sockets->connections;
}

static void disown(struct drive_sockets *sockets, struct drive_socket *entry)
{
	struct drive_socket **link;

	if (!entry->user)
		return;
	for (link = &entry->user->sockets; *link != entry;)
		link = &(*link)->next;
	*link = entry->next;
	entry->user->open--;
	entry->user = NULL;
	entry->kept = false;
	if (sockets->connections)
		--*sockets->connections;
}

static void drop(struct drive_sockets *sockets, struct drive_socket *entry)
{
	disown(sockets, entry);
	unwatch(entry);
	sockets->by_number[entry->fd] = NULL;
	free(entry);
}

static void socket_ready(evutil_socket_t fd, short events, void *context)
{
	struct drive_socket *entry = context;
	struct drive *drive = entry->drive;
	int what = (events & EV_READ ? CURL_CSELECT_IN : 0) |
		   (events & EV_WRITE ? CURL_CSELECT_OUT : 0);

	loop_now(drive->loop);
	if (entry->user && entry->user->idle) {
		entry->user->readable(entry->user, fd);
		return;
	}
	act(drive, fd, what);
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
	else if (entry->user && !entry->kept)
		unwatch(entry);
	else if (!entry->kept)
		drop(entry->drive->sockets, entry);
}

/* A number that we still know is one that libcurl closed behind our back: this is a new socket. */
static void number_again(struct drive *drive, struct drive_socket *entry)
{
	short watched = entry->drive == drive ? entry->watched : 0;

	disown(drive->sockets, entry);
	unwatch(entry);
	entry->drive = drive;
	if (watched)
		watch(entry, watched);
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned)
{
	struct drive *drive = context;
	struct drive_socket *entry = find(drive->sockets, fd);

	(void)easy, (void)assigned;
	if (what != CURL_POLL_REMOVE) {
		entry = entry ? entry : add(drive, fd);
		if (entry->drive != drive)
			number_again(drive, entry);
		watch(entry, events_of(what));
	} else if (entry && entry->drive == drive) {
		no_longer_wanted(entry);
	}
	return 0;
}

static curl_socket_t drive_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct drive_user *user = context;
	struct drive *drive = user->drive;
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	struct drive_socket *entry;
	int yes = 1;

	(void)purpose;
	if (fd < 0) {
		user->refused = errno;
		return CURL_SOCKET_BAD;
	}
	if (drive->binds)
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes));
	entry = find(drive->sockets, fd);
	if (entry)
		number_again(drive, entry);
	if (drive->keeps)
		own(drive->sockets, entry ? entry : add(drive, fd), user);
	return fd;
}

static int drive_close(void *context, curl_socket_t fd)
{
	struct drive *drive = context;
	struct drive_socket *entry = find(drive->sockets, fd);
	struct drive_user *user = entry ? entry->user : NULL;

	if (entry)
		drop(drive->sockets, entry);
	if (user && user->closed)
		user->closed(user);
	return close(fd);
}

/* libcurl knows what connect(2) said, but not what our drive_open() did. */
bool drive_exhausted(const struct drive_user *user, CURL *easy)
{
	long error = 0;

	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &error);
	return is_exhaustion(error ? error : user->refused);
}

void drive_settle(struct drive_user *user, int fd)
{
	struct drive_socket *each, *next;

	for (each = user->sockets; each; each = next) {
		next = each->next;
		if (each->fd == fd) {
			each->kept = true;
			watch(each, EV_READ);
		} else {
			drop(user->drive->sockets, each);
		}
	}
}

void drive_forget(struct drive_user *user)
{
	while (user->sockets)
		drop(user->drive->sockets, user->sockets);
}

/* The one that closes is a drive: it is there as long as its connections, users may be gone. */
void drive_adopt(struct drive *drive, CURL *easy, struct drive_user *user)
{
	user->drive = drive;
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, drive_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, user);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, drive_close);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, drive);
}

void drive_ignore(struct drive_user *user, int fd)
{
	struct drive_socket *entry = find(user->drive->sockets, fd);

	if (entry && entry->user == user)
		unwatch(entry);
}

void drive_sockets_release(struct drive_sockets *sockets)
{
	for (int fd = 0; fd < sockets->room; fd++)
		if (sockets->by_number[fd])
			drop(sockets, sockets->by_number[fd]);
	free(sockets->by_number);
	sockets->by_number = NULL;
	sockets->room = 0;
}

/* --- from the first to the last --- */

bool drive_init(struct drive *drive, struct loop *loop, struct drive_sockets *sockets,
		struct error *err)
{
	drive->loop = loop;
	drive->sockets = sockets;
	drive->due_us = INT64_MAX;
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
}
