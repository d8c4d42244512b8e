#!/bin/sh
# What we export is read back by the reference implementation of HdrHistogram, bucket for bucket.
# Needs default-jdk-headless and libhdrhistogram-java.
set -u
cd "$(dirname "$0")/../.." || exit 1

jar=/usr/share/java/HdrHistogram.jar
[ -e "$jar" ] || jar=/usr/share/java/hdrhistogram.jar
if ! command -v java >/dev/null || [ ! -e "$jar" ]; then
	echo "1..0 # SKIP no java, or no libhdrhistogram-java"
	exit 0
fi

samples=${BUILD:-build/debug}/tests/tools/hist_samples
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/ours" "$work/theirs"
tests=0 failures=0

check() { # NAME COMMAND...
	name=$1
	shift
	tests=$((tests + 1))
	if "$@" >"$work/output" 2>&1; then
		echo "ok $tests - $name"
	else
		failures=$((failures + 1))
		echo "not ok $tests - $name"
		head -n 20 "$work/output" | sed 's/^/# /'
	fi
}

read_back() {
	timeout 120 java -cp "$jar" tests/fixtures/ReadHistogramLog.java "$work/ours/samples.hlog" \
		"$work/theirs" >"$work/theirs/read.txt"
}

all_there() {
	ls "$work/ours" && [ "$(grep -c ' total ' "$work/ours/expected.txt")" = 15 ]
}

# Java rounds ties up and C to even: the last digit of a value or a percentile may differ by one.
same_table() {
	paste -d ' ' "$1" "$2" | awk '
		function apart(a, b) { return a > b ? a - b : b - a }
		function last_digit(text) {
			sub(/^[^.]*\.?/, "", text)
			return 1.01 / 10 ^ length(text)
		}
		{ half = NF / 2; bad = NF % 2 }
		/^ *[0-9]/ {
			bad = bad || apart($1, $(half + 1)) > last_digit($1)
			bad = bad || apart($2, $(half + 2)) > last_digit($2)
		}
		{
			for (i = /^ *[0-9]/ ? 3 : 1; i <= half; i++)
				bad = bad || $i != $(half + i)
		}
		bad { print; failed = 1 }
		END { exit failed || NR < 5 }'
}

check "the samples are written" "$samples" "$work/ours"
check "15 histograms are in the log" all_there
check "the reference implementation reads the log" read_back
check "it finds the same counts, percentiles, times and max" \
	diff "$work/ours/expected.txt" "$work/theirs/read.txt"
for table in "$work"/ours/*.hgrm; do
	check "its percentile table of $(basename "$table" .hgrm) is ours" \
		same_table "$table" "$work/theirs/$(basename "$table")"
done
echo "1..$tests"
[ $failures = 0 ]
