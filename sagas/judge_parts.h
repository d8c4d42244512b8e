/*
 * judge_parts: what the files of the judge share.
 *
 *	judge_read.c     one pass over the records: 64 bytes per saga, and its evidence
 *	judge_sources.c  which evidence was read in full, and twice the same
 *	judge_case.c     all that is known about one saga, in order of time
 *	invariants.c     the table; each row is a file invariant_NAME.c
 *	judge_faults.c   which faults a saga met
 *	judge_figures.c  what comes out in numbers
 *	timeline.c       a saga in words
 *	verdicts.c       JSON; verdicts_text.c the same for people
 */
#ifndef SAGAS_JUDGE_PARTS_H
#define SAGAS_JUDGE_PARTS_H

#include "lib/buffer.h"
#include "lib/hist.h"
#include "sagas/judge.h"

enum {
	SNAPSHOTS = 256,          /* 0: while it ran; 1 and on: readings after the load */
	SAGA_CHUNK = 4096,
	JUDGE_SAGAS_MAX = 64 * 1024 * 1024,
	CASE_ENTRIES_MAX = 4096,  /* about one saga; what is beyond is counted, not looked at */
	TIME_SLACK_US = 1000,     /* sources that write milliseconds cut them off */
	STATE_BITS = 32,
	NO_SOURCE = 253,
};
#define TIME_NONE  INT64_MIN
#define ENTRY_NONE UINT32_MAX
#define AMOUNT_MAX INT64_C(1000000000000000)

enum saga_flag {
	SAGA_HAS_MINT = 1 << 0,
	SAGA_HAS_OK = 1 << 1,
	SAGA_HAS_INFO = 1 << 2,
	SAGA_HAS_SAW = 1 << 3,
	SAGA_HAS_MISSED = 1 << 4,
	SAGA_AGAIN_SAME = 1 << 5,
	SAGA_AGAIN_OTHER = 1 << 6,
	SAGA_MISUSE_REFUSED = 1 << 7,
	SAGA_MISUSE_ACCEPTED = 1 << 8,
	SAGA_CANCEL_TRIED = 1 << 9,
	SAGA_CANCEL_DONE = 1 << 10,
	SAGA_HAS_IS = 1 << 11,
	SAGA_HAS_ABSENT = 1 << 12, /* and what was asked last said so */
	SAGA_HAS_UNREADABLE = 1 << 13,
	SAGA_IS_UNDOING = 1 << 14,
	SAGA_HAS_DEAD = 1 << 15,
	SAGA_HAS_PRICE = 1 << 16,
	SAGA_TWO_IDS = 1 << 17,
	SAGA_WENT_BACK = 1 << 18,  /* from -> to was seen, which no moves lead to */
	SAGA_REFUSED_409 = 1 << 19,
	SAGA_IS_VIOLATED = 1 << 20,
	SAGA_IS_OPEN = 1 << 21,    /* something about it could not be judged */
	SAGA_IS_VERIFIED = 1 << 22,
	SAGA_WAS_COMPENSATED = 1 << 23, /* the visitor saw it, or the log says so */
	SAGA_WAS_SUCCEEDED = 1 << 24,
	SAGA_IS_CROWDED = 1 << 25, /* more than CASE_ENTRIES_MAX */
};

/* All that is held of a saga, beside its evidence. */
struct saga {
	int64_t shown;     /* what the visitor was shown before; -1: nothing */
	int64_t told;      /* what the acknowledgement says it costs; -1 */
	int64_t priced;    /* what the system says afterwards; -1 */
	uint64_t item;     /* of a budget; 0 */
	uint32_t first;    /* its newest entry */
	uint32_t flags;
	uint32_t minted_ms, ok_ms, asked_ms;
	uint32_t id;       /* a hash of what the system calls it; 0: not known */
	uint8_t contract;
	uint8_t is, seen;  /* asked last; as the visitor saw it last */
	uint8_t sent, failed, limited; /* attempts; saturating */
	uint8_t from, to;  /* of SAGA_WENT_BACK */
};
_Static_assert(sizeof(struct saga) <= 64, "at most 64 bytes are held per saga");

