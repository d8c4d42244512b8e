#!/bin/sh
# the tree keeps its own rules: who includes whom, sizes, widths, headers that stand alone
if said=$(ci/source-check 2>/dev/null); then
	echo "ok 1 - the source check finds nothing"
	echo "1..1"
	exit 0
fi
echo "not ok 1 - the source check finds nothing"
echo "$said" | sed 's/^/# /'
echo "1..1"
exit 1
