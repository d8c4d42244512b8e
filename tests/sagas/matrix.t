#!/bin/sh
# a part of the kill matrix: bugs of the shop are caught by the invariants that should, and the
# clean shop passes under the same scenarios; docs/kill-matrix.md has all of it
# timeout: 100s
set -u
cd "$(dirname "$0")/../.." || exit 1
exec /usr/bin/python3 tests/sagas/matrix.py --quick --tap --jobs 3
