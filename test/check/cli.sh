#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The man page and the completion of edgeway know the commands and options that --help lists.
. "$(dirname "$0")/../lib/tap.sh"

edgeway=${EDGEWAY_RELEASE_BIN:-build/release/bin}/edgeway
man=docs/man/edgeway.8

commands() { "$edgeway" --help | sed -nE 's/^  ([a-z]+)  .*/\1/p'; }

# options COMMAND: each with its dashes
options() { "$edgeway" "$1" --help | sed -nE 's/^  ((-[a-z]), )?(--[a-z]+).*/\2 \3/p' | tr ' ' '\n' | sed '/^$/d'; }

# section COMMAND: its part of the synopsis
section() { awk -v command="$1" '/^\.Nm/ { on = 0 } $0 == ".Cm " command { on = 1 } /^\.Sh DESC/ { exit } on' $man; }

unmentioned() {
	local command option
	for command in $(commands); do
		grep -qx "\.It Cm $command" $man || echo "$man: no description of $command"
		[ -n "$(section "$command")" ] || echo "$man: no synopsis of $command"
		for option in $(options "$command"); do
			# mdoc writes the first dash itself
			grep -qE "^\.It Fl .*${option#-}( |$)" $man || echo "$man: no description of $option"
		done
	done
}

# in_synopsis: each command's own options are in its synopsis, by letter or by name, and no others
in_synopsis() {
	local command option letter
	for command in $(commands); do
		"$edgeway" "$command" --help | sed -nE 's/^  ((-[a-z]), )?(--[a-z]+).*/\3 \2/p' | while read -r option letter; do
			[ "$option" != --help ] || continue
			section "$command" | grep -qE "Fl (${option#-}${letter:+|${letter#-}})( |$)" ||
				echo "$man: the synopsis of $command lacks $option"
		done
		section "$command" | sed -nE 's/.*Fl (-?[a-z]+).*/-\1/p' | while read -r option; do
			options "$command" | grep -qxe "$option" || echo "$man: $command has no $option"
		done
	done
}

# completes WORD...: what the completion offers after these words, for the last one
completes() {
	bash -c '
		. deploy/completion/edgeway.bash
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_edgeway
		printf "%s\n" "${COMPREPLY[@]}"' - "$@" | sort
}

# differs WHAT WANT GOT
differs() { diff --label "what --help lists" --label "what is completed" <(sort -u <<<"$2") <(sort -u <<<"$3") | sed "s/^/$1: /" || :; }

uncompleted() {
	local command
	differs commands "$(commands)" "$(completes edgeway '' | grep -v '^-')"
	for command in $(commands); do
		differs "$command" "$(options "$command" | grep -e --)" "$(completes edgeway "$command" -)"
	done
}

undocumented() {
	local command
	for command in $(commands); do grep -q "^| \`$command\` |" docs/cli.md || echo "docs/cli.md: no JSON of $command"; done
}

verdict "there are commands" test "$(commands | wc -l)" -ge 7
verdict "the man page describes every command and option" unmentioned
verdict "the man page's synopsis has each command's options" in_synopsis
verdict "the completion offers every command and option" uncompleted
verdict "docs/cli.md describes the JSON of every command" undocumented
if command -v mandoc >/dev/null; then
	verdict "mandoc finds nothing in the man page" mandoc -T lint -W warning $man
else
	skip "mandoc finds nothing in the man page" "mandoc is not installed"
fi
exit $failed
