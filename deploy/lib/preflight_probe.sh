#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Tries on this kernel what the plugins need of it, with the plugins themselves, where nobody sees it:
#
#	unshare -n -m deploy/lib/preflight_probe.sh PLUGIN-DIRECTORY
#
# Prints "FEATURE<tab>" and, where the feature is missing, what the plugin said. It makes nothing on
# the node, but the kernel may load modules, as the first container would have it do.
# shellcheck shell=dash
set -eu

# The namespace one starts in is the container's, the inner one the node's: so no process need be
# waited for to have a namespace to name.
if [ -z "${CONTAINER:-}" ]; then
	CONTAINER=/proc/$$/ns/net unshare -n "$0" "$@"
	exit
fi

SUBNET4='[{"subnet": "192.0.2.0/24"}]'
SUBNET6='[{"subnet": "2001:db8::/64"}]'

# try FEATURE TYPE RANGE KEYS: one container more, on a link and a bridge of its own
try() {
	local said
	said=$(CNI_COMMAND=ADD CNI_CONTAINERID=probe CNI_IFNAME="$1" CNI_NETNS=$CONTAINER CNI_PATH=. \
		"./$2" <<-JSON
			{"cniVersion": "1.0.0", "name": "$1", "type": "$2", "bridge": "br-$1"$4,
			 "ipam": {"type": "host-local", "ranges": [$3]}}
		JSON
	) && said=
	printf '%s\t%s\n' "$1" "$(echo "$said" | tr '\n' ' ' | sed 's/ *$//')"
}

cd "$1" # stays there, whatever is mounted over it
for hidden in /run /var/lib; do mount -t tmpfs tmpfs $hidden; done
try veth ptp "$SUBNET4" ""
try bridge bridge "$SUBNET4" ""
try ipv6 bridge "$SUBNET6" ', "isGateway": true'
try masquerade bridge "$SUBNET4" ', "ipMasq": true'
try macspoofchk bridge "$SUBNET4" ', "macspoofchk": true'
try vlan bridge "$SUBNET4" ', "vlan": 7'
try vlan-gw bridge "$SUBNET4" ', "vlan": 7, "isGateway": true'
