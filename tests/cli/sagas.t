#!/bin/sh
# sagas: the reports of a run say how its sagas ended, and what was violated
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/tools/tap.sh

python=/usr/bin/python3
saga_run=${BUILD:-build/debug}/tests/tools/saga_run

look() {
	$python -c '
import json, sys
report = json.load(open(sys.argv[1]))
print(eval(sys.argv[2], {"r": report, "s": report["sagas"].get("order"),
      "by": {i["name"]: i for i in report["sagas"].get("order", {"invariants": []})["invariants"]}}))' "$@"
}

"$saga_run" "$work/right" 2000 0
"$saga_run" "$work/wrong" 2000 100

run sagastorm report "$work/right"
is "$(look "$work/right/report.json" 's["started"], s["succeeded"], s["compensated"], s["violations"]')" \
	"(2000, 1800, 200, 0)" "report.json says how they ended"
like "$out" "order: 2,000 started = 1,800 succeeded + 200 compensated + 0 stuck + 0" \
	"and so does the summary"
like "$out" "verified goodput" "with the verified goodput"
unlike "$out" "VIOLATED" "nothing is said to be violated that is not"
is "$code" 0 "and the run passes"
ok "$([ ! -e "$work/right/witnesses.txt" ]; echo $?)" "there are no witnesses of nothing"
is "$(look "$work/right/report.json" 'by["terminal"]["verdict"], by["outbox"]["verdict"]')" \
	"('valid', 'unknown')" "what the contract does not let it know is unknown"

run sagastorm report "$work/wrong"
is "$code" 21 "a violated invariant is exit code 21"
like "$out" "charge-once VIOLATED, 3 of" "the summary has a line per violated invariant"
like "$out" "'charge' happened 2 times" "with the reason of the smallest witness"
run grep -E '^  >> .* psp .* charge: ' "$work/wrong/witnesses.txt"
is "$code" 0 "witnesses.txt tells their stories, and marks what contradicts"
once='by["charge-once"]'
is "$(look "$work/wrong/report.json" "$once['verdict'], $once['violations'], len($once['witnesses'])")" \
	"('invalid', 3, 3)" "report.json has each with its witnesses"
ends='s["succeeded"] + s["compensated"] + s["stuck"] + s["unknown"]'
is "$(look "$work/wrong/report.json" "s['started'] == $ends")" \
	"True" "the identity holds"

if $python -c 'import jsonschema' 2>/dev/null; then
	for which in right wrong; do
		run $python -c 'import json, jsonschema, sys
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open("docs/report.schema.json")))' \
			"$work/$which/report.json"
		is "$code" 0 "the report of the $which one fits its schema"
	done
fi

cp "$work/wrong/report.json" "$work/before.json"
run sagastorm report "$work/wrong"
run cmp "$work/before.json" "$work/wrong/report.json"
is "$code" 0 "judged again, it is the same"

printf '{' >"$work/wrong/history/verdicts.json"
run sagastorm report "$work/wrong"
is "$code" 21 "what is left of verdicts is not believed"

printf 'rubbish, as a crash may leave it, and more than sixty-four bytes of that ...' \
	>>"$work/wrong/history/evidence.history"
run sagastorm report "$work/wrong"
is "$(look "$work/wrong/report.json" 'by["order-has-charge"]["verdict"], by["charge-once"]["verdict"]')" \
	"('unknown', 'invalid')" "with a damaged history only facts are violations"
like "$(look "$work/wrong/report.json" 'by["order-has-charge"]["why"]')" "evidence.history" \
	"and why the rest is unknown is said"

done_testing
