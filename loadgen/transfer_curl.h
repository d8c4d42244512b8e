/*
 * transfer_curl: libcurl for everything. The inside of it.
 *
 *	transfer_curl.c          lanes and their lines: beginning, idling, ending
 *	transfer_curl_request.c  a request as options of an easy handle
 *	transfer_curl_answer.c   an answer as libcurl hands it over, judged as the direct transport
 *	does
 *
 * A line is an easy handle in a multi handle of its own, with the one connection that is a lane's.
 * Handles on one multi share connections: whoever asks first gets one that is idle, and a visitor
 * would travel on another's. One multi each also keeps libcurl's search for a connection short. It
 * costs memory (some 25 KiB) and two descriptors more, so a lane has a line only while it has a
 * connection. The DNS cache is shared by all lines.
 *
 * Over HTTP/2 a lane is a connection too, and carries one exchange at a time. Cleartext origins get
 * HTTP/1.1 even then: libcurl 7.88 can't use a cleartext HTTP/2 connection twice.
 */
#ifndef LOADGEN_TRANSFER_CURL_H
#define LOADGEN_TRANSFER_CURL_H

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
	struct buffer headers;
	struct curl_slist *list;
	bool list_for_body;
};

struct line {
	struct drive drive; /* first: what its callbacks get */
	CURL *easy;
	struct curl_lane *lane; /* whose it is; NULL: in the pool */
	struct line *next;      /* in the pool */
	struct line_settings set;
	uint16_t origin;        /* it is aimed at; UINT16_MAX: none */
	uint16_t status;        /* of the final head, once it came */
	uint8_t sends;          /* enum send_count */
	uint8_t interim;
	bool under_way;         /* the easy handle is in the multi handle */
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
};

struct curl {
	struct transport base;
	struct target *targets;
	struct tls *tls; /* NULL: no origin wants it */
	struct curl_slist *pins;
	CURLSH *share;
	struct line *lines; /* without a connection, ready for another lane */
	uint32_t line_count, lines_kept;
	uint32_t local_turn;
	struct buffer scratch;
	struct error why; /* room for the detail of a failure */
	struct buffer spare_head, spare_body;
};

static inline struct curl *curl_of(const struct line *line)
{
	return (struct curl *)line->lane->base.transport;
}

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
