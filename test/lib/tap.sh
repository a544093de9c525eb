# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the scripts of the check tier: says what a check found, in TAP.
set -euo pipefail
shopt -s inherit_errexit globstar nullglob

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$ROOT"
failed=0

# verdict NAME COMMAND...: ok if the command succeeds and prints nothing; what it prints, on stdout
# or stderr, is what is wrong
verdict() {
	local name=$1 findings status
	shift
	set +e
	findings=$(
		set -e
		"$@" 2>&1
	)
	status=$?
	set -e
	if [ -z "$findings" ] && [ $status -eq 0 ]; then
		echo "ok - $name"
	else
		echo "not ok - $name"
		sed 's/^/# /' <<<"${findings:-"$* failed with status $status"}"
		failed=1
	fi
}

# none COMMAND...: run a grep, for which finding nothing is no failure (123: the same through xargs)
none() {
	local status=0
	"$@" || status=$?
	[ $status -le 1 ] || [ $status -eq 123 ]
}

# skip NAME REASON
skip() { echo "ok - $1 # SKIP $2"; }

# sources PATTERN...: the project's files of these kinds, committed or about to be
sources() {
	git -c safe.directory='*' ls-files --cached --others --exclude-standard -- "$@" | sort -u |
		while read -r file; do
			if [ -f "$file" ]; then echo "$file"; fi
		done
}

# scripts SUFFIX INTERPRETER: the project's scripts, by suffix or by the interpreter in the first line
scripts() {
	local file first pattern="^#!.*[/ ]$2\$"
	sources | while read -r file; do
		case $file in
		*".$1") echo "$file" ;;
		*.*) ;;
		*)
			first=$(sed -n '1{p;q}' "$file" | tr -d '\0')
			if [[ $first =~ $pattern ]]; then echo "$file"; fi
			;;
		esac
	done
}
shell_sources() { scripts sh '(ba)?sh'; }
python_sources() { scripts py python3; }
