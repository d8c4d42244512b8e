#include "loadgen/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "lib/memory.h"

struct tls {
	SSL_CTX *context;
	BIO_METHOD *socket_bio;
	const char *sni;
};

/*
 * OpenSSL's own socket BIO writes with write(2), which raises SIGPIPE; a library has no business
 * with the process's signals, so ours sends with MSG_NOSIGNAL.
 */
static int bio_socket(BIO *bio)
{
	return (int)(intptr_t)BIO_get_data(bio);
}

static int after_call(BIO *bio, ssize_t did, int retry)
{
	BIO_clear_retry_flags(bio);
	if (did < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
	if (did == 0)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	return (int)did;
}

static int bio_write(BIO *bio, const char *bytes, int length)
{
	return after_call(bio, send(bio_socket(bio), bytes, (size_t)length, MSG_NOSIGNAL),
			  BIO_FLAGS_WRITE);
}

static int bio_read(BIO *bio, char *bytes, int room)
{
	return after_call(bio, recv(bio_socket(bio), bytes, (size_t)room, 0), BIO_FLAGS_READ);
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
	(void)number, (void)pointer;
	if (command == BIO_CTRL_EOF)
		return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
	return command == BIO_CTRL_FLUSH;
}

static bool make_bio(struct tls *tls)
{
	tls->socket_bio = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
	return tls->socket_bio && BIO_meth_set_write(tls->socket_bio, bio_write) &&
	       BIO_meth_set_read(tls->socket_bio, bio_read) &&
	       BIO_meth_set_ctrl(tls->socket_bio, bio_control);
}

/* --- what is shared --- */

static const char *last_problem(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return reason ? reason : "not readable, or not PEM";
}

static bool load_trust(SSL_CTX *context, const char *ca, struct error *err)
{
	if (!ca) /* a directory by hash: nothing is read before it is needed */
		return SSL_CTX_set_default_verify_paths(context) ||
		       error_set(err, "cannot find the system's certificates: %s", last_problem());
	return SSL_CTX_load_verify_file(context, ca) ||
	       error_set(err, "cannot load the certificates to trust from '%s': %s", ca,
			 last_problem());
}

static int no_password(char *bytes, int room, int writing, void *context)
{
	(void)bytes, (void)room, (void)writing, (void)context;
	return -1; /* instead of asking on the terminal */
}

static bool load_own(SSL_CTX *context, const struct transfer_settings *settings, struct error *err)
{
	const char *key = settings->key ? settings->key : settings->certificate;

	if (!settings->certificate)
		return true;
	SSL_CTX_set_default_passwd_cb(context, no_password);
	if (SSL_CTX_use_certificate_chain_file(context, settings->certificate) != 1)
		return error_set(err, "cannot load the client certificate from '%s': %s",
				 settings->certificate, last_problem());
	if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
		return error_set(err, "cannot load the client's key from '%s': %s", key,
				 last_problem());
	return SSL_CTX_check_private_key(context) == 1 ||
	       error_set(err, "the key in '%s' is not that of the certificate in '%s'", key,
			 settings->certificate);
}

static bool prepare(struct tls *tls, const struct transfer_settings *settings, struct error *err)
{
	static const unsigned char http1[] = "\x08http/1.1";

	tls->context = SSL_CTX_new(TLS_client_method());
	if (!tls->context || !make_bio(tls))
		return error_set(err, "cannot set up TLS: %s", last_problem());
	SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
	SSL_CTX_set_verify(tls->context, settings->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
			   NULL);
	/*
	 * Servers that just close are common; libcurl takes that for an end in order, so we do too.
	 * A body with a length or chunks is still seen to be cut.
	 */
	SSL_CTX_set_options(tls->context, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(tls->context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_read_ahead(tls->context, 1);
	SSL_CTX_set_mode(tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE |
					       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					       SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_alpn_protos(tls->context, http1, sizeof(http1) - 1);
	return load_trust(tls->context, settings->ca, err) && load_own(tls->context, settings, err);
}

struct tls *tls_new(const struct transfer_settings *settings, struct error *err)
{
	struct tls *tls = memory_new(sizeof(*tls));

	tls->sni = settings->sni;
	ERR_clear_error();
	if (prepare(tls, settings, err))
		return tls;
	tls_free(tls);
	return NULL;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->context);
	BIO_meth_free(tls->socket_bio);
	free(tls);
}

bool tls_lend(const struct tls *tls, SSL_CTX *context)
{
	X509 *certificate = SSL_CTX_get0_certificate(tls->context);
	STACK_OF(X509) *chain = NULL;

	SSL_CTX_set1_cert_store(context, SSL_CTX_get_cert_store(tls->context));
	SSL_CTX_set_verify(context, SSL_CTX_get_verify_mode(tls->context), NULL);
	if (!certificate)
		return true;
	SSL_CTX_get0_chain_certs(tls->context, &chain);
	return SSL_CTX_use_cert_and_key(context, certificate, SSL_CTX_get0_privatekey(tls->context),
					chain, 1) == 1;
}

/* --- one connection --- */

/* An address is checked against the certificate's addresses, and is no name to ask for. */
static bool set_name(SSL *ssl, const char *name)
{
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name))
		return true;
	return SSL_set1_host(ssl, name) &&
	       SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
			(void *)(uintptr_t)name); /* what its macro casts away is only read */
}

