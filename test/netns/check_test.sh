#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# CHECK succeeds, silently, on what ADD made, and says what is missing when something is.
. "$(dirname "$0")/lib.sh"

conf() { net ".isDefaultGateway = true | .ipMasq = true | .ipam.ranges += [[{\"subnet\": \"fd00:9::/64\"}]] | ${1:-.}"; }

test_check_is_silent_when_all_is_well() {
	pod red
	cni ADD red "$(conf)"
	cni CHECK red "$(conf)" | absent "output of CHECK"
}

test_check_tolerates_what_a_later_plugin_changed() {
	pod red
	cni ADD red "$(conf)"
	ip -n red link set eth0 mtu 1300
	ip -n red addr add 10.55.0.1/24 dev eth0
	ip -n red route add 10.66.0.0/16 via 10.9.0.1
	cni CHECK red "$(conf)"
}

test_check_of_layer_2() {
	local l2
	l2=$(net 'del(.ipam)')
	pod red
	cni ADD red "$l2"
	cni CHECK red "$l2"
	ip -n red link set eth0 down
	refused 104 "eth0" CHECK red "$l2"
}

# broken TEXT COMMAND...: CHECK after this damage must fail and name TEXT
broken() {
	local text=$1
	shift
	pod red
	cni ADD red "$(conf)"
	"$@"
	refused 104 "$text" CHECK red "$(conf)"
}

test_an_address_was_removed() { broken "10.9.0.2" ip -n red addr del 10.9.0.2/24 dev eth0; }
test_an_ipv6_address_was_removed() { broken "fd00:9::2" ip -n red addr del fd00:9::2/64 dev eth0; }
test_the_interface_is_down() { broken "eth0" ip -n red link set eth0 down; }
test_the_interface_was_removed() { broken "is missing" ip -n red link del eth0; }
test_the_default_route_was_removed() { broken "0.0.0.0/0" ip -n red route del default; }
test_the_interface_has_another_mac() { broken "eth0" ip -n red link set eth0 address 02:00:00:00:00:99; }
test_the_bridge_was_removed() { broken "br0" ip link del br0; }
test_the_bridge_is_down() { broken "br0" ip link set br0 down; }
unplug() { ip link set "$(ip -j link show type veth | jq -r '.[0].ifname')" nomaster; }
test_the_host_end_was_unplugged() { broken "br0" unplug; }
test_the_lease_was_removed() { broken "10.9.0.2" rm /var/lib/cni/networks/n/10.9.0.2; }
test_the_gateway_address_was_removed() { broken "10.9.0.1" ip addr del 10.9.0.1/24 dev br0; }
steal() { printf 'thief\r\neth0' >/var/lib/cni/networks/n/10.9.0.2; }
test_the_lease_belongs_to_another() { broken "10.9.0.2" steal; }
test_the_masquerade_table_was_flushed() { broken "10.9.0.2" nft flush ruleset; }
test_the_masquerade_element_was_removed() { broken "10.9.0.2" nft flush set inet edgeway_masq pods_10.9.0.0/24; }

test_the_netns_is_gone() {
	pod red
	cni ADD red "$(conf)"
	ip netns del red
	refused 3 "/run/netns/red" CHECK red "$(conf)"
}

run_tests "$@"
