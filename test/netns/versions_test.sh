#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The shape of a result in each version of the specification.
. "$(dirname "$0")/lib.sh"

# dual VERSION: the usual network with both families in this version
dual() {
	net ".cniVersion = \"$1\" | .isDefaultGateway = true | .dns.nameservers = [\"10.9.0.1\"]
		| .ipam.ranges += [[{\"subnet\": \"fd00:9::/64\"}]]"
}

# add VERSION: the result of ADD; CHECK where the version has it, and DEL, must work with it
add() {
	local conf out
	conf=$(dual "$1")
	pod red
	out=$(cni ADD red "$conf")
	json ".cniVersion == \"$1\"" "$out"
	case $1 in 0.[123]*) ;; *) cni CHECK red "$conf" ;; esac
	cni DEL red "$conf"
	leases n >&2
	echo "$out"
}

test_0_1_0_and_0_2_0_have_one_address_per_family() {
	local version out
	for version in 0.1.0 0.2.0; do
		out=$(add $version)
		ip netns del red
		json '.ip4.ip | startswith("10.9.0.") and endswith("/24")' "$out"
		json '.ip4.gateway == "10.9.0.1" and .ip4.routes == [{"dst": "0.0.0.0/0", "gw": "10.9.0.1"}]' "$out"
		json '.ip6.gateway == "fd00:9::1" and .ip6.routes[0].dst == "::/0"' "$out"
		json '.dns.nameservers == ["10.9.0.1"]' "$out"
		json '(has("interfaces") or has("ips") or has("routes")) | not' "$out"
	done
}

test_no_version_means_0_1_0() {
	pod red
	cni ADD red "$(net 'del(.cniVersion)')" | json '.cniVersion == "0.1.0" and has("ip4")'
}

test_layer_2_cannot_be_said_in_0_2_0() {
	pod red
	refused 7 "0.2.0" ADD red "$(net '.cniVersion = "0.2.0" | del(.ipam)')"
	ip -o link show type veth | absent "veth left behind"
}

test_0_3_0_to_0_4_0_name_the_family_of_each_address() {
	local version out
	for version in 0.3.0 0.3.1 0.4.0; do
		out=$(add $version)
		ip netns del red
		json '[.ips[] | .version] == ["4", "6"] and ([.ips[] | .interface] == [2, 2])' "$out"
		json '(.interfaces | length) == 3 and ([.interfaces[] | has("mtu")] | any | not)' "$out"
		json '[.routes[].dst] | sort == ["0.0.0.0/0", "::/0"]' "$out"
	done
}

test_1_0_0_and_1_1_0_do_not() {
	local version out
	for version in 1.0.0 1.1.0; do
		out=$(add $version)
		ip netns del red
		json '[.ips[] | has("version")] | any | not' "$out"
		json '(.interfaces | length) == 3 and [.ips[].interface] == [2, 2]' "$out"
		json '.dns.nameservers == ["10.9.0.1"]' "$out"
	done
}

test_only_1_1_0_tells_the_mtu() {
	pod red blue
	cni ADD red "$(net '.mtu = 1400')" | json '.interfaces[2].mtu == 1400'
	cni ADD blue "$(net '.cniVersion = "0.4.0" | .mtu = 1400')" | json '.interfaces[2] | has("mtu") | not'
}

test_dns_of_the_network_wins_over_that_of_ipam() {
	echo "nameserver 10.0.0.1" >"$T/resolv.conf"
	pod red blue
	cni ADD red "$(net ".ipam.resolvConf = \"$T/resolv.conf\"")" | json '.dns.nameservers == ["10.0.0.1"]'
	cni ADD blue "$(net ".ipam.resolvConf = \"$T/resolv.conf\" | .dns = {\"nameservers\": [\"10.0.0.2\"],
		\"domain\": \"d\", \"search\": [\"s\"], \"options\": [\"o\"]}")" |
		json '.dns == {"nameservers": ["10.0.0.2"], "domain": "d", "search": ["s"], "options": ["o"]}'
}

run_tests "$@"
