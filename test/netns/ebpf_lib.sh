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
