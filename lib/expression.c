#include "lib/expression.h"

#include "lib/expression_nodes.h"

static struct value pointed_at(const struct json_pointer *pointer,
			       const struct expression_source *source)
{
	struct json_found found;

	if (!source->document ||
	    json_find(pointer, source->document(source->context), &found) != JSON_FOUND)
		return (struct value){ VALUE_ABSENT, { "", 0 } };
	return json_value(&found, source->scratch);
}

static struct value joined(const struct template *template, const struct expression_source *source)
{
	struct template_source names = { .get = source->get, .context = source->context };
	size_t from = source->scratch->length;

	template_render(template, &names, source->scratch);
	return value_string(
		(struct text){ source->scratch->data + from, source->scratch->length - from });
}

static struct value value_of(const struct operand *operand, const struct expression_source *source)
{
	switch (operand->kind) {
	case OPERAND_REF:
		return source->get(source->context, operand->ref);
	case OPERAND_POINTER:
		return pointed_at(operand->pointer, source);
	case OPERAND_JOINED:
		return joined(operand->joined, source);
	case OPERAND_FIXED:
		break;
	}
	return operand->value;
}

/* The right side may move the scratch that the left value lies in, so that is moved along. */
static struct value value_beside(const struct operand *operand,
				 const struct expression_source *source, struct value *left)
{
	struct buffer *scratch = source->scratch;
	uintptr_t base = (uintptr_t)scratch->data, data = (uintptr_t)left->text.data;
	bool inside = base && data >= base && data < base + scratch->length;
	struct value value = value_of(operand, source);

	if (inside)
		left->text.data = scratch->data + (data - base);
	return value;
}

/* What most numbers are, without strtod. */
static bool small_integer(struct text text, double *number)
{
	unsigned amount = 0;

	if (text.length == 0 || text.length > 9 || (text.data[0] == '0' && text.length > 1))
		return false;
	for (size_t i = 0; i < text.length; i++) {
		unsigned digit = (unsigned)(text.data[i] - '0');

		if (digit > 9)
			return false;
		amount = 10 * amount + digit;
	}
	*number = amount;
	return true;
}

static bool number_of(struct value value, double *number)
{
	if (value.kind == VALUE_ABSENT)
		return false;
	return small_integer(value.text, number) || value_number(value, number);
}

/* Mostly a few characters, and not worth a call. */
static inline bool same_text(struct text a, struct text b)
{
	if (a.length != b.length)
		return false;
	if (a.length > 8)
		return memcmp(a.data, b.data, a.length) == 0;
	for (size_t i = 0; i < a.length; i++)
		if (a.data[i] != b.data[i])
			return false;
	return true;
}

static bool equal_number(const struct operand *operand, const struct value *left)
{
	double number;

	if (!operand->numeric)
		return false;
	if (small_integer(left->text, &number))
		return number >= operand->number && number <= operand->number;
	return value_equal(*left, operand->value);
}

static inline bool equal_fixed(const struct operand *operand, const struct value *left)
{
	if (left->kind == VALUE_ABSENT)
		return false;
	return same_text(left->text, operand->value.text) || equal_number(operand, left);
}

static bool equal(const struct operand *operand, const struct expression_source *source,
		  struct value *left)
{
	struct value right;

	if (operand->kind == OPERAND_FIXED)
		return equal_fixed(operand, left);
	right = value_beside(operand, source, left);
	return value_equal(*left, right);
}

static bool in_order(const struct node *node, const struct expression_source *source,
		     struct value left_value)
{
	const struct operand *right = node->right;
	double a, b = right->number;

	if (right->kind != OPERAND_FIXED &&
	    !number_of(value_beside(right, source, &left_value), &b))
		return false;
	if (!number_of(left_value, &a))
		return false;
	switch (node->comparison) {
	case COMPARE_LESS:
		return a < b;
	case COMPARE_LESS_EQUAL:
		return a <= b;
	case COMPARE_MORE:
		return a > b;
	default:
		return a >= b;
	}
}