enum entry_kind { ENTRY_EFFECT, ENTRY_WAS, ENTRY_TOLD, ENTRY_CANCEL, ENTRY_PRICED };

/* A piece of evidence. Those of one saga are a list, the newest first. */
struct entry {
	int64_t at_us;
	int64_t amount;    /* WAS, TOLD: the position; PRICED: what the parts add up to */
	uint64_t item;
	uint64_t identity;
	uint32_t next;
	uint32_t cause;    /* the lower half of the hash; 0: not known */
	uint8_t kind, step, undo, source, outcome, snapshot, state;
};

enum fate {
	FATE_UNKNOWN,      /* could not be asked, or was not */
	FATE_ABSENT,       /* there is none */
	FATE_MOVING,       /* not settled, or still being undone */
	FATE_SUCCEEDED,
	FATE_COMPENSATED,
};

/* What an invariant reads. All of it has to be complete, or nothing is valid. */
enum reads {
	READS_MONEY = 1 << 0,   /* the effects of steps that count money, and their undos */
	READS_EFFECTS = 1 << 1, /* of all steps that have an undo */
	READS_QUANTITY = 1 << 2,
	READS_WAS = 1 << 3,
	READS_TOLD = 1 << 4,
	READS_MESSAGES = 1 << 5,
	READS_STOCK = 1 << 6,
	READS_DEAD = 1 << 7,
	READS_COUNTS = 1 << 8,
	READS_LEDGER = 1 << 9,
	READS_BREAKER = 1 << 10,
	READS_REGIONS = 1 << 11,
	READS_ALL_EFFECTS = 1 << 12,
};

struct source_judge {
	uint8_t seen, told, complete; /* the highest such snapshot */
	bool before;                  /* the one before that was complete, too */
	uint8_t use;                  /* the snapshot that is judged */
	uint64_t sum, sum_before;     /* of all entries, in any order; of the one before */
	uint64_t strange;
	char why[25];
};

enum check {
	CHECK_NONE,     /* it says nothing about this saga */
	CHECK_HELD,
	CHECK_VIOLATED, /* given that the evidence is complete */
	CHECK_FACT,     /* violated, however incomplete the rest is */
	CHECK_UNKNOWN,
};

struct finding {
	bool wanted;        /* the reason will be shown */
	int64_t at_us;      /* of the contradicting record */
	struct buffer why;
};

struct step_view {
	uint32_t did, undid;
	int64_t given, taken;
	const struct entry *first, *last, *first_undo, *last_undo;
};

struct contract_judge;
struct judge;

/* All that is known about one saga. */
struct saga_case {
	const struct judge *judge;
	const struct contract_judge *of;
	const struct contract *contract;
	uint32_t number;
	const struct saga *saga;
	enum fate fate;
	const struct entry **effects; /* as the best source has them, each once, by time */
	size_t effect_count;
	const struct entry **others;  /* as other sources have them */
	size_t other_count;
	const struct entry **was, **told; /* in order */
	size_t was_count, told_count;
	const struct entry *cancel, *mispriced; /* NULL: none */
	struct step_view steps[SAGA_STEPS_MAX];
	size_t length;                /* of its timeline, roughly */
};

struct judgement;

struct invariant {
	const char *name, *statement, *catches;
	uint32_t needs; /* enum contract_need: all of them */
	uint32_t reads; /* enum reads */
	uint32_t marks; /* 1 << enum saga_event: what contradicts, when no time says it */
	bool no_minimum; /* a run that has no case of it says so elsewhere */
	enum check (*saga)(const struct saga_case *about, struct finding *found);
	void (*all)(struct judgement *judgement); /* at the end, about everything */
};

extern const struct invariant *const invariants[]; /* in the order of the report; NULL-ended */

struct judgement {
	const struct invariant *invariant;
	struct judge *judge;
	struct contract_judge *of;
	uint64_t held, violations, open;
	uint64_t owed;          /* violations that what is still to come might mend: no facts */
	char *incomplete;       /* why nothing that needs all of the evidence can be said; NULL */
	char *why;              /* the first reason for an open case */
	bool missing;           /* the contract does not have what it needs */
	struct violation witnesses[WITNESSES_MAX];
	size_t lengths[WITNESSES_MAX];
	size_t witness_count;
};

