#!/bin/sh
# nginx.sh: an nginx of one's own, for the demo, the tests and the bench. Meant to be sourced.
#
#   . tests/tools/nginx.sh
#   nginx_prepare DIR            # writes the shop's files, a certificate when openssl is there
#   nginx_start DIR              # starts it on free ports of the loopback
#   echo $NGINX_PORT $NGINX_TLS_PORT $NGINX_PID
#   nginx_stop                   # also when it never started
#
# Runs as whoever calls it, below DIR, in the foreground of a child process; nothing of an nginx
# that the machine has is read or touched. NGINX_CORE pins it to a core, NGINX_LOG=on logs.

NGINX=$(PATH=$PATH:/usr/sbin:/sbin command -v nginx || echo nginx)
NGINX_PID=
NGINX_PORT=
NGINX_TLS_PORT=
NGINX_PRODUCTS=50

nginx_product() {
	printf '{"sku":"SKU-%d","name":"Thing number %d","price":%d.%02d,"available":%d}' \
		"$1" "$1" $(($1 * 7 % 90 + 5)) $(($1 * 13 % 100)) $(($1 * 31 % 500))
}

nginx_write_products() {
	mkdir -p "$1/www/api/products"
	{
		printf '{"items":['
		number=1
		while [ $number -le "$NGINX_PRODUCTS" ]; do
			[ $number -eq 1 ] || printf ','
			nginx_product $number
			nginx_product $number >"$1/www/api/products/SKU-$number"
			number=$((number + 1))
		done
		printf '],"total":%d}\n' "$NGINX_PRODUCTS"
	} >"$1/www/products.json"
}

# A JSON document of about 1.5 kB, and a small body of 64 bytes.
nginx_write_bodies() {
	head -c 63 /dev/zero | tr '\0' 'x' >"$1/www/small.txt"
	echo >>"$1/www/small.txt"
	{
		printf '{"items":['
		number=1
		while [ $number -le 18 ]; do
			[ $number -eq 1 ] || printf ','
			nginx_product $number
			number=$((number + 1))
		done
		printf '],"next":"/api/products?page=2"}'
	} >"$1/www/page.json"
	cat >"$1/www/index.html" <<-'HTML'
		<!doctype html><title>The shop</title>
		<link rel="stylesheet" href="/style.css"><h1>The shop</h1>
	HTML
	echo 'body { font-family: sans-serif }' >"$1/www/style.css"
}

nginx_write_certificate() {
	command -v openssl >/dev/null || return 0
	[ -f "$1/tls.key" ] && return 0
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
		-subj "/CN=localhost" -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" \
		-keyout "$1/tls.key" -out "$1/tls.crt" 2>/dev/null
}

nginx_write_config() {
	tls_listen=
	if [ -f "$1/tls.key" ]; then
		tls_listen="listen 127.0.0.1:$3 ssl http2 reuseport backlog=4096;
		ssl_certificate $1/tls.crt; ssl_certificate_key $1/tls.key;
		ssl_session_cache shared:tls:4m;"
	fi
	cat >"$1/nginx.conf" <<-CONF
		daemon off;
		master_process off;
		worker_rlimit_nofile 20000;
		pid $1/nginx.pid;
		error_log $1/error.log warn;
		events { worker_connections 12000; multi_accept on; }
		http {
			access_log ${NGINX_ACCESS_LOG:-off};
			client_body_temp_path $1/tmp; proxy_temp_path $1/tmp;
			fastcgi_temp_path $1/tmp; uwsgi_temp_path $1/tmp; scgi_temp_path $1/tmp;
			types { text/html html; text/css css; text/plain txt; }
			default_type application/json;
			sendfile off; tcp_nodelay on; etag off;
			keepalive_requests 100000000; keepalive_timeout 300s;
			open_file_cache max=1000; open_file_cache_valid 300s;
			server {
				listen 127.0.0.1:$2 reuseport backlog=4096;
				$tls_listen
				root $1/www;
				location = /api/products { try_files /products.json =404; }
				location = /api/auth/login {
					return 200 '{"token":"t-\$request_id","expires":3600}';
				}
				location = /api/cart/items {
					return 200 '{"items":1,"cart":"\$request_id"}';
				}
				location = /api/orders {
					return 201 '{"id":"o-\$request_id","status":"CONFIRMED"}';
				}
				location /api/orders/ {
					return 200 '{"id":"\$uri","status":"CONFIRMED"}';
				}
				location = /slow { limit_rate 64; try_files /page.json =404; }
				location = /error { return 503 '{"error":"out of order"}'; }
			}
		}
	CONF
}

nginx_prepare() {
	mkdir -p "$1/www" "$1/tmp"
	nginx_write_products "$1"
	nginx_write_bodies "$1"
	nginx_write_certificate "$1"
}

# Two ports that nobody listens on right now, below the range that connections take theirs from.
nginx_free_port() {
	number=0
	while [ $number -lt 100 ]; do
		port=$((10000 + ($(od -An -N2 -tu2 /dev/urandom) + number) % 20000))
		hex=$(printf ':%04X ' "$port")
		if ! grep -q "$hex" /proc/net/tcp 2>/dev/null; then
			echo "$port"
			return 0
		fi
		number=$((number + 1))
	done
	return 1
}

nginx_is_up() {
	hex=$(printf '0100007F:%04X 00000000:0000 0A' "$NGINX_PORT")
	grep -q "$hex" /proc/net/tcp
}

nginx_wait() {
	tries=0
	while [ $tries -lt 100 ]; do
		kill -0 "$NGINX_PID" 2>/dev/null || return 1
		nginx_is_up && return 0
		sleep 0.05
		tries=$((tries + 1))
	done
	return 1
}

nginx_start() {
	nginx_attempt=0
	while [ $nginx_attempt -lt 5 ]; do
		NGINX_PORT=$(nginx_free_port)
		NGINX_TLS_PORT=$(nginx_free_port)
		nginx_write_config "$1" "$NGINX_PORT" "$NGINX_TLS_PORT"
		# Its own session: Ctrl-C at a terminal reaches the caller, which then stops it.
		if [ -n "${NGINX_CORE:-}" ]; then
			setsid taskset -c "$NGINX_CORE" "$NGINX" -p "$1" -c "$1/nginx.conf" \
				-e "$1/error.log" </dev/null >/dev/null 2>&1 &
		else
			setsid "$NGINX" -p "$1" -c "$1/nginx.conf" -e "$1/error.log" \
				</dev/null >/dev/null 2>&1 &
		fi
		NGINX_PID=$!
		nginx_wait && return 0
		nginx_stop
		nginx_attempt=$((nginx_attempt + 1))
	done
	echo "nginx.sh: nginx does not start:" >&2
	tail -n 5 "$1/error.log" >&2
	return 1
}

nginx_stop() {
	[ -n "$NGINX_PID" ] || return 0
	kill "$NGINX_PID" 2>/dev/null || true
	wait "$NGINX_PID" 2>/dev/null || true
	NGINX_PID=
}
