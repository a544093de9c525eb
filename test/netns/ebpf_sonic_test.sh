#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The eBPF data path on a switch: SONiC's sysctls, and what it does to iptables whenever the lists of who
# may speak to its control plane change.
. "$(dirname "$0")/ebpf_lib.sh"
. "$(dirname "$0")/portmap_lib.sh"

# SONiC's 90-sonic.conf, as far as it is about a network namespace and in the way; with its management port
sonic_sysctls() {
	ip link add eth0 type veth peer name management
	sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.eth0.forwarding=0 \
		net.ipv4.conf.{all,default}.arp_ignore=2 net.ipv4.conf.{all,default}.arp_announce=1 \
		net.ipv4.conf.{all,default}.ignore_routes_with_linkdown=1 \
		net.ipv6.conf.{all,default}.ignore_routes_with_linkdown=1 \
		net.ipv6.conf.{all,default}.accept_dad=0 net.ipv4.ip_local_port_range="32768 50001"
}

# caclmgrd: all of its filters, as it puts them in, over whatever was there
caclmgrd() {
	local iptables icmp=(-p icmp --icmp-type) types hops dhcp type
	for iptables in iptables-nft ip6tables-nft; do
		types="echo-request echo-reply destination-unreachable time-exceeded" hops="-m ttl --ttl-lt 2"
		dhcp=67:68
		if [ $iptables = ip6tables-nft ]; then
			icmp=(-p icmpv6 --icmpv6-type) hops="-m hl --hl-lt 2" dhcp=546:547
			types+=" packet-too-big neighbour-solicitation neighbour-advertisement router-solicitation router-advertisement"
		fi
		$iptables -P INPUT ACCEPT
		$iptables -P FORWARD ACCEPT
		$iptables -P OUTPUT ACCEPT
		$iptables -F
		$iptables -X
		if [ $iptables = ip6tables-nft ]; then $iptables -t raw -F; fi
		$iptables -A INPUT -i lo -j ACCEPT
		$iptables -A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT
		for type in $types; do $iptables -A INPUT "${icmp[@]}" "$type" -j ACCEPT; done
		$iptables -A INPUT -p udp --dport $dhcp -j ACCEPT
		$iptables -A INPUT -p tcp --dport 179 -j ACCEPT
		$iptables -A INPUT -p tcp --sport 179 -j ACCEPT
		# shellcheck disable=SC2086 # words
		$iptables -A INPUT $hops -j ACCEPT
		$iptables -A INPUT -j DROP
	done
}

# everything PROTO: pod to pod, the node, outside, and by ports of the node
everything() {
	answers blue 80 "$1" "10.9.0.2=red 10.9.0.3" "fd00:9::2=red fd00:9::3"
	answers node 80 "$1" "10.9.0.2=red 169.254.1.1" "fd00:9::2=red 2001:db8::1"
	answers outside 80 "$1" "10.9.0.2=red 192.0.2.9" "fd00:9::2=red 2001:db8::9"
	answers red 80 "$1" "192.0.2.9=outside 192.0.2.1" "2001:db8::9=outside 2001:db8::1"
	answers outside 8080 "$1" "192.0.2.1=red 192.0.2.9" "2001:db8::1=red 2001:db8::9"
	answers node 8080 "$1" "192.0.2.1=red 192.0.2.1" "127.0.0.1=red 169.254.1.1"
	answers blue 8080 "$1" "192.0.2.1=red 10.9.0.3" "2001:db8::1=red fd00:9::3"
	answers red 8080 "$1" "192.0.2.1=red 169.254.1.1" "2001:db8::1=red 2001:db8::1"
}

test_on_a_switch() {
	local who proto to
	sonic_sysctls
	uplinked
	pod red blue
	for who in red blue; do cni ADD $who "$(masq)" >"$T/$who.json"; done
	map ADD red '[{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
		{"hostPort": 8080, "containerPort": 80, "protocol": "udp"}]' >"$T/out"
	for who in red outside; do
		for proto in tcp udp; do serve $who 80 $proto; done
	done
	python3 "$HERE/echo.py" serve 7070 tcp,udp node >"$T/served.node" &
	await "$T/served.node"
	for proto in tcp udp; do
		everything $proto
		answers red 7070 $proto "169.254.1.1=node 10.9.0.2"
	done
	caclmgrd
	for proto in tcp udp; do
		everything $proto
		answers red 7070 $proto "169.254.1.1=-" # the list says who may
	done
	for to in 169.254.1.1 fe80::1%eth0 10.9.0.3 fd00:9::3 192.0.2.9 2001:db8::9; do reaches red $to; done
	for who in red blue; do cni CHECK $who "$(masq)"; done
	equal 0 "$(</proc/sys/net/ipv4/conf/eth0/forwarding)" "forwarding by the management port"
	ip neigh flush all # but what is permanent
	everything tcp
}

run_tests "$@"
