#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The generated parts of docs/ are what today's plugins print, so that they cannot be out of date.
. "$(dirname "$0")/../lib/tap.sh"

export EDGEWAY_RELEASE_BIN=${EDGEWAY_RELEASE_BIN:-build/release/bin}

# unwritten: plugins without a page that holds their keys
unwritten() {
	local plugin name
	for plugin in "$EDGEWAY_RELEASE_BIN"/*; do
		name=$(basename "$plugin")
		case $name in edgeway | edgeway-*) continue ;; esac # not a plugin
		grep -qsF "<!-- generated: $name --help=markdown -->" "docs/plugins/$name.md" ||
			echo "docs/plugins/$name.md: missing, or without the keys of $name"
	done
}

verdict "each plugin has a page with its keys" unwritten
verdict "generated parts of the documentation are fresh" docs/generate --check
exit $failed
