/*
 * proxy_parts: what the files of the proxy's process share: its loop, edges, connections, the
 * faults that are armed, and the seam between bytes and calls.
 *
 * A connection (struct relay) has two flows. A flow's bytes go
 *
 *	recv() -> http_bytes() -> flow_pass() -> treatments of wire faults -> send()
 *	          HTTP edges      <- calls above, bytes below ->
 *
 * Call faults treat messages between the two sides; wire faults treat the bytes that leave towards
 * each side, also those that a call fault made up. Without a treatment, what recv() gave goes to
 * send() as it lies; only what the socket does not take is kept, and then that flow is not read.
 *
 * Several faults on an edge treat in the order in which they were armed, like a row of pipes.
 *
 * Nothing is freed inside its own callback: a relay that ends is only marked, and freed by the
 * loop, after the turn. `relay->ended` says so; everything may still be called on it, and does
 * nothing.
 */
#ifndef CHAOS_PROXY_PARTS_H
#define CHAOS_PROXY_PARTS_H

#include <event2/buffer.h>
#include <event2/event.h>
#include <sys/socket.h>

#include "chaos/proxy.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/history.h"
#include "lib/record.h"

enum {
	CHUNK_BYTES = 64 * 1024,      /* one recv() */
	HELD_MAX = 256 * 1024,        /* bytes that a flow keeps before it is not read any more */
	DELAYED_MAX = 4 * 1024 * 1024, /* the same where a treatment keeps them on purpose */
};
#define NEVER_US INT64_MAX

/* ---- The loop ---- */

/* Rings once, on the loop. Zeroed and with `ring` set it is ready; cancel it before it goes. */
struct alarm {
	void (*ring)(void *context, int64_t now_us);
	void *context;
	int64_t at_us;
	size_t place; /* in the heap, from 1; 0: not set */
};

struct alarms {
	struct alarm **heap; /* from [1] */
	size_t count, room;
	int timer;           /* a timerfd: epoll itself knows only milliseconds */
	int64_t timer_us;    /* what it is set to */
	struct event *event;
};

struct proxy_core {
	struct event_base *base;
	struct alarms alarms;
	const struct system *system;
	struct history *history;     /* NULL: hits are only counted */
	struct lease *recorder;      /* who asked for it; NULL: it was there from the start */
	int64_t start_us;
	struct proxy_edge *edges;    /* as the system has them */
	size_t edge_count;
	struct armed *armed;         /* in the order of arming */
	struct lease *leases;        /* control connections */
	int control;                 /* listens for them */
	struct event *control_accept;
	bool ends_when_told;         /* a run started it */
	struct relay *dying;         /* ended in this turn */
	struct copy *copies;         /* second calls of CALL_TWICE; they outlive their relay */
	struct event *reap;
	uint64_t connections;        /* so far, over all edges */
	uint64_t orders;             /* of arming, so far */
	uint64_t open, open_max;     /* connections now, and what descriptors are enough for */
	char *chunk;                 /* CHUNK_BYTES; what recv() gives lies here */
};

bool proxy_alarms_init(struct alarms *alarms, struct event_base *base, struct error *err);
void proxy_alarms_release(struct alarms *alarms);
/* Set again, it moves. */
void proxy_alarm_set(struct proxy_core *core, struct alarm *alarm, int64_t at_us);
void proxy_alarm_cancel(struct proxy_core *core, struct alarm *alarm);

bool proxy_core_init(struct proxy_core *core, const struct system *system, struct error *err);
void proxy_core_release(struct proxy_core *core);
void proxy_core_reap(struct proxy_core *core); /* frees dead relays; not from their callbacks */

/* ---- Control: chaos/proxy_control.c ---- */

/* Lines of JSON over a unix socket; chaos/proxy_ask.c has the other end. */
bool control_init(struct proxy_core *core, int listener, struct error *err);
void control_release(struct proxy_core *core);

/* ---- Armed faults ---- */

struct armed {
	struct fault fault;    /* name, kind, settings, match, share, times, seed, direction */
	struct arena arena;    /* what it points to */
	struct lease *lease;   /* the control connection that it came over and goes with */
	char *run;             /* whose fault it is: with the number, what tells it from others */
	struct proxy_edge **edges;
	size_t edge_count;
	bool watch;            /* a trigger: a call that matches is told, and nothing else done */
	bool told;             /* that watch came true */
	bool released;         /* and calls that it holds may go on */
	uint64_t order;        /* of arming */
	int64_t hits;
	uint64_t matched;      /* calls that matched so far: for nth, every and share */
	int64_t promised;      /* calls under way that will be hits when all goes well */
	int64_t too_large;     /* calls passed untreated: they did not fit into CALL_KEEP_MAX */
	struct armed *next;
};

