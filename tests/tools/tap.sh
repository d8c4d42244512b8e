# tap.sh: TAP from a shell script, and what command line tests ask again and again. To be sourced.
#
#	. tests/tools/tap.sh
#	run sagastorm help nothing          # fills $code, $out (stdout) and $err (stderr)
#	is "$code" 2 "an unknown topic is a usage error"
#	like "$err" "nothing about 'nothing'" "and is named"
#	done_testing
#
# $work is a directory of the test's own, removed at the end.

SAGASTORM=${SAGASTORM:-$PWD/build/debug/sagastorm}
TEST_SLOWDOWN=${TEST_SLOWDOWN:-1}
work=$(mktemp -d)
trap 'tap_leave' EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
tap_count=0
tap_failures=0
tap_done=
code=
out=
err=

# A test that needs to clean up defines leave().
tap_leave() {
	tap_code=$?
	if command -v leave >/dev/null; then leave; fi
	rm -rf "$work"
	if [ -z "$tap_done" ]; then
		echo "Bail out! the script ended early (code $tap_code)"
		exit 1
	fi
}

sagastorm() {
	"$SAGASTORM" "$@"
}

run() {
	code=0
	"$@" >"$work/tap-out" 2>"$work/tap-err" </dev/null || code=$?
	out=$(cat "$work/tap-out")
	err=$(cat "$work/tap-err")
}

# ok CODE NAME: good when CODE is 0
ok() {
	tap_count=$((tap_count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_count - $2"
		return 0
	fi
	echo "not ok $tap_count - $2"
	tap_failures=$((tap_failures + 1))
	return 1
}

tap_show() {
	echo "$2" | head -n 20 | sed "s/^/#   $1 /"
}

is() {
	if [ "$1" = "$2" ]; then
		ok 0 "$3"
	else
		ok 1 "$3" || true
		tap_show saw "$1"
		tap_show wanted "$2"
	fi
}

# like TEXT PART NAME: TEXT contains PART, as it is
like() {
	case $1 in
	*"$2"*) ok 0 "$3" ;;
	*)
		ok 1 "$3" || true
		tap_show saw "$1"
		tap_show 'wanted in it' "$2"
		;;
	esac
}

unlike() {
	case $1 in
	*"$2"*)
		ok 1 "$3" || true
		tap_show saw "$1"
		tap_show 'not wanted' "$2"
		;;
	*) ok 0 "$3" ;;
	esac
}

skip_all() {
	tap_done=yes
	echo "1..0 # SKIP $1"
	exit 0
}

done_testing() {
	tap_done=yes
	echo "1..$tap_count"
	[ $tap_failures -eq 0 ] || exit 1
	exit 0
}
