#include "sagas/psp_parts.h"

#include <inttypes.h>

#include "lib/clock.h"

/* The request was understood and can't be done: an answer that its key keeps. */
static void fail(struct psp_post *post, const char *code, const char *param, json_t *message)
{
	post->status = 400;
	post->body = psp_error_body("invalid_request_error", code, param, "%s",
				    json_string_value(message));
	post->entry = json_pack("{s:s, s:O}", "object", "error", "error",
				json_object_get(post->body, "error"));
	json_decref(message);
}

/* Of `payment_intent`, or of `charge`, whose id is the intent's but for the first letters. */
static struct psp_object *find_intent(struct psp_post *post)
{
	const char *id = form_value(&post->form, "payment_intent");
	const char *charge = form_value(&post->form, "charge");
	const char *param = id ? "payment_intent" : "charge";
	struct psp_object *intent = NULL;
	char of_charge[32] = "pi";

	if (!id && !charge) {
		post_refuse(post, "parameter_missing", "payment_intent",
			    "One of payment_intent and charge has to be given");
		return NULL;
	}
	if (!id && strncmp(charge, "ch_", 3) == 0 && strlen(charge) < sizeof(of_charge)) {
		strcpy(of_charge + 2, charge + 2);
		id = of_charge;
	}
	intent = id ? shelf_find(&post->psp->intents, id) : NULL;
	if (!intent)
		post_refuse(post, "resource_missing", param, "No such %s: '%.60s'", param,
			    charge && !form_value(&post->form, "payment_intent") ? charge : id);
	return intent;
}

/* What is to be given back; 0: it can't be, and the answer says so. */
static int64_t check_amount(struct psp_post *post, const struct psp_object *intent)
{
	const char *asked = form_value(&post->form, "amount");
	int64_t left = intent->amount - intent->refunded;
	int64_t amount = asked ? post_amount(post, asked, INT64_MAX) : left;

	if (asked && !amount)
		return 0;
	if (!intent->succeeded)
		fail(post, "payment_intent_unexpected_state", "payment_intent",
		     json_sprintf("This PaymentIntent (%s) does not have a successful charge to "
				  "refund.",
				  intent->id));
	else if (left == 0)
		fail(post, "charge_already_refunded", NULL,
		     json_sprintf("Charge ch%s has already been refunded.", intent->id + 2));
	else if (amount > left)
		fail(post, NULL, "amount",
		     json_sprintf("Refund amount (%" PRId64 ") is greater than unrefunded amount "
				  "on charge (%" PRId64 ")",
				  amount, left));
	else
		return amount;
	return 0;
}

static json_t *make_refund(struct psp_post *post, const struct psp_object *intent, int64_t amount)
{
	const char *reason = form_value(&post->form, "reason");
	json_t *metadata = post_metadata(post);
	char id[32], charge[32];

	if (!metadata)
		return NULL;
	psp_make_id(post->psp, "re", id);
	strcpy(charge, intent->id);
	memcpy(charge, "ch", 2);
	return json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s?, s:I, s:o}", "id", id, "object",
			 "refund", "amount", (json_int_t)amount, "charge", charge, "payment_intent",
			 intent->id, "currency", intent->currency, "status", "succeeded", "reason",
			 reason, "created", (json_int_t)(clock_wall_us() / US_PER_S), "metadata",
			 metadata);
}

/* The object of charge.refunded. */
static json_t *charge_after(const struct psp_object *intent)
{
	json_t *from = json_loads(intent->text, 0, NULL);
	json_t *charge = json_pack("{s:O, s:s, s:I, s:I, s:b, s:s, s:O, s:O}", "id",
				   json_object_get(from, "latest_charge"), "object", "charge",
				   "amount", (json_int_t)intent->amount, "amount_refunded",
				   (json_int_t)intent->refunded, "refunded",
				   intent->refunded == intent->amount, "payment_intent", intent->id,
				   "currency", json_object_get(from, "currency"), "metadata",
				   json_object_get(from, "metadata"));

	json_decref(from);
	return charge;
}

json_t *refund_remember(struct psp *psp, json_t *refund)
{
	const char *id = json_string_value(json_object_get(refund, "payment_intent"));
	struct psp_object *intent = id ? shelf_find(&psp->intents, id) : NULL;
	struct psp_object *object;

	if (!intent || !json_is_string(json_object_get(refund, "id")))
		return NULL;
	object = shelf_add(&psp->refunds, refund);
	object->amount = json_integer_value(json_object_get(refund, "amount"));
	object->intent = (size_t)(intent - psp->intents.objects);
	object->succeeded = true;
	intent->refunded += object->amount;
	psp->counts.refunded++;
	return json_incref(refund);
}

void refund_create(struct psp_post *post)
{
	struct psp_object *intent = find_intent(post);
	int64_t amount = intent ? check_amount(post, intent) : 0;
	json_t *refund = amount ? make_refund(post, intent, amount) : NULL;

	if (!refund)
		return;
	post->status = 200;
	post->body = refund_remember(post->psp, refund);
	post->event = "charge.refunded";
	post->subject = charge_after(intent);
	post->entry = json_copy(refund);
	json_decref(refund);
}
