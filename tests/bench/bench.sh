#!/bin/bash
# bench: what a request costs the generator, ours beside the field, on the same nginx.
#
#   BENCH_SECONDS=2 BENCH_ROUNDS=3 tests/bench/bench.sh [CASE...]
#
# nginx has core 0, the generators take turns on core 1. `make bench` builds and calls it.
# CASE: small-64 small-2048 json-64 tls-64 tls-2048 journey instructions (default: all)
set -euo pipefail
cd "$(dirname "$0")/../.."

place=$(mktemp -d)
. tests/tools/nginx.sh
leave() {
	nginx_stop
	rm -rf "$place"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

cores=$(nproc)
NGINX_CORE=0
export BENCH_CORE=$((cores > 1 ? 1 : 0))
[ "$cores" -gt 1 ] || echo "bench: one core only: nginx and the generators share it" >&2
ulimit -n "$(ulimit -Hn)"

nginx_prepare "$place"
nginx_start "$place"
export BENCH_PLACE=$place BENCH_HTTP=http://127.0.0.1:$NGINX_PORT
export BENCH_HTTPS=https://localhost:$NGINX_TLS_PORT BENCH_CA=$place/tls.crt
/usr/bin/python3 tests/bench/bench.py "$@"
