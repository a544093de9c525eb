# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the netns tests of ebpf: its configurations, and what it leaves on the node.
. "${BASH_SOURCE[0]%/*}/lib.sh"

# ebpf [FILTER]: the usual network, changed by a jq filter; dual: with two families
ebpf() { net ".type = \"ebpf\" | del(.bridge) | ${1:-.}"; }
dual() { ebpf ".ipam.ranges += [[{\"subnet\": \"fd00:9::/64\"}]] | ${1:-.}"; }
masq() { dual ".ipMasq = true | ${1:-.}"; }

# end [POD]: the node's end of its pair; ends: of all pairs
ends() { ip -j link show type veth | jq -r '.[] | select(.ifname | startswith("veth")).ifname'; }
end() { ip -j link show type veth | jq -r --arg a "edgeway n/${1:-red}/eth0" '.[] | select(.ifalias == $a).ifname'; }
none() { "$@" || [ $? -eq 1 ]; }
# filters DEVICE: our filters, "SIDE NAME" each
filters() {
	local side
	for side in ingress egress; do
		tc -j filter show dev "$1" $side | jq -r --arg s $side '.[].options? | select(.bpf_name) | "\($s) \(.bpf_name)"'
	done
}
# entries: what the programs know, a line each (test/lib/world.py)
entries() { world | none grep '^bpf '; }

# addresses: those that the programs know
addresses() { entries | sed -n 's/^bpf address \([^ ]*\).*/\1/p' | sort -V | paste -sd' '; }

datapath() { "$BIN/../test/netns/datapath" "$@"; }

# dropped INTERFACE DIRECTION REASON: how many packets were, as bpf/shared names them
dropped() { datapath drops | awk -v k="$1 $2 $3" '$1 " " $2 " " $3 == k { n = $4 } END { print n + 0 }'; }

# uplinked: outside() with the node's default routes by it, and its own routes to the pods by the node
uplinked() {
	outside
	ip route add default via 192.0.2.9
	ip -6 route add default via 2001:db8::9
	ip -n outside route add 10.0.0.0/8 via 192.0.2.1
	ip -n outside route add fd00::/8 via 2001:db8::1
}

# counting POD MATCH: from now on count the packets that a pod, or "node", sees in the hook and with
# what MATCH says; counted POD
counting() {
	in_netns "$1" nft "table inet watch { chain c { type filter hook $2 counter; }; }"
}
counted() { in_netns "$1" nft -j list table inet watch | jq '[.. | .counter? // empty | .packets] | add'; }
in_netns() {
	if [ "$1" = node ]; then "${@:2}"; else inside "$@"; fi
}
