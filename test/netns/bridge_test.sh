#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a bridge network is for: pods get addresses and reach each other, and DEL removes all of it.
. "$(dirname "$0")/lib.sh"

test_two_pods_reach_each_other() {
	local conf
	conf=$(net .)
	pod red blue
	cni ADD red "$conf"
	cni ADD blue "$conf"
	equal 10.9.0.2 "$(address red)" "first address"
	equal 10.9.0.3 "$(address blue)" "second address"
	reaches red 10.9.0.3
	reaches blue 10.9.0.2
}

test_the_result_lists_bridge_host_end_and_container_end() {
	local out host
	pod red
	out=$(cni ADD red "$(net .)")
	json '.cniVersion == "1.1.0" and (.interfaces | length) == 3' "$out"
	json '.interfaces[0].name == "br0" and (.interfaces[0].sandbox // "") == ""' "$out"
	json '.interfaces[2].name == "eth0" and .interfaces[2].sandbox == "/run/netns/red"' "$out"
	json '.ips == [{"interface": 2, "address": "10.9.0.2/24", "gateway": "10.9.0.1"}]' "$out"
	host=$(jq -r '.interfaces[1].name' <<<"$out")
	equal "$(link "$host" | jq -r .address)" "$(jq -r '.interfaces[1].mac' <<<"$out")" "host end's MAC"
	equal "$(link br0 | jq -r .address)" "$(jq -r '.interfaces[0].mac' <<<"$out")" "bridge's MAC"
	equal "$(link eth0 red | jq -r .address)" "$(jq -r '.interfaces[2].mac' <<<"$out")" "pod's MAC"
	json '.master == "br0" and .ifalias == "edgeway n/red/eth0"' "$(link "$host")"
}

test_ipv6() {
	local conf
	conf=$(net '.ipam.ranges = [[{"subnet": "fd00:9::/64"}]]')
	pod red blue
	cni ADD red "$conf"
	cni ADD blue "$conf"
	equal fd00:9::2 "$(address red -6)" "first address"
	reaches red fd00:9::3
	link eth0 red | json '[.addr_info[] | select(.scope == "global") | .tentative] | all(. != true)'
	cni DEL red "$conf"
	cni DEL blue "$conf"
	leases n | absent "leases"
}

test_dual_stack() {
	local conf out
	conf=$(net '.isDefaultGateway = true | .ipam.ranges += [[{"subnet": "fd00:9::/64"}]]')
	pod red blue
	out=$(cni ADD red "$conf")
	cni ADD blue "$conf"
	json '[.ips[].address] == ["10.9.0.2/24", "fd00:9::2/64"]' "$out"
	reaches red 10.9.0.3
	reaches red fd00:9::3
	reaches red 10.9.0.1
	reaches red fd00:9::1
}

test_layer_2_only() {
	local conf out
	conf=$(net 'del(.ipam)')
	pod red blue
	out=$(cni ADD red "$conf")
	cni ADD blue "$conf"
	json '(.ips // []) == [] and (.interfaces | length) == 3' "$out"
	link eth0 red | json '(.flags | index("UP")) and ([.addr_info[] | select(.scope == "global")] == [])'
	ip -n red addr add 10.1.1.1/24 dev eth0
	ip -n blue addr add 10.1.1.2/24 dev eth0
	reaches red 10.1.1.2
	cni CHECK red "$conf"
	cni DEL red "$conf"
	cni DEL blue "$conf"
	ip -o link show type veth | absent "veth left behind"
}

test_an_ipam_section_without_a_type_is_layer_2() {
	pod red
	json '(.ips // []) == []' "$(cni ADD red "$(net '.ipam = {}')")"
}

test_del_leaves_nothing() {
	local conf
	conf=$(net '.isGateway = true | .ipMasq = true | .ipam.ranges += [[{"subnet": "fd00:9::/64"}]]')
	settle "$conf"
	pod red
	cni ADD red "$conf"
	cni DEL red "$conf"
	ip netns del red
	unchanged "ADD and DEL"
}