struct judge_hit {
	uint64_t correlation;
	int64_t at_us;
	uint32_t fault;
	uint16_t edge;
	uint8_t kind;
};

struct judge_fault {
	char *name;
	int64_t from_us, to_us; /* from the first arming to the last healing; from < 0: never */
	int64_t hits;           /* -1: can't be known */
	enum fault_state state;
	bool told;
};

struct at_risk {
	uint64_t sagas, exactly;
	int64_t money, quantity;
};

/* How sagas end, in the order of the identity: started = the sum of them. */
enum saga_end { END_SUCCEEDED, END_COMPENSATED, END_STUCK, END_UNKNOWN, SAGA_ENDS };

/* How many in each second of the run, up to the last one that had any. */
struct per_second {
	uint32_t *counts;
	size_t seconds;
};

struct contract_judge {
	const struct contract *contract;
	uint32_t has;
	uint32_t reach[STATE_BITS];            /* states that moves lead to, one or more */
	uint32_t authority[SAGA_STEPS_MAX][2]; /* sources that are believed, per step and undo */
	uint8_t was_source, told_source;
	int messages;                          /* the step that tells the customer; -1 */
	struct source_judge sources[256];
	struct judgement *judgements;
	/* figures */
	uint64_t minted, started, ended[SAGA_ENDS], refused, absent, unsent;
	uint64_t acknowledged, judged, violated, verified, verified_measured;
	struct per_second verified_per_s;         /* by when they were acknowledged */
	struct per_second ended_per_s[SAGA_ENDS]; /* by when they were minted */
	struct hist *compensation;
	struct at_risk *at_risk;               /* per fault, and one more: met none */
	uint64_t steps_done[SAGA_STEPS_MAX][2];
	uint64_t cancels;
	uint64_t foreign;                      /* effects that name no saga of ours */
};

/* Quantities of one item over all sagas of a contract. */
struct item_sum {
	uint64_t item;
	int64_t succeeded, leaked; /* given less taken */
	uint64_t foreign;
	uint32_t saga;                     /* the first that leaked; SAGA_NONE */
	uint8_t contract;
	bool used;
};

struct item_sums {
	struct item_sum *slots;
	size_t count, room;
};

struct judge {
	const char *directory;
	uint64_t run;
	char *seed;
	struct contract_judge *contracts;
	size_t contract_count;
	struct saga **chunks;
	size_t chunk_count;
	uint32_t highest;          /* the largest number of a saga + 1 */
	uint64_t saga_count;
	struct entry *entries;
	size_t entry_count, entry_room;
	struct record_reading *readings;
	size_t reading_count, reading_room;
	struct judge_hit *hits;
	size_t hit_count, hit_room;
	struct judge_fault *faults;
	size_t fault_count;
	char **edges;
	size_t edge_count;
	struct item_sums items;
	int64_t healed_us;         /* the last heal, or the end of the load */
	int64_t load_ended_us;
	int64_t first_mint_us;
	struct {
		int64_t start_us, duration_us;
	} * measured;
	size_t measured_count;
	int64_t measured_us;
	/* answers per second that were begun and complete within it, for rate-limited */
	uint32_t *admitted;
	size_t admitted_seconds;
	uint64_t refusals;
	uint16_t refusal;          /* the status that says so: 429 */
	uint64_t strange;
	char *damage;              /* what of the history is not there; NULL */
	/* of the case at hand */
	const struct entry **scratch, **others;
	size_t scratch_room, others_room;
};

/* judge.c */
struct judge_input {
	const char *directory;
	uint64_t run;
	const struct contract *const *contracts;
	size_t contract_count;
	const json_t *meta; /* phases, faults, edges, seed; may be NULL */
};
struct verdicts *judge_run(const struct judge_input *input, struct error *err);
struct saga *judge_saga(const struct judge *judge, uint32_t number); /* NULL: none minted it */
void judge_key(const struct judge *judge, uint32_t number, char key[]);
const char *judge_state_name(const struct contract *contract, uint8_t state);

/* judge_read.c */
bool judge_read(struct judge *judge, struct error *err);

