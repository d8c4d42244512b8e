/* `services:` of a system. See chaos/system_parts.h. */
#include "chaos/system_parts.h"

struct place_keys {
	int64_t pid;
	char *pidfile, *command, *container, *namespace, *url, *health;
};

struct service_keys {
	struct place_keys place;
	char *smtp, *data;
	struct strings start;
	const struct yaml *instances;
};

#define PLACE(name) offsetof(struct place_keys, name)

#define PLACE_KEYS(base)                                                                           \
	{ "url", KEY_STRING, (base) + PLACE(url), .help = "where it is called",                    \
	  .example = "http://127.0.0.1:7004" },                                                    \
	{ "health", KEY_STRING, (base) + PLACE(health),                                            \
	  .help = "URL that answers 2xx while all is well; healing is verified with it",           \
	  .example = "http://127.0.0.1:7004/health" },                                             \
	{ "pid", KEY_INTEGER, (base) + PLACE(pid), .minimum = 2, .maximum = 4194304,               \
	  .help = "its process; better a pidfile, as a pid is another one after a restart" },      \
	{ "pidfile", KEY_STRING, (base) + PLACE(pidfile), .help = "file with its pid",             \
	  .example = "/run/payment.pid" },                                                         \
	{ "command", KEY_STRING, (base) + PLACE(command),                                          \
	  .help = "a piece of the command line of exactly one process",                            \
	  .example = "\"java -jar payment.jar\"" },                                                \
	{ "container", KEY_STRING, (base) + PLACE(container),                                      \
	  .help = "name or id of its container", .example = "shop-payment-1" },                    \
	{ "namespace", KEY_STRING, (base) + PLACE(namespace),                                      \
	  .help = "its network namespace, of `ip netns` or a path; that of its process by "        \
		  "default" }

static const struct key place_keys[] = { PLACE_KEYS(0), KEYS_END };

static const struct shape place_shape = { SHAPE_KEYS, .name = "instance", .keys = place_keys };
static const struct shape places_shape = { SHAPE_LIST_OF, .of = &place_shape };

#define FIELD(name) offsetof(struct service_keys, name)

static const struct key service_keys[] = {
	PLACE_KEYS(FIELD(place)),
	{ "instances", KEY_NODE, FIELD(instances), .shape = &places_shape,
	  .help = "where there are several of it: how each is found",
	  .example = "[ { container: shop-payment-1 }, { container: shop-payment-2 } ]" },
	{ "start", KEY_STRINGS, FIELD(start),
	  .help = "command that starts it again, word by word (no shell); not needed where "
		  "something else does",
	  .example = "[systemctl, start, payment]" },
	{ "data", KEY_STRING, FIELD(data), .help = "a directory on its disk, for faults of disks" },
	{ "smtp", KEY_STRING, FIELD(smtp), .help = "host:port where it takes mail, too" },
	KEYS_END
};

static const struct shape service_shape = { SHAPE_KEYS, .name = "service", .keys = service_keys };
const struct shape services_shape = { SHAPE_MAP_OF, .of = &service_shape };

struct services_reader {
	struct system *system;
	struct reading *reading;
};

static bool complain_ways(const struct place_keys *keys, const struct yaml *map,
			  struct complaints *complaints)
{
	int ways = (keys->pid != 0) + (keys->pidfile != NULL) + (keys->command != NULL) +
		   (keys->container != NULL);

	return ways < 2 ||
	       complain(complaints, map->at,
			"a process is found in one way: pid, pidfile, command or container");
}

static bool check_texts(const struct services_reader *reader, const struct place_keys *keys,
			const struct yaml *map)
{
	struct complaints *complaints = reader->reading->complaints;
	bool good = complain_ways(keys, map, complaints);

	if (keys->command && !*text_trim(text_of(keys->command)).data)
		good = complain(complaints, map->at, "'command' is empty: it would be everyone's");
	good = system_check_address(reader->system, keys->url, map->at, "url", complaints) && good;
	return system_check_address(reader->system, keys->health, map->at, "health", complaints) &&
	       good;
}

