#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The loopback plugin: lo up and told, down again, and the previous result passed on.
. "$(dirname "$0")/lib.sh"

# conf VERSION
conf() { echo "{\"cniVersion\":\"${1:-1.1.0}\",\"name\":\"cni-loopback\",\"type\":\"loopback\"}"; }
is_up() { link lo "$1" | jq -e '.flags | index("UP")' >/dev/null; }

test_add_brings_lo_up_and_lists_its_addresses() {
	local out
	pod red
	out=$(IFNAME=lo cni ADD red "$(conf)")
	is_up red || fail "lo is down"
	json '.interfaces | length == 1 and .[0].name == "lo" and .[0].sandbox == "/run/netns/red"' "$out"
	json '.interfaces[0].mac == "00:00:00:00:00:00"' "$out"
	json '[.ips[].address] | sort == ["127.0.0.1/8", "::1/128"]' "$out"
	json '[.ips[].interface] | all(. == 0)' "$out"
	reaches red 127.0.0.1
	IFNAME=lo cni CHECK red "$(conf)" | absent "output of CHECK"
}

test_del_brings_it_down_and_may_be_repeated() {
	pod red
	IFNAME=lo cni ADD red "$(conf)"
	IFNAME=lo cni DEL red "$(conf)"
	if is_up red; then fail "lo is still up"; fi
	IFNAME=lo cni DEL red "$(conf)"
	ip netns del red
	IFNAME=lo cni DEL red "$(conf)"
	IFNAME=lo NETNS="" cni DEL red "$(conf)"
}

test_another_ifname_still_means_lo() {
	pod red
	json '.interfaces[0].name == "lo"' "$(IFNAME=eth0 cni ADD red "$(conf)")"
	is_up red || fail "lo is down"
}

test_check_notices_that_it_is_down() {
	pod red
	IFNAME=lo cni ADD red "$(conf)"
	ip -n red link set lo down
	IFNAME=lo refused 104 "loopback" CHECK red "$(conf)"
}

test_the_previous_result_is_passed_on() {
	local prev out
	prev='{"cniVersion":"1.1.0","interfaces":[{"name":"eth0","sandbox":"/run/netns/red"}],"ips":[{"address":"10.9.0.2/24","interface":0}]}'
	pod red
	out=$(IFNAME=lo cni ADD red "${prev:+$(conf | jq -c --argjson p "$prev" '.prevResult = $p')}")
	json '.interfaces[0].name == "eth0" and .ips[0].address == "10.9.0.2/24"' "$out"
}

test_each_version() {
	local version
	pod red
	for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		IFNAME=lo cni ADD red "$(conf $version)" | json ".cniVersion == \"$version\""
	done
}

test_an_address_which_is_none_of_loopbacks_is_told() {
	pod red
	ip -n red addr add 10.0.0.1/32 dev lo
	IFNAME=lo refused 7 "10.0.0.1" ADD red "$(conf)"
}

run_tests "$@"
