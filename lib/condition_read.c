/* From the YAML of a scenario. See condition_parts.h. */
#include "lib/condition_parts.h"

bool condition_read(const struct yaml *node, const struct condition_names *names,
		    enum condition_use use, struct reading *reading, struct condition *condition)
{
	static const struct key key = { .name = "condition", .type = KEY_STRING };
	struct place at = node->at;
	char *text = NULL;
	struct error why = { "" };

	if (node->kind != YAML_SCALAR || yaml_is_null(node))
		return complain(reading->complaints, at,
				"a condition is a text such as 'errors < 2%%', not %s",
				yaml_is_null(node) ? "nothing" : yaml_kind_name(node));
	if (!schema_read_value(&key, node, &text, reading))
		return false;
	/* The text begins behind its quote; that of a block begins on another line. */
	at.column += node->quoted && !memchr(node->text.data, '\n', node->text.length);
	return condition_compile(text_of(text), names, use, at, reading->arena, condition, &why) ||
	       complain_error(reading->complaints, &why);
}
