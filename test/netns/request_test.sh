#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A MAC or an address asked for by the runtime: where it may come from, and which source wins.
. "$(dirname "$0")/lib.sh"

mac() { link eth0 red | jq -r .address; }

test_a_mac_from_cni_args() {
	pod red
	ARGS="IgnoreUnknown=1;MAC=02:00:00:00:00:01" cni ADD red "$(net 'del(.ipam)')"
	equal 02:00:00:00:00:01 "$(mac)" MAC
}

test_args_cni_wins_over_cni_args() {
	pod red
	ARGS="MAC=02:00:00:00:00:01" cni ADD red "$(net 'del(.ipam) | .args.cni.mac = "02:00:00:00:00:02"')"
	equal 02:00:00:00:00:02 "$(mac)" MAC
}

test_runtime_config_wins_over_both() {
	local out
	pod red
	out=$(ARGS="MAC=02:00:00:00:00:01" cni ADD red "$(net 'del(.ipam) | .args.cni.mac = "02:00:00:00:00:02"
		| .runtimeConfig.mac = "02:00:00:00:00:03" | .capabilities.mac = true')")
	equal 02:00:00:00:00:03 "$(mac)" MAC
	json '.interfaces[2].mac == "02:00:00:00:00:03"' "$out"
}

test_an_impossible_mac_is_refused() {
	local mac
	pod red
	for mac in nonsense 02:00:00:00:00 ff:ff:ff:ff:ff:ff 01:00:5e:00:00:01; do
		refused 7 "$mac" ADD red "$(net "del(.ipam) | .runtimeConfig.mac = \"$mac\"")"
	done
	ip -o link show type veth | absent "veth left behind"
}

test_an_address_from_cni_args() {
	pod red
	ARGS="IP=10.9.0.77" cni ADD red "$(net .)"
	equal 10.9.0.77 "$(address red)" address
}

test_an_address_from_args_cni() {
	pod red
	cni ADD red "$(net '.args.cni.ips = ["10.9.0.78"]')"
	equal 10.9.0.78 "$(address red)" address
}

test_an_address_from_runtime_config() {
	pod red
	cni ADD red "$(net '.runtimeConfig.ips = ["10.9.0.79/24"]')"
	equal 10.9.0.79 "$(address red)" address
}

test_addresses_of_both_families() {
	pod red
	cni ADD red "$(net '.runtimeConfig.ips = ["10.9.0.79", "fd00:9::79"] | .ipam.ranges += [[{"subnet": "fd00:9::/64"}]]')"
	equal 10.9.0.79 "$(address red)" "IPv4 address"
	equal fd00:9::79 "$(address red -6)" "IPv6 address"
}

test_ranges_from_runtime_config_come_first() {
	local out
	pod red
	out=$(cni ADD red "$(net '.runtimeConfig.ipRanges = [[{"subnet": "10.7.0.0/24"}]]')")
	json '[.ips[].address] == ["10.7.0.2/24", "10.9.0.2/24"]' "$out"
}

test_an_address_in_no_range_is_refused_and_nothing_left() {
	pod red
	refused 7 "10.1.2.3" ADD red "$(net '.runtimeConfig.ips = ["10.1.2.3"]')"
	leases n | absent "lease left behind"
	ip -o link show type veth | absent "veth left behind"
}

test_the_gateways_address_is_refused() {
	pod red
	refused 7 "10.9.0.1" ADD red "$(net '.runtimeConfig.ips = ["10.9.0.1"]')"
}

test_a_taken_address_is_refused() {
	pod red blue
	cni ADD blue "$(net .)"
	refused 101 "10.9.0.2" ADD red "$(net '.runtimeConfig.ips = ["10.9.0.2"]')"
	equal 10.9.0.2 "$(leases n)" leases
}

test_an_address_that_is_none_is_refused() {
	pod red
	refused 7 "10.9.0.300" ADD red "$(net '.runtimeConfig.ips = ["10.9.0.300"]')"
}

test_the_second_to_ask_for_an_address_is_refused_and_nothing_left() {
	local both wish
	both=$(net '.isGateway = true | .ipMasq = true | .ipam.ranges += [[{"subnet": "fd00:9::/64"}]]')
	settle "$both"
	pod red blue
	ARGS="IP=10.9.0.77,fd00:9::77" cni ADD blue "$both"
	world >"$T/before"
	for wish in '.runtimeConfig.ips = ["10.9.0.77"]' '.args.cni.ips = ["10.9.0.77/24"]' \
		'.runtimeConfig.ips = ["10.9.0.78", "fd00:9::77/64"]'; do
		refused 101 "77" ADD red "$(jq -c "$wish" <<<"$both")"
		unchanged "ADD with $wish"
	done
	ARGS="IP=10.9.0.77" refused 101 "10.9.0.77" ADD red "$both"
	unchanged "ADD with CNI_ARGS"
	cni CHECK blue "$both"
}

# as the reference plugins have it: what may be absent may be empty
test_what_is_empty_is_not_asked_for() {
	local wish
	for wish in '.runtimeConfig = {"mac": "", "ips": []}' '.args.cni = {"mac": "", "ips": []}' \
		'.ipam.dataDir = "" | .ipam.resolvConf = ""' \
		'.ipam.ranges[0][0] += {"gateway": "", "rangeStart": "", "rangeEnd": ""}'; do
		pod red
		json '.ips[0].gateway == "10.9.0.1"' "$(ARGS="IP=;MAC=" cni ADD red "$(net "$wish")")"
		equal "$(address red)" "$(leases n)" "leases where they always are, with $wish"
		cni DEL red "$(net "$wish")"
		leases n | absent "lease left by DEL with $wish"
		ip netns del red
	done
}

test_an_empty_address_in_a_list_is_refused() {
	pod red
	refused 7 'runtimeConfig.ips[1]: ""' ADD red "$(net '.runtimeConfig.ips = ["10.9.0.7", ""]')"
	refused 7 'args.cni.ips[0]: ""' ADD red "$(net '.args.cni.ips = [""]')"
	refused 7 'ipam.ranges[0][0].subnet: ""' ADD red "$(net '.ipam.ranges[0][0].subnet = ""')"
	leases n | absent "lease left behind"
	ip -o link show type veth | absent "veth left behind"
}

run_tests "$@"
