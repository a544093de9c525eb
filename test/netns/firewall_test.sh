#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# firewall: who reaches whom by each policy, the operator's chain, rules that come back.
. "$(dirname "$0")/lib.sh"
. "$HERE/chain.sh"

TABLE="inet edgeway_firewall"
ALL="same bridge yes, other bridge yes, node yes, out yes, in yes, from node yes"
NOT_OTHER="same bridge yes, other bridge no, node yes, out yes, in yes, from node yes"
NEITHER="same bridge no, other bridge no, node yes, out yes, in yes, from node yes"

test_open_lets_everybody_reach_everybody() {
	two_bridges .
	equal "$ALL" "$(matrix)" open
	equal "$ALL" "$(matrix 6)" "open, IPv6"
}

test_same_bridge_keeps_bridges_apart() {
	two_bridges '.ingressPolicy = "same-bridge"'
	equal "$NOT_OTHER" "$(matrix)" same-bridge
	equal "$NOT_OTHER" "$(matrix 6)" "same-bridge, IPv6"
	equal no "$(hears green "$red")" "the other way round"
}

# Whether or not the kernel shows netfilter what a bridge forwards (br_netfilter).
test_isolated_keeps_all_apart() {
	local shown
	two_bridges '.ingressPolicy = "isolated"'
	for shown in 0 1; do
		if [ -d /proc/sys/net/bridge ]; then
			sysctl -qw net.bridge.bridge-nf-call-iptables=$shown net.bridge.bridge-nf-call-ip6tables=$shown
		fi
		equal "$NEITHER" "$(matrix)" "isolated, bridge-nf-call $shown"
		equal "$NEITHER" "$(matrix 6)" "isolated, IPv6, bridge-nf-call $shown"
	done
}

test_isolation_of_a_bridge_outlives_the_ruleset() {
	two_bridges '.ingressPolicy = "isolated"'
	nft flush ruleset
	equal no "$(hears red "$blue")" "within the bridge"
}

# Two subnets of one bridge are routed, so the bridge itself does not see who sends.
test_isolated_holds_between_subnets_of_a_bridge() {
	pod red blue
	attach red br0 10.9.0.0/24 '.ingressPolicy = "isolated"'
	ip addr add 10.7.0.1/24 dev br0
	ip addr add fd00:10:7::1/64 dev br0 nodad
	NET=far attach blue br0 10.7.0.0/24 '.ingressPolicy = "isolated"'
	bridge link set dev "$(port blue)" isolated off
	# else the kernel shows red the short way, which no rule sees where there is no br_netfilter
	sysctl -qw net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.br0.send_redirects=0
	equal no "$(hears red "$(address blue)")" "by way of the node"
	nft flush chain $TABLE forward
	equal yes "$(hears red "$(address blue)")" "the table alone is in the way"
}

# As with the reference plugin: both must have a policy.
test_a_bridge_without_a_policy_is_reached() {
	pod red green
	attach red br0 10.9.0.0/24 '.ingressPolicy = "same-bridge"'
	attach green br1 10.8.0.0/24 .
	equal "yes yes" "$(hears red "$(address green)") $(hears green "$(address red)")" "both ways"
}

test_what_is_established_is_cut_too() {
	local pinging
	two_bridges .
	inside red ping -i 0.1 -n "$green" >"$T/ping.log" &
	pinging=$!
	sleep 0.5
	verb DEL red br0 .
	verb DEL green br1 .
	attach_again red br0 '.ingressPolicy = "same-bridge"'
	attach_again green br1 '.ingressPolicy = "same-bridge"'
	: >"$T/ping.log"
	sleep 0.5
	kill $pinging
	equal 0 "$(grep -c "bytes from" "$T/ping.log" || [ $? = 1 ])" "answers afterwards"
}

test_containers_of_ptp_are_kept_apart() {
	pod red blue
	for name in red blue; do
		cni ADD $name "$(net '.type = "ptp" | del(.bridge)')" >"$T/$name.before"
		attach_again $name n '.ingressPolicy = "same-bridge"'
	done
	equal no "$(hears red "$(address blue)")" "another container"
	reaches red 10.9.0.1
}

test_the_result_is_that_of_the_plugins_before() {
	pod red
	attach red br0 10.9.0.0/24 .
	diff "$T/red.before" "$T/red.result"
}

test_the_operator_can_let_pass_and_drop() {
	two_bridges '.ingressPolicy = "same-bridge"'
	nft add rule $TABLE CNI-ADMIN ip saddr "$red" ip daddr "$green" accept
	nft add rule $TABLE CNI-ADMIN ip saddr "$green" ip daddr "$red" accept
	equal yes "$(hears red "$green")" "what the operator accepts"
	equal no "$(hears blue "$green")" "and nothing else"
	nft add rule $TABLE CNI-ADMIN ip saddr @pods4 ip daddr 192.0.2.9 drop
	equal no "$(hears blue 192.0.2.9)" "what the operator drops"
	"$BIN/firewall" --resync
	equal yes "$(hears red "$green")" "after a rebuild"
	equal no "$(hears blue 192.0.2.9)" "after a rebuild"
}