/*
 * Takes over the settings of one that has the same run, number and `watch`; else it is the last in
 * the row. Every connection of its edges knows at once. Frees `armed` when it replaces nothing.
 */
void armed_put(struct proxy_core *core, struct armed *armed);
struct armed *armed_find(struct proxy_core *core, const char *run, uint32_t number, bool watch);
void armed_remove(struct proxy_core *core, struct armed *armed);
void armed_free(struct armed *armed);
void armed_apply(struct armed *armed); /* its connections learn what is new about it */

/* False once it has hit as often as it may (`times`). */
bool armed_active(const struct armed *armed);
/* Decided once for each index (a connection, a matching call), and the same whenever asked. */
bool armed_chosen(const struct armed *armed, uint64_t index);
/* A stream for everything else that is drawn for that index. */
struct random armed_stream(const struct armed *armed, uint64_t index);
/* The next armed fault (or watch) of a family on this edge, after `last`; NULL begins. */
struct armed *armed_next(const struct proxy_edge *edge, enum fault_family family,
			 const struct armed *last);
struct armed *watch_next(const struct proxy_edge *edge, const struct armed *last);

struct hit {
	enum hit_kind kind;
	const struct relay *relay; /* only its edge, core and number are read */
	uint32_t call;         /* 0: no call */
	uint64_t correlation;
	int64_t delay_us;      /* that was added */
	uint16_t status;       /* from upstream; 0: none */
};
void armed_hit(struct armed *armed, const struct hit *hit);

/* The trigger came true: its controller is told (once). */
void watch_tell(struct armed *watch); /* chaos/proxy_control.c */

/* ---- Edges ---- */

struct proxy_edge {
	struct proxy_core *core;
	const struct edge *edge;
	uint16_t number;       /* in the system, for RECORD_HIT */
	int listener;
	uint16_t port;
	struct event *accept;
	struct alarm again;    /* accept again after descriptors had run out */
	struct sockaddr_storage upstream;
	socklen_t upstream_length; /* 0: it leads nowhere yet; callers are refused */
	char *to;              /* the same as text */
	struct relay *relays;  /* open connections */
	struct edge_stats stats;
	uint64_t not_http;     /* connections whose framing broke: plain TCP since then */
};

bool proxy_edges_init(struct proxy_core *core, const struct system *system, struct error *err);
void proxy_edges_release(struct proxy_core *core);
struct proxy_edge *proxy_edge_find(struct proxy_core *core, struct text name); /* blanks free */
/* "127.0.0.1:7004", "http://host:port": where new connections go from now on. */
bool proxy_edge_route(struct proxy_edge *edge, const char *to, struct error *err);
/* A socket, not blocking, on its way to upstream; -1 with errno. For a call sent twice. */
int proxy_edge_dial(const struct proxy_edge *edge);

/* ---- Connections ---- */

/* Requests go from the caller to upstream, answers come back. */
enum flow { FLOW_REQUESTS, FLOW_ANSWERS, FLOW_COUNT };
enum { SIDE_CALLER = FLOW_REQUESTS, SIDE_UPSTREAM = FLOW_ANSWERS }; /* where a flow comes from */

enum pause { PAUSE_FULL = 1, PAUSE_HTTP = 2, PAUSE_CONNECTING = 4 };

/* One end of a connection. Side i is where flow i comes from, and flow !i goes to. */
struct side {
	int fd;
	struct event *readable, *writable; /* made when first needed */
	bool reading, writing; /* whether those are added */
};

struct pipe {
	struct evbuffer *held;  /* past all treatments, not yet taken by the socket; may be NULL */
	unsigned paused;        /* enum pause: its source is not read while any is set */
	size_t treated;         /* bytes that treatments keep */
	bool source_ended;      /* recv() said so */
	bool end_passed;        /* flow_end() was called */
	bool closing;           /* the end has come through all treatments */
	bool sink_ended;        /* shutdown() was done */
	uint32_t call;          /* whose bytes are passed, set by the HTTP side: for hits of wire */
	uint64_t correlation;   /* faults; 0: unknown */
};

struct relay {
	struct proxy_edge *edge;
	struct proxy_core *core;
	uint64_t number;        /* counts from 1 in the proxy */
	struct side sides[FLOW_COUNT];
	struct pipe flows[FLOW_COUNT];
	struct treatment *treatments; /* wire faults, in the order of arming */
	struct http *http;      /* NULL: not an HTTP edge */
	struct alarm alarm;     /* of treatments */
	struct alarm leave;     /* once it ended: how long sides are waited for */
	bool connected;         /* upstream has accepted */
	bool ended;
	bool dead;              /* both sides are closed; freed after this turn */
	struct relay *next, **link;
};

