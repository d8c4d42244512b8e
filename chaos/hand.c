#include "chaos/hand.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"

enum { REAP_TRIES = 2000, REAP_PAUSE_US = 100 };

struct hand_side {
	int fd;
};

struct word_head {
	uint32_t what, length;
	int64_t number;
};

static void begin(hand_work *work, void *context, int fd, pid_t owner, enum hand_fate fate)
{
	struct hand_side side = { .fd = fd };

	if (fate == HAND_DIES_WITH_US) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != owner)
			_exit(1); /* it died before we asked to be told */
	}
	prctl(PR_SET_NAME, HAND_NAME);
	work(context, &side);
	_exit(0);
}

bool hand_start(struct hand *hand, hand_work *work, void *context, enum hand_fate fate,
		struct error *err)
{
	pid_t owner = getpid();
	int ends[2];

	*hand = (struct hand){ .fd = -1 };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return error_errno(err, "cannot make a socket for a helper process");
	hand->pid = fork();
	if (hand->pid == 0) {
		close(ends[0]);
		begin(work, context, ends[1], owner, fate);
	}
	close(ends[1]);
	hand->fd = ends[0];
	if (hand->pid < 0) {
		error_errno(err, "cannot start a helper process");
		close(ends[0]);
		*hand = (struct hand){ .fd = -1 };
		return false;
	}
	/* Should it be over already, there is no one to identify, nor anyone to fear. */
	process_identify(hand->pid, &hand->process, NULL);
	return true;
}

static void hear(struct hand *hand)
{
	if (hand->taken) {
		memmove(hand->came.data, hand->came.data + hand->taken,
			hand->came.length - hand->taken);
		hand->came.length -= hand->taken;
		hand->taken = 0;
	}
	while (!hand->ended && hand->came.length <= HAND_WORD_MAX) {
		ssize_t got =
			recv(hand->fd, buffer_reserve(&hand->came, 65536), 65536, MSG_DONTWAIT);

		if (got > 0)
			hand->came.length += (size_t)got;
		else if (got == 0 || (errno != EAGAIN && errno != EINTR))
			hand->ended = true;
		else if (errno == EAGAIN)
			return;
	}
}

bool hand_next(struct hand *hand, struct hand_word *word)
{
	struct word_head head;

	if (!hand->pid)
		return false;
	hear(hand);
	if (hand->came.length < sizeof(head))
		return false;
	memcpy(&head, hand->came.data, sizeof(head));
	if (head.length > HAND_WORD_MAX) {
		hand->ended = true;
		hand->came.length = 0;
		return false;
	}
	if (hand->came.length < sizeof(head) + head.length)
		return false;
	*word = (struct hand_word){ head.what,
				    head.number,
				    { hand->came.data + sizeof(head), head.length } };
	hand->taken = sizeof(head) + head.length;
	return true;
}

void hand_tell(struct hand *hand, char order)
{
	if (hand->pid)
		send(hand->fd, &order, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool hand_wait(struct hand *hand, int64_t wait_us, struct hand_word *word)
{
	int64_t end_us = clock_now_us() + wait_us;
	int64_t left_us = wait_us;

	while (!hand_next(hand, word)) {
		struct pollfd polled = { hand->fd, POLLIN, 0 };

		if (!hand->pid || hand->ended || left_us <= 0)
			return false;
		poll(&polled, 1, (int)(left_us / US_PER_MS) + 1);
		left_us = end_us - clock_now_us();
	}
	return true;
}

void hand_release(struct hand *hand)
{
	if (!hand->pid)
		return;
	kill(hand->pid, SIGKILL); /* our child, not reaped yet: the number is its own */
	/* One that hangs inside the kernel can't be waited for; nor can it do any more. */
	for (int i = 0; i < REAP_TRIES && waitpid(hand->pid, NULL, WNOHANG) == 0; i++)
		usleep(REAP_PAUSE_US);
	close(hand->fd);
	buffer_release(&hand->came);
	*hand = (struct hand){ .fd = -1 };
}

int hand_order(struct hand_side *side, int64_t wait_us)
{
	struct pollfd polled = { side->fd, POLLIN, 0 };
	char order;
	ssize_t got;

	if (poll(&polled, 1, (int)((wait_us + US_PER_MS - 1) / US_PER_MS)) <= 0)
		return 0;
	got = recv(side->fd, &order, 1, 0);
	return got == 1 ? order : -1;
}

void hand_say(struct hand_side *side, uint32_t what, int64_t number, struct text text)
{
	struct word_head head = { what, (uint32_t)text.length, number };
	struct buffer out = BUFFER_EMPTY;
	size_t sent = 0;

	buffer_add(&out, &head, sizeof(head));
	buffer_add_text(&out, text);
	while (sent < out.length) {
		ssize_t more = send(side->fd, out.data + sent, out.length - sent, MSG_NOSIGNAL);

		if (more < 0 && errno != EINTR)
			break;
		sent += more > 0 ? (size_t)more : 0;
	}
	buffer_release(&out);
}
