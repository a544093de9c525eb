#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# host-local on its own: which address it gives, from which range, and what it refuses.
. "$(dirname "$0")/lib.sh"

# lease POD FILTER: the addresses ADD gives, joined by blanks
lease() { cni ADD "$1" "$(pool "${2:-.}")" | jq -r '[.ips[].address] | join(" ")'; }

test_the_result() {
	local out
	out=$(cni ADD red "$(pool '.routes = [{"dst": "0.0.0.0/0"}, {"dst": "172.20.0.0/16", "gw": "10.9.0.9"}]')")
	json '.ips == [{"address": "10.9.0.2/24", "gateway": "10.9.0.1"}]' "$out"
	json '.routes == [{"dst": "0.0.0.0/0"}, {"dst": "172.20.0.0/16", "gw": "10.9.0.9"}]' "$out"
	json '(.interfaces // []) == []' "$out"
}

test_range_start_end_and_gateway() {
	local range='.ranges = [[{"subnet": "10.9.0.0/24", "rangeStart": "10.9.0.10", "rangeEnd": "10.9.0.12", "gateway": "10.9.0.11"}]]'
	equal 10.9.0.10/24 "$(lease a "$range")" first
	equal 10.9.0.12/24 "$(lease b "$range")" "the gateway is skipped"
	refused 102 "10.9.0.10-10.9.0.12" ADD c "$(pool "$range")"
}

test_several_ranges_in_a_set_are_one_pool() {
	local ranges='.ranges = [[{"subnet": "10.9.0.0/30"}, {"subnet": "10.8.0.0/30"}]]'
	equal 10.9.0.2/30 "$(lease a "$ranges")" first
	equal 10.8.0.2/30 "$(lease b "$ranges")" second
	refused 102 "10.9.0" ADD c "$(pool "$ranges")"
}

test_each_set_gives_an_address() {
	equal "10.9.0.2/24 10.8.0.2/24 fd00:9::2/64" \
		"$(lease a '.ranges += [[{"subnet": "10.8.0.0/24"}], [{"subnet": "fd00:9::/64"}]]')" addresses
}

test_the_second_set_is_full_so_the_first_gives_back() {
	local ranges='.ranges += [[{"subnet": "10.8.0.0/30"}]]'
	equal "10.9.0.2/24 10.8.0.2/30" "$(lease a "$ranges")" first
	refused 102 "10.8.0" ADD b "$(pool "$ranges")"
	equal "10.8.0.2 10.9.0.2" "$(leases n | paste -sd' ')" leases
}

test_the_old_form_of_the_configuration() {
	equal 10.7.0.5/24 "$(lease a 'del(.ranges) | .subnet = "10.7.0.0/24" | .rangeStart = "10.7.0.5"')" address
}

test_both_forms_the_old_one_first() {
	equal "10.7.0.2/24 10.9.0.2/24" "$(lease a '.subnet = "10.7.0.0/24"')" addresses
}

test_a_requested_address() {
	equal 10.9.0.77/24 "$(ARGS="IP=10.9.0.77" lease a)" address
	ARGS="IP=10.9.0.77" refused 101 "10.9.0.77" ADD b "$(pool .)"
}

test_addresses_go_round_and_a_freed_one_comes_last() {
	local range='.ranges = [[{"subnet": "10.9.0.0/29"}]]' pod
	equal 10.9.0.2/29 "$(lease a "$range")" a
	equal 10.9.0.3/29 "$(lease b "$range")" b
	cni DEL a "$(pool "$range")"
	for pod in 4 5 6; do equal 10.9.0.$pod/29 "$(lease p$pod "$range")" "pod $pod"; done
	equal 10.9.0.2/29 "$(lease c "$range")" "the freed one"
	refused 102 "10.9.0.1-10.9.0.6" ADD d "$(pool "$range")"
}

test_the_last_address_freed_is_not_the_next_given() {
	local first
	first=$(lease a)
	cni DEL a "$(pool .)"
	[ "$(lease a)" != "$first" ] || fail "$first came back at once"
}

test_what_is_refused() {
	while IFS='|' read -r filter text; do
		refused 7 "$text" ADD a "$(pool "$filter")"
	done <<-'TABLE'
		del(.ranges)|ranges
		.ranges = []|ranges
		.ranges = [[]]|ranges[0]
		.ranges = [[{}]]|subnet
		.ranges = [[{"subnet": "10.9.0.0/31"}]]|10.9.0.0/31
		.ranges = [[{"subnet": "10.9.0.0/32"}]]|10.9.0.0/32
		.ranges = [[{"subnet": "10.9.0.1/24"}]]|10.9.0.1/24
		.ranges = [[{"subnet": "10.9.0.0/24", "rangeStart": "10.8.0.1"}]]|10.8.0.1
		.ranges = [[{"subnet": "10.9.0.0/24", "rangeEnd": "10.8.0.1"}]]|10.8.0.1
		.ranges = [[{"subnet": "10.9.0.0/24", "rangeStart": "10.9.0.9", "rangeEnd": "10.9.0.5"}]]|10.9.0.9
		.ranges = [[{"subnet": "10.9.0.0/24"}, {"subnet": "fd00::/64"}]]|ipam.ranges[0][1]
		.ranges = [[{"subnet": "10.9.0.0/24"}, {"subnet": "10.9.0.0/25"}]]|ipam.ranges[0][1]: overlaps
		.ranges = [[{"subnet": "10.9.0.0/24"}], [{"subnet": "10.9.0.128/25"}]]|ipam.ranges[1][0]: overlaps
	TABLE
	refused 5 "/nonexistent" ADD a "$(pool '.resolvConf = "/nonexistent"')"
	leases n | absent "leases"
}

test_check() {
	cni ADD a "$(pool .)"
	cni CHECK a "$(pool .)" | absent "output of CHECK"
	refused 104 "b" CHECK b "$(pool '.' | jq -c '.prevResult = {"cniVersion": "1.1.0", "ips": [{"address": "10.9.0.2/24"}]}')"
}

test_resolv_conf() {
	printf '# c\n; c\nnameserver 10.0.0.1\nnameserver fd00::1\ndomain d.example\nsearch a.example b.example\noptions ndots:5\n' >"$T/r"
	cni ADD a "$(pool ".resolvConf = \"$T/r\"")" | json '.dns == {"nameservers": ["10.0.0.1", "fd00::1"],
		"domain": "d.example", "search": ["a.example", "b.example"], "options": ["ndots:5"]}'
}

test_old_versions_allow_one_address_per_family() {
	refused 7 "0.2.0" ADD a "$(pool '.ranges += [[{"subnet": "10.8.0.0/24"}]]' | jq -c '.cniVersion = "0.2.0"')"
	cni ADD a "$(pool '.ranges += [[{"subnet": "fd00:9::/64"}]]' | jq -c '.cniVersion = "0.2.0"')" |
		json '.ip4.ip == "10.9.0.2/24" and .ip6.ip == "fd00:9::2/64"'
}

test_twenty_at_once_get_twenty_addresses() {
	local i pids=() conf
	conf=$(pool .)
	for i in {1..20}; do
		cni ADD "p$i" "$conf" >"$T/result.$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || fail "an ADD failed"; done
	equal 20 "$(leases n | wc -l)" "leases"
	equal 20 "$(cat "$T"/result.* | jq -r '.ips[0].address' | sort -u | wc -l)" "distinct addresses"
	pids=()
	for i in {1..20}; do
		cni DEL "p$i" "$conf" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || fail "a DEL failed"; done
	leases n | absent "leases"
}

run_tests "$@"
