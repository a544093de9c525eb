#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The C sources are formatted as .clang-format says.
. "$(dirname "$0")/../lib/tap.sh"

FORMATTED_WITH=14 # other versions of clang-format break some lines elsewhere

# unformatted: where clang-format would change something; the exit status says so too
unformatted() {
	sources '*.c' '*.h' | xargs -r clang-format --dry-run --Werror 2>&1 | none grep error:
}

name="sources are formatted"
if ! command -v clang-format >/dev/null; then
	skip "$name" "clang-format is not installed"
elif ! clang-format --version | grep -q "version $FORMATTED_WITH\."; then
	skip "$name" "needs clang-format $FORMATTED_WITH, this is $(clang-format --version)"
else
	verdict "$name" unformatted
fi
exit $failed
