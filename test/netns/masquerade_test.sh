#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ipMasq: what leaves the node carries the node's address; nothing of it outlives the attachment, and
# it comes back after somebody flushed the ruleset.
. "$(dirname "$0")/lib.sh"

TABLE="inet edgeway_masq"

masq() { net ".isDefaultGateway = true | .ipMasq = true | .ipam.ranges += [[{\"subnet\": \"fd00:9::/64\"}]] | ${1:-.}"; }
# elements [SUBNET]: the addresses that are masqueraded, all or those of one subnet
elements() {
	nft -j list ruleset | jq -r --arg set "${1:+pods_$1}" '.nftables[].set | select(. and
		.table == "edgeway_masq" and ($set == "" or .name == $set)) | .elem[]? |
		if type == "object" then .elem.val else . end' | sort
}
# counted POD NAME: packets of a counter in a pod's table watch
counted() { inside "$1" nft -j list counter inet watch "$2" | jq '.nftables[].counter // empty | .packets'; }
# state: one line per attachment on disk
state() { find /run/edgeway -path "*/masq/*" -type f; }

test_egress_is_masqueraded_and_local_traffic_is_not() {
	local conf
	conf=$(masq)
	outside
	pod red blue
	cni ADD red "$conf"
	cni ADD blue "$conf"
	inside outside nft -f - <<-'NFT'
		add table inet watch
		add counter inet watch masked
		add counter inet watch unmasked
		table inet watch {
			chain in {
				type filter hook input priority 0
				ip saddr 10.9.0.0/24 counter name unmasked
				ip saddr 192.0.2.1 counter name masked
				ip6 saddr fd00:9::/64 counter name unmasked
				ip6 saddr 2001:db8::1 icmpv6 type echo-request counter name masked
			}
		}
	NFT
	reaches red 192.0.2.9
	reaches red 2001:db8::9
	equal 0 "$(counted outside unmasked)" "packets that left with a pod's own address"
	equal 2 "$(counted outside masked)" "packets that left with the node's address"
	# pods of one subnet see each other's own addresses
	inside blue nft -f - <<-'NFT'
		add table inet watch
		add counter inet watch own
		table inet watch {
			chain in {
				type filter hook input priority 0
				ip saddr 10.9.0.2 counter name own
			}
		}
	NFT
	reaches red 10.9.0.3
	equal 1 "$(counted blue own)" "packets that a neighbour saw with a pod's own address"
}

test_each_address_is_an_element_and_del_removes_it() {
	local conf
	conf=$(masq)
	pod red blue
	cni ADD red "$conf"
	cni ADD blue "$conf"
	equal "10.9.0.2 10.9.0.3" "$(elements 10.9.0.0/24 | paste -sd' ')" "IPv4 elements"
	equal 4 "$(elements | wc -l)" "elements"
	equal 2 "$(state | wc -l)" "state files"
	cni DEL red "$conf"
	equal "10.9.0.3 fd00:9::3" "$(elements | paste -sd' ')" "after DEL"
	cni DEL blue "$conf"
	elements | absent "elements left"
	state | absent "state left"
}

# gone HOW...: DEL in this environment must leave neither element nor state nor link
gone() {
	local conf
	conf=$(masq)
	pod red
	cni ADD red "$conf"
	"$@" "$conf"
	elements | absent "elements left"
	state | absent "state left"
	leases n | absent "leases left"
	ip -o link show type veth | absent "veth left"
}
vanished() { ip netns del red && cni DEL red "$1"; }
test_del_with_the_netns_gone() { gone vanished; }
empty_netns() { NETNS="" cni DEL red "$1"; }
test_del_with_an_empty_netns() { gone empty_netns; }
no_prev() { PREV="" cni DEL red "$1"; }
test_del_without_prev_result() { gone no_prev; }
nothing_known() { ip netns del red && NETNS="" PREV="" cni DEL red "$1"; }
test_del_with_neither() { gone nothing_known; }
all_lost() { rm -r /run/edgeway && nothing_known "$1"; }
test_del_with_no_record_either() { gone all_lost; }
flushed() { nft flush ruleset && cni DEL red "$1" && cni ADD red "$1" && cni DEL red "$1"; }
test_del_after_somebody_flushed_the_ruleset() { gone flushed; }

test_turned_off_in_between() {
	pod red
	cni ADD red "$(masq)"
	cni DEL red "$(masq '.ipMasq = false')"
	elements | absent "elements left"
	state | absent "state left"
}

test_the_next_add_rebuilds_a_flushed_ruleset() {
	local conf
	conf=$(masq)
	outside
	pod red blue
	cni ADD red "$conf"
	nft list ruleset >"$T/whole"
	nft flush ruleset
	cni ADD blue "$conf"
	equal "10.9.0.2 10.9.0.3" "$(elements 10.9.0.0/24 | paste -sd' ')" "elements"
	reaches red 192.0.2.9
	cni DEL blue "$conf"
	nft list ruleset | diff "$T/whole" -
}