SSL *tls_connect(struct tls *tls, int socket, const struct origin *origin)
{
	SSL *ssl = SSL_new(tls->context);
	BIO *bio = BIO_new(tls->socket_bio);

	ERR_clear_error();
	if (!ssl || !bio || !set_name(ssl, tls->sni ? tls->sni : origin->name)) {
		BIO_free(bio);
		SSL_free(ssl);
		return NULL;
	}
	ERR_clear_error(); /* a name that is no address left its mark */
	BIO_set_data(bio, (void *)(intptr_t)socket); /* NOLINT(performance-no-int-to-ptr) */
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_connect_state(ssl);
	return ssl;
}

void tls_close(SSL *ssl, bool politely)
{
	if (ssl && politely && !SSL_in_init(ssl))
		SSL_shutdown(ssl);
	ERR_clear_error();
	SSL_free(ssl);
}

/* An alert is TLS speaking: with TLS 1.3 that a client certificate was missed comes that late. */
static bool is_alert(void)
{
	return ERR_GET_REASON(ERR_peek_last_error()) > SSL_AD_REASON_OFFSET;
}

static int why_not(SSL *ssl, int did)
{
	switch (SSL_get_error(ssl, did)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return WIRE_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return WIRE_END;
	case SSL_ERROR_SSL:
		return is_alert() ? WIRE_TLS : WIRE_RESET;
	default:
		return WIRE_RESET;
	}
}

int tls_shake(SSL *ssl, bool *wants_write)
{
	int did, result;

	ERR_clear_error();
	did = SSL_do_handshake(ssl);
	if (did == 1)
		return 1;
	result = why_not(ssl, did);
	*wants_write = result == WIRE_AGAIN && SSL_want_write(ssl);
	return result == WIRE_AGAIN ? WIRE_AGAIN : WIRE_TLS;
}

/* One record is often not all there is: reads on while some is left in OpenSSL's own buffer. */
ssize_t tls_read(SSL *ssl, char *bytes, size_t room)
{
	size_t got = 0;
	int did;

	ERR_clear_error();
	do {
		did = SSL_read(ssl, bytes + got, (int)(room - got));
		if (did > 0)
			got += (size_t)did;
	} while (did > 0 && got < room && SSL_has_pending(ssl));
	if (got)
		return (ssize_t)got; /* what went wrong after it comes up again */
	return why_not(ssl, did);
}

ssize_t tls_write(SSL *ssl, const char *bytes, size_t length)
{
	int did;

	ERR_clear_error();
	did = SSL_write(ssl, bytes, length > INT32_MAX ? INT32_MAX : (int)length);
	return did > 0 ? did : why_not(ssl, did);
}

const char *tls_problem(SSL *ssl, struct error *why)
{
	long verdict = SSL_get_verify_result(ssl);

	if (verdict != X509_V_OK)
		error_set(why, "the certificate was refused: %s",
			  X509_verify_cert_error_string(verdict));
	else if (ERR_peek_last_error())
		error_set(why, "TLS failed: %s", last_problem());
	else
		error_set(why, "the connection ended during the TLS handshake");
	return why->text;
}
