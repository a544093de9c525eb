#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Asks a plugin for its STATUS with the node's state before its eyes, but copies of it to write to:
#
#	unshare -m deploy/lib/preflight_status.sh PLUGIN LEASES... <CONFIGURATION
#
# A plugin that has never run here would make its directories, and an index of the leases.
# shellcheck shell=dash
set -eu

# copy_over DIRECTORY: hides it below a copy
copy_over() {
	cd "$1"
	mount -t tmpfs tmpfs "$1"
	cp -a . "$1"
}

# stand_in_for DIRECTORY: hides it below a directory that has all the directories it has, and may get
# more; put together in $scratch, which is nobody else's here
stand_in_for() {
	local dir
	mkdir -p "$scratch$1"
	for dir in "$1"/*/; do
		[ -d "$dir" ] || continue
		mkdir -p "$scratch$dir"
		mount -o rbind "$dir" "$scratch$dir"
	done
	mount -o rbind "$scratch$1" "$1"
}

plugin=${1##*/}
cd "${1%/*}" # stays there, whatever is mounted over it
shift
case $PWD/ in # a plugin runs others that are beside it
/tmp/*) scratch=/var/tmp ;;
*) scratch=/tmp ;;
esac
mount -t tmpfs tmpfs $scratch
[ ! -d /sys/fs/bpf ] || mount -t bpf bpf /sys/fs/bpf # what is loaded here is gone with the namespace
for parent in /run /var/lib; do
	[ -d $parent/edgeway ] || stand_in_for $parent
done
for dir in /run/edgeway /var/lib/edgeway "$@"; do
	[ ! -d "$dir" ] || (copy_over "$dir")
done
CNI_COMMAND=STATUS CNI_PATH=. exec "./$plugin"
