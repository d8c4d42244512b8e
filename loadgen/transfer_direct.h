/*
 * transfer_direct: our own HTTP/1.1 over a socket that libcurl opened. The inside of it.
 *
 *	transfer_direct.c          the life of a lane: connecting, idling, ending
 *	transfer_direct_send.c     a request onto the wire
 *	transfer_direct_receive.c  an answer off the wire
 *
 * A request is written at once, with one call, out of a buffer that all lanes share; an answer is
 * read into another one, and mostly lies there whole while its owner looks at it. Only what did not
 * fit the moment is kept with the lane: the unsent rest of a request in an outbox, the first part
 * of an answer in an inbox. Both come from pools.
 */
#ifndef LOADGEN_TRANSFER_DIRECT_H
#define LOADGEN_TRANSFER_DIRECT_H

#include <event2/event_struct.h>

#include "lib/buffer.h"
#include "lib/http1.h"
#include "loadgen/connector.h"
#include "loadgen/tls.h"
#include "loadgen/transport.h"

enum { READ_BYTES = 64 * 1024, READS_PER_TURN = 4 };

/*
 * Every state is left by direct_close() to CLOSED, too, when the connection ends.
 */
enum direct_state {
	DIRECT_CLOSED,     /* no connection; a request goes to CONNECTING */
	DIRECT_CONNECTING, /* libcurl is at it; then SHAKING, or WAITING without TLS */
	DIRECT_SHAKING,    /* TLS; then WAITING */
	DIRECT_WAITING,    /* request under way, head awaited; then READING, or IDLE at once */
	DIRECT_READING,    /* the rest of the body; then IDLE */
	DIRECT_IDLE,       /* a request goes to WAITING; anything the peer says or does closes it */
};

/* What came of an answer, while it is not all there. */
struct inbox {
	struct buffer bytes; /* WAITING: part of a head. READING: headers, and a wanted body */
	struct http1_head head;
	size_t scanned;
	size_t headers_at, body_at;
	struct inbox *next;  /* in the pool */
};

struct outbox {
	struct buffer bytes;
	size_t sent;
	struct outbox *next;
};

/* An answer as far as it is known. Slices of the buffer it was read into, or of an inbox. */
struct answer {
	struct http1_head head;
	char *body;
	size_t body_length;
};

struct direct_lane {
	struct lane base;
	struct event event;
	int fd;
	short watched;             /* EV_READ, EV_WRITE; 0: not registered */
	uint8_t state;             /* enum direct_state; only set_state() writes it */
	uint8_t interim;           /* 1xx answers so far */
	bool reused : 1;           /* this exchange began on a kept connection */
	bool repeated : 1;         /* it was sent once more */
	bool exhausted : 1;        /* no descriptor or port was left for its connection */
	bool body_separate : 1;    /* the request's body is sent from where it is */
	bool broken : 1;           /* writing failed */
	bool peer_closed : 1;      /* what is left to read ends with its end */
	uint16_t status;           /* of the final head, once it came */
	SSL *ssl;                  /* NULL: none */
	struct alarm *hungry;      /* more is there to be read, and no event will tell; NULL until
				    * then */
	struct connecting *connecting;
	struct inbox *inbox;
	struct outbox *outbox;
	size_t body_sent;          /* of a separate body */
	struct http1_body decoder;
	int64_t first_byte_us;
	int64_t shaking_us;        /* when the handshake began */
	uint64_t bytes_in, bytes_out;
	uint32_t dns_us, connect_us, tls_us;
};

struct direct {
	struct transport base;
	struct connector *connector;
	struct tls *tls;            /* NULL: no origin wants it */
	struct text *host_lines;    /* " HTTP/1.1\r\nHost: ...\r\n", per origin */
	struct buffer out;          /* a request being put together */
	struct error why;           /* room for the detail of a failure */
	struct inbox *inboxes;
	struct outbox *outboxes;
	char in[READ_BYTES];
};

static inline struct direct *direct_of(const struct direct_lane *lane)
{
	return (struct direct *)lane->base.transport;
}

/* transfer_direct.c */
void direct_watch(struct direct_lane *lane, short events);
void direct_set_state(struct direct_lane *lane, enum direct_state state);
void direct_close(struct direct_lane *lane, bool politely);
void direct_fail(struct direct_lane *lane, enum failure failure, const char *detail);
void direct_connect(struct direct_lane *lane);
struct inbox *direct_inbox(struct direct_lane *lane);
void direct_give_inbox(struct direct *direct, struct inbox *inbox);
void direct_drop_outbox(struct direct_lane *lane);
struct outbox *direct_outbox(struct direct_lane *lane);

/* transfer_direct_send.c */
void direct_transmit(struct direct_lane *lane); /* WAITING from here on */
void direct_flush(struct direct_lane *lane);    /* after EAGAIN: the descriptor is writable again */
bool direct_sent_all(const struct direct_lane *lane);

/* transfer_direct_receive.c */
void direct_readable(struct direct_lane *lane);

#endif
