/*
 * shop_process: the reference shop, started for one run and gone with it.
 *
 *	struct shop_process *shop = shop_process_start(arguments, "runs/x/shop.log", err);
 *	shop_process_free(shop);    // ends it, and waits until it is gone
 *
 * It is `sagastorm shop`, this very program, in a session of its own: what the terminal sends to
 * the run does not end the shop before the run has read its evidence. When the run dies, however it
 * does, so does the shop.
 */
#ifndef ENGINE_SHOP_PROCESS_H
#define ENGINE_SHOP_PROCESS_H

#include "lib/error.h"

struct shop_process;

/*
 * `arguments` of `sagastorm shop`, NULL-ended; what it says goes into the file `log`. Waits until
 * it is open, half a minute at most.
 */
struct shop_process *shop_process_start(const char *const *arguments, const char *log,
					struct error *err);
void shop_process_free(struct shop_process *shop);

const char *shop_process_system_file(const struct shop_process *shop);
const char *shop_process_directory(const struct shop_process *shop); /* of its databases */

#endif
