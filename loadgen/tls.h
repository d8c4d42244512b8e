/*
 * tls: what all TLS connections of a transport share, and one connection over a socket of ours.
 *
 * Certificates to trust, the client's own, and the rules are loaded once: loading the system's for
 * each connection, as libcurl does, costs more than a hundred requests. Both transports use them:
 * the direct one for its own connections, libcurl's by tls_lend().
 */
#ifndef LOADGEN_TLS_H
#define LOADGEN_TLS_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/error.h"
#include "loadgen/transfer.h"

struct tls;

struct tls *tls_new(const struct transfer_settings *settings, struct error *err);
void tls_free(struct tls *tls);

/* For CURLOPT_SSL_CTX_FUNCTION: the same trust and the same client certificate. */
bool tls_lend(const struct tls *tls, SSL_CTX *context);

/* A client on a connected, non-blocking socket, which stays the caller's. */
SSL *tls_connect(struct tls *tls, int socket, const struct origin *origin);
void tls_close(SSL *ssl, bool politely);

/* What reading and writing give besides a number of bytes. The same for plain sockets. */
enum wire_result {
	WIRE_END = 0,     /* the peer closed, in order */
	WIRE_AGAIN = -1,  /* later */
	WIRE_RESET = -2,  /* the connection broke */
	WIRE_TLS = -3,    /* TLS said no */
};

/* 1 when done. After WIRE_AGAIN, *wants_write says what to wait for. */
int tls_shake(SSL *ssl, bool *wants_write);
ssize_t tls_read(SSL *ssl, char *bytes, size_t room);
ssize_t tls_write(SSL *ssl, const char *bytes, size_t length);

/* Why the last of these said WIRE_TLS, for people. */
const char *tls_problem(SSL *ssl, struct error *why);

#endif
