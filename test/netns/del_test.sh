#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# DEL cleans up whatever is ours, however little is left, and never fails over what is already gone;
# a failed ADD leaves nothing.
. "$(dirname "$0")/lib.sh"

conf() { net ".isGateway = true | .ipMasq = true | ${1:-.}"; }

test_del_of_nothing() {
	pod red
	cni DEL red "$(conf)"
	cni DEL red "$(conf)"
	NETNS="" cni DEL red "$(conf)"
	NETNS=/run/netns/nosuch cni DEL red "$(conf)"
	ip -o link show type bridge | absent "DEL made a bridge"
}

# the ADD before has failed over that; the socket of nf_tables is the second
test_a_kernel_without_netfilter() {
	local verb
	mkdir "$T/without"
	printf '#!/bin/sh\nexec strace -o %s/calls -e inject=socket:error=EPROTONOSUPPORT:when=2 %s/bridge\n' "$T" "$RELEASE_BIN" >"$T/without/bridge"
	chmod +x "$T/without/bridge"
	for verb in DEL GC; do
		BIN=$T/without NETNS="" cni $verb red "$(conf '."cni.dev/valid-attachments" = []')"
		grep -q '^socket(AF_NETLINK.*NETLINK_NETFILTER.*INJECTED' "$T/calls" || fail "$verb: nothing was injected"
	done
}

# containerd: StopPodSandbox, then RemovePodSandbox without netns and prevResult
test_the_same_del_twice() {
	settle "$(conf)"
	pod red
	cni ADD red "$(conf)"
	cni DEL red "$(conf)"
	ip netns del red
	unchanged "the first DEL"
	NETNS="" PREV="" cni DEL red "$(conf)"
	unchanged "the second DEL"
}

test_the_netns_is_gone() {
	settle "$(conf)"
	pod red
	cni ADD red "$(conf)"
	ip netns del red
	cni DEL red "$(conf)"
	unchanged "DEL"
}

# the netns still exists, and so does the interface in it: DEL finds it by its own name for the host end
test_the_runtime_forgot_the_netns() {
	settle "$(conf)"
	pod red
	cni ADD red "$(conf)"
	NETNS="" PREV="" cni DEL red "$(conf)"
	ip netns del red
	unchanged "DEL"
}

test_the_config_changed_in_between() {
	settle "$(conf)"
	pod red
	cni ADD red "$(conf)"
	PREV="" cni DEL red "$(conf '.bridge = "br9" | .ipMasq = false | .isGateway = false | .ipam.ranges[0][0].subnet = "10.77.0.0/16"')"
	ip netns del red
	unchanged "DEL"
}

test_the_bridge_is_gone() {
	pod red
	cni ADD red "$(conf)"
	ip link del br0
	cni DEL red "$(conf)"
	ip -o link show type veth | absent "veth left behind"
	leases n | absent "leases left"
}

test_the_pod_removed_its_interface() {
	settle "$(conf)"
	pod red
	cni ADD red "$(conf)"
	ip -n red link del eth0
	cni DEL red "$(conf)"
	ip netns del red
	unchanged "DEL"
}

test_the_pod_renamed_its_interface() {
	settle "$(conf)"
	pod red
	cni ADD red "$(conf)"
	ip -n red link set eth0 down
	ip -n red link set eth0 name other
	cni DEL red "$(conf)"
	ip netns del red
	unchanged "DEL"
}

test_a_containers_name_is_used_again() {
	pod red
	cni ADD red "$(conf)"
	cni DEL red "$(conf)"
	ip netns del red
	pod red
	cni ADD red "$(conf)"
	reaches red 10.9.0.1
	equal 10.9.0.3 "$(address red)" "the second life's address"
}

# the first life was never deleted (the runtime crashed): the error says what to do, and it helps
test_a_containers_name_is_used_again_without_del() {
	pod red
	cni ADD red "$(conf)"
	ip netns del red
	pod red
	refused 101 "DEL for container red" ADD red "$(conf)"
	NETNS="" PREV="" cni DEL red "$(conf)"
	cni ADD red "$(conf)"
	reaches red 10.9.0.1
	cni DEL red "$(conf)"
	leases n | absent "leases left"
	ip -o link show type veth | absent "veth left behind"
}

test_an_interface_of_that_name_exists_already() {
	settle "$(conf)"
	pod red
	ip -n red link add eth0 type bridge
	world >"$T/before"
	refused 101 "eth0" ADD red "$(conf)"
	unchanged "the failed ADD"
}

