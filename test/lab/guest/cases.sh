# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by guest scripts whose cases take turns in one world, for a card belongs to the machine. A case is a
# function [GROUP_]case_WHAT_IS_TRUE; fresh CASE, of the script, makes what each finds.

# play CASE: prints its TAP line, and what it said if it failed
play() {
	local name=${1#*case_} log rc=0
	name=${name//_/ }
	set +e
	log=$(
		exec 2>&1
		set -eE
		trap 'echo "FAIL: line $LINENO: $BASH_COMMAND"' ERR
		fresh "$1"
		"$1"
	)
	rc=$?
	set -e
	if [ $rc -eq 0 ]; then
		echo "ok - $name"
	else
		echo "not ok - $name"
		tail -n 40 <<<"$log" | sed 's/^/# /'
	fi
}

# play_all GROUPS [CASE]...: these cases, or those of the script in these groups, a regular expression
play_all() {
	local case groups=$1
	shift
	echo "# running on Linux $(uname -r)"
	# shellcheck disable=SC2048 # names of functions
	for case in ${*:-$(sed -nE "s/^($groups(case_[A-Za-z0-9_]*))\(\) \{.*/\1/p" "$0")}; do play "$case"; done
}
