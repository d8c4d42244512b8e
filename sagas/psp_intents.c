#include "sagas/psp_parts.h"

#include "lib/clock.h"

enum { AMOUNT_MIN = 50, AMOUNT_MAX = 99999999 };

#define DECLINED_MESSAGE "Your card was declined."

/* Test cards, by their names at the provider. */
static const struct card {
	const char *name;
	const char *code, *decline_code, *message; /* NULL: it pays */
} cards[] = {
	{ "pm_card_visa", NULL, NULL, NULL },
	{ "pm_card_mastercard", NULL, NULL, NULL },
	{ "pm_card_amex", NULL, NULL, NULL },
	{ "pm_card_chargeDeclined", "card_declined", "generic_decline", DECLINED_MESSAGE },
	{ "pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds",
	  "Your card has insufficient funds." },
	{ "pm_card_chargeDeclinedLostCard", "card_declined", "lost_card", DECLINED_MESSAGE },
	{ "pm_card_chargeDeclinedExpiredCard", "expired_card", NULL, "Your card has expired." },
	{ "pm_card_chargeDeclinedProcessingError", "processing_error", NULL,
	  "An error occurred while processing your card. Try again in a little bit." },
};

static const char *const currencies[] = { "usd", "eur", "gbp" };

static const struct card *card_find(const char *name)
{
	for (size_t i = 0; name && i < sizeof(cards) / sizeof(cards[0]); i++)
		if (strcmp(cards[i].name, name) == 0)
			return &cards[i];
	return NULL;
}

static bool check_amount(struct psp_post *post, int64_t *amount)
{
	*amount = post_amount(post, form_value(&post->form, "amount"), AMOUNT_MAX);
	if (*amount && *amount < AMOUNT_MIN) {
		post_refuse(post, "amount_too_small", "amount", "Amount must be at least %d",
			    AMOUNT_MIN);
		return false;
	}
	return *amount != 0;
}

static bool check_currency(struct psp_post *post)
{
	const char *currency = form_value(&post->form, "currency");

	for (size_t i = 0; currency && i < sizeof(currencies) / sizeof(currencies[0]); i++)
		if (strcmp(currency, currencies[i]) == 0)
			return true;
	if (currency)
		post_refuse(post, NULL, "currency", "Invalid currency: %.20s", currency);
	else
		post_refuse(post, "parameter_missing", "currency", "There is no currency");
	return false;
}

static const struct card *check_card(struct psp_post *post)
{
	const char *name = form_value(&post->form, "payment_method");
	const char *confirm = form_value(&post->form, "confirm");
	const struct card *card = card_find(name);

	if (!confirm || strcmp(confirm, "true") != 0) {
		post_refuse(post, "parameter_missing", "confirm",
			    "Only intents that are confirmed at once are known here: confirm=true");
		return NULL;
	}
	if (!card)
		post_refuse(post, name ? "resource_missing" : "parameter_missing", "payment_method",
			    "No such PaymentMethod: '%.60s'", name ? name : "");
	return card;
}

/* last_payment_error of an intent, and what a 402 says but for the intent itself. */
static json_t *make_decline(const struct card *card, const char *charge)
{
	return json_pack("{s:s, s:s, s:s*, s:s, s:s, s:{s:s, s:s}}", "type", "card_error", "code",
			 card->code, "decline_code", card->decline_code, "message", card->message,
			 "charge", charge, "payment_method", "id", card->name, "object",
			 "payment_method");
}

static void charge_of(const char *intent, char out[32])
{
	strcpy(out, intent);
	memcpy(out, "ch", 2);
}

static json_t *make_intent(struct psp_post *post, const struct card *card, int64_t amount)
{
	bool pays = !card->code;
	char id[32], charge[32];
	json_t *metadata = post_metadata(post);

	if (!metadata)
		return NULL;
	psp_make_id(post->psp, "pi", id);
	charge_of(id, charge);
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:s, s:s, s:s?, s:s, s:o?, s:s, s:s, s:b, s:I, "
			 "s:o}",
			 "id", id, "object", "payment_intent", "amount", (json_int_t)amount,
			 "amount_received", (json_int_t)(pays ? amount : 0), "amount_capturable",
			 (json_int_t)0, "currency", form_value(&post->form, "currency"), "status",
			 pays ? "succeeded" : "requires_payment_method", "payment_method",
			 pays ? card->name : NULL, "latest_charge", charge, "last_payment_error",
			 pays ? NULL : make_decline(card, charge), "capture_method", "automatic",
			 "confirmation_method", "automatic", "livemode", 0, "created",
			 (json_int_t)(clock_wall_us() / US_PER_S), "metadata", metadata);
}

static json_t *answer_to(json_t *intent, int status)
{
	json_t *error;

	if (status == 200)
		return json_incref(intent);
	error = json_copy(json_object_get(intent, "last_payment_error"));
	json_object_set(error, "payment_intent", intent);
	return json_pack("{s:o}", "error", error);
}

json_t *intent_remember(struct psp *psp, json_t *intent, int status)
{
	struct psp_object *object;

	if (!json_is_string(json_object_get(intent, "id")))
		return NULL;
	object = shelf_add(&psp->intents, intent);
	object->amount = json_integer_value(json_object_get(intent, "amount"));
	object->succeeded = status == 200;
	psp->counts.charged += object->succeeded;
	psp->counts.declined += !object->succeeded;
	return answer_to(intent, status);
}

/* In the order of misdeed_codes, the cards that are declined so. */
static const char *const declining[] = {
	"pm_card_chargeDeclined",
	"pm_card_chargeDeclinedInsufficientFunds",
	"pm_card_chargeDeclinedLostCard",
	"pm_card_chargeDeclinedExpiredCard",
	"pm_card_chargeDeclinedProcessingError",
};

/* A card that would pay may be declined all the same: `into` is that one, under its own name. */
static const struct card *decline(struct psp_post *post, const struct card *card, struct card *into)
{
	const struct misdeed_chance chance = { .kind = MISDEED_DECLINE };
	const struct misdeed *misdeed =
		card->code ? NULL : misdeeds_meet(post->psp->misdeeds, chance);
	const struct card *such = misdeed ? card_find(declining[misdeed->settings.code]) : NULL;

	if (!such)
		return card;
	*into = *such;
	into->name = card->name;
	return into;
}

void intent_create(struct psp_post *post)
{
	struct card declined;
	const struct card *card;
	json_t *intent;
	int64_t amount;

	if (!check_amount(post, &amount) || !check_currency(post))
		return;
	card = check_card(post);
	if (card)
		card = decline(post, card, &declined);
	intent = card ? make_intent(post, card, amount) : NULL;
	if (!intent)
		return;
	post->status = card->code ? 402 : 200;
	post->body = intent_remember(post->psp, intent, post->status);
	post->event = card->code ? "payment_intent.payment_failed" : "payment_intent.succeeded";
	post->subject = intent;
	post->entry = json_copy(intent);
}
