/* JSON that others wrote. */
#include "shop/frame.h"

/* jansson recurses, and it also does so when it frees: a stack is small, a body may be all "[". */
static bool nests_too_deep(struct text text)
{
	int depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < text.length; i++) {
		char c = text.data[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			if (++depth > JSON_NESTING_MAX)
				return true;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return false;
}

json_t *json_read(struct text text, struct error *err)
{
	json_error_t why;
	json_t *json;

	if (nests_too_deep(text)) {
		error_set(err, "nested too deep");
		return NULL;
	}
	json = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, &why);
	if (!json)
		error_set(err, "%s", why.text);
	return json;
}
