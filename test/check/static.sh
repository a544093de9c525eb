#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Release plugins are static: they are copied onto hosts, chroots and images of any distribution.
. "$(dirname "$0")/../lib/tap.sh"

plugins=("${EDGEWAY_RELEASE_BIN:-build/release/bin}"/*)
dynamic() {
	readelf --wide --program-headers --dynamic "$1" | none grep -E 'INTERP|NEEDED'
}

verdict "there are release plugins" test ${#plugins[@]} -gt 0
for plugin in "${plugins[@]}"; do
	if [ "${plugin##*/}" = edgeway-loader ] && ! grep -qsx 'LIBELF_IS_WHOLE:INTERNAL=1' build/release/CMakeCache.txt; then
		skip "edgeway-loader is static" "this distribution's libelf.a lacks functions that it calls"
		continue
	fi
	verdict "$(basename "$plugin") is static" dynamic "$plugin"
done
exit $failed
