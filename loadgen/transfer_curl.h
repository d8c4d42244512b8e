/*
 * transfer_curl: libcurl for everything. The inside of it.
 *
 *	transfer_curl.c          lanes: beginning, idling, ending
 *	transfer_curl_line.c     lines and hubs: who shares a multi handle, and who does not
 *	transfer_curl_request.c  a request as options of an easy handle
 *	transfer_curl_answer.c   an answer as libcurl hands it over, judged as the direct transport
 *	does
 *
 * A line is an easy handle with the one connection that is a lane's. Handles on one multi share
 * connections: whoever asks first gets one that is idle, and a visitor would travel on another's.
 * libcurl keeps idle connections apart by where they lead, and the scope of an address (RFC 4007)
 * is part of that; nothing but link-local IPv6 addresses looks at it otherwise. So each connection
 * has a scope of its own (CURLOPT_ADDRESS_SCOPE), and a hub, which is a multi handle with its two
 * descriptors and 50 KiB, serves many lines. Not too many: with every request libcurl walks over
 * the connections of the multi handle, and once a second it asks the kernel about each idle one.
 *
 * That holds from libcurl 7.83 to 8.19; hub_room_of() knows, and test_transfer_hubs watches it.
 * With any other libcurl, and where scopes have their meaning, a hub has one line, and the line a
 * multi handle of its own. A line in need of a new connection that gets another's refuses to send.
 *
 * A line stays in its multi handle between exchanges, because libcurl closes a connection only for
 * the handle that used it last (line_leave()). The DNS cache is shared by all hubs.
 *
 * Over HTTP/2 a lane is a connection too, and carries one exchange at a time. Cleartext origins get
 * HTTP/1.1 even then: libcurl 7.88 can't use a cleartext HTTP/2 connection twice.
 */
#ifndef LOADGEN_TRANSFER_CURL_H
#define LOADGEN_TRANSFER_CURL_H

#include <sys/queue.h>

#include "lib/buffer.h"
#include "lib/http1.h"
#include "loadgen/curl_drive.h"
#include "loadgen/curl_options.h"
#include "loadgen/tls.h"
#include "loadgen/transport.h"

struct line;

struct curl_lane {
	struct lane base;
	struct line *line; /* NULL: no connection */
};

enum send_count { SENT_NOT, SENT_ONCE, SENT_TWICE, SENT_TOO_OFTEN };

/* What an easy handle is set to; a request sets only what differs. */
struct line_settings {
	int method; /* enum http_method; -1: nothing set yet */
	bool sends_body;
	bool connect_timeout;
	struct buffer path; /* as the request line has it */
	struct buffer headers;
	struct curl_slist *list;
	bool list_for_body;
};

/* A multi handle and who is on it. */
struct hub {
	struct drive drive; /* first: what its callbacks get */
	struct curl *curl;
	struct hub *next;
	struct hub *next_roomy, *next_begins;
	bool begins; /* while lines are begun: one of them is on it */
	uint32_t lines, room;
};

struct line {
	struct drive_user user; /* first: what its callbacks get */
	CURL *easy;
	struct hub *hub;        /* NULL: in none */
	struct curl_lane *lane; /* whose it is; NULL: in the pool */
	struct line *next;      /* in the pool */
	struct line_settings set;
	uint16_t origin;        /* it is aimed at; UINT16_MAX: none */
	uint16_t status;        /* of the final head, once it came */
	uint8_t sends;          /* enum send_count */
	uint8_t interim;
	bool waiting;           /* to begin */
	bool added;             /* the easy handle is in the multi handle */
	TAILQ_ENTRY(line) wait;
	bool reused;            /* the exchange began on a kept connection */
	bool shaking;           /* a TLS handshake began */
	bool head_complete;
	bool http2;
	bool broke_rules;       /* `why` says which: FAILURE_PROTOCOL whatever libcurl thinks */
	struct buffer head, body;
	struct http1_head parsed; /* slices of `head` */
	int64_t first_byte_us;
	struct error why;
	char problem[CURL_ERROR_SIZE];
};

/* An origin as libcurl wants it. */
struct target {
	CURLU *url;                    /* scheme, host, port: parsed once */
	struct curl_slist *connect_to; /* where a borrowed name (SNI) really is */
	char *host_line;               /* "Host: ...": cheaper than letting libcurl make it */
	char *prefix;                  /* for a proxy that wants whole URLs; NULL: none */
	bool alone;                    /* its lines share no hub */
};

struct curl {
	struct transport base;
	struct target *targets;
	struct tls *tls; /* NULL: no origin wants it */
	struct curl_slist *pins;
	CURLSH *share;
	struct drive_sockets sockets;
	struct hub *hubs;
	struct hub *roomy[2]; /* hubs with room: for one line, for many */
	uint32_t hub_room;    /* 1: scopes do not keep lines apart */
	uint32_t scope;       /* the last one that was given away */
	struct line *lines;   /* without a connection, ready for another lane */
	uint32_t line_count;
	TAILQ_HEAD(, line) waiting;
	uint32_t waiting_count;
	bool beginning;
	struct alarm begin;
	uint32_t local_turn;
	struct buffer scratch;
	struct error why; /* room for the detail of a failure */
	struct buffer spare_head, spare_body;
};

static inline struct curl *curl_of(const struct line *line)
{
	return (struct curl *)line->lane->base.transport;
}

/* transfer_curl.c */
void hub_progressed(struct drive *drive);
void line_readable(struct drive_user *user, int fd);
void line_closed(struct drive_user *user);

/* transfer_curl_line.c */
uint32_t hub_room_of(unsigned version); /* lines on one multi handle of this libcurl */
struct line *line_take(struct curl *curl);
void line_join(struct line *line, struct curl *curl, bool alone);
void line_add(struct line *line);    /* the exchange begins, soon */
void lines_begin(struct curl *curl); /* if many want to; not from within an exchange's end */
void line_remove(struct line *line); /* keeps the connection */
void line_leave(struct line *line);  /* closes it, whatever is under way */
void line_give(struct line *line, struct curl *curl); /* back to the pool, without a connection */
void lines_release(struct curl *curl);

/* transfer_curl_request.c */
void line_set_up(struct line *line, struct curl *curl); /* once per easy handle */
void line_aim(struct line *line, uint16_t origin);      /* at a new connection */
void line_set_request(struct line *line, const struct exchange_request *request);

/* transfer_curl_answer.c */
void line_expect_answer(struct line *line);
size_t line_got_header(char *bytes, size_t size, size_t count, void *context);
size_t line_got_body(char *bytes, size_t size, size_t count, void *context);
int line_before_sending(void *context, char *their_ip, char *our_ip, int their_port, int our_port);
enum failure line_stage(const struct line *line);
void line_judge(struct line *line, CURLcode code, struct exchange_result *result);

#endif