/* judge_sources.c */
void sources_prepare(struct contract_judge *of);
/* First what snapshots there are, then which one is judged. */
void sources_note(struct source_judge *source, const struct record_source *record);
void sources_choose(struct contract_judge *of);
void sources_add(struct source_judge *source, uint8_t snapshot, uint64_t sum);
uint64_t sources_mix(uint64_t a, uint64_t b);
/* Why what these are can't be taken for all there is; NULL: it can. Owned by the caller. */
char *sources_incomplete(const struct judge *judge, const struct contract_judge *of,
			 uint32_t reads);

/* judge_case.c */
void case_make(struct judge *judge, struct contract_judge *of, uint32_t number,
	       struct saga_case *about);
bool state_is(const struct contract *contract, uint8_t state, enum state_class class);
/* The first entry of the log whose state is of that class; NULL: none. */
const struct entry *case_first_was(const struct saga_case *about, enum state_class class);
/* Nothing was sent, or every attempt was certainly refused. */
bool case_was_refused(const struct saga_case *about);
/* What the customer was told that it costs; -1: nothing. */
int64_t case_price(const struct saga_case *about);
/* Given less taken of one item of a step. */
int64_t case_net(const struct saga_case *about, uint8_t step, uint64_t item);
/* Whether there is evidence of what the step does, and of what takes it back. */
bool case_sees(const struct saga_case *about, uint8_t step, bool undo);
/* How it ended, in words: "FAILED", "not there". */
const char *case_ending(const struct saga_case *about);
bool case_was_minted(const struct saga_case *about);
/* The first entry of its item in its step, so that each item is looked at once. */
bool case_is_first_of_item(const struct saga_case *about, size_t effect);

/* invariants.c */
enum check check_held(bool held);
enum check found(struct finding *found, enum check check, int64_t at_us, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void judgement_saga(struct judgement *judgement, const struct saga_case *about);
void judgement_held(struct judgement *judgement, uint64_t count);
/* `subject` NULL: the key of the saga. */
void judgement_found(struct judgement *judgement, enum check check, uint32_t saga,
		     const char *subject, int64_t at_us, const char *format, ...)
	__attribute__((format(printf, 6, 7)));
enum verdict judgement_verdict(const struct judgement *judgement, char **why);
/* "3.201 s", for reasons: `AT(entry->at_us)`. */
struct moment {
	char text[32];
};
struct moment moment_of(int64_t at_us);
#define AT(at_us) (moment_of(at_us).text)
/* False when one of them is not known. */
bool is_before(int64_t a_us, int64_t b_us);

/* judge_items.c */
struct item_sum *items_at(struct item_sums *items, uint8_t contract, uint64_t item, bool make);
void items_add(struct judge *judge, const struct saga_case *about);
/* Readings, sorted by contract, what they are about, item, snapshot and time. */
void readings_sort(struct judge *judge);
struct reading_range {
	const struct record_reading *first;
	size_t count;
};
struct reading_range readings_of(const struct judge *judge, uint8_t contract,
				 enum reading_what from, enum reading_what to);
/* The highest snapshot of some readings. */
uint16_t readings_last(struct reading_range range);
size_t readings_same_item(struct reading_range range, size_t from);
const char *reading_name(const struct record_reading *reading, char out[32]);

/* judge_faults.c */
void faults_from_meta(struct judge *judge, const json_t *meta);
struct judge_fault *faults_at(struct judge *judge, uint32_t number);
void faults_sort_hits(struct judge *judge);
struct hit_range {
	const struct judge_hit *first;
	size_t count;
};
struct hit_range faults_hits_of(const struct judge *judge, uint32_t saga);
int64_t saga_end_us(const struct judge *judge, uint32_t saga);
bool fault_possibly(const struct judge *judge, size_t fault, uint32_t saga);
void faults_at_risk(struct judge *judge, struct contract_judge *of);

/* judge_figures.c */
void figures_count(struct judge *judge, struct contract_judge *of, const struct saga_case *about);
void figures_verify(struct judge *judge, struct contract_judge *of);
struct interval {
	double low, high;
};
struct interval wilson(uint64_t hits, uint64_t of);

/* timeline.c: fills `timeline` and `faults` of every witness, in one more pass. */
bool timeline_tell(struct judge *judge, struct error *err);

#endif
