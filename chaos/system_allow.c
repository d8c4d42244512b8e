/* Which hosts may be touched at all. See chaos/system.h. */
#include <arpa/inet.h>

#include "chaos/system_parts.h"

enum { HOST_MAX = 253 };

/* An address as bits: 4 or 16 bytes. */
struct bits {
	unsigned char bytes[16];
	unsigned length; /* in bits; 0: no address */
};

static struct bits bits_of(struct text host)
{
	struct bits bits = { .length = 0 };
	char name[HOST_MAX + 1];

	if (host.length > 2 && host.data[0] == '[' && host.data[host.length - 1] == ']')
		host = (struct text){ host.data + 1, host.length - 2 };
	if (!host.length || host.length > HOST_MAX)
		return bits;
	memcpy(name, host.data, host.length);
	name[host.length] = '\0';
	if (inet_pton(AF_INET, name, bits.bytes) == 1)
		bits.length = 32;
	else if (inet_pton(AF_INET6, name, bits.bytes) == 1)
		bits.length = 128;
	return bits;
}

/* ::ffff:10.0.0.1 is 10.0.0.1 by another way. */
static struct bits unmapped(struct bits bits)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (bits.length == 128 && memcmp(bits.bytes, mapped, sizeof(mapped)) == 0) {
		memmove(bits.bytes, bits.bytes + 12, 4);
		bits.length = 32;
	}
	return bits;
}

static bool same_front(const struct bits *a, const struct bits *b, unsigned length)
{
	unsigned whole = length / 8, left = length % 8;
	unsigned mask = 0xffu << (8 - left) & 0xffu;

	if (a->length != b->length || memcmp(a->bytes, b->bytes, whole) != 0)
		return false;
	return !left || (a->bytes[whole] & mask) == (b->bytes[whole] & mask);
}

/* "10.0.3.0/24": the address, and how much of it counts. */
static bool read_network(struct text entry, struct bits *bits, unsigned *length)
{
	const char *slash = memchr(entry.data, '/', entry.length);
	struct text host = { entry.data, slash ? (size_t)(slash - entry.data) : entry.length };
	int64_t number;

	*bits = bits_of(host);
	*length = bits->length;
	if (!bits->length || !slash)
		return bits->length > 0;
	if (!unit_integer((struct text){ slash + 1, entry.length - host.length - 1 }, &number,
			  NULL) ||
	    number < 1 || number > bits->length)
		return false;
	*length = (unsigned)number;
	return true;
}

static bool is_loopback(struct text host)
{
	static const struct bits v4 = { { 127 }, 32 }, v6 = { { [15] = 1 }, 128 };
	struct bits bits = unmapped(bits_of(host));

	if (text_is_nocase(host, "localhost") || text_starts_with(host, "/"))
		return true;
	return same_front(&bits, &v4, 8) || same_front(&bits, &v6, 128);
}

static bool entry_has(struct text entry, struct text host)
{
	struct bits bits = unmapped(bits_of(host)), network;
	unsigned length;

	if (!bits.length)
		return text_is_nocase(host, entry.data);
	return read_network(entry, &network, &length) && same_front(&bits, &network, length);
}

bool system_allows(const struct system *system, struct text host)
{
	if (!host.length)
		return false;
	if (is_loopback(host))
		return true;
	for (size_t i = 0; system && i < system->allow.count; i++)
		if (entry_has(text_of(system->allow.items[i]), host))
			return true;
	return false;
}

static bool is_name(struct text entry)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_";

	for (size_t i = 0; i < entry.length; i++)
		if (!strchr(allowed, entry.data[i]))
			return false;
	return entry.length > 0 && entry.length <= HOST_MAX;
}

bool system_allow_check(struct text entry, struct error *err)
{
	struct bits bits;
	unsigned length;

	if (read_network(entry, &bits, &length) || is_name(entry))
		return true;
	if (text_is(entry, "*") ||
	    (entry.length > 2 && memcmp(entry.data + entry.length - 2, "/0", 2) == 0))
		return error_set(err, "'%s' would allow everything: name the hosts that you mean",
				 entry.data);
	return error_set(err, "'%.60s' is no host, address or network such as 10.0.3.0/24",
			 entry.data);
}