static struct instance_place place_of(const struct place_keys *keys, struct place at)
{
	return (struct instance_place){
		.at = at,
		.pid = keys->pid,
		.pidfile = keys->pidfile,
		.command = keys->command,
		.container = keys->container,
		.namespace = keys->namespace,
		.url = keys->url,
		.health = keys->health,
	};
}

static bool read_instance(const struct services_reader *reader, const struct yaml *map,
			  struct service *service)
{
	struct place_keys keys;
	bool good = schema_read(place_keys, map, &keys, reader->reading);

	good = map->kind == YAML_MAP && check_texts(reader, &keys, map) && good;
	service->instances[service->instance_count++] = place_of(&keys, map->at);
	return good;
}

static bool has_way(const struct place_keys *keys)
{
	return keys->pid || keys->pidfile || keys->command || keys->container || keys->namespace;
}

static bool read_instances(const struct services_reader *reader, const struct service_keys *keys,
			   const struct yaml *map, struct service *service)
{
	const struct yaml *list = keys->instances;
	struct complaints *complaints = reader->reading->complaints;
	bool good = true;

	if (!list || yaml_is_null(list)) {
		service->instances = arena_new(reader->reading->arena, sizeof(*service->instances));
		service->instances[service->instance_count++] = place_of(&keys->place, map->at);
		return true;
	}
	if (list->kind != YAML_LIST || !list->first)
		return complain(complaints, list->at, "'instances' wants a list with at least one");
	if (list->count > INSTANCES_MAX)
		return complain(complaints, list->at, "more than %d instances", INSTANCES_MAX);
	if (has_way(&keys->place))
		good = complain(complaints, list->at,
				"with 'instances', each of them says how its process is found");
	service->instances =
		arena_array(reader->reading->arena, list->count, sizeof(*service->instances));
	for (const struct yaml *item = list->first; item; item = item->next)
		good = read_instance(reader, item, service) && good;
	return good;
}

/* Names stand in edges ("order -> payment") and on command lines. */
static bool check_name(const struct services_reader *reader, const struct yaml *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t fine = strspn(name->text.data, allowed);

	if (!fine || fine != name->text.length || fine > 100)
		return complain(reader->reading->complaints, name->at,
				"'%.60s' is no name for a service (letters, digits, '.', '_', '-')",
				name->text.data);
	return !text_is(name->text, VISITORS) ||
	       complain(reader->reading->complaints, name->at,
			"'" VISITORS "' is the load itself, and no service");
}

static bool read_service(const struct services_reader *reader, const struct yaml *name)
{
	struct service *service = &reader->system->services[reader->system->service_count++];
	struct reading *reading = reader->reading;
	static const struct yaml nothing = { .kind = YAML_MAP };
	const struct yaml *map = yaml_is_null(name->value) ? &nothing : name->value;
	struct service_keys keys;
	bool good = check_name(reader, name);

	*service = (struct service){ .at = name->at,
				     .name = arena_string(reading->arena, name->text) };
	good = schema_read(service_keys, map, &keys, reading) && good;
	if (map->kind != YAML_MAP)
		return false;
	good = check_texts(reader, &keys.place, map) && good;
	good = system_check_address(reader->system, keys.smtp, map->at, "smtp",
				    reading->complaints) &&
	       good;
	service->url = keys.place.url;
	service->health = keys.place.health;
	service->smtp = keys.smtp;
	service->start = keys.start;
	service->data = keys.data;
	return read_instances(reader, &keys, map, service) && good;
}

bool system_read_services(const struct yaml *map, struct reading *reading, struct system *system)
{
	struct services_reader reader = { system, reading };
	bool good = true;

	if (!map || yaml_is_null(map))
		return true;
	if (map->kind != YAML_MAP)
		return complain(reading->complaints, map->at, "'services' wants a map, not %s",
				yaml_kind_name(map));
	if (map->count > SERVICES_MAX)
		return complain(reading->complaints, map->at, "more than %d services",
				SERVICES_MAX);
	system->services = arena_array(reading->arena, map->count + 1, sizeof(*system->services));
	for (const struct yaml *name = map->first; name; name = name->next)
		good = read_service(&reader, name) && good;
	return good;
}
