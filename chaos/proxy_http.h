/*
 * proxy_http: one connection of an HTTP edge, seen as calls. Internal to chaos/proxy_http*.c; the
 * rest of the proxy sees chaos/proxy_parts.h.
 *
 * Each flow is a lane: messages one behind the other. Bytes are moved as they came, as soon as they
 * are known to be of a message; only a head waits until it is complete. What can't be taken yet
 * waits in the lane, and the flow's source is paused when that gets much.
 *
 * A call that a fault (or a watch) wants something of is work. It is alone on its connection: it
 * begins when the calls before it are answered, and those behind it (pipelined) wait for its end,
 * so that order is kept whatever happens to it.
 *
 *	proxy_http.c           lanes: bytes in, bytes out
 *	proxy_http_messages.c  where messages begin and end, and which call they belong to
 *	proxy_http_work.c      the stages of a call that is treated
 *	proxy_http_row.c       asking its faults, one behind the other
 *	proxy_http_reply.c     answers that are ours
 *	proxy_http_twice.c     the second of a call that is sent twice
 */
#ifndef CHAOS_PROXY_HTTP_H
#define CHAOS_PROXY_HTTP_H

#include "chaos/proxy_parts.h"
#include "lib/http1.h"

enum {
	PIPELINE_MAX = 32,          /* calls under way; more wait in their lane */
	TREATMENTS_MAX = 16,        /* of one call; faults armed later do not meet it */
	WAITING_MAX = 64 * 1024,    /* bytes in a lane before its source is paused */
};

enum lane_mode {
	LANE_PASS, /* to the other side */
	LANE_KEEP, /* into work->request or work->answer */
	LANE_DROP,
	LANE_CUT,  /* to the other side, as long as lane->cut_left lasts */
};

struct lane {
	struct buffer waiting;   /* came, and was not taken yet */
	bool starved;            /* its front is a head that is not complete */
	bool in_body;            /* the head of the message has been taken */
	bool untouched;          /* and nothing of its body; it may have none */
	bool interim;            /* a 1xx: the answer proper follows */
	size_t scanned;          /* of that head: see http1_head() */
	struct http1_body body;
	enum lane_mode mode;
	int64_t cut_left;
	struct text run;         /* to be passed: grows while bytes are read, see lane_flush() */
	bool ended, end_seen, end_passed;
};

/* A request that was sent on and is not answered yet. */
struct asked {
	uint32_t number;
	uint64_t correlation;
	bool head;      /* HEAD: its answer has no body */
	bool upgrade;   /* 101 makes the connection plain */
	bool tunnel;    /* CONNECT: so does any 2xx */
};

enum work_stage {
	WORK_WATCHED,   /* held for a watch: until that is released, or a second is over */
	WORK_QUEUED,    /* the calls before it have to be answered */
	WORK_ASKING,    /* its faults are asked(), or one of them waits */
	WORK_KEEPING,   /* its request is kept until it is complete: to send it twice */
	WORK_REFUSING,  /* its request is dropped until it is complete: then it gets our reply */
	WORK_SENT,      /* it was sent on; no head of an answer has come */
	WORK_ANSWERING, /* a head has; its faults are asked what they think of it, or one waits */
	WORK_COLLECTING, /* its answer is kept until it is complete */
	WORK_COPY,      /* its answer is complete, but it shall get that of the copy */
	WORK_ANSWERED,  /* it is complete; its faults are asked, or one of them waits */
	WORK_PASSING,   /* its answer passes, perhaps to be cut */
	WORK_CUTTING,   /* its caller is left; what was passed to it before has to arrive */
	WORK_SILENT,    /* its answer is lost and its caller does not know */
};