test_a_second_add_of_the_same_attachment_is_refused_and_the_first_still_works() {
	pod red
	cni ADD red "$(conf)"
	refused 101 "red" ADD red "$(conf)"
	reaches red 10.9.0.1
	equal "$(address red)" "$(leases n)" "leases"
	cni CHECK red "$(conf)"
}

test_another_pods_attachment_is_not_touched() {
	pod red blue
	cni ADD red "$(conf)"
	cni ADD blue "$(conf)"
	CID=blue IFNAME=eth1 cni DEL red "$(conf)"
	CID=blue NETNS="" PREV="" cni DEL blue "$(net '.name = "m" | .isGateway = true')"
	reaches red "$(address blue)"
	cni CHECK blue "$(conf)"
}

test_an_add_that_fails_late_leaves_nothing() {
	settle "$(conf)"
	pod red
	world >"$T/before"
	refused 100 "172.20.0.0/16" ADD red "$(conf '.ipam.routes = [{"dst": "172.20.0.0/16", "gw": "192.168.77.1"}]')"
	unchanged "the failed ADD"
}

test_no_address_is_left() {
	local tiny
	tiny=$(conf '.ipam.ranges = [[{"subnet": "10.9.0.0/30"}]]')
	settle "$tiny"
	pod red blue
	cni ADD blue "$tiny"
	world >"$T/before"
	refused 102 "10.9.0.1-10.9.0.2" ADD red "$tiny"
	unchanged "the failed ADD"
}

# a process number that was used again: the path leads to a namespace, but not to the container's
test_the_netns_path_leads_to_our_own() {
	pod red
	settle "$(conf .)"
	world >"$T/before"
	cni ADD red "$(conf .)"
	NETNS=/proc/self/ns/net cni DEL red "$(conf .)"
	unchanged "ADD and DEL"
}

test_the_address_stays_taken_while_the_interface_stays() {
	settle "$(conf)"
	pod red
	cni ADD red "$(conf)"
	powerless bridge
	BIN=$T/weak refused 100 "Operation not permitted" DEL red "$(conf)"
	equal "$(address red)" "$(leases n)" "leases"
	reaches red 10.9.0.1
	cni DEL red "$(conf)"
	ip netns del red
	unchanged "the second DEL"
}

test_a_pair_of_the_reference_plugin_is_found_by_the_pods_end() {
	local theirs
	[ -x "$PEER/bridge" ] || { echo "SKIP: no $PEER/bridge" && return; }
	theirs=$(net '.cniVersion = "1.0.0"')
	pod red
	BIN=$PEER cni ADD red "$theirs"
	NETNS="" cni DEL red "$theirs"
	equal 1 "$(ip -o link show type veth | wc -l)" "pairs, with nothing to find them by"
	cni DEL red "$theirs"
	ip -o link show type veth | absent "veth left behind"
	leases n | absent "leases left"
}

test_a_pair_of_somebody_else_is_left_alone() {
	settle "$(conf)"
	pod red
	ip link add unplugged type veth peer name eth0 netns red
	cni DEL red "$(conf)"
	link unplugged >"$T/link"
	ip link set unplugged master br0 alias "theirs"
	cni DEL red "$(conf)"
	link unplugged | json '.ifalias == "theirs"'
	ip link set unplugged alias ""
	cni DEL red "$(conf)" # now it looks like the reference plugin's
	ip -o link show type veth | absent "veth left behind"
}

# elsewhere INDEX: give red an eth0 with index INDEX, whose other end is in a third namespace and has
# there the index that "port" has here
elsewhere() {
	pod third
	ip -n third link add far index "$(link port | jq .ifindex)" type veth peer name eth0 index "$1" netns red
	equal "$1" "$(link eth0 red | jq .ifindex)" "index"
	world >"$T/before"
	cni DEL red "$(conf)"
	unchanged "DEL of what is not connected to the node"
}

test_an_index_of_another_namespace_is_not_taken_for_ours() {
	settle "$(conf)"
	pod red blue
	ip netns set red auto
	ip link add port type veth peer name eth0 netns blue
	ip link set port master br0
	elsewhere "$(link eth0 blue | jq .ifindex)"
}

test_another_interface_of_the_pod_is_not_taken_for_this_one() {
	settle "$(conf)"
	pod red
	ip link add port type veth peer name net1 netns red
	ip link set port master br0
	elsewhere 77
}

run_tests "$@"
