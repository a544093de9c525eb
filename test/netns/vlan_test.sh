#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# VLANs: who is in which, with and without tags, and the gateway on one. A kernel whose bridges cannot
# filter must refuse them without a trace; there the other cases say why they do not run.
. "$(dirname "$0")/lib.sh"
. "$HERE/chain.sh"

# filtering: whether this kernel has what the cases need; if not, says so and ends the case
filtering() {
	if ip link add probe type bridge vlan_filtering 1 2>"$T/probe" &&
		[ "$(ip -j -d link show probe | jq '.[0].linkinfo.info_data.vlan_filtering')" = 1 ]; then
		ip link del probe
	else
		echo "SKIP: bridges of Linux $(uname -r) cannot filter VLANs (CONFIG_BRIDGE_VLAN_FILTERING)"
		exit 0
	fi
}

# vlan FILTER NAME: a network of its own in VLANs of the one bridge, all in one subnet so that only
# VLANs keep them apart
vlan() { net ".name = \"${2:-n}\" | ${1:-.}"; }
# joined POD CONF: ADD, and an address that no pool gave out twice
joined() { cni ADD "$1" "$2" >/dev/null; }
host_end() { ip -j link show type veth | jq -r '.[] | select(.ifalias // "" | contains("/'"$1"'/")) | .ifname'; }
# vids POD: "100* 200 201", a star for the native one
vids() {
	bridge -j vlan show dev "$(host_end "$1")" | jq -r '.[].vlans[] | "\(.vlan)\(if .flags // [] |
		index("PVID") then "*" else "" end)"' | paste -sd' '
}

test_a_kernel_that_cannot_filter_refuses_and_keeps_nothing() {
	if ip link add probe type bridge vlan_filtering 1 2>"$T/probe" &&
		[ "$(ip -j -d link show probe | jq '.[0].linkinfo.info_data.vlan_filtering')" = 1 ]; then
		echo "SKIP: this kernel can"
		exit 0
	fi
	ip link show probe >"$T/probe" 2>&1 && ip link del probe
	pod red
	world >"$T/before"
	refused 100 "cannot filter VLANs" ADD red "$(vlan '.vlan = 100')"
	refused 100 "CONFIG_BRIDGE_VLAN_FILTERING" ADD red "$(vlan '.vlanTrunk = [{"id": 7}]')"
	ip -o link show type bridge | absent "bridge left behind"
	leases n | absent "leases left"
}

test_pods_of_two_vlans_do_not_see_each_other() {
	filtering
	pod red blue green
	joined red "$(vlan '.vlan = 100')"
	joined blue "$(vlan '.vlan = 100')"
	joined green "$(vlan '.vlan = 200')"
	reaches red 10.9.0.3
	unreachable red 10.9.0.4
	unreachable green 10.9.0.2
	equal "100*" "$(vids red)" "VLANs of red"
	cni CHECK red "$(vlan '.vlan = 100')"
	refused 104 "not in VLAN 200" CHECK red "$(vlan '.vlan = 200')"
}

test_the_default_vlan_is_left_unless_it_is_preserved() {
	filtering
	pod red blue
	joined red "$(vlan '.vlan = 100')"
	joined blue "$(vlan '.vlan = 100 | .preserveDefaultVlan = true')"
	equal "100*" "$(vids red)" "VLANs of red"
	equal "1 100*" "$(vids blue)" "VLANs of blue"
	cni CHECK blue "$(vlan '.vlan = 100 | .preserveDefaultVlan = true')"
	refused 104 "is in VLAN 1" CHECK blue "$(vlan '.vlan = 100')"
}

test_a_bridge_with_another_default_vlan() {
	filtering
	ip link add br0 type bridge vlan_filtering 1 vlan_default_pvid 77
	pod red
	joined red "$(vlan '.vlan = 100')"
	equal "100*" "$(vids red)" "VLANs of red"
}

