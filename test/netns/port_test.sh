#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Options of the port, the bridge and the pod's interface.
. "$(dirname "$0")/lib.sh"

# host_end: the one veth on the node
host_end() { ip -j -d link show type veth | jq -c '.[0]'; }

test_hairpin_lets_a_pod_reach_itself_through_the_bridge() {
	pod red
	cni ADD red "$(net '.hairpinMode = true')"
	host_end | json '.linkinfo.info_slave_data.hairpin == true'
}

test_hairpin_is_off_by_default() {
	pod red
	cni ADD red "$(net .)"
	host_end | json '.linkinfo.info_slave_data.hairpin == false and .linkinfo.info_slave_data.isolated == false'
}

test_promiscuous_bridge() {
	pod red
	cni ADD red "$(net '.promiscMode = true')"
	link br0 | json '.flags | index("PROMISC")'
}

test_hairpin_and_promiscuous_exclude_each_other() {
	pod red
	refused 7 "promiscMode" ADD red "$(net '.hairpinMode = true | .promiscMode = true')"
	ip -o link show type bridge | absent "bridge left behind"
}

test_mtu_of_both_ends_and_a_new_bridge() {
	local out
	pod red blue
	out=$(cni ADD red "$(net '.mtu = 1400')")
	link eth0 red | json '.mtu == 1400'
	host_end | json '.mtu == 1400'
	link br0 | json '.mtu == 1400'
	json '.interfaces[2].mtu == 1400' "$out"
	cni ADD blue "$(net '.mtu = 1300')"
	link eth0 blue | json '.mtu == 1300'
}

test_an_impossible_mtu_is_refused() {
	pod red
	refused 7 "mtu" ADD red "$(net '.mtu = -1')"
	refused 7 "mtu" ADD red "$(net '.mtu = 70000')"
	ip -o link show type veth | absent "veth left behind"
}

dad() { inside red cat "/proc/sys/net/ipv6/conf/eth0/$1"; }
test_duplicate_detection_is_off_unless_asked_for() {
	pod red
	cni ADD red "$(net '.ipam.ranges = [[{"subnet": "fd00:9::/64"}]]')"
	equal 0 "$(dad accept_dad)" accept_dad
}

test_enabledad() {
	local conf
	conf=$(net '.enabledad = true | .isGateway = true | .ipam.ranges = [[{"subnet": "fd00:9::/64"}]]')
	pod red
	cni ADD red "$conf"
	equal 1 "$(dad accept_dad)" accept_dad
	equal 1 "$(dad enhanced_dad)" enhanced_dad
	link eth0 red | json '[.addr_info[] | select(.scope == "global") | .tentative] | all(. != true)'
	reaches red fd00:9::1
}

test_a_duplicate_address_found_by_dad_is_an_error() {
	local conf
	conf=$(net '.enabledad = true | .ipam.ranges = [[{"subnet": "fd00:9::/64"}]]')
	pod thief red
	cni ADD thief "$conf"
	rm /var/lib/cni/networks/n/{fd00:9::2,last_reserved_ip.0} # the address is leased again while in use
	rm -rf /run/edgeway/leases
	refused 101 "fd00:9::2" ADD red "$conf"
	equal 1 "$(ip -o link show type veth | wc -l)" "host ends"
	leases n | absent "lease left behind"
}

test_disable_container_interface_leaves_it_down() {
	pod red
	cni ADD red "$(net 'del(.ipam) | .disableContainerInterface = true')"
	link eth0 red | json '.flags | index("UP") | not'
}

test_disable_container_interface_excludes_ipam() {
	pod red
	refused 7 "disableContainerInterface" ADD red "$(net '.disableContainerInterface = true')"
	ip -o link show type veth | absent "veth left behind"
}

test_isolated_ports_cannot_talk_to_each_other_but_to_the_gateway() {
	local conf
	conf=$(net '.portIsolation = true | .isGateway = true')
	pod red blue open
	cni ADD red "$conf"
	cni ADD blue "$conf"
	cni ADD open "$(net '.isGateway = true')"
	unreachable red "$(address blue)"
	reaches red 10.9.0.1
	reaches red "$(address open)"
	host_end | json '.linkinfo.info_slave_data.isolated == true'
}

test_macs_are_set_at_creation() {
	pod red
	cni ADD red "$(net .)"
	equal 3 "$(cat "/sys/class/net/$(host_end | jq -r .ifname)/addr_assign_type")" "host end"
	equal 3 "$(inside red unshare -m bash -c 'mount -t sysfs s /sys && cat /sys/class/net/eth0/addr_assign_type')" "pod's end"
}

test_a_new_address_is_announced() {
	pod red
	cni ADD red "$(net .)"
	equal 1 "$(inside red cat /proc/sys/net/ipv4/conf/eth0/arp_notify)" arp_notify
}

run_tests "$@"