test_the_operator_names_his_chain() {
	two_bridges '.iptablesAdminChainName = "MY-RULES"'
	nft add rule $TABLE MY-RULES ip daddr 192.0.2.9 drop
	equal no "$(hears red 192.0.2.9)" "what the operator drops"
	equal 1 "$(nft list ruleset | grep -c 'jump MY-RULES')" jumps
}

# Networks of tenants may use the same subnet.
test_a_policy_outlives_another_with_the_same_address() {
	local isolated='.ingressPolicy = "isolated"'
	pod red blue green
	NET=a attach red br0 10.9.0.0/24 "$isolated"
	cni ADD blue "$(net '.name = "b" | .bridge = "br1"')" >"$T/blue.before"
	attach_again blue b "$isolated"
	equal "$(address red)" "$(address blue)" addresses
	NET=a attach green br0 10.9.0.0/24 "$isolated"
	verb DEL green a "$isolated"
	equal '"br0" "br1"' "$(bridges_in_table)" "bridges when another of red's has gone"
	nft flush ruleset
	"$BIN/firewall" --resync
	equal '"br0" "br1"' "$(bridges_in_table)" "bridges after a flush"
	verb DEL red a "$isolated"
	verb DEL blue b "$isolated"
	equal "" "$(bridges_in_table)" "bridges in the end"
}

test_a_flushed_ruleset_comes_back_with_the_next_container() {
	two_bridges '.ingressPolicy = "same-bridge"'
	nft flush ruleset
	equal yes "$(hears red "$green")" "while it is gone"
	refused 104 "is missing in nf_tables table edgeway_firewall" \
		CHECK red "$(chained "$(fw br0 '.ingressPolicy = "same-bridge"')" "$(cat "$T/red.result")")"
	pod pink
	attach pink br0 10.9.0.0/24 '.ingressPolicy = "same-bridge"'
	equal no "$(hears red "$green")" "after the next ADD"
	verb CHECK red br0 '.ingressPolicy = "same-bridge"'
}

test_status_brings_a_flushed_ruleset_back() {
	two_bridges '.ingressPolicy = "same-bridge"'
	nft flush ruleset
	cni STATUS red "$(fw br0 .)"
	grep -q "has been rebuilt" "$T/err"
	equal no "$(hears red "$green")" "after STATUS"
	cni STATUS red "$(fw br0 .)"
	absent "a second time" <"$T/err"
}

# What a nftables.service does, with the operator's rules in its file.
test_a_reloaded_ruleset_file_keeps_the_operators_rules() {
	two_bridges '.ingressPolicy = "same-bridge"'
	nft -f - <<-'NFT'
		flush ruleset
		table inet edgeway_firewall {
			chain CNI-ADMIN {
				ip daddr 192.0.2.9 drop
			}
		}
	NFT
	"$BIN/firewall" --resync
	equal no "$(hears red "$green")" "other bridge"
	equal no "$(hears red 192.0.2.9)" "what the operator drops"
}

test_check_sees_a_port_that_is_not_isolated() {
	pod red
	attach red br0 10.9.0.0/24 '.ingressPolicy = "isolated"'
	verb CHECK red br0 '.ingressPolicy = "isolated"'
	PREV=$(cat "$T/red.result") cni CHECK red "$(on br0 br0 10.9.0.0/24)" # bridge does not mind
	bridge link set dev "$(port red)" isolated off
	refused 104 "ingressPolicy: port $(port red) is not isolated" \
		CHECK red "$(chained "$(fw br0 '.ingressPolicy = "isolated"')" "$(cat "$T/red.result")")"
}

# prev POD FILTER: what bridge has reported, changed by a jq filter
prev() { jq -c "$2" "$T/$1.before"; }

# isolated POD FILTER: attach it to br0, with firewall behind such a result
isolated() {
	cni ADD "$1" "$(on br0 br0 10.9.0.0/24)" >"$T/$1.before"
	prev "$1" "$2" >"$T/$1.changed"
	mv "$T/$1.changed" "$T/$1.before"
	attach_again "$1" br0 '.ingressPolicy = "isolated"'
}

test_the_bridge_is_that_of_the_port_wherever_it_is_listed() {
	local conf='.ingressPolicy = "isolated"'
	pod red blue green
	isolated red '.interfaces |= [.[1], .[0], .[2]] | .ips[].interface = 2'
	isolated blue '.interfaces |= [.[2], .[1]] | .ips[].interface = 0'
	equal no "$(hears red "$(address blue)")" "within the bridge"
	attach green br1 10.8.0.0/24 "$conf"
	equal no "$(hears red "$(address green)")" "another bridge"
	equal '"br0" "br1"' "$(bridges_in_table)" "bridges"
	verb CHECK red br0 "$conf"
	verb CHECK blue br0 "$conf"
	bridge link set dev "$(jq -r '.interfaces[1].name' "$T/blue.result")" isolated off
	refused 104 "is not isolated" CHECK blue "$(chained "$(fw br0 "$conf")" "$(cat "$T/blue.result")")"
}

