#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The bridge as gateway: its addresses, forwarding, default routes, and what forceAddress replaces.
. "$(dirname "$0")/lib.sh"

bridge_addresses() { link br0 | jq -r '[.addr_info[] | select(.scope == "global") | "\(.local)/\(.prefixlen)"] | join(" ")'; }

test_is_gateway_gives_the_bridge_the_address_and_forwards() {
	local both='.isGateway = true | .ipam.ranges += [[{"subnet": "fd00:9::/64"}]]'
	equal 0 "$(cat /proc/sys/net/ipv6/conf/all/forwarding)" "forwarding before"
	pod red
	cni ADD red "$(net "$both")"
	equal "10.9.0.1/24 fd00:9::1/64" "$(bridge_addresses)" "the bridge's addresses"
	equal 1 "$(cat /proc/sys/net/ipv4/ip_forward)" "ip_forward"
	equal 1 "$(cat /proc/sys/net/ipv6/conf/all/forwarding)" "IPv6 forwarding"
	reaches red 10.9.0.1
	reaches red fd00:9::1
	ip -n red route show default | absent "isGateway alone makes no default route"
}

test_without_is_gateway_the_bridge_has_no_address_and_forwarding_is_left_alone() {
	local before
	before=$(cat /proc/sys/net/ipv4/ip_forward)
	pod red
	cni ADD red "$(net .)"
	equal "" "$(bridge_addresses)" "the bridge's addresses"
	equal "$before" "$(cat /proc/sys/net/ipv4/ip_forward)" "ip_forward"
}

test_default_gateway_adds_a_default_route_per_family() {
	local out
	pod red
	out=$(cni ADD red "$(net '.isDefaultGateway = true | .ipam.ranges += [[{"subnet": "fd00:9::/64"}]]')")
	json '[.routes[] | .dst] | sort == ["0.0.0.0/0", "::/0"]' "$out"
	ip -n red -j route show default | json '.[0].gateway == "10.9.0.1" and .[0].dev == "eth0"'
	ip -n red -6 -j route show default | json '.[0].gateway == "fd00:9::1"'
}

# The reference plugin fails here with "file exists" and leaves the veth behind.
test_default_gateway_beside_a_default_route_of_ipam() {
	local out
	pod red
	out=$(cni ADD red "$(net '.isDefaultGateway = true | .ipam.routes = [{"dst": "0.0.0.0/0"}]')")
	equal 1 "$(ip -n red route show default | wc -l)" "default routes"
	ip -n red -j route show default | json '.[0].gateway == "10.9.0.1"'
	json '[.routes[] | select(.dst == "0.0.0.0/0")] | length == 1' "$out"
}

test_a_default_route_with_a_gateway_of_its_own_wins() {
	pod red
	cni ADD red "$(net '.isDefaultGateway = true | .ipam.routes = [{"dst": "0.0.0.0/0", "gw": "10.9.0.7"}]')"
	equal 1 "$(ip -n red route show default | wc -l)" "default routes"
	ip -n red -j route show default | json '.[0].gateway == "10.9.0.7"'
}

test_routes_of_ipam_are_set() {
	pod red
	cni ADD red "$(net '.isGateway = true | .ipam.routes =
		[{"dst": "172.20.0.0/16"}, {"dst": "172.21.0.0/16", "gw": "10.9.0.9"}]')"
	ip -n red -j route show 172.20.0.0/16 | json '.[0].gateway == "10.9.0.1"'
	ip -n red -j route show 172.21.0.0/16 | json '.[0].gateway == "10.9.0.9"'
}

