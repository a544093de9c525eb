# SPDX-License-Identifier: Apache-2.0
# Sourced by deploy/lib/preflight.sh: forwarding, br_netfilter, and subnets that are taken already.
# shellcheck shell=dash

sysctl_is() { [ "$(cat "/proc/sys/net/$1" 2>/dev/null)" = "$2" ]; }

check_net() {
	check_forwarding ipv4 ipv4/ip_forward
	! uses subnet '.*:.*' || check_forwarding ipv6 ipv6/conf/all/forwarding
	check_uplinks
	check_br_netfilter
	check_overlaps
}

# check_forwarding FAMILY SYSCTL
check_forwarding() {
	if sysctl_is "$2" 1; then
		ok "forwarding, $1" "is on"
	elif uses 'is(Default)?Gateway' true || uses ipMasq true || uses type '(ptp|ebpf|flannel)'; then
		ok "forwarding, $1" "is off, the first container switches it on"
	else
		warn "forwarding, $1" "is off, and no configuration here switches it on" \
			"containers reach this node only" "sysctl -w net.$(echo "$2" | tr / .)=1, and the same in /etc/sysctl.d"
	fi
}

# check_uplinks: some systems forbid forwarding on the link that has the default route
check_uplinks() {
	local link
	awk '$2 == "00000000" && $8 == "00000000" { print $1 }' /proc/net/route | sort -u | while read -r link; do
		! sysctl_is ipv4/ip_forward 1 || ! sysctl_is "ipv4/conf/$link/forwarding" 0 ||
			warn "forwarding, $link" "is off on the link that has the default route" \
				"containers do not reach the outside" "sysctl -w net.ipv4.conf.$link.forwarding=1"
	done
}

# check_br_netfilter: kube-proxy needs it, and it makes iptables' FORWARD judge frames within a bridge
check_br_netfilter() {
	if sysctl_is bridge/bridge-nf-call-iptables 1; then
		ok br_netfilter "is on: iptables sees what containers of one bridge send each other"
	elif places | grep -q K3s; then
		warn br_netfilter "is off" \
			"a pod does not reach a Service whose pod is on the same node" \
			"K3s loads it when it starts; else: modprobe br_netfilter, sysctl -w net.bridge.bridge-nf-call-iptables=1"
	else
		ok br_netfilter "is off: Kubernetes would want it, others do not"
	fi
}

# check_overlaps: subnets of the configurations against routes and addresses of links not theirs
check_overlaps() {
	local subnets taken
	subnets=$(say "$CONF_LINES" | values 'plugins\[[0-9]+\]\.ipam\.(ranges\[[0-9]+\]\[[0-9]+\]\.)?subnet')
	[ -n "$subnets" ] || return 0
	taken=$({ say "$subnets" | sed 's/^/subnet /' && routes; } | awk -f "$HERE/lib/overlap.awk")
	if [ -z "$taken" ]; then
		ok subnets "used nowhere else on this node: $(say "$subnets" | tr '\n' ' ' | sed 's/ $//')"
	else
		say "$taken" | while read -r subnet prefix link; do
			fail "subnet $subnet" "overlaps $prefix of $link" "packets for one would go to the other" \
				"choose another subnet for the containers, as long as none runs"
		done
	fi
}

# routes: "route4|route6 LINK DESTINATION MASK-OR-LENGTH" in the kernel's hexadecimal, but for default
# routes, the bridges of the configurations, and the routes to containers themselves
routes() {
	local own
	own=$(bridges | tr '\n' '|')
	awk -v own="|$own" '
		function theirs(link) { return index(own, "|" link "|") || link ~ /^(lo|veth.*)$/ }
		FILENAME ~ /ipv6/ { if ($2 != "00" && !theirs($10)) print "route6", $10, $1, $2; next }
		FNR > 1 && $8 != "00000000" && !theirs($1) { print "route4", $1, $2, $8 }' /proc/net/*route
}