test_what_cannot_be_isolated_is_refused() {
	local conf port
	conf=$(fw br0 '.ingressPolicy = "isolated"')
	pod red
	cni ADD red "$(on br0 br0 10.9.0.0/24)" >"$T/red.before"
	port=$(jq -r '.interfaces[1].name' "$T/red.before")
	ip link add br7 type bridge
	ip link add other type veth peer name far
	ip link set other master br7
	refused 7 "ingressPolicy: prevResult.interfaces: none is a port of br0 that could be isolated" \
		ADD red "$(chained "$conf" "$(prev red '.interfaces |= [.[0], .[2]] | .ips[].interface = 1')")"
	refused 7 "ingressPolicy: prevResult.interfaces[3]: other is a port of br7, but $port of br0" \
		ADD red "$(chained "$conf" "$(prev red '.interfaces += [{name: "other"}]')")"
	refused 100 "ingressPolicy: prevResult.interfaces[0]: find interface br9: No such device" \
		ADD red "$(chained "$conf" "$(prev red '.interfaces[0].name = "br9"')")"
	nft list tables | sed -n /edgeway_firewall/p | absent "tables"
	bridge -d link show dev "$port" | sed -n '/isolated on/p' | absent "isolation"
}

test_a_port_of_what_is_no_bridge_is_refused() {
	pod red
	ip link add vrf7 type vrf table 7 2>"$T/no-vrf" || {
		echo "SKIP: no VRF in this kernel"
		return 0
	}
	cni ADD red "$(net '.type = "ptp" | del(.bridge)')" >"$T/red.before"
	ip link set "$(jq -r '.interfaces[0].name' "$T/red.before")" master vrf7
	refused 7 "belongs to vrf7, which is no bridge" ADD red \
		"$(chained "$(fw n '.ingressPolicy = "same-bridge"')" "$(cat "$T/red.before")")"
}

test_check_sees_a_port_that_has_left_its_bridge() {
	local conf again
	conf=$(fw br0 '.ingressPolicy = "isolated"')
	pod red
	attach red br0 10.9.0.0/24 '.ingressPolicy = "isolated"'
	again=$(chained "$conf" "$(cat "$T/red.result")")
	ip link set "$(port red)" nomaster
	refused 104 "none is a port of br0" CHECK red "$again"
	ip link add br7 type bridge
	ip link set "$(port red)" master br7
	bridge link set dev "$(port red)" isolated on
	refused 104 "isolated br7 is missing" CHECK red "$again"
	ip link del br0
	refused 104 "prevResult.interfaces[0]: find interface br0: No such device" CHECK red "$again"
	NETNS="" PREV="" cni DEL red "$conf"
}

test_del_leaves_nothing() {
	local name
	two_bridges '.ingressPolicy = "isolated"'
	verb DEL red br0 '.ingressPolicy = "isolated"'
	equal "\"br0\" \"br1\"" "$(bridges_in_table)" "bridges, one has a container left"
	PREV='' NETNS='' cni DEL blue "$(fw br0 .)" # knows nothing but the name
	ip netns del green
	verb DEL green br1 '.ingressPolicy = "isolated"'
	nft list ruleset | sed -n /comment/p | absent "elements"
	find /run/edgeway/firewall* -type f -size +0 | absent "records"
	for name in red blue green; do PREV='' NETNS='' cni DEL $name "$(fw br0 .)"; done
}

test_del_without_a_record_finds_its_elements() {
	pod red
	attach red br0 10.9.0.0/24 .
	rm -r /run/edgeway
	PREV='' NETNS='' cni DEL red "$(fw br0 .)"
	nft list ruleset | sed -n /comment/p | absent "elements"
}

test_gc_keeps_what_is_valid() {
	two_bridges '.ingressPolicy = "same-bridge"'
	cni GC red "$(fw br0 '."cni.dev/valid-attachments" = [{containerID: "red", ifname: "eth0"}]')"
	equal "$red $green" "$(pods_in_table)" "addresses: one of the network, and of another network"
	cni GC red "$(fw br0 '."cni.dev/valid-attachments" = []')"
	equal "$green" "$(pods_in_table)" "addresses of another network"
	equal '"br1"' "$(bridges_in_table)" bridges
}

test_firewalld_is_mentioned() {
	pod red
	nft add table inet firewalld
	attach red br0 10.9.0.0/24 .
	grep -q "firewalld is running" "$T/err"
}

test_without_addresses_there_is_nothing_to_do() {
	pod red
	cni ADD red "$(net 'del(.ipam)')" >"$T/red.before"
	attach_again red n .
	verb CHECK red n .
	nft list ruleset | absent "tables"
	verb DEL red n .
}
run_tests "$@"