struct work {
	struct http *http;
	enum work_stage stage;
	struct call call;
	struct asked asked;
	bool closes;                 /* its request says that the connection ends after it */
	bool expects;                /* 100-continue, */
	bool told_to_continue;       /* which we said, so that upstream need not */
	struct armed *watch;         /* that holds it */
	struct call_treatment treatments[TREATMENTS_MAX];
	bool keeps[TREATMENTS_MAX];  /* said CALL_KEEP */
	size_t count, at;
	int64_t patience_us;         /* CUTTING: until then */
	struct alarm alarm;
	struct buffer request;       /* its head, and its body while KEEPING */
	struct buffer answer;        /* the head of the final answer, and its body if kept */
	size_t answer_head_bytes;
	bool answer_closes;          /* the connection ends after it, whatever becomes of it */
	struct buffer decoded;       /* the body of `answer`, if that came in chunks */
	size_t cut;                  /* 1 + the treatment that said CALL_CUT; 0: none */
	size_t twice;                /* the same for CALL_TWICE; its hit is promised */
	struct copy *copy;           /* under way; or complete, and wanted */
};

struct http {
	struct relay *relay;
	struct lane lanes[FLOW_COUNT];
	bool plain;                  /* no HTTP, or no longer */
	bool upgrading;              /* what follows may be another protocol: it waits */
	bool turning;
	uint32_t calls;              /* so far */
	struct asked asked[PIPELINE_MAX]; /* a ring, oldest at `first` */
	uint32_t first, count;
	struct work *work;           /* NULL: nothing is treated */
};

/* proxy_http.c */
void http_turn(struct http *http);            /* moves all that may be moved */
void http_make_plain(struct http *http, bool broken);
void lane_flush(struct http *http, enum flow flow); /* passes the run */
void lane_emit(struct http *http, enum flow flow, struct text bytes);

/* proxy_http_messages.c: what the heads and ends of messages mean. */
/* False: it can't be taken now, or the connection has become plain. */
bool message_begins(struct http *http, enum flow flow, const struct http1_head *head,
		    struct text bytes);
void message_ends(struct http *http, enum flow flow);
bool lane_held(const struct http *http, enum flow flow);
void asked_push(struct http *http, const struct asked *asked);
void asked_pop(struct http *http);
void flow_is_about(struct relay *relay, enum flow flow, const struct asked *asked);

/* proxy_http_work.c */
/* The work that this request is, if any fault or watch wants it. */
struct work *work_find(struct http *http, const struct http1_head *head, const struct asked *asked);
void work_begin(struct work *work);           /* its head is in work->request */
void work_queue_moved(struct work *work);     /* the calls before it may have been answered */
void work_request_ends(struct work *work);
void work_request_full(struct work *work);    /* it does not fit into CALL_KEEP_MAX */
void work_answer_begins(struct work *work, const struct http1_head *head, struct text bytes);
void work_answer_full(struct work *work);
void work_answer_ends(struct work *work);
void work_answer_breaks(struct work *work);   /* upstream went away in the middle of it */
void work_cut(struct work *work);             /* its caller is left as caller_ending says */
void work_copy_ends(struct work *work);       /* its copy has its answer, or never will */
void work_give_up(struct work *work);         /* the connection becomes plain */
void work_forget(struct work *work, const struct armed *armed);
void work_released(struct work *work, const struct armed *watch);
void work_free(struct work *work);

/* proxy_http_row.c */
enum row { ROW_ASKED, ROW_ANSWERING, ROW_ANSWERED };
/* Goes on in the row until one says something else than PASS; CALL_PASS: all have been asked. */
enum call_verdict row_ask(struct work *work, enum row row);

/* The texts of the call, from what is kept. */
void call_read_request(struct work *work);
void call_read_answer(struct work *work);

/* proxy_http_reply.c */
/* Appends an answer; to a HEAD its body only counts. */
void reply_write(int status, struct text headers, struct text body, bool head, struct buffer *out);

/* proxy_http_twice.c */
/* Will send work->request again, over a connection of its own. */
struct copy *copy_start(struct work *work);
/* The whole answer, if it has come and fitted; else empty. */
bool copy_answered(const struct copy *copy, struct text *answer);
bool copy_ended(const struct copy *copy);
/* The work no longer waits for it; it goes on by itself until it is answered. */
void copy_part(struct copy *copy);

#endif
