/*
 * services: all of them, in the order in which they are started. One file each.
 */
#ifndef SHOP_SERVICES_H
#define SHOP_SERVICES_H

#include "shop/service.h"

extern const struct service_kind service_bus;
extern const struct service_kind service_auth;
extern const struct service_kind service_catalog;
extern const struct service_kind service_inventory;
extern const struct service_kind service_payment;
extern const struct service_kind service_notification;
extern const struct service_kind service_order;
extern const struct service_kind service_gateway;
extern const struct service_kind service_sync; /* when there are several regions */

extern const struct service_kind *const shop_services[]; /* NULL-ended */

#endif
