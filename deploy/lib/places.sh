# SPDX-License-Identifier: Apache-2.0
# Sourced by deploy/install and deploy/uninstall: options, and where runtimes look for plugins.
# Works with dash and with busybox, as a node may have nothing else.
# shellcheck shell=dash

ROOT=     # of the file system to work on; empty is this node's
BIN_DIRS= # directories of plugins, a line each; empty: every runtime's on this node
CONF_DIR= # directory of configurations; empty: the one that belongs to a BIN_DIR
FROM=     # directory of the plugins to install
PREFIX=   # of edgeway, its man page and its completion; empty: they are not asked for
PREFIX_DEFAULT=/usr/local
CHECK=

TAB=$(printf '\t')
NEWLINE='
'

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# usage STATUS: the comment at the top of the script that was called
usage() {
	sed -n '3,/^[^#]/s/^# \{0,1\}//p' "$0"
	exit "$1"
}

# absolute DIRECTORY: existing or not
absolute() {
	case $1 in
	/*) echo "$1" ;;
	*) echo "$PWD/$1" ;;
	esac
}

options() {
	while [ $# -gt 0 ]; do
		case $1 in
		-h | --help) usage 0 ;;
		--check) CHECK=yes ;;
		--plugins-only) PREFIX='' PREFIX_DEFAULT='' ;;
		--from | --bin-dir | --prefix | --conf-dir | --root)
			[ -n "${2:-}" ] || die "$1: needs a directory"
			take_directory "$1" "$(absolute "$2")"
			shift
			;;
		*) usage 2 >&2 ;;
		esac
		shift
	done
	PREFIX=${PREFIX:-$PREFIX_DEFAULT}
}

take_directory() {
	case $1 in
	--from) FROM=$2 ;;
	--bin-dir)
		BIN_DIRS=${BIN_DIRS:+$BIN_DIRS$NEWLINE}$2
		PREFIX_DEFAULT= # there, and only there
		;;
	--prefix) PREFIX=$2 ;;
	--conf-dir) CONF_DIR=$2 ;;
	--root)
		[ -d "$2" ] || die "--root: no directory $2"
		ROOT=${2%/}
		;;
	esac
}

# places: "BIN-DIRECTORY<TAB>CONF-DIRECTORY<TAB>RUNTIME" for each to work on, below ROOT already
places() {
	local conf dir
	conf=${CONF_DIR:-/etc/cni/net.d}
	if [ -n "$BIN_DIRS" ]; then
		echo "$BIN_DIRS" | while read -r dir; do place "$dir" "$conf" "--bin-dir"; done
	else
		{
			k3s_places
			containerd_places
			[ ! -d "$ROOT/usr/lib/cni" ] || place /usr/lib/cni "$conf" "the distribution's podman and containerd"
			[ ! -d "$ROOT/opt/cni/bin" ] || place /opt/cni/bin "$conf" "containerd, CRI-O, faasd"
		} | awk -F '\t' '!seen[$1]++ { print } END { if (!NR) exit 1 }' ||
			place /opt/cni/bin "$conf" "what most runtimes look for"
	fi
}

place() { printf '%s\t%s\t%s\n' "$ROOT$1" "$ROOT$2" "$3"; }

# command_places: "DIRECTORY<TAB>NAME" of edgeway and what people use with it, below ROOT already
command_places() {
	[ -z "$PREFIX" ] || printf '%s\t%s\n' "$ROOT$PREFIX/bin" edgeway "$ROOT$PREFIX/share/man/man8" edgeway.8 \
		"$ROOT$PREFIX/share/bash-completion/completions" edgeway.bash
}

# k3s_places: releases since October 2024 have a directory that upgrades leave alone, before it was
# in the bundle of the release, to which `current` points
k3s_places() {
	local data=/var/lib/rancher/k3s/data conf dir
	conf=${CONF_DIR:-/var/lib/rancher/k3s/agent/etc/cni/net.d}
	if [ -d "$ROOT$data/cni" ]; then
		place $data/cni "$conf" "K3s"
	elif [ -L "$ROOT$data/current" ]; then
		dir=$(readlink "$ROOT$data/current") # absolute, so only its last part holds below ROOT
		place "$data/${dir##*/}/bin" "$conf" "K3s before October 2024"
	else
		for dir in "$ROOT$data"/*/bin/host-local; do
			[ -e "$dir" ] || [ -L "$dir" ] || continue
			dir=${dir%/host-local}
			place "${dir#"$ROOT"}" "$conf" "K3s before October 2024"
		done
	fi
}

# containerd_places: bin_dir = "..." or bin_dirs = ["...", ...] of its configuration
containerd_places() {
	local file=$ROOT/etc/containerd/config.toml dir conf
	[ -f "$file" ] || return 0
	conf=${CONF_DIR:-$(toml_strings conf_dir "$file" | head -n 1)}
	toml_strings 'bin_dirs?' "$file" | while read -r dir; do
		place "$dir" "${conf:-/etc/cni/net.d}" "containerd (its config.toml)"
	done
}

# toml_strings KEY FILE: the strings assigned to keys that match KEY; in either kind of quotes, for
# containerd 2 writes the single ones, and lists on one line or several
toml_strings() {
	awk -v key="^[ \t]*$1[ \t]*=[ \t]*" '
		/^[ \t]*#/ { next }
		!inside && !sub(key, "") { next }
		{
			inside = inside || /^\[/
			while (match($0, /"[^"]*"|\047[^\047]*\047|[]#]/)) {
				found = substr($0, RSTART, RLENGTH)
				$0 = found == "#" ? "" : substr($0, RSTART + RLENGTH)
				if (found == "]")
					inside = 0
				else if (RLENGTH > 2)
					print substr(found, 2, length(found) - 2)
			}
		}' "$2"
}
