#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Plugins that come behind ebpf: ports of the node lead to its pods, and limits hold.
. "$(dirname "$0")/ebpf_lib.sh"
. "$HERE/portmap_lib.sh"

# connect POD...: pods with masquerading, their results where portmap_lib.sh looks for them
connect() {
	local pod
	pod "$@"
	for pod; do cni ADD "$pod" "$(masq)" >"$T/$pod.json"; done
}

PORTS='[{"hostPort": 8080, "containerPort": 80}, {"hostPort": 8080, "containerPort": 80, "protocol": "udp"}]'

# Only what a pod sends to itself, or the node from 127.0.0.1, gets another source: that of the node's
# end, and in IPv6 an address of the node's.
everybody() {
	answers outside 8080 "$1" "192.0.2.1=red 192.0.2.9" "2001:db8::1=red 2001:db8::9"
	answers node 8080 "$1" "192.0.2.1=red 192.0.2.1" "2001:db8::1=red 2001:db8::1" \
		"169.254.1.1=red 169.254.1.1" "127.0.0.1=red 169.254.1.1"
	answers red 8080 "$1" "192.0.2.1=red 169.254.1.1" "2001:db8::1=red 2001:db8::1"
	answers blue 8080 "$1" "192.0.2.1=red 10.9.0.3" "2001:db8::1=red fd00:9::3"
	answers blue 80 "$1" "10.9.0.2=red 10.9.0.3" "fd00:9::2=red fd00:9::3"
}

test_a_port_of_the_node_from_everywhere() {
	local proto
	outside
	ip route add default via 192.0.2.9
	ip -6 route add default via 2001:db8::9
	connect red blue
	[ -n "$(filters up0)" ] || fail "no filters at the uplink"
	map ADD red "$PORTS" >"$T/out"
	for proto in tcp udp; do
		serve red 80 $proto
		everybody $proto
	done
	map DEL red "$PORTS"
	answers outside 8080 tcp "192.0.2.1=-" "2001:db8::1=-"
}

# A pod's own address from outside, past the stack both ways.
test_pods_from_outside() {
	outside
	ip route add default via 192.0.2.9
	ip -6 route add default via 2001:db8::9
	pod red
	cni ADD red "$(dual)"
	ip -n outside route add 10.9.0.0/24 via 192.0.2.1
	ip -n outside route add fd00:9::/64 via 2001:db8::1
	serve red 80 tcp
	answers outside 80 tcp "10.9.0.2=red 192.0.2.9" "fd00:9::2=red 2001:db8::9"
	reaches outside 10.9.0.2
	reaches red 192.0.2.9
	reaches red 2001:db8::9
}

test_bandwidth_behind_it() {
	connect red blue
	limits() { jq -c --slurpfile p "$T/red.json" ".prevResult = \$p[0] | $1" <<<'{"cniVersion": "1.1.0", "name": "n", "type": "bandwidth"}' | sed 's/":"/": "/g'; }
	cni ADD red "$(limits '.ingressRate = 10000000 | .ingressBurst = 400000')"
	tc -j qdisc show dev "$(end)" | json 'any(.kind == "tbf")'
	cni CHECK red "$(masq)"
	reaches blue 10.9.0.2
	cni DEL red "$(limits .)"
	refused 101 "has a qdisc clsact already" ADD red "$(limits '.egressRate = 10000000 | .egressBurst = 400000')"
	PREV=$(<"$T/red.json") cni CHECK red "$(masq)"
}

run_tests "$@"
