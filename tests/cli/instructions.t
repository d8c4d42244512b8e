#!/bin/sh
# what a request costs, in instructions: the same on every machine, so a gate without noise
# timeout: 300s
. tests/tools/tap.sh
. tests/tools/nginx.sh
SAGASTORM_RELEASE=${SAGASTORM_RELEASE:-$PWD/build/release/sagastorm}
export SAGASTORM_RELEASE

[ -x "$SAGASTORM_RELEASE" ] || skip_all "there is no release build"
command -v valgrind >/dev/null || skip_all "valgrind is not installed"
command -v "$NGINX" >/dev/null || skip_all "nginx is not installed"
case ${MODE:-} in
cov | tsan) skip_all "nothing new in MODE=$MODE" ;;
esac

leave() {
	nginx_stop
}

count() { # TRANSPORT PATH JOURNEY
	BENCH_PLACE=$work /usr/bin/python3 - "$@" <<-PYTHON
		import sys
		sys.dont_write_bytecode = True
		sys.path.insert(0, "tests/bench")
		import ours
		transport, path, journey = sys.argv[1:]
		workers, everything = ours.instructions(
		    "$work", "http://127.0.0.1:$NGINX_PORT" + path, transport, journey == "journey")
		print(f"#   {transport} {path}: {everything:.0f} with the report", file=sys.stderr)
		print(round(workers))
	PYTHON
}

holds() { # INSTRUCTIONS LIMIT NAME
	echo "#   $3: $1 instructions (at most $2)"
	[ "$1" -gt 500 ] && [ "$1" -le "$2" ]
	ok $? "$3"
}

nginx_prepare "$work/nginx"
nginx_start "$work/nginx"

direct=$(count direct /small.txt plain) || direct=0
holds "$direct" 3500 "a direct GET takes under 3,500 instructions"
curl=$(count curl /small.txt plain) || curl=0
holds "$curl" 60000 "a GET by libcurl takes under 60,000 instructions"
journey=$(count direct / journey) || journey=0
# Templates, two expectations, JSON Pointers into up to 4 kB, and the record; a list is in it
holds "$journey" 12500 "a step of a journey takes under 12,500 instructions"

done_testing
