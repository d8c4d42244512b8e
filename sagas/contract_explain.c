/* A contract in words: what it lets be verified, from what, and what it does not. */
#include "sagas/contract_parts.h"
#include "sagas/invariants.h"

enum { NAME_COLUMN = 20, LINE_COLUMNS = 96 };

static void add_column(struct buffer *out, const char *name)
{
	buffer_format(out, "    %-*s", NAME_COLUMN, name);
}

/* Words, broken into lines that stand under their first one. */
static void add_words(struct buffer *out, size_t column, const char *words)
{
	while (*words) {
		size_t length = strcspn(words, " ");

		if (column + 1 + length > LINE_COLUMNS) {
			buffer_format(out, "\n%*s", 4 + NAME_COLUMN, "");
			column = 4 + NAME_COLUMN;
		}
		buffer_format(out, " %.*s", (int)length, words);
		column += 1 + length;
		words += length + strspn(words + length, " ");
	}
	buffer_add_char(out, '\n');
}

static void add_line(struct buffer *out, const char *name, const struct buffer *words)
{
	add_column(out, name);
	add_words(out, 4 + NAME_COLUMN, words->length ? words->data : "");
}

/* What a source is good for: bits of enum contract_need. */

static uint32_t needs_of_effect(const struct contract *contract, const struct source_rule *rule)
{
	const struct saga_step *step = &contract->steps[rule->step];
	uint32_t needs = NEED_EFFECTS | NEED_TIMES | NEED_ORDER;

	if (step->undo)
		needs |= NEED_UNDO;
	if (step->counts == COUNTS_MONEY)
		needs |= NEED_MONEY;
	if (step->counts == COUNTS_QUANTITY)
		needs |= NEED_QUANTITY;
	if (rule->succeeded || rule->compensated)
		needs = NEED_MESSAGES | NEED_EFFECTS;
	return needs;
}

static uint32_t needs_of_source(const struct contract *contract, const struct source *source)
{
	static const uint32_t of_roles[] = {
		[ROLE_STATE] = NEED_WAS,       [ROLE_TOLD] = NEED_TOLD,
		[ROLE_DEAD] = NEED_DEAD,       [ROLE_LEDGER] = NEED_LEDGER,
		[ROLE_COUNTS] = NEED_DEAD,     [ROLE_BREAKER] = NEED_BREAKER,
		[ROLE_REGION] = NEED_REGIONS,  [ROLE_OUTCOME] = NEED_OUTCOME | NEED_AMOUNT,
	};
	uint32_t needs = 0;

	for (size_t i = 0; i < source->rule_count; i++) {
		const struct source_rule *rule = &source->rules[i];

		needs |= rule->role == ROLE_EFFECT ? needs_of_effect(contract, rule) :
						     of_roles[rule->role];
	}
	return needs;
}

static void add_source_name(struct buffer *list, const char *name)
{
	buffer_format(list, "%s%s", list->length ? ", " : "", name);
}

static void add_sources(const struct contract *contract, uint32_t needs, struct buffer *list)
{
	if (needs & (NEED_OUTCOME | NEED_AMOUNT | NEED_BUDGET | NEED_MOVES))
		add_source_name(list, "the outcome by key");
	for (size_t i = 0; i < contract->source_count; i++)
		if (needs_of_source(contract, &contract->sources[i]) & needs &
		    ~(uint32_t)NEED_OUTCOME)
			add_source_name(list, contract->sources[i].name);
	if (needs & (NEED_STOCK | NEED_STOCK_SUM))
		add_source_name(list, "the stock");
}

/* The contract itself. */

static void explain_states(const struct contract *contract, struct buffer *out)
{
	static const char *const classes[] = { "on its way", "succeeded", "compensated" };
	struct buffer list = BUFFER_EMPTY;

	for (int class = 0; class < 3; class ++) {
		buffer_clear(&list);
		for (uint8_t i = 0; i < contract->state_count; i++)
			if ((int)contract->states[i].class == class)
				add_source_name(&list, contract->states[i].name);
		add_line(out, classes[class], &list);
	}
	buffer_release(&list);
}

static void add_seen_by(const struct contract *contract, uint8_t step, bool undo,
			struct buffer *list)
{
	for (size_t i = 0; i < contract->source_count; i++)
		for (size_t k = 0; k < contract->sources[i].rule_count; k++) {
			const struct source_rule *rule = &contract->sources[i].rules[k];

			if (rule->role == ROLE_EFFECT && rule->step == step && rule->undo == undo)
				buffer_format(list, ", seen in %s", contract->sources[i].name);
		}
	if (!contract_sees(contract, step, undo))
		buffer_add_string(list, contract->steps[step].pivot && !undo ?
						", seen by its state" :
						", seen by nobody");
}