test_a_trunk_carries_tags() {
	filtering
	local trunk='.vlanTrunk = [{"id": 100}, {"minID": 200, "maxID": 209}]'
	pod router red blue
	joined router "$(vlan "$trunk")"
	joined red "$(vlan '.vlan = 100')"
	joined blue "$(vlan '.vlan = 205')"
	equal "1* 100 $(seq -s" " 200 209)" "$(vids router)" "VLANs of the trunk"
	ip -n router link add link eth0 name eth0.100 type vlan id 100
	ip -n router link add link eth0 name eth0.205 type vlan id 205
	ip -n router addr add 10.100.0.1/24 dev eth0.100
	ip -n router addr add 10.205.0.1/24 dev eth0.205
	ip -n router link set eth0.100 up
	ip -n router link set eth0.205 up
	ip -n red addr add 10.100.0.2/24 dev eth0
	ip -n blue addr add 10.205.0.2/24 dev eth0
	reaches red 10.100.0.1
	reaches blue 10.205.0.1
	cni CHECK router "$(vlan "$trunk")"
	refused 104 "is in VLAN 200" CHECK router "$(vlan '.vlanTrunk = [{"id": 100}]')"
}

test_a_trunk_with_a_native_vlan() {
	filtering
	pod router red
	joined router "$(vlan '.vlan = 100 | .vlanTrunk = [{"minID": 98, "maxID": 102}]')"
	joined red "$(vlan '.vlan = 100')"
	equal "98 99 100* 101 102" "$(vids router)" "VLANs of the trunk"
	reaches red 10.9.0.2
}

test_an_empty_trunk_is_none() {
	pod red
	joined red "$(vlan '.vlanTrunk = []')"
}

