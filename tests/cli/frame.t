#!/bin/sh
# the command line explains itself, and says no clearly
. tests/tools/tap.sh

run sagastorm
is "$code" 2 "no command is a usage error"
like "$err" "sagastorm help" "and says where help is"

run sagastorm help
is "$code" 0 "help is no error"
is "$err" "" "help goes to stdout alone"
commands=$(echo "$out" | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
sources=$(ls cli/cmd_*.c | sed 's|.*/cmd_\(.*\)\.c|\1|')
is "$(echo $commands)" "$(echo $sources)" "help lists every command"
is "$(echo "$commands" | sort)" "$commands" "in order"

for command in $commands; do
	run sagastorm help "$command"
	is "$code" 0 "help $command"
	like "$out" "usage: sagastorm $command" "help $command shows its usage"
	asked=$out
	run sagastorm "$command" --help
	is "$out" "$asked" "$command --help says the same"
	run sagastorm "$command" --no-such-option
	is "$code" 2 "$command refuses an unknown option"
	like "$err" "unknown option '--no-such-option'" "$command names it"
done

run sagastorm --help
like "$out" "commands:" "--help alone is help"
run sagastorm --version
like "$out" "sagastorm " "--version is version"

run sagastorm runn
is "$code" 2 "an unknown command is a usage error"
like "$err" "unknown command 'runn' (did you mean 'run'?)" "with a suggestion"
run sagastorm run --taget=x scenario.yaml
is "$code" 2 "an unknown option is a usage error"
like "$err" "unknown option '--taget' (did you mean '--target'?)" "with a suggestion"
run sagastorm chaos amr
is "$code" 2 "so it is below a command"
like "$err" "unknown command 'amr' (did you mean 'arm'?)" "with a suggestion, too"
run sagastorm help exit-code
like "$err" "(did you mean 'exit-codes'?)" "help suggests topics too"
run sagastorm run
is "$code" 2 "a missing argument is a usage error"
run sagastorm version one
like "$err" "unexpected argument 'one'" "one argument too many is named"

run sagastorm help exit-codes
first=$(echo "$out" | sed -n 's/^ *\([0-9][0-9]*\)  .*/\1/p' | tr '\n' ' ')
is "$first" "30 10 21 22 20 23 3 2 1 130 143 0 " "exit codes come in the order of their rank"

if [ -w /dev/full ]; then
	code=0
	sagastorm help >/dev/full 2>"$work/err" || code=$?
	is "$code" 1 "a result that can't be written is an error"
	like "$(cat "$work/err")" "cannot write to standard output" "and says so"
fi

done_testing
