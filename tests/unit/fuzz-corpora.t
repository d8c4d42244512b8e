#!/bin/sh
# what fuzzing once found stays fixed: every corpus is replayed, with the sanitizers of this MODE
BUILD=${BUILD:-build/debug}
count=0
failures=0
for source in tests/fuzz/fuzz_*.c; do
	[ -f "$source" ] || continue
	target=$(basename "$source" .c)
	corpus=tests/fuzz/corpus/${target#fuzz_}
	count=$((count + 1))
	files=$(find "$corpus" -type f 2>/dev/null | sort)
	number=$(echo "$files" | grep -c .)
	if [ "$number" -eq 0 ]; then
		echo "not ok $count - $target has a corpus"
		failures=$((failures + 1))
	elif said=$("$BUILD/tests/fuzz/$target" $files 2>&1 >/dev/null); then
		echo "ok $count - $target survives its corpus ($number files)"
	else
		echo "not ok $count - $target survives its corpus"
		echo "$said" | head -n 40 | sed 's/^/# /'
		failures=$((failures + 1))
	fi
done
if [ $count -eq 0 ]; then
	echo "1..0 # SKIP no fuzz targets yet"
	exit 0
fi
echo "1..$count"
[ $failures -eq 0 ]
