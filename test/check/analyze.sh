#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cppcheck and gcc's -fanalyzer find nothing in lib/, plugins/ and agent/. Slow, hence only with FULL=1.
. "$(dirname "$0")/../lib/tap.sh"

# What cppcheck cannot know: that _cleanup_ frees (gcc does, and looks for leaks), macros that open a
# block; normalCheckLevelMaxBranches is its saying that it could look longer.
SUPPRESS=(memleak resourceLeak missingIncludeSystem normalCheckLevelMaxBranches unknownMacro)

check() {
	cppcheck --quiet --enable=warning,performance,portability --inline-suppr --std=c11 \
		"${SUPPRESS[@]/#/--suppress=}" -D_GNU_SOURCE -DEDGEWAY_VERSION='"0"' -I lib -I plugins -I agent -j "$(nproc)" lib plugins agent
}

# What the build defines, and what it generates, which has to be built.
BUILT=(-D_GNU_SOURCE -DEDGEWAY_VERSION='"0"' -DDATAPATH_OBJECT='"/dev/null"' -I build/release/bpf/include
	-I build/release/lib/grpc/edgeway_grpc.pb)

analyze() {
	sources 'lib/**.c' 'plugins/**.c' 'agent/**.c' | xargs -r -P "$(nproc)" -n 1 gcc -fanalyzer -O1 -std=gnu17 \
		"${BUILT[@]}" -I lib -I plugins -I agent -S -o /dev/null
}

# full NAME TOOL FUNCTION
full() {
	if [ -z "${FULL:-}" ]; then
		skip "$1" "takes minutes; test/run --full runs it"
	elif ! command -v "$2" >/dev/null; then
		skip "$1" "$2 is not installed"
	else
		verdict "$1" "$3"
	fi
}

full "cppcheck finds nothing" cppcheck check
full "gcc -fanalyzer finds nothing" gcc analyze
exit $failed
