#!/bin/bash
# proxy: what our proxy adds to a call, beside toxiproxy on the same machine in the same minute.
#
#   BENCH_SECONDS=2 BENCH_ROUNDS=3 BENCH_CORES=1 tests/bench/proxy.sh
#
# toxiproxy is taken from PATH (toxiproxy-server), or built by go when that is there, into
# build/bench. Without it ours is measured alone. `make bench` builds and calls this.
set -euo pipefail
cd "$(dirname "$0")/../.."

toxiproxy=$(command -v toxiproxy-server || true)
if [ -z "$toxiproxy" ]; then
	toxiproxy=$PWD/build/bench/toxiproxy/server
	if [ ! -x "$toxiproxy" ] && command -v go >/dev/null; then
		GOBIN=${toxiproxy%/*} GOPATH=$PWD/build/bench/go GOFLAGS=-modcacherw timeout 300 \
			go install github.com/Shopify/toxiproxy/v2/cmd/server@latest >&2 || true
	fi
fi
if [ -x "$toxiproxy" ]; then
	export BENCH_TOXIPROXY=$toxiproxy
else
	echo "proxy: neither toxiproxy-server nor go is here: ours alone" >&2
fi
exec build/release/tests/bench/proxy_bench