/* On a socket that was accepted: dials upstream, or refuses. */
void relay_open(struct proxy_edge *edge, int caller);
void relay_die(struct relay *relay); /* closes what is open; the loop frees it */
void relay_free(struct relay *relay);
void side_close(struct relay *relay, int side, bool reset);
void side_read(struct relay *relay, int side, bool on);
void side_write(struct relay *relay, int side, bool on);

/* chaos/proxy_flow.c, for the files that are below the seam. */
void flow_discard(struct relay *relay, enum flow flow); /* what is kept for the sink */
void flow_finish(struct relay *relay, enum flow flow); /* flow_end(), also after relay_end() */
void flow_to_sink(struct relay *relay, enum flow flow, struct evbuffer *from, size_t bytes);
void flow_flush(struct relay *relay, enum flow flow);
void flow_update_pause(struct relay *relay, enum flow flow);

/*
 * Bytes towards the flow's sink. All are taken (what can't be sent is kept, and the flow's source
 * is not read until it has gone); pass as much at once as there is: each call may be a send().
 */
void flow_pass(struct relay *relay, enum flow flow, struct text bytes);
/* After these bytes the sink sees an orderly end of that direction; the other one stays open. */
void flow_end(struct relay *relay, enum flow flow);
/* Whether the flow keeps so much already that who makes bytes should wait. */
/* Stops and starts reading the flow's source. */
void flow_pause(struct relay *relay, enum flow flow, enum pause why);
void flow_resume(struct relay *relay, enum flow flow, enum pause why);

/* Both connections end now: `how` for each side. What is kept is lost, but by ENDING_FLUSH. */
enum ending {
	ENDING_RESET, /* an RST */
	ENDING_CLOSE, /* an orderly end; what was not sent yet is lost */
	ENDING_FLUSH, /* the same, after what is kept for that side (by treatments, too) has gone */
};
void relay_end(struct relay *relay, enum ending caller, enum ending upstream);

/* ---- Wire faults ---- */

/* One fault's pipe in one flow of one connection. */
struct stage {
	struct treatment *treatment;
	struct relay *relay;
	enum flow flow;
	bool on;               /* this direction is meant */
	bool ended;            /* no more bytes will come */
	bool end_passed;
	int64_t end_due_us;    /* a kind may keep the end back until then; NEVER_US: while armed */
	struct evbuffer *in;   /* bytes that came */
	int64_t begun_us;      /* when the connection met the fault */
	int64_t wake_us;       /* when it wants to be pumped again */
	struct random random;
	void *state;           /* ops->state_bytes, zeroed */
};

/* What one armed wire fault does with one connection. */
struct treatment {
	struct armed *armed;
	struct relay *relay;
	bool hit;              /* counted; where there are calls, `call` is the last counted one */
	uint32_t call;
	struct stage stages[FLOW_COUNT];
	struct treatment *next;
};

struct wire_ops {
	size_t state_bytes;        /* of a stage */
	size_t room_bytes;         /* that it may keep before the source is not read; 0: HELD_MAX */
	/*
	 * Bytes were added to stage->in, or the end came, or its time came, or the settings
	 * changed. Moves what is due by stage_pass(), may drain or alter stage->in, and says when
	 * it wants to be called again (NEVER_US: when something happens). When `in` is empty, the
	 * end has come and end_due_us is past, the end goes on by itself.
	 */
	int64_t (*pump)(struct stage *stage, int64_t now_us);
	/* A new connection: true refuses it. NULL: never. `pump` may be NULL then. */
	bool (*refuses)(const struct armed *armed, const struct relay *relay);
	void (*release)(struct stage *stage); /* what `state` points to; NULL: nothing */
};

void stage_pass(struct stage *stage, size_t bytes);  /* from the front of `in` to the next stage */
/* chaos/proxy_wire.c, for the files that are below the seam. */
bool treatments_begin(struct relay *relay); /* false: the connection is refused */
void treatments_free(struct relay *relay);
/* Where the flow's bytes go first; NULL: to the sink. */
struct stage *treatments_first(struct relay *relay, enum flow flow);
void treatments_pump(struct relay *relay, enum flow flow, int64_t now_us);
void treatments_end(struct relay *relay, enum flow flow); /* the end enters the row */
void treatments_rang(void *relay, int64_t now_us);
void treatments_discard(struct relay *relay, enum flow flow);
size_t treatments_held(const struct relay *relay, enum flow flow, bool *too_much);
/* After a fault was armed or changed, or before it goes: on every connection of its edges. */
void treatments_apply(struct armed *armed, struct proxy_edge *edge);
void treatments_forget(struct armed *armed, struct proxy_edge *edge);

