# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the tests of deploy/install and deploy/uninstall: releases, trees, and what is whole.
. "${BASH_SOURCE[0]%/*}/lib.sh"

BIN=$RELEASE_BIN # what is installed; other builds are slower, and tested elsewhere
INSTALL=$ROOT/deploy/install
UNINSTALL=$ROOT/deploy/uninstall
R=$T/root # the node's file system, made up
NAMES=$(ls "$BIN")
K3S=$R/var/lib/rancher/k3s/data

# release DIRECTORY MARK: our plugins as another release would have them: the same, but other bytes
release() {
	local name
	mkdir -p "$1"
	for name in $NAMES; do
		cp "$BIN/$name" "$1/$name"
		echo "$2" >>"$1/$name"
	done
}

# reference DIRECTORY: another's plugins, each with something about it that may get lost
reference() {
	mkdir -p "$1"
	echo "#!/bin/sh" >"$1/bridge"
	chmod 750 "$1/bridge"
	echo portmap >"$1/portmap"
	echo host-local >"$1/host-local"
	chown 1234:5678 "$1/host-local"
	touch -d 2001-02-03 "$1/host-local"
	ln -s /nowhere/loopback "$1/loopback"
}

# tree DIRECTORY: all that could differ
tree() {
	(cd "$1" && find . -printf '%p %M %U:%G %s %l ' \( -type d -printf '\n' -o -printf '%T@\n' \) | sort)
	(cd "$1" && find . -type f -exec sha256sum {} + | sort)
}

# is_ours DIRECTORY RELEASE: every plugin of the release is there, and nothing is at work any more
is_ours() {
	local name
	for name in $NAMES; do cmp "$1/$name" "$2/$name"; done
	(cd "$1" && sha256sum --quiet -c .edgeway/manifest)
	find "$1/.edgeway" -mindepth 1 -maxdepth 1 ! -name manifest ! -name lock ! -name kept ! -name made | absent "left by an install"
}

install_quietly() { "$INSTALL" --root "$R" --from "$BIN" "$@" >"$T/said"; }
uninstall_quietly() { "$UNINSTALL" --root "$R" "$@" >"$T/said"; }
