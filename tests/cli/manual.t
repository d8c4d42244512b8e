#!/bin/sh
# the manual pages are what mandoc likes, and hold every command and key
. tests/tools/tap.sh
command -v mandoc >/dev/null || skip_all "mandoc is not installed"

lint() {
	mandoc -Tlint "$1" 2>&1 |
		grep -v -e 'referenced manual not found' -e 'STYLE: input text line longer' || true
}

run sagastorm help --man
is "$code" 0 "sagastorm(1) is written"
echo "$out" >"$work/sagastorm.1"
is "$(lint "$work/sagastorm.1")" "" "sagastorm(1) is clean"
page=$(mandoc -Tascii "$work/sagastorm.1" | sed 's|.\x08||g')
for command in $(sagastorm help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
	like "$page" "sagastorm $command" "sagastorm(1) tells about $command"
done
like "$page" "--target" "sagastorm(1) has the options"

run sagastorm help --man scenario
is "$code" 0 "sagastorm-scenario(5) is written"
echo "$out" >"$work/scenario.5"
is "$(lint "$work/scenario.5")" "" "sagastorm-scenario(5) is clean"
page=$(mandoc -Tascii "$work/scenario.5" | sed 's|.\x08||g')
for key in load journeys mix data vars http generator; do
	echo "$page" | grep -q "^     $key\( \|\$\)"
	ok $? "sagastorm-scenario(5) has the key $key"
done

done_testing
