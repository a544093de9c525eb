#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Nothing in the tree or in the release plugins names the machine or the place it was written on.
. "$(dirname "$0")/../lib/tap.sh"

# places: what this very machine would leak, as fixed strings: the checkout, the home directory, the
# host's name and the package mirror it is configured with; short ones are too common to look for
places() {
	echo "$ROOT/"
	echo "${HOME:-/}/"
	hostname
	if command -v apt-get >/dev/null; then
		apt-get indextargets --format '$(SITE)' | sed 's|^[a-z]*://||; s|[/:].*||' |
			none grep -vE '^([a-z0-9-]+\.)*debian\.org$'
	fi
}

# Words that belong to no published project; in brackets so that this file does not match itself.
PRIVATE='/wo[r]k/(main|shared)|/tm[p]/brief|farm-b[e]nch|\bC[E]O\b|\bClau[d]e\b|\bAnthrop[i]c\b|\bChatG[P]T\b|\bLL[M]s?\b|language mod[e]l|AI (ag[e]nt|assist[a]nt)|issue[s]? sho[w]'

private_words() { sources | none xargs -r grep -nIE "$PRIVATE" /dev/null; }
local_words() {
	local words
	words=$(places | grep -vxE '.{0,6}|/root/|localhost' | sort -u)
	sources | none xargs -r grep -nIF "$words" /dev/null
}
build_paths() { none grep -raF -l "$ROOT/" "${EDGEWAY_RELEASE_BIN:-build/release/bin}"; }

verdict "the tree names nothing private" private_words
verdict "the tree does not name this machine" local_words
verdict "release plugins do not carry the build directory" build_paths
exit $failed
