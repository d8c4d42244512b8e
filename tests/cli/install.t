#!/bin/sh
# make install puts everything where a package would want it
# timeout: 240s
. tests/tools/tap.sh
[ "${MODE:-debug}" = asan ] || [ "${MODE:-debug}" = debug ] || skip_all "once is enough"
[ -x build/release/sagastorm ] || skip_all "there is no release build"

run make -s --no-print-directory install DESTDIR="$work/stage" PREFIX=/usr
is "$code" 0 "make install works into an empty directory"
is "$(cd "$work/stage" && find . -type f -path '*/bin/*')" "./usr/bin/sagastorm" "the binary"
for page in man1/sagastorm.1 man5/sagastorm-scenario.5; do
	[ -s "$work/stage/usr/share/man/$page" ]
	ok $? "the manual page $page"
done
run "$work/stage/usr/bin/sagastorm" check "$work/stage/usr/share/sagastorm/scenarios/demo.yaml"
is "$code" 0 "the installed scenarios pass the installed check"
run /usr/bin/python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["$schema"])' \
	"$work/stage/usr/share/sagastorm/docs/scenario.schema.json"
like "$out" "draft-07" "the schema for editors"
run make -s --no-print-directory install DESTDIR="$work/stage" PREFIX=/usr
is "$code" 0 "and once more over it"

done_testing