/* These bytes met the fault. Counted once per call, or per connection where there are none. */
void stage_hit(struct stage *stage, int64_t delay_us);

/* ---- Calls: chaos/proxy_http.c ---- */

/*
 * Follows the framing of a connection of an HTTP edge, both ways, and has call faults and watches
 * treat its calls. What is not treated is passed on as it came, byte for byte. When the framing
 * breaks, the connection is plain TCP from then on (edge->not_http counts them).
 *
 * It looks for faults at each call's head by armed_next(), so that what is armed applies from the
 * next message on, on connections that live already.
 */
struct http *http_new(struct relay *relay);
void http_free(struct http *http);
/* Bytes of a flow's source. All are taken; what must wait is kept there and the flow is paused. */
void http_bytes(struct http *http, enum flow flow, struct text bytes);
/* The flow's source sends no more. flow_end() is called when all before it is passed. */
void http_end(struct http *http, enum flow flow);
/* A flow that was full has room again. */
void http_room(struct http *http, enum flow flow);
/* A call fault or watch is about to go: what waits because of it goes on, untreated by it. */
void http_forget(struct http *http, const struct armed *armed);
/* Its settings were changed, or a watch was released. */
void http_changed(struct http *http, struct armed *armed);

/*
 * Second calls that wait for their answer, whatever became of the first: each armed fault that goes
 * is forgotten, and at the end of the process all are dropped.
 */
void http_copies_forget(struct proxy_core *core, const struct armed *armed);
void http_copies_free(struct proxy_core *core);

/*
 * One HTTP call on its way. Texts of the request are valid in asked(), those of the answer in
 * answering() and answered().
 */
struct call {
	struct relay *relay;
	uint32_t number;             /* of the connection, from 1 */
	uint64_t correlation;
	struct text method, target, headers;
	uint16_t status;             /* from upstream; 0: nothing came yet */
	struct text answer_headers;
	int answer_status;           /* the same, or of what a fault before has made of it */
	struct text answer_body;     /* answered(), after CALL_KEEP: the whole of it, decoded */
	int64_t answer_raw_bytes;    /* and how many bytes it is as it was sent */
	int64_t answer_bytes;        /* answering(): of the body, as its head says; -1: unknown */
	/* Filled in by a fault that answers or alters. */
	int reply_status;
	struct buffer reply_headers; /* complete lines */
	struct buffer reply_body;
	int64_t cut_bytes;           /* CALL_CUT: so many of the body still pass */
	enum ending caller_ending;   /* CALL_END, CALL_CUT: how the caller's connection ends */
	int64_t twice_gap_us;        /* CALL_TWICE: between the first and the second */
	bool twice_second;           /* CALL_TWICE: the caller gets the answer to the second */
	int64_t silence_us;          /* CALL_SWALLOW: at most so long, then a reset */
};

/* What one armed call fault does with one call. */
struct call_treatment {
	struct armed *armed;
	struct call *call;
	uint64_t index;              /* which matching call: for armed_stream() */
	struct random random;
	int64_t wait_until_us;       /* CALL_WAIT: then the same moment is asked again */
	bool waited;
	void *state;                 /* ops->state_bytes, zeroed */
};

enum { CALL_KEEP_MAX = 1 << 20 }; /* a larger message is passed on, untreated */

enum call_verdict {
	CALL_PASS,    /* the next fault in the row is asked; after the last one, it goes on */
	CALL_WAIT,    /* until wait_until_us, or until the fault goes */
	CALL_ANSWER,  /* asked(): the caller gets reply_*, upstream sees nothing of the call;
			 answered(): the answer is now reply_*, and the next fault sees that */
	CALL_END,     /* the caller's connection ends as caller_ending says */
	CALL_SWALLOW, /* answered(): the caller gets nothing and stays connected */
	CALL_TWICE,   /* asked(): sent a second time, over a connection of its own; the hit is
			 counted when the second is answered, too */
	CALL_KEEP,    /* answering(): kept (bounded) until it is complete, then answered() */
	CALL_CUT,     /* answering(), answered(): after cut_bytes of the body it ends as
			 caller_ending says */
};

struct call_ops {
	size_t state_bytes;
	/* The request's head has come and matches; nothing of it was sent on. NULL: PASS. */
	enum call_verdict (*asked)(struct call_treatment *treatment, int64_t now_us);
	/* The head of the final answer has come; nothing of it was sent on. NULL: PASS. */
	enum call_verdict (*answering)(struct call_treatment *treatment, int64_t now_us);
	/* All of it has come: the effect, if any, has happened. Called after CALL_KEEP. */
	enum call_verdict (*answered)(struct call_treatment *treatment, int64_t now_us);
};

#endif