static void explain_steps(const struct contract *contract, struct buffer *out)
{
	static const char *const counts[] = { "times", "money", "quantities per item" };
	struct buffer words = BUFFER_EMPTY;

	for (uint8_t i = 0; i < contract->step_count; i++) {
		const struct saga_step *step = &contract->steps[i];

		buffer_clear(&words);
		buffer_format(&words, "%s%s", step->pivot ? "the pivot; counts " : "counts ",
			      counts[step->counts]);
		if (step->at_least >= 0)
			buffer_format(&words, ", at least %lld", (long long)step->at_least);
		if (step->at_most >= 0)
			buffer_format(&words, ", at most %lld", (long long)step->at_most);
		add_seen_by(contract, i, false, &words);
		if (step->undo) {
			buffer_format(&words, "; undone by %s", step->undo);
			add_seen_by(contract, i, true, &words);
		}
		add_line(out, step->name, &words);
	}
	buffer_release(&words);
}

static const char *rule_name(const struct contract *contract, const struct source_rule *rule)
{
	const struct saga_step *step = &contract->steps[rule->step];

	if (rule->role == ROLE_EFFECT)
		return rule->undo ? step->undo : step->name;
	return contract_role_names[rule->role - ROLE_STATE];
}

static void explain_sources(const struct contract *contract, struct buffer *out)
{
	static const char *const from[] = { "", ", a witness: its own books, nobody else's word",
					    ", a witness: its own books, nobody else's word",
					    ", a file" };
	struct buffer words = BUFFER_EMPTY;

	for (size_t i = 0; i < contract->source_count; i++) {
		const struct source *source = &contract->sources[i];

		buffer_clear(&words);
		for (size_t k = 0; k < source->rule_count; k++)
			add_source_name(&words, rule_name(contract, &source->rules[k]));
		buffer_add_string(&words, from[source->from]);
		if (source->from == FROM_READ)
			buffer_format(&words, ", %s, at most %g requests a second",
				      source->per_saga		      ? "asked about each saga" :
				      source->paging == PAGING_NONE ? "in one answer" :
								      "page by page",
				      source->rate_per_s);
		if (strlen(source->name) > NAME_COLUMN)
			buffer_format(out, "    %s\n", source->name);
		add_line(out, strlen(source->name) > NAME_COLUMN ? "" : source->name, &words);
	}
	buffer_release(&words);
}

/* Invariants. */

static const struct {
	const char *name;
	uint32_t uses;
	const char *missing;
} tried[] = {
	{ "idempotent", USE_AGAIN | USE_MISUSES, "no request has `again` or `misuses`" },
	{ "cancel-wins", USE_CANCELS, "no request `cancels` it" },
	{ "read-your-writes", USE_READS, "no request `reads` it" },
};

static const char *untried(const struct invariant *invariant, uint32_t uses)
{
	if (!(uses & USE_PLACES))
		return "no request places it";
	for (size_t i = 0; i < sizeof(tried) / sizeof(*tried); i++)
		if (strcmp(tried[i].name, invariant->name) == 0 && !(tried[i].uses & uses))
			return tried[i].missing;
	return NULL;
}

static void explain_verified(const struct contract *contract, uint32_t uses, struct buffer *out)
{
	struct buffer words = BUFFER_EMPTY, list = BUFFER_EMPTY;

	for (size_t i = 0; invariants[i]; i++) {
		if (invariants[i]->needs & ~contract_has(contract) || untried(invariants[i], uses))
			continue;
		buffer_clear(&list);
		buffer_clear(&words);
		add_sources(contract, invariants[i]->needs, &list);
		buffer_format(&words, "%s; from %s", invariants[i]->statement,
			      list.length ? list.data : "what visitors saw");
		add_line(out, invariants[i]->name, &words);
	}
	buffer_release(&words);
	buffer_release(&list);
}

static void explain_unknown(const struct contract *contract, uint32_t uses, struct buffer *out)
{
	struct buffer words = BUFFER_EMPTY;

	for (size_t i = 0; invariants[i]; i++) {
		const char *why = untried(invariants[i], uses);

		buffer_clear(&words);
		contract_missing(contract, invariants[i]->needs, &words);
		if (!words.length && why)
			buffer_add_string(&words, why);
		if (words.length)
			add_line(out, invariants[i]->name, &words);
	}
	buffer_release(&words);
}

void contract_explain(const struct contract *contract, uint32_t uses, struct buffer *out)
{
	buffer_format(out, "saga '%s', %s\n", contract->name,
		      contract->style == STYLE_ORCHESTRATED ? "orchestrated" : "choreographed");
	buffer_format(out, "  how it ends: GET %s, its state at %.*s; within ", contract->read,
		      TEXT_ARG(contract->state.source));
	unit_show_duration(out, contract->settles_within_us);
	buffer_add_string(out, " after the load and the last heal\n");
	explain_states(contract, out);
	buffer_add_string(out, "  what it does\n");
	explain_steps(contract, out);
	buffer_add_string(out, "  what it is judged by\n");
	explain_sources(contract, out);
	buffer_add_string(out, "  what is verified\n");
	explain_verified(contract, uses, out);
	buffer_add_string(out, "  what is not, and will be unknown\n");
	explain_unknown(contract, uses, out);
}
