#!/bin/sh
# check finds every mistake before the first request, and names it with its place
. tests/tools/tap.sh

run sagastorm check --strict scenarios/*.yaml
is "$code" 0 "every scenario that comes along is without mistakes and warnings"
is "$err" "" "and nothing is said about them"
is "$(echo "$out" | wc -l)" "$(ls scenarios/*.yaml | wc -l)" "a line per scenario"

cat >"$work/good.yaml" <<-'YAML'
	name: good
	vars: { rate: 10/s }
	target: http://127.0.0.1:8080
	load: { go: { rate: "${rate}", for: 30s }, stay: { users: 5, for: 10s } }
	journeys: { a: [ { get: / } ] }
YAML
run sagastorm check "$work/good.yaml"
is "$code" 0 "a good scenario is exit code 0"
is "$out" "$work/good.yaml: ok: 1 journey, 2 phases, 40 s, 300 starts and what the users make" \
	"and is summed up in a line"

run sagastorm check --plan "$work/good.yaml"
first=$out
like "$out" "digest" "--plan prints the plan"
run sagastorm check --plan "$work/good.yaml"
is "$out" "$first" "the same seed gives the same plan"
run sagastorm check --plan --seed 2 --set rate=20/s "$work/good.yaml"
like "$out" "600 starts" "--set overrides a variable"
like "$out" "seed 2," "--seed overrides the seed"

cat >"$work/poisson.yaml" <<-'YAML'
	target: http://127.0.0.1:8080
	load: { go: { rate: 50/s, for: 5s, arrivals: poisson } }
	journeys: { a: [ { get: / } ] }
YAML
digest() {
	sagastorm check --plan --seed "$1" "$work/poisson.yaml" | sed -n 's/.*digest //p'
}
[ -n "$(digest 1)" ] && [ "$(digest 1)" = "$(digest 1)" ] && [ "$(digest 1)" != "$(digest 2)" ]
ok $? "another seed gives another plan"

cat >"$work/bad.yaml" <<-'YAML'
	targte: http://127.0.0.1:8080
	load:
	  go: { rate: 10, for: 30s }
	  go: { rate: 10/s, for: 30s }
	journeys:
	  a: [ { get: "/${nope}" } ]
YAML
run sagastorm check "$work/bad.yaml" "$work/good.yaml"
is "$code" 2 "mistakes are exit code 2"
like "$err" "$work/bad.yaml:1:1: unknown key 'targte' (did you mean 'target'?)" "a misspelt key"
like "$err" "$work/bad.yaml:3:15: 'rate': '10' has no unit" "a missing unit"
like "$err" "$work/bad.yaml:4:3: duplicate key 'go' (first at 3:3)" \
	"a duplicate key, with both places"
like "$err" "$work/bad.yaml:6:" "a mistake in a journey, in the same pass"
like "$out" "good.yaml: ok" "the other scenario is still checked"
unlike "$out" "bad.yaml" "and nothing good is said of the bad one"

run sagastorm check --set nope=1 "$work/good.yaml"
is "$code" 2 "--set of an unknown variable is refused"
run sagastorm check --target nonsense "$work/good.yaml"
is "$code" 2 "a target that is no URL is refused"
like "$err" "--target: 'nonsense' is no URL" "and named"
run sagastorm check "$work/absent.yaml"
is "$code" 2 "a file that is not there is exit code 2"
like "$err" "No such file" "with the reason"
run sagastorm check
is "$code" 2 "no file at all is a usage error"

cat >"$work/warned.yaml" <<-'YAML'
	vars: { unused: 1 }
	target: http://127.0.0.1:8080
	load: { go: { rate: 10/s, for: 1s } }
	journeys: { a: [ { get: / } ] }
YAML
run sagastorm check "$work/warned.yaml"
is "$code" 0 "a warning is no error"
like "$err" "$work/warned.yaml:1:17: warning: variable 'unused' is never used" "but is printed"
run sagastorm check --strict "$work/warned.yaml"
is "$code" 2 "unless --strict says so"

TOKEN=hunter2
export TOKEN
cat >"$work/secret.yaml" <<-'YAML'
	target: http://127.0.0.1:8080
	load: { go: { rate: "${secret:TOKEN}", for: 1s } }
	journeys: { a: [ { get: / } ] }
YAML
run sagastorm check "$work/secret.yaml"
unlike "$out$err" "hunter2" "a secret is never printed"
like "$err" "'***' is no rate" "it is masked"

done_testing
