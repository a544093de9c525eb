#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# clang-tidy finds nothing in lib/, plugins/ and agent/. Slow, hence only with FULL=1.
. "$(dirname "$0")/../lib/tap.sh"

# untidy: its findings; what it says on stderr is only how many it suppressed
untidy() {
	sources 'lib/**.c' 'plugins/**.c' 'agent/**.c' |
		xargs -r -P "$(nproc)" -n 4 clang-tidy --quiet -p $database --extra-arg=-Qunused-arguments \
			--extra-arg=-Wno-ignored-optimization-argument 2>/dev/null |
		none grep -E '(warning|error):' | sort -u
}

name="clang-tidy finds nothing"
database=build/release
if [ -z "${FULL:-}" ]; then
	skip "$name" "takes minutes; test/run --full runs it"
elif ! command -v clang-tidy >/dev/null; then
	skip "$name" "clang-tidy is not installed"
elif [ ! -f $database/compile_commands.json ]; then
	verdict "$name" echo "no $database/compile_commands.json: CMAKE_EXPORT_COMPILE_COMMANDS is off"
else
	verdict "$name" untidy
fi
exit $failed
