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

# try FEATURE TYPE KEYS [INTERFACE]: one container more, on a link and a bridge of its own; or, for a
# plugin of the chain, what is behind the interface that the last one made
try() {
	local said
	[ -x "./$2" ] || return 0 # not to be installed
	if said=$(CNI_COMMAND=ADD CNI_CONTAINERID=probe CNI_IFNAME="${4:-$1}" CNI_NETNS=$CONTAINER CNI_PATH=. \
		"./$2" <<-JSON
			{"cniVersion": "1.0.0", "name": "${4:-$1}", "type": "$2", $3}
		JSON
	); then
		result=$said said=
	else
		said=${said:-it failed and said nothing}
	fi
	printf '%s\t%s\n' "$1" "$(echo "$said" | tr '\n' ' ' | sed 's/ *$//')"
}

# ipam RANGE
ipam() { echo "\"ipam\": {\"type\": \"host-local\", \"ranges\": [$1]}"; }

# bridge FEATURE RANGE KEYS
bridge() { try "$1" bridge "\"bridge\": \"br-$1\", $3$(ipam "$2")"; }

cd "$1" # stays there, whatever is mounted over it
for hidden in /run /var/lib; do mount -t tmpfs tmpfs $hidden; done
result=
try veth ptp "$(ipam "$SUBNET4")"
[ -z "$result" ] || try bandwidth bandwidth '"ingressRate": 8000000, "ingressBurst": 8000000,
	"egressRate": 8000000, "egressBurst": 8000000, "prevResult": '"$result" veth
bridge bridge "$SUBNET4" ""
bridge ipv6 "$SUBNET6" '"isGateway": true, '
bridge masquerade "$SUBNET4" '"ipMasq": true, '
bridge macspoofchk "$SUBNET4" '"macspoofchk": true, '
bridge vlan "$SUBNET4" '"vlan": 7, '
bridge vlan-gw "$SUBNET4" '"vlan": 7, "isGateway": true, '