test_the_gateway_of_a_vlan() {
	filtering
	local one two out
	one=$(vlan '.vlan = 100 | .isDefaultGateway = true | .ipMasq = true' one)
	two=$(vlan '.vlan = 200 | .isDefaultGateway = true |
		.ipam.ranges = [[{"subnet": "10.20.0.0/24"}], [{"subnet": "fd00:20::/64"}]]' two)
	outside
	pod red blue
	out=$(cni ADD red "$one")
	json '.interfaces[3].name == "br0.100" and .interfaces[3].sandbox == null and .ips[0].interface == 2' "$out"
	joined blue "$two"
	link br0.100 | json '.addr_info[] | select(.local == "10.9.0.1" and .prefixlen == 24)'
	link br0.200 | json '.addr_info[] | select(.local == "fd00:20::1")'
	ip -o -4 addr show dev br0 | absent "address on the bridge itself"
	reaches red 10.9.0.1
	reaches red 192.0.2.9
	reaches blue 10.20.0.1
	reaches blue fd00:20::1
	reaches red 10.20.0.2 # routed by the node
	cni CHECK red "$one"
	cni CHECK blue "$two"
	bridge vlan del vid 100 dev br0 self
	unreachable red 10.9.0.1
	refused 104 "br0 is not in VLAN 100" CHECK red "$one"
	ip link del br0.200
	refused 104 "br0.200" CHECK blue "$two"
	ip netns del red
	pod red
	cni DEL red "$one"
	joined red "$one" # mends it
	reaches red 10.9.0.1
}

test_a_policy_counts_a_vlan_with_a_gateway_as_a_bridge() {
	filtering
	pod red blue green
	NETWORK='.vlan = 100' attach red br0 10.9.0.0/24 '.ingressPolicy = "same-bridge"'
	NETWORK='.vlan = 100' attach blue br0 10.9.0.0/24 '.ingressPolicy = "same-bridge"'
	NET=far NETWORK='.vlan = 200' attach green br0 10.8.0.0/24 '.ingressPolicy = "same-bridge"'
	equal yes "$(hears red "$(address blue)")" "within the VLAN"
	equal no "$(hears red "$(address green)")" "by way of the node"
	equal no "$(hears green "$(address red)")" "the other way round"
	verb CHECK red br0 '.ingressPolicy = "same-bridge"'
	nft flush chain inet edgeway_firewall forward
	equal yes "$(hears red "$(address green)")" "the table alone is in the way"
}

test_the_bridge_is_made_anew_and_with_it_the_gateway() {
	filtering
	local conf
	conf=$(vlan '.vlan = 100 | .isDefaultGateway = true')
	pod red blue
	joined red "$conf"
	ip link del br0
	joined blue "$conf"
	reaches blue 10.9.0.1
	cni DEL red "$conf"
	cni DEL blue "$conf"
	ip -o link show type veth | absent "veth left"
}

test_the_pair_that_the_reference_plugin_made_is_the_gateway() {
	filtering
	ip link add br0 type bridge vlan_filtering 1
	ip link add br0.100 type veth peer name vethgw
	ip link set vethgw master br0 up
	bridge vlan del vid 1 dev vethgw
	bridge vlan add vid 100 dev vethgw pvid untagged
	ip link set br0 up
	pod red
	joined red "$(vlan '.vlan = 100 | .isGateway = true')"
	reaches red 10.9.0.1
}

test_what_stands_in_the_way_is_named() {
	filtering
	ip link add br0 type bridge
	pod red
	world >"$T/before"
	refused 7 "does not filter VLANs, as vlan needs" ADD red "$(vlan '.vlan = 100')"
	refused 7 "ip link set br0 type bridge vlan_filtering 1" ADD red "$(vlan '.vlanTrunk = [{"id": 7}]')"
	refused 50 "does not filter VLANs" STATUS red "$(vlan '.vlan = 100')"
	ip link del br0
	ip link add br0.100 type bridge
	refused 7 "br0.100 exists already and is not the VLAN's gateway" ADD red "$(vlan '.vlan = 100 | .isGateway = true')"
	leases n | absent "leases left"
	ip -o link show type veth | absent "veth left"
}

test_bad_keys() {
	pod red
	world >"$T/before"
	refused 7 "vlan: 4095" ADD red "$(vlan '.vlan = 4095')"
	refused 7 "vlan: -1" ADD red "$(vlan '.vlan = -1')"
	refused 7 "vlanTrunk[1]: minID and maxID belong together, maxID is missing" ADD red \
		"$(vlan '.vlanTrunk = [{"id": 1}, {"minID": 5}]')"
	refused 7 "vlanTrunk[0]: minID and maxID belong together, minID is missing" ADD red \
		"$(vlan '.vlanTrunk = [{"maxID": 5}]')"
	refused 7 "vlanTrunk[0].minID: 9: is greater than maxID, 5" ADD red \
		"$(vlan '.vlanTrunk = [{"minID": 9, "maxID": 5}]')"
	refused 7 "vlanTrunk[0]: needs id, or minID and maxID" ADD red "$(vlan '.vlanTrunk = [{}]')"
	refused 7 "vlanTrunk[0].id: 4095" ADD red "$(vlan '.vlanTrunk = [{"id": 4095}]')"
	refused 7 "vlanTrunk[0].id: 0" ADD red "$(vlan '.vlanTrunk = [{"id": 0}]')"
	refused 7 "too long for the gateway of a VLAN" ADD red \
		"$(vlan '.bridge = "bridge-of-12" | .vlan = 1000 | .isGateway = true')"
	unchanged "a bad key"
}

test_rollback_and_gc() {
	filtering
	local conf
	conf=$(vlan '.vlan = 100 | .isGateway = true')
	settle "$conf"
	pod red
	ip -n red link add eth0 type bridge
	refused 101 "already exists in the container" ADD red "$conf"
	ip netns del red
	unchanged "a refused ADD"
	pod red
	joined red "$conf"
	cni GC none "$(jq -c '."cni.dev/valid-attachments" = []' <<<"$conf")"
	ip -o link show type veth | absent "veth left"
	leases n | absent "leases left"
}

run_tests "$@"
