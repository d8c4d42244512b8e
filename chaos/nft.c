#include "chaos/nft.h"

#include <jansson.h>
#include <sys/random.h>
#include <unistd.h>

#include "chaos/tool.h"

static const char prefix[] = "sagastorm_";
enum { NAME_MAX_BYTES = 64 };

void nft_table_name(struct buffer *name, uint32_t fault)
{
	uint32_t chance = 0;

	if (getrandom(&chance, sizeof(chance), 0) < 0)
		chance = (uint32_t)getppid();
	buffer_format(name, "%s%d_%u_%08x", prefix, (int)getpid(), fault, chance);
}

bool nft_is_ours(const char *table)
{
	return table && strncmp(table, prefix, sizeof(prefix) - 1) == 0 &&
	       strlen(table) < NAME_MAX_BYTES &&
	       strspn(table, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(table);
}

bool nft_load(int netns, struct text script, struct error *err)
{
	const char *const argv[] = { "nft", "-f", "-", NULL };

	return tool_must(&(struct tool){ argv, .input = script, .netns = netns }, NULL, err);
}

/* The list below "nftables" of what a listing says. */
static json_t *listing(int netns, const char *const *argv, struct error *err)
{
	struct buffer out = BUFFER_EMPTY;
	json_t *root = NULL, *list;

	if (tool_must(&(struct tool){ argv, .netns = netns }, &out, err)) {
		root = json_loadb(out.data, out.length, 0, NULL);
		if (!json_is_array(json_object_get(root, "nftables")))
			error_set(err, "nft: what it lists is not understood");
	}
	list = json_incref(json_object_get(root, "nftables"));
	json_decref(root);
	buffer_release(&out);
	return list;
}

static const char *member(const json_t *item, const char *what, const char *key)
{
	const char *text = json_string_value(json_object_get(json_object_get(item, what), key));

	return text ? text : "";
}

bool nft_there(int netns, const char *table, bool *there, struct error *err)
{
	const char *const argv[] = { "nft", "-j", "list", "tables", "inet", NULL };
	json_t *list = listing(netns, argv, err), *item = NULL;
	size_t i;

	*there = false;
	if (!list)
		return false;
	json_array_foreach(list, i, item)
		*there = *there || strcmp(member(item, "table", "name"), table) == 0;
	json_decref(list);
	return true;
}

bool nft_delete(int netns, const char *table, struct error *err)
{
	const char *const argv[] = { "nft", "delete", "table", "inet", table, NULL };
	struct error why;
	bool there;

	if (!nft_is_ours(table))
		return error_set(err, "'%.64s' is none of our tables", table ? table : "");
	if (!nft_there(netns, table, &there, err))
		return false;
	if (!there || tool_must(&(struct tool){ argv, .netns = netns }, NULL, &why))
		return true;
	/* Someone else may have healed it in between. */
	return (nft_there(netns, table, &there, err) && !there) || error_set(err, "%s", why.text);
}

bool nft_hits(int netns, const char *table, int64_t *packets, struct error *err)
{
	const char *const argv[] = {
		"nft", "-j", "list", "counters", "table", "inet", table, NULL
	};
	json_t *list = listing(netns, argv, err), *item = NULL;
	size_t i;

	*packets = 0;
	if (!list)
		return false;
	json_array_foreach(list, i, item)
		*packets += json_integer_value(
			json_object_get(json_object_get(item, "counter"), "packets"));
	json_decref(list);
	return true;
}

/* One of everything that faults use. */
static const char sample[] = "create table inet sagastorm_sample\n"
			     "table inet sagastorm_sample {\n"
			     "\tcounter hits {\n\t}\n"
			     "\tchain in {\n"
			     "\t\ttype filter hook input priority -5;\n"
			     "\t\tmeta mark 1 accept\n"
			     "\t\tsocket mark 1 accept\n"
			     "\t\tiifname \"lo\" ip daddr 127.0.0.1 tcp dport 1 numgen random mod "
			     "10000 < 1 counter name hits drop\n"
			     "\t\ttcp dport 1 reject with tcp reset\n"
			     "\t\ttcp dport 1 reject with icmpx type admin-prohibited\n"
			     "\t}\n"
			     "}\n";

bool nft_possible(struct error *err)
{
	static int known;
	static struct error why;
	const char *const argv[] = { "nft", "-f", "-", NULL };
	struct tool tool = { argv, text_of(sample), .netns = -1, .scratch = true };

	if (!known)
		known = tool_must(&tool, NULL, &why) ? 1 : -1;
	return known > 0 || error_set(err, "no nftables: %s", why.text);
}