test_routes_with_mtu_and_priority_are_set() {
	local out
	pod red
	out=$(cni ADD red "$(net '.isGateway = true | .ipam.routes =
		[{"dst": "172.20.0.0/16", "mtu": 1300, "advmss": 1200, "priority": 77, "table": 99}]')")
	json '.routes[0].mtu == 1300 and .routes[0].priority == 77' "$out"
	ip -n red -j route show table 99 | json '.[0].metric == 77 and .[0].metrics[0].mtu == 1300 and .[0].metrics[0].advmss == 1200'
}

test_another_address_on_the_bridge_is_refused_and_nothing_left() {
	ip link add br0 type bridge
	ip addr add 10.1.0.1/24 dev br0
	ip link set br0 up
	sysctl -qw net.ipv4.ip_forward=1
	pod red
	mkdir -p /var/lib/cni
	refused 7 "10.1.0.1/24" ADD red "$(net '.isGateway = true')"
	ip -o link show type veth | absent "veth left behind"
	leases n | absent "lease left behind"
	equal "10.1.0.1/24" "$(bridge_addresses)" "the bridge's addresses"
}

test_force_address_replaces_it() {
	ip link add br0 type bridge
	ip addr add 10.1.0.1/24 dev br0
	ip addr add fd00:9::77/64 dev br0 nodad
	ip addr add fd00:8::77/64 dev br0 nodad
	pod red
	cni ADD red "$(net '.isGateway = true | .forceAddress = true | .ipam.ranges += [[{"subnet": "fd00:9::/64"}]]')"
	# IPv6: only an address of an overlapping subnet is in the way
	equal "10.9.0.1/24 fd00:8::77/64 fd00:9::1/64" \
		"$(tr ' ' '\n' <<<"$(bridge_addresses)" | sort | paste -sd' ')" "the bridge's addresses"
	reaches red 10.9.0.1
}

SIX='.isGateway = true | .ipam.ranges += [[{"subnet": "fd00:9::/64"}]]'

test_a_port_of_a_low_mtu_takes_no_ipv6_address_off_the_bridge() {
	local low
	low=$(net '.isGateway = true | .mtu = 1279')
	pod red blue
	cni ADD red "$(net "$SIX")"
	refused 7 'mtu: 1279: would become that of bridge "br0", which has the IPv6 address fd00:9::1/64' ADD blue "$low"
	refused 50 'mtu: 1279: would become' STATUS none "$low"
	cni CHECK red "$(net "$SIX")"
	equal "10.9.0.2 fd00:9::2" "$(leases n | paste -sd' ')" "leases"
	ip addr del fd00:9::1/64 dev br0
	cni ADD blue "$low"
}

test_a_bridge_of_a_low_mtu_cannot_be_an_ipv6_gateway() {
	pod red blue
	cni ADD red "$(net '.isGateway = true | .mtu = 1279')"
	refused 7 'bridge: "br0" has MTU 1279, IPv6 needs 1280 or more' ADD blue "$(net "$SIX")"
	refused 50 'ip link set br0 mtu 1500' STATUS none "$(net "$SIX")"
	ip link set br0 mtu 1500
	cni ADD blue "$(net "$SIX")"
}

# The gratuitous ARP may be sent before the port forwards: here none ever arrives.
test_the_node_knows_the_new_holder_of_an_address() {
	local ip
	pod red blue
	cni ADD red "$(net "$SIX")"
	nft 'add table arp deaf; add chain arp deaf input { type filter hook input priority 0; policy drop; }'
	for ip in 10.9.0.3 fd00:9::3; do ip neigh add "$ip" lladdr 02:00:00:00:00:99 dev br0 nud stale; done
	cni ADD blue "$(net "$SIX")"
	for ip in 10.9.0.3 fd00:9::3; do
		ip neigh show "$ip" dev br0 | grep -q "$(link eth0 blue | jq -r .address)" || fail "$ip is still another's"
	done
}

mac_of() { link "$1" | jq -r .address; }

# foreign BRIDGE: one that somebody else made, whose MAC address is the lowest of its ports'
foreign() {
	ip link add "$1" type bridge
	ip link add "$1-nic" address fe:00:00:00:00:01 type veth peer name "$1-far"
	ip link set "$1-nic" master "$1"
	ip link set "$1" up
	equal fe:00:00:00:00:01 "$(mac_of "$1")" "a new bridge's MAC"
}

# keeps_mac CONF: the bridge's MAC address stays as it was, whatever joins and leaves
keeps_mac() {
	local conf=$1 mac
	mac=$(mac_of br0)
	pod red blue
	cni ADD red "$conf"
	equal "$mac" "$(mac_of br0)" "MAC after ADD"
	ip neigh add 10.9.0.99 lladdr 02:00:00:00:00:99 dev br0
	cni ADD blue "$conf"
	ip neigh show 10.9.0.99 dev br0 | grep -q PERMANENT || fail "the second ADD set the MAC again"
	ip link add low address 02:00:00:00:00:01 type veth peer name low-far
	ip link set low master br0
	equal "$mac" "$(mac_of br0)" "MAC after a lower one joined"
	cni CHECK red "$conf"
	ip link del low
	ip link del br0-nic
	cni DEL blue "$conf"
	cni CHECK red "$conf"
	cni DEL red "$conf"
	equal "$mac" "$(mac_of br0)" "MAC after all have left"
}

test_a_foreign_bridge_keeps_its_mac_as_gateway() {
	foreign br0
	keeps_mac "$(net '.isGateway = true')"
}

test_a_foreign_bridge_with_the_gateways_address_keeps_its_mac() {
	foreign br0
	ip addr add 10.9.0.1/24 dev br0
	keeps_mac "$(net '.isGateway = true')"
}

test_a_foreign_bridge_without_address_keeps_its_mac() {
	foreign br0
	keeps_mac "$(net 'del(.ipam)')"
}

test_a_foreign_bridge_whose_ports_have_left_gets_a_mac() {
	local mac
	foreign br0
	ip link del br0-nic
	equal 00:00:00:00:00:00 "$(mac_of br0)" "MAC of a bridge without ports"
	pod red
	cni ADD red "$(net .)" | json '.interfaces[0].mac | startswith("fe:ed:")'
	mac=$(mac_of br0)
	cni CHECK red "$(net .)"
	cni DEL red "$(net .)"
	equal "$mac" "$(mac_of br0)" "MAC after DEL"
}

test_two_first_pods_at_once_race_for_bridge_and_gateway() {
	local conf round one two
	conf=$(net '.isGateway = true | .ipMasq = true | .ipam.ranges += [[{"subnet": "fd00:9::/64"}]]')
	for round in 1 2 3 4 5 6 7 8; do
		pod "a$round" "b$round"
		cni ADD "a$round" "$conf" &
		one=$!
		cni ADD "b$round" "$conf" &
		two=$!
		wait $one || fail "round $round: the first failed"
		wait $two || fail "round $round: the second failed"
		reaches "a$round" "$(address "b$round")"
		reaches "a$round" 10.9.0.1
		cni DEL "a$round" "$conf"
		cni DEL "b$round" "$conf"
		ip link del br0
		nft flush ruleset
	done
}

test_gateway_address_is_usable_at_once() {
	pod red
	cni ADD red "$(net '.isGateway = true | .ipam.ranges = [[{"subnet": "fd00:9::/64"}]]')"
	link br0 | json '[.addr_info[] | select(.local == "fd00:9::1") | .tentative] | all(. != true)'
}

run_tests "$@"
