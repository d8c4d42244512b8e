/*
 * password: what is kept instead of a password: PBKDF2-HMAC-SHA256 of it, with its salt.
 *
 *	char stored[PASSWORD_STORED_MAX];
 *	if (password_hash("secret", stored, err)) save(stored);  // "pbkdf2-sha256$1000$salt$hash"
 *	...
 *	if (password_matches("secret", stored)) welcome();
 */
#ifndef SHOP_PASSWORD_H
#define SHOP_PASSWORD_H

#include "lib/error.h"

/*
 * Real shops take 600,000 and more (OWASP, 2023), which is half a second of a core for every
 * login. This one is to be loaded with hundreds of logins per second on the core it shares with
 * all the rest, and keeps no real passwords. The count is stored with each hash, so it may grow
 * later.
 */
enum { PASSWORD_ITERATIONS = 1000, PASSWORD_STORED_MAX = 160 };

/* With a new random salt. */
bool password_hash(const char *password, char stored[PASSWORD_STORED_MAX], struct error *err);

/* Takes the same time wherever they differ. False, too, when `stored` is not of our making. */
bool password_matches(const char *password, const char *stored);

/*
 * As long as a check takes that fails: for someone who does not exist, so that the time of the
 * answer does not say who does.
 */
void password_check_nobody(const char *password);

#endif
