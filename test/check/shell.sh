#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shellcheck finds nothing in the shell scripts, and those for a node's own sh keep to what busybox has.
. "$(dirname "$0")/../lib/tap.sh"

check() { shell_sources | xargs -r shellcheck --external-sources --severity=warning --format=gcc; }

# portable: scripts that /bin/sh runs parse in busybox's shell, and in dash
portable() {
	local script
	shell_sources | while read -r script; do
		! grep -qE '^(#!/bin/sh|# shellcheck shell=dash)$' "$script" || "$@" -n "$script"
	done
}

# if_there NAME TOOL COMMAND...
if_there() {
	local name=$1 tool=$2
	shift 2
	if command -v "$tool" >/dev/null; then verdict "$name" "$@"; else skip "$name" "$tool is not installed"; fi
}

if_there "shellcheck finds nothing" shellcheck check
if_there "scripts for sh are read by busybox" busybox portable busybox sh
if_there "scripts for sh are read by dash" dash portable dash
exit $failed