struct element_search {
	struct value wanted;
	struct buffer decoded;
	bool found;
};

static bool compare_element(void *context, struct json_found *element)
{
	struct element_search *search = context;

	buffer_clear(&search->decoded);
	search->found = value_equal(json_value(element, &search->decoded), search->wanted);
	return !search->found;
}

static bool has_element(struct text array, struct value wanted)
{
	struct element_search search = { wanted, BUFFER_EMPTY, false };
	enum json_result result = json_each(array, compare_element, &search);

	buffer_release(&search.decoded);
	return result != JSON_MALFORMED && search.found;
}

static bool contains(struct value whole, struct value part)
{
	if (whole.kind == VALUE_JSON && whole.text.length && whole.text.data[0] == '[')
		return has_element(whole.text, part);
	return memmem(whole.text.data, whole.text.length, part.text.data, part.text.length) != NULL;
}

static bool text_related(const struct node *node, const struct expression_source *source,
			 struct value left)
{
	struct value right = value_beside(node->right, source, &left);
	size_t skipped = 0;

	if (left.kind == VALUE_ABSENT || right.kind == VALUE_ABSENT)
		return false;
	if (node->comparison == COMPARE_CONTAINS)
		return contains(left, right);
	if (right.text.length > left.text.length)
		return false;
	if (node->comparison == COMPARE_ENDS_WITH)
		skipped = left.text.length - right.text.length;
	return right.text.length == 0 ||
	       memcmp(left.text.data + skipped, right.text.data, right.text.length) == 0;
}

static bool matches(const struct node *node, struct value left)
{
	struct regex_found found;

	return left.kind != VALUE_ABSENT &&
	       regex_find(node->regex, left.text, &found) == REGEX_FOUND;
}

static bool among(const struct node *node, const struct expression_source *source,
		  struct value *left)
{
	for (size_t i = 0; i < node->right_count; i++)
		if (equal(&node->right[i], source, left))
			return true;
	return false;
}

static bool compare(const struct node *node, const struct expression_source *source)
{
	struct value left = value_of(&node->left, source);

	switch (node->comparison) {
	case COMPARE_TRUTH:
		return value_true(left);
	case COMPARE_EXISTS:
		return left.kind != VALUE_ABSENT;
	case COMPARE_EQUAL:
		return equal(node->right, source, &left);
	case COMPARE_UNEQUAL:
		return !equal(node->right, source, &left);
	case COMPARE_LESS:
	case COMPARE_LESS_EQUAL:
	case COMPARE_MORE:
	case COMPARE_MORE_EQUAL:
		return in_order(node, source, left);
	case COMPARE_IN:
		return among(node, source, &left);
	case COMPARE_MATCHES:
		return matches(node, left);
	case COMPARE_CONTAINS:
	case COMPARE_STARTS_WITH:
	case COMPARE_ENDS_WITH:
		break;
	}
	return text_related(node, source, left);
}

/* As deep as the parser let it be. */
static bool node_true(const struct node *node, const struct expression_source *source)
{
	const struct node *child = node->first;

	switch (node->kind) {
	case NODE_NOT:
		return !node_true(child, source);
	case NODE_AND:
		while (child && node_true(child, source))
			child = child->next;
		return !child;
	case NODE_OR:
		while (child && !node_true(child, source))
			child = child->next;
		return child;
	case NODE_COMPARE:
		break;
	}
	return compare(node, source);
}

bool expression_true(const struct expression *expression, const struct expression_source *source)
{
	const struct node *root = expression->root;

	buffer_clear(source->scratch);
	if (root->plain) { /* `status == 200`: no detours */
		struct value left = source->get(source->context, root->left.ref);

		return equal_fixed(root->right, &left);
	}
	return node_true(root, source);
}
