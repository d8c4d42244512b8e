#include "lib/schema.h"

#include <ctype.h>
#include <stdio.h>

enum { WORD_MAX = 48 };

static size_t least(size_t a, size_t b, size_t c)
{
	size_t two = a < b ? a : b;

	return two < c ? two : c;
}

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Edits from one to the other: insert, delete, replace, or swap two neighbours. */
static size_t distance(struct text a, struct text b)
{
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2];

	for (size_t j = 0; j <= b.length; j++)
		last[j] = j;
	for (size_t i = 1; i <= a.length; i++) {
		size_t *free_row = before;

		now[0] = i;
		for (size_t j = 1; j <= b.length; j++) {
			size_t replaced = last[j - 1] + !same(a.data[i - 1], b.data[j - 1]);

			now[j] = least(last[j] + 1, now[j - 1] + 1, replaced);
			if (i > 1 && j > 1 && same(a.data[i - 1], b.data[j - 2]) &&
			    same(a.data[i - 2], b.data[j - 1]) && before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
		before = last;
		last = now;
		now = free_row;
	}
	return last[b.length];
}

/* A word that someone began, or wrote longer than it is: "redirect" for "redirects". */
static bool begins(struct text a, struct text b)
{
	size_t shorter = a.length < b.length ? a.length : b.length;

	for (size_t i = 0; i < shorter; i++)
		if (!same(a.data[i], b.data[i]))
			return false;
	return shorter >= 3;
}

const char *suggest(struct text word, const char *const *known)
{
	const char *nearest = NULL;
	size_t nearest_distance = WORD_MAX;

	if (word.length == 0 || word.length > WORD_MAX)
		return NULL;
	for (; *known; known++) {
		struct text candidate = text_of(*known);
		size_t longer = word.length > candidate.length ? word.length : candidate.length;
		size_t allowed = longer < 3 ? 0 : longer < 6 ? 1 : longer < 9 ? 2 : 3;
		size_t edits;

		if (candidate.length > WORD_MAX)
			continue;
		edits = distance(word, candidate);
		if (edits > allowed && begins(word, candidate))
			edits = allowed;
		if (edits <= allowed && edits < nearest_distance) {
			nearest = *known;
			nearest_distance = edits;
		}
	}
	return nearest;
}

/* A sentence's worth of choices; more would be a wall. */
static void list_known(const char *const *known, char *out, size_t room)
{
	size_t used = 0;

	*out = '\0';
	for (size_t i = 0; i < 12 && known[i] && used + strlen(known[i]) + 8 < room; i++)
		used += (size_t)snprintf(out + used, room - used, "%s%s", i ? ", " : "", known[i]);
}

void complain_unknown(struct complaints *complaints, struct place at, const char *what,
		      struct text name, const char *const *known)
{
	const char *nearest = suggest(name, known);
	int shown = name.length < 80 ? (int)name.length : 80;
	char choices[200];

	list_known(known, choices, sizeof(choices));
	if (nearest)
		complain(complaints, at, "unknown %s '%.*s' (did you mean '%s'?)", what, shown,
			 name.data, nearest);
	else if (*choices)
		complain(complaints, at, "unknown %s '%.*s' (there are: %s)", what, shown,
			 name.data, choices);
	else
		complain(complaints, at, "unknown %s '%.*s'", what, shown, name.data);
}