test_two_interfaces_in_one_pod() {
	local one two
	one=$(net '.ipMasq = true')
	two=$(net '.ipMasq = true | .name = "m" | .bridge = "br1" | .ipam.ranges[0][0].subnet = "10.8.0.0/24"')
	pod red
	cni ADD red "$one"
	IFNAME=net1 cni ADD red "$two"
	IFNAME=net2 cni ADD red "$one"
	equal 3 "$(ip -o link show type veth | wc -l)" "host ends"
	cni DEL red "$one"
	link net1 red | json '.addr_info[0].local == "10.8.0.2"'
	link net2 red | json '.addr_info[0].local == "10.9.0.3"'
	equal "10.9.0.3" "$(leases n)" "leases of the first network"
	IFNAME=net2 cni DEL red "$one"
	IFNAME=net1 cni DEL red "$two"
	ip -o link show type veth | absent "veth left behind"
	leases n | absent "leases"
}

test_the_bridges_mac_never_changes() {
	local conf mac name
	conf=$(net '.isGateway = true')
	pod p1 p2 p3
	cni ADD p1 "$conf"
	mac=$(link br0 | jq -r .address)
	for name in p2 p3; do
		cni ADD $name "$conf"
		equal "$mac" "$(link br0 | jq -r .address)" "MAC after ADD $name"
	done
	for name in p1 p2 p3; do
		cni DEL $name "$conf"
		equal "$mac" "$(link br0 | jq -r .address)" "MAC after DEL $name"
	done
	# udev rewrites a MAC the kernel made up (1); one set at creation (3) it leaves alone
	equal 3 "$(cat /sys/class/net/br0/addr_assign_type)" "addr_assign_type of the bridge"
}

test_something_else_of_the_bridges_name_is_refused() {
	ip link add br0 type veth peer name br0x
	pod red
	refused 7 "br0" ADD red "$(net .)"
	equal 2 "$(ip -o link show type veth | wc -l)" "veths: what was there before"
	leases n | absent "lease left behind"
}

# one route more than IPAM's list holds: for every length of that list
test_any_number_of_routes_beside_the_default() {
	local n conf
	for n in 1 3 5 6 7 12 54 60; do
		conf=$(net ".isDefaultGateway = true | .ipam.routes = [range($n) | {dst: \"10.100.\\(.).0/24\"}]")
		pod "p$n"
		cni ADD "p$n" "$conf" >"$T/out"
		equal "$((n + 1))" "$(jq '.routes | length' "$T/out")" "routes in the result"
		equal "$((n + 1))" "$(inside "p$n" ip route show | grep -c via)" "routes in the pod"
		cni DEL "p$n" "$conf"
	done
}

# as in a container that is privileged in its network only
test_a_read_only_proc_sys_that_is_right_already() {
	local conf
	conf=$(net '.isGateway = true | .ipMasq = true')
	settle "$conf"
	mount --bind -o ro /proc/sys /proc/sys
	pod red
	cni ADD red "$conf"
	reaches red 10.9.0.1
	cni CHECK red "$conf"
	cni DEL red "$conf"
	ip netns del red
	unchanged "ADD and DEL"
}

test_a_read_only_proc_sys_that_would_have_to_change() {
	local conf
	conf=$(net '.isGateway = true | .ipMasq = true | .ipam.ranges += [[{"subnet": "fd00:9::/64"}]]')
	settle "$conf"
	sysctl -qw net.ipv4.ip_forward=0
	pod red
	mount --bind -o ro /proc/sys /proc/sys
	world >"$T/before"
	refused 100 "net/ipv4/ip_forward to 1: Read-only file system" ADD red "$(jq -c 'del(.ipam.ranges[1])' <<<"$conf")"
	unchanged "ADD that was to forward"
	refused 100 "keep_addr_on_down to 1: Read-only file system" ADD red "$conf"
	unchanged "ADD with IPv6"
}

test_a_bridge_of_somebody_else_learns_no_router_from_a_pod() {
	ip link add br0 type bridge
	ip link set br0 up
	pod red
	cni ADD red "$(net '.isGateway = true')"
	equal 0 "$(cat /proc/sys/net/ipv6/conf/br0/accept_ra)" "accept_ra of the bridge"
}

run_tests "$@"
