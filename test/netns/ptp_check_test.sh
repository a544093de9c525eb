#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# CHECK of a point-to-point network: silent on what ADD made, and it names what is missing on either
# side.
. "$(dirname "$0")/lib.sh"

# masq: two families, one address in each, a default route and masquerading
masq() {
	net '.type = "ptp" | del(.bridge) | .ipMasq = true | .ipam = {"type": "host-local",
		"ranges": [[{"subnet": "10.9.0.0/24", "rangeEnd": "10.9.0.2"}], [{"subnet": "fd00:9::/64", "rangeEnd": "fd00:9::2"}]],
		"routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}'
}
# end: the node's end of the pair
end() { ip -j link show type veth | jq -r '.[].ifname'; }

test_check_is_silent_and_tolerates_what_others_add() {
	pod red
	cni ADD red "$(masq)"
	cni CHECK red "$(masq)" | absent "output of CHECK"
	ip -n red link set eth0 mtu 1300
	ip -n red addr add 10.55.0.1/24 dev eth0
	ip -n red route add 10.66.0.0/16 via 10.9.0.1
	ip neigh add 10.55.0.1 dev "$(end)" lladdr 02:00:00:00:00:55
	cni CHECK red "$(masq)" | absent "output of CHECK"
}

# broken: for each line "TEXT | COMMAND" of stdin, CHECK after this damage must fail and name TEXT; END
# stands for the node's end, in_red for ip in the pod
broken() {
	local text command
	pod red
	while IFS='|' read -r text command; do
		cni ADD red "$(masq)"
		command=${command//END/$(end)}
		${command//in_red/ip -n red}
		refused 104 "${text% }" CHECK red "$(masq)"
		cni DEL red "$(masq)"
	done
}

test_check_names_what_is_wrong_in_the_pod() {
	broken <<-'DAMAGE'
		10.9.0.2/24 | in_red addr del 10.9.0.2/24 dev eth0
		route 10.9.0.1/32 | in_red route del 10.9.0.1 dev eth0
		route 10.9.0.0/24 | in_red route del 10.9.0.0/24
		route fd00:9::/64 | in_red route del fd00:9::/64
		0.0.0.0/0 | in_red route del default
		10.9.0.1 is missing | in_red neigh del 10.9.0.1 dev eth0
		fd00:9::1 is not permanent | in_red neigh replace fd00:9::1 dev eth0 lladdr 02:00:00:00:00:01 nud reachable
		MAC address 02:00:00:00:00:01 | in_red neigh replace 10.9.0.1 dev eth0 lladdr 02:00:00:00:00:01
		eth0 in the container is down | in_red link set eth0 down
		eth0 in the container has MAC address | in_red link set eth0 address 02:00:00:00:00:99
		is missing | in_red link del eth0
	DAMAGE
}

test_check_names_what_is_wrong_on_the_node() {
	broken <<-'DAMAGE'
		has MAC address 02:00:00:00:00:99 | ip link set END address 02:00:00:00:00:99
		is down | ip link set END down
		gateway address 10.9.0.1 is missing | ip addr del 10.9.0.1/32 dev END
		gateway address fd00:9::1 is missing | ip addr del fd00:9::1/128 dev END
		route 10.9.0.2/32 | ip route del 10.9.0.2
		route fd00:9::2/128 | ip -6 route del fd00:9::2
		neighbour 10.9.0.2 is missing | ip neigh del 10.9.0.2 dev END
		neighbour fd00:9::2 is missing | ip neigh del fd00:9::2 dev END
		10.9.0.2 | rm /var/lib/cni/networks/n/10.9.0.2
		10.9.0.2 is not masqueraded | nft flush ruleset
	DAMAGE
}

test_check_sees_that_the_route_leads_elsewhere() {
	ip link add up0 type veth peer name up1
	ip link set up0 up
	pod red
	cni ADD red "$(masq)"
	ip route prepend 10.9.0.2 dev up0
	refused 104 "route 10.9.0.2/32" CHECK red "$(masq)"
}

run_tests "$@"