test_check_sees_that_the_rules_are_gone_while_the_sets_stand() {
	local conf
	conf=$(masq)
	pod red
	cni ADD red "$conf"
	cni CHECK red "$conf"
	nft add rule $TABLE postrouting counter # somebody's own
	cni CHECK red "$conf"
	nft flush chain $TABLE postrouting
	refused 104 "10.9.0.2 is not masqueraded" CHECK red "$conf"
	"$BIN/bridge" --resync
	cni CHECK red "$conf"
}

# but_index: the world, without what leases are found by, which is made anew when it is missing
but_index() { world | grep -v "file /run/edgeway/leases/"; }
# Where state is kept no file can be made any more: not for who comes, but who goes still can.
test_who_is_there_can_go_when_no_file_can_be_made() {
	local conf i=0
	conf=$(masq)
	pod red blue
	mkdir -p /run/edgeway
	mount -t tmpfs -o nr_inodes=64 none /run/edgeway
	cni ADD red "$conf"
	while touch "/run/edgeway/filler$((i++))" 2>"$T/said"; do :; done
	grep -q "No space left" "$T/said"
	but_index >"$T/before"
	refused 5 "write /run/edgeway/masq/" ADD blue "$conf"
	but_index | diff "$T/before" -
	cni DEL blue "$conf"
	cni DEL red "$conf"
	elements | absent "elements left"
	state | absent "state left"
	umount /run/edgeway
}

test_what_is_no_file_is_no_record() {
	local conf
	conf=$(masq)
	pod red
	cni ADD red "$conf"
	mkdir /run/edgeway/masq/directory /run/edgeway/masq.gone/directory
	mkfifo /run/edgeway/masq/fifo /run/edgeway/masq.gone/fifo
	nft flush ruleset
	timeout 5 "$BIN/bridge" --resync
	cni CHECK red "$conf"
	cni DEL red "$conf"
	elements | absent "elements left"
}

test_an_address_recorded_twice_is_removed_once() {
	local conf record
	conf=$(masq)
	pod red
	cni ADD red "$conf"
	record=$(state)
	tail -1 "$record" >>"$record"
	cni DEL red "$conf"
	elements | absent "elements left"
	state | absent "state left"
}

test_resync_rebuilds_it_by_hand() {
	local conf
	conf=$(masq)
	outside
	pod red
	cni ADD red "$conf"
	nft list ruleset >"$T/whole"
	nft flush ruleset
	"$BIN/bridge" --resync
	nft list ruleset | diff "$T/whole" -
	reaches red 192.0.2.9
	nft add element $TABLE pods_10.9.0.0/24 '{ 10.9.0.99 }' # nobody's
	"$BIN/bridge" --resync
	nft list ruleset | diff "$T/whole" -
}

test_the_printed_ruleset_loads_back() {
	local conf
	conf=$(masq)
	outside
	pod red
	cni ADD red "$conf"
	nft list ruleset >"$T/whole"
	nft flush ruleset
	nft -f "$T/whole"
	nft list ruleset | diff "$T/whole" -
	reaches red 192.0.2.9
	cni DEL red "$conf"
	elements | absent "elements left"
}

test_tables_of_others_are_not_touched() {
	local conf
	conf=$(masq)
	nft add table ip nat
	nft add chain ip nat postrouting '{ type nat hook postrouting priority 100; }'
	nft add rule ip nat postrouting ip saddr 10.0.0.0/8 oifname '"none"' masquerade comment '"theirs"'
	nft list table ip nat >"$T/theirs"
	pod red
	cni ADD red "$conf"
	nft flush table $TABLE
	"$BIN/bridge" --resync
	cni DEL red "$conf"
	nft list table ip nat | diff "$T/theirs" -
}

test_without_ip_masq_there_is_no_table() {
	pod red
	cni ADD red "$(net '.isGateway = true')"
	nft list tables | absent "tables"
	cni DEL red "$(net '.isGateway = true')"
	nft list tables | absent "tables"
}

test_two_networks_share_the_table() {
	local other
	other=$(masq '.name = "m" | .bridge = "br1" | .ipam.ranges = [[{"subnet": "10.8.0.0/16"}]]')
	outside
	pod red blue
	cni ADD red "$(masq)"
	cni ADD blue "$other"
	reaches red 192.0.2.9
	reaches blue 192.0.2.9
	cni DEL red "$(masq)"
	reaches blue 192.0.2.9
	equal "10.8.0.2" "$(elements)" "elements"
}

test_a_flush_of_one_network_leaves_the_others_rules() {
	local other
	other=$(masq '.name = "m" | .bridge = "br1" | .ipam.ranges = [[{"subnet": "10.8.0.0/16"}]]')
	pod red blue
	cni ADD red "$(masq)"
	cni DEL red "$(masq)"
	cni ADD blue "$other"
	cni DEL blue "$other"
	equal "10.8.0.0/16 10.9.0.0/24 fd00_9__/64" \
		"$(nft -j list sets | jq -r '.nftables[].set // empty | .name | ltrimstr("pods_")' | sort | paste -sd' ')" \
		"sets, though nobody is in them"
}

run_tests "$@"
