#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A point-to-point network: every pod has a link to the node alone, and needs neither ARP nor ND on it.
. "$(dirname "$0")/lib.sh"

# ptp [FILTER]: the usual network without a bridge, changed by a jq filter
ptp() { net ".type = \"ptp\" | del(.bridge) | ${1:-.}"; }
dual() { ptp ".ipam.ranges += [[{\"subnet\": \"fd00:9::/64\"}]] | ${1:-.}"; }
masq() { dual ".ipMasq = true | .ipam.routes = [{\"dst\": \"0.0.0.0/0\"}, {\"dst\": \"::/0\"}] | ${1:-.}"; }

# given IPS: ptp with an IPAM plugin that gives just these ips; goes with CNIPATH=$T/bin
given() {
	mkdir -p "$T/bin"
	printf "#!/bin/sh\necho '%s'\n" "{\"cniVersion\":\"1.1.0\",\"ips\":$1}" >"$T/bin/fake"
	chmod +x "$T/bin/fake"
	ptp '.ipam = {"type": "fake"}'
}

# end: the node's end of each pair
end() { ip -j link show type veth | jq -r '.[].ifname'; }
# routes FAMILY [POD]: its routes in the main table but for the link-local ones
routes() { ip ${2:+-n "$2"} "$1" route show | sed 's/ *$//; s/ metric [0-9]* pref medium//' | none grep -v '^fe80' | sort; }
none() { "$@" || [ $? -eq 1 ]; }
# neighbours [POD]: those that are permanent
neighbours() { ip ${1:+-n "$1"} neigh show nud permanent | sed 's/ *$//' | sort; }

# --- what it is for ---

test_pods_and_node_reach_each_other_at_once() {
	local from
	pod red blue
	cni ADD red "$(dual)"
	reaches red 10.9.0.1
	ping -c1 -W1 -n -q 10.9.0.2
	cni ADD blue "$(dual)"
	reaches blue fd00:9::2
	reaches red 10.9.0.3
	for from in red blue; do
		reaches $from 10.9.0.1
		reaches $from fd00:9::1
	done
	ping -c1 -W1 -n -q 10.9.0.3
	ping -c1 -W1 -n -q fd00:9::3
}

test_the_result_lists_the_nodes_end_and_the_containers() {
	local out
	pod red
	out=$(cni ADD red "$(dual '.dns = {"domain": "d"}')")
	json '.cniVersion == "1.1.0" and (.interfaces | length) == 2 and .dns == {"domain": "d"}' "$out"
	json '.interfaces[1].name == "eth0" and .interfaces[1].sandbox == "/run/netns/red"' "$out"
	json '.ips == [{"interface": 1, "address": "10.9.0.2/24", "gateway": "10.9.0.1"},
		{"interface": 1, "address": "fd00:9::2/64", "gateway": "fd00:9::1"}]' "$out"
	equal "$(end)" "$(jq -r '.interfaces[0].name' <<<"$out")" "node's end"
	equal "$(link "$(end)" | jq -r .address)" "$(jq -r '.interfaces[0].mac' <<<"$out")" "its MAC"
	equal "$(link eth0 red | jq -r .address)" "$(jq -r '.interfaces[1].mac' <<<"$out")" "pod's MAC"
	equal "edgeway n/red/eth0" "$(link "$(end)" | jq -r .ifalias)" "alias"
}

test_everything_goes_through_the_gateway() {
	pod red
	cni ADD red "$(masq '.ipam.routes += [{"dst": "172.20.0.0/16"}]')"
	equal "10.9.0.0/24 via 10.9.0.1 dev eth0 src 10.9.0.2
10.9.0.1 dev eth0 scope link src 10.9.0.2
172.20.0.0/16 via 10.9.0.1 dev eth0
default via 10.9.0.1 dev eth0" "$(routes -4 red)" "the pod's IPv4 routes"
	equal "default via fd00:9::1 dev eth0
fd00:9::/64 via fd00:9::1 dev eth0 src fd00:9::2
fd00:9::1 dev eth0 src fd00:9::2" "$(routes -6 red)" "the pod's IPv6 routes"
	link eth0 red | json '[.addr_info[] | select(.scope == "global") | "\(.local)/\(.prefixlen)"] ==
		["10.9.0.2/24", "fd00:9::2/64"] and .addr_info[0].broadcast == "10.9.0.255"'
	equal "10.9.0.2 dev $(end) scope link" "$(routes -4)" "the node's IPv4 routes"
	equal "fd00:9::1 dev $(end) proto kernel
fd00:9::2 dev $(end)" "$(routes -6)" "the node's IPv6 routes"
	link "$(end)" | json '[.addr_info[] | select(.scope == "global") | "\(.local)/\(.prefixlen)"] ==
		["10.9.0.1/32", "fd00:9::1/128"] and all(.addr_info[] | select(.scope == "global"); .tentative != true)'
	equal "1 1" "$(cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding | paste -sd' ')" "forwarding"
}

test_each_end_knows_the_other_for_good() {
	local theirs mine
	pod red
	cni ADD red "$(dual)"
	mine=$(link "$(end)" | jq -r .address)
	theirs=$(link eth0 red | jq -r .address)
	equal "10.9.0.1 dev eth0 lladdr $mine PERMANENT
fd00:9::1 dev eth0 lladdr $mine PERMANENT" "$(neighbours red)" "the pod's neighbours"
	equal "10.9.0.2 dev $(end) lladdr $theirs PERMANENT
fd00:9::2 dev $(end) lladdr $theirs PERMANENT" "$(neighbours)" "the node's neighbours"
}

# SONiC's: no ARP request for a gateway outside the asker's subnet is answered
test_sysctls_of_a_switch() {
	sysctl -qw net.ipv4.conf.all.arp_ignore=2 net.ipv4.conf.all.arp_announce=1 \
		net.ipv4.conf.default.ignore_routes_with_linkdown=1
	pod red blue
	inside red sysctl -qw net.ipv4.conf.all.arp_ignore=2 net.ipv4.conf.all.arp_announce=1
	cni ADD red "$(dual)"
	cni ADD blue "$(dual)"
	reaches red 10.9.0.1
	reaches red 10.9.0.3
	reaches red fd00:9::3
	ping -c1 -W1 -n -q 10.9.0.2
	ip -n red neigh flush nud permanent # what it would be without
	unreachable red 10.9.0.1
}

test_traffic_needs_neither_arp_nor_nd() {
	pod red blue
	nft -f - <<-'NFT'
		table arp mute {
			chain in { type filter hook input priority 0; policy drop; }
			chain out { type filter hook output priority 0; policy drop; }
		}
		table ip6 mute {
			chain in {
				type filter hook input priority 0
				icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } drop
			}
		}
	NFT
	cni ADD red "$(dual)"
	cni ADD blue "$(dual)"
	reaches red 10.9.0.1
	reaches red fd00:9::1
	reaches red 10.9.0.3
	reaches red fd00:9::3
	ip -n red neigh flush nud permanent
	unreachable red 10.9.0.1
	unreachable red fd00:9::1
}

test_egress_is_masqueraded_and_traffic_between_pods_is_not() {
	outside
	pod red blue
	cni ADD red "$(masq '.ipMasqBackend = "iptables"')"
	cni ADD blue "$(masq)"
	reaches red 192.0.2.9
	reaches red 2001:db8::9
	inside blue nft -f - <<-'NFT'
		table inet watch {
			counter own { }
			chain in {
				type filter hook input priority 0
				ip saddr 10.9.0.2 counter name own
				ip6 saddr fd00:9::2 counter name own
			}
		}
	NFT
	reaches red 10.9.0.3
	reaches red fd00:9::3
	inside blue nft -j list counter inet watch own | json '[.nftables[].counter // empty | .packets] == [2]'
	nft flush ruleset
	unreachable red 192.0.2.9
	"$BIN/ptp" --resync
	reaches red 192.0.2.9
}

# it would get the node's traffic to see
test_a_pod_cannot_advertise_itself_as_the_nodes_router() {
	pod red
	cni ADD red "$(ptp)" # IPv4 only, so the node is no router in IPv6, which would not listen either
	advertise
	ip -6 route show default | absent "default route of the node"
	sysctl -qw "net.ipv6.conf.$(end).accept_ra=1" # what it would be without
	advertise
	ip -6 route show default | grep -q "via fe80::.* dev $(end)"
}
advertise() {
	local n
	for n in $(seq 50); do
		if ip -n red -6 -j addr show dev eth0 scope link | json '[.[].addr_info[]?.tentative] == [null]'; then break; fi
		sleep 0.1
	done 2>/dev/null
	inside red /usr/bin/python3 -c '
import socket, struct
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
s.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0),
         ("ff02::1", 0, 0, socket.if_nametoindex("eth0")))'
	sleep 0.2
}

# --- what can be asked for ---

test_mtu_of_both_ends() {
	pod red
	json '[.interfaces[].mtu] == [1400, 1400]' "$(cni ADD red "$(ptp '.mtu = 1400')")"
	equal "1400 1400" "$(link "$(end)" | jq .mtu) $(link eth0 red | jq .mtu)" "MTU"
}

test_a_requested_mac_the_most_specific_wins() {
	local args='.args.cni.mac = "02:00:00:00:00:02"' runtime='.runtimeConfig.mac = "02:00:00:00:00:03"'
	pod p1 p2 p3
	ARGS="MAC=02:00:00:00:00:01" cni ADD p1 "$(ptp)"
	ARGS="MAC=02:00:00:00:00:01" cni ADD p2 "$(ptp "$args")"
	ARGS="MAC=02:00:00:00:00:01" cni ADD p3 "$(ptp "$args | $runtime")"
	equal 02:00:00:00:00:01 "$(link eth0 p1 | jq -r .address)" "by CNI_ARGS"
	equal 02:00:00:00:00:02 "$(link eth0 p2 | jq -r .address)" "by args"
	equal 02:00:00:00:00:03 "$(link eth0 p3 | jq -r .address)" "by runtimeConfig"
	reaches p3 "$(address p1)"
}

test_a_requested_address() {
	pod red
	ARGS="IP=10.9.0.77" cni ADD red "$(ptp)"
	equal 10.9.0.77 "$(address red)" "address"
	reaches red 10.9.0.1
}

test_every_version() {
	local version
	for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		pod red
		json ".cniVersion == \"$version\"" "$(cni ADD red "$(dual ".cniVersion = \"$version\"")")"
		reaches red 10.9.0.1
		cni DEL red "$(dual ".cniVersion = \"$version\"")"
		ip netns del red
	done
}

test_addresses_and_gateways_of_unusual_shape() {
	local conf
	conf=$(given '[{"address": "10.9.0.5/32", "gateway": "169.254.1.1"}, {"address": "10.9.0.6/24", "gateway": "169.254.1.1"},
		{"address": "10.9.0.7/24", "gateway": "10.9.0.1"}, {"address": "fd00:9::5/64", "gateway": "fe80::1"},
		{"address": "fd00:9::6/64", "gateway": "fe80::1"}, {"address": "fd00:8::6/64", "gateway": "fe80::1"}]')
	pod red
	CNIPATH=$T/bin cni ADD red "$conf"
	equal "10.9.0.0/24 via 169.254.1.1 dev eth0 src 10.9.0.6
10.9.0.1 dev eth0 scope link src 10.9.0.7
169.254.1.1 dev eth0 scope link src 10.9.0.5" "$(routes -4 red)" "IPv4 routes"
	equal "fd00:8::/64 via fe80::1 dev eth0 src fd00:8::6
fd00:9::/64 via fe80::1 dev eth0 src fd00:9::5" "$(routes -6 red)" "IPv6 routes"
	CNIPATH=$T/bin cni CHECK red "$conf"
	reaches red 10.9.0.1
	ping -c1 -W1 -n -q fd00:8::6
	ping -c1 -W1 -n -q 10.9.0.6
}

test_two_interfaces_in_one_pod() {
	local other
	other=$(masq '.name = "m" | .ipam = {"type": "host-local", "ranges": [[{"subnet": "10.8.0.0/24"}]]}')
	pod red
	cni ADD red "$(masq)"
	IFNAME=net1 cni ADD red "$other"
	reaches red 10.8.0.1
	IFNAME=net2 refused 100 "add route 10.9.0.1/32: File exists" ADD red "$(masq)"
	equal 2 "$(end | wc -l)" "pairs"
	equal "10.9.0.2 fd00:9::2" "$(leases n | paste -sd' ')" "leases"
	reaches red 10.9.0.1
	IFNAME=net1 cni CHECK red "$other"
	cni DEL red "$(masq)"
	reaches red 10.8.0.1
}

# As with the reference plugin: nobody answers there unless the node is made to (proxy_arp).
test_a_route_by_another_address_of_the_subnet() {
	pod red
	cni ADD red "$(ptp '.ipam.routes = [{"dst": "172.21.0.0/16", "gw": "10.9.0.9"}]')"
	grep -q "^172.21.0.0/16 via 10.9.0.9 dev eth0 onlink" <<<"$(routes -4 red)"
	cni CHECK red "$(ptp '.ipam.routes = [{"dst": "172.21.0.0/16", "gw": "10.9.0.9"}]')"
}

test_an_error_names_the_route_however_many_there_are() {
	pod red
	refused 100 "172.21.0.0/16" ADD red "$(dual '.ipam.routes = [range(8) | {dst: "10.100.\(.).0/24"}] +
		[{"dst": "172.21.0.0/16", "gw": "192.168.7.7"}]')"
}

# --- what is refused ---

test_what_no_container_could_get() {
	pod red
	refused 7 "ipam.type" ADD red "$(ptp 'del(.ipam)')"
	refused 7 "ipam.type" ADD red "$(ptp '.ipam = {}')"
	refused 7 "mtu: 67" ADD red "$(ptp '.mtu = 67')"
	refused 7 "mtu: 65536" ADD red "$(ptp '.mtu = 65536')"
	refused 7 "ipMasqBackend" ADD red "$(ptp '.ipMasqBackend = "ipchains"')"
	refused 7 "ipam.type" STATUS none "$(ptp 'del(.ipam)')"
	refused 7 "mtu: 67" STATUS none "$(ptp '.mtu = 67')"
	cni STATUS none "$(ptp)" | absent "output of STATUS"
	ip -o link show type veth | absent "veth left behind"
	leases n | absent "lease left behind"
}

test_a_full_pool_is_told_by_status() {
	local tiny
	tiny=$(ptp '.ipam.ranges = [[{"subnet": "10.9.0.0/30"}]]')
	pod red
	cni STATUS none "$tiny"
	cni ADD red "$tiny"
	refused 50 "10.9.0" STATUS none "$tiny"
}

# refused_ips TEXT IPS: ADD with what IPAM gives must be refused, and leave nothing
refused_ips() {
	local conf
	conf=$(given "$2")
	world >"$T/before"
	CNIPATH=$T/bin refused 7 "$1" ADD red "$conf"
	unchanged "ADD with $2"
}

test_an_address_without_a_gateway() {
	pod red
	refused_ips "fake: address 10.9.0.5/24 has no gateway" '[{"address": "10.9.0.5/24"}]'
	refused_ips "fd00:9::5/64 has no gateway" '[{"address": "10.9.0.5/24", "gateway": "10.9.0.1"}, {"address": "fd00:9::5/64"}]'
	refused_ips "10.9.0.5/24 is its own gateway" '[{"address": "10.9.0.5/24", "gateway": "10.9.0.5"}]'
}

# The reference plugin takes no notice, and one of the two gets no traffic.
test_an_address_that_is_routed_elsewhere_already() {
	local one='.ipam.ranges[][] |= . + {rangeEnd: (.subnet | sub("(0/24|/64)$"; "2"))}' other six
	other=$(dual ".name = \"m\" | $one") # of the same subnets, one address each
	six=$(jq -c 'del(.ipam.ranges[0])' <<<"$other")
	pod red blue
	cni ADD red "$(dual "$one")"
	refused 101 "10.9.0.2 exists already, by interface $(end)" ADD blue "$other"
	refused 101 "edgeway n/red/eth0" ADD blue "$other"
	refused 101 "fd00:9::2 exists already, by interface $(end)" ADD blue "$six"
	leases m | absent "leases left by the failed ADDs"
	equal 1 "$(end | wc -l)" "pairs"
	reaches red 10.9.0.1
	cni DEL red "$(dual "$one")"
	cni ADD blue "$other"
}

test_an_address_of_the_node_itself() {
	ip link add up0 type veth peer name up1
	ip link set up0 up
	ip addr add 10.9.0.2/24 dev up0
	pod red
	refused 101 "10.9.0.2 is the node's own, on interface up0" ADD red "$(ptp)"
	cni ADD red "$(ptp)" # the next address; that of a subnet which is on a link does not matter
	reaches red 10.9.0.1
	ip link show dev up0
}

test_two_at_once_for_one_address() {
	local round failed
	for round in 1 2; do
		pod "a$round" "b$round"
		failed=0
		cni ADD "a$round" "$(ptp)" &
		cni ADD "b$round" "$(ptp '.name = "m"')" &
		wait %1 || failed=$((failed + 1))
		wait %2 || failed=$((failed + 1))
		equal 1 $failed "failed ADDs in round $round"
		equal 1 "$(end | wc -l)" "pairs"
		cni DEL "a$round" "$(ptp)"
		cni DEL "b$round" "$(ptp '.name = "m"')"
		routes -4 | absent "routes"
		rm -r /var/lib/cni/networks
	done
}

test_many_pods_at_once() {
	local n pids=()
	for n in $(seq 8); do pod "p$n"; done
	for n in $(seq 8); do
		cni ADD "p$n" "$(masq)" &
		pids+=($!)
	done
	for n in "${pids[@]}"; do wait "$n" || fail "an ADD failed"; done
	for n in $(seq 2 8); do reaches "p$n" "$(address p1)"; done
	pids=()
	for n in $(seq 8); do
		cni DEL "p$n" "$(masq)" &
		pids+=($!)
	done
	for n in "${pids[@]}"; do wait "$n" || fail "a DEL failed"; done
	end | absent "pairs"
	leases n | absent "leases"
}

test_a_read_only_proc_sys() {
	local default=/proc/sys/net/ipv6/conf/default/accept_ra
	settle "$(dual)"
	pod red
	mount --bind -o ro /proc/sys /proc/sys
	world >"$T/before"
	refused 100 "accept_ra to 0: Read-only file system" ADD red "$(ptp)"
	unchanged "the failed ADD"
	umount /proc/sys
	echo 0 >$default
	mount --bind -o ro /proc/sys /proc/sys
	cni ADD red "$(ptp)"
	reaches red 10.9.0.1
}

# --- the end of it ---

test_del_leaves_nothing() {
	settle "$(masq)"
	pod red
	cni ADD red "$(masq)"
	cni DEL red "$(masq)"
	ip netns del red
	unchanged "ADD and DEL"
	NETNS="" PREV="" cni DEL red "$(masq)"
	unchanged "the second DEL"
}

# forgotten COMMAND...: DEL after this, without namespace and prevResult, must leave nothing
forgotten() {
	settle "$(masq)"
	pod red
	cni ADD red "$(masq)"
	"$@"
	NETNS="" PREV="" cni DEL red "$(masq '.ipMasq = false | .mtu = 7 | .ipam.ranges[0][0].subnet = "10.77.0.0/16"')"
	if [ -e /run/netns/red ]; then ip netns del red; fi
	unchanged "DEL"
}
test_the_runtime_forgot_everything() { forgotten true; }
test_the_netns_is_gone() { forgotten ip netns del red; }
test_the_pod_removed_its_interface() { forgotten ip -n red link del eth0; }
renamed() { ip -n red link set eth0 down && ip -n red link set eth0 name other; }
test_the_pod_renamed_its_interface() { forgotten renamed; }
test_the_configuration_lost_its_ipam() {
	pod red
	cni ADD red "$(ptp)"
	cni DEL red "$(ptp 'del(.ipam)')"
	end | absent "pair left"
}

test_del_of_one_pod_leaves_the_others_gateway() {
	pod red blue
	cni ADD red "$(dual)"
	cni ADD blue "$(dual)"
	cni DEL red "$(dual)"
	reaches blue 10.9.0.1
	reaches blue fd00:9::1
	cni CHECK blue "$(dual)"
}

test_an_add_that_fails_late_leaves_nothing() {
	local env=(CNI_COMMAND=ADD CNI_CONTAINERID=red CNI_NETNS=/run/netns/red CNI_IFNAME=eth0 CNI_PATH="$BIN")
	settle "$(masq)"
	pod red
	world >"$T/before"
	refused 100 "172.20.0.0/16" ADD red "$(masq '.ipam.routes += [{"dst": "172.20.0.0/16", "gw": "192.168.7.7"}]')"
	unchanged "the failed ADD"
	if env "${env[@]}" "$BIN/ptp" <<<"$(masq)" >/dev/full; then fail "ADD said it succeeded"; fi
	unchanged "the ADD nobody heard of"
	ip -n red link add eth0 type bridge
	world >"$T/before"
	refused 101 "eth0" ADD red "$(masq)"
	unchanged "the ADD beside another eth0"
}

test_a_pair_of_the_reference_plugin_is_found_by_the_pods_end() {
	local theirs
	[ -x "$PEER/ptp" ] || { echo "SKIP: no $PEER/ptp" && return; }
	theirs=$(dual '.cniVersion = "1.0.0"')
	pod red
	BIN=$PEER cni ADD red "$theirs"
	cni DEL red "$theirs"
	ip -o link show type veth | absent "veth left behind"
	leases n | absent "leases left"
}

test_gc_keeps_only_what_is_valid() {
	local valid='[{"containerID": "red", "ifname": "eth0"}]'
	pod red blue green
	cni ADD red "$(masq)"
	cni ADD blue "$(masq)"
	cni ADD green "$(masq '.name = "m" | .ipam.ranges = [[{"subnet": "10.8.0.0/24"}]]')"
	cni GC none "$(masq)"
	equal 3 "$(end | wc -l)" "pairs after a GC without a list"
	cni GC none "$(masq ".\"cni.dev/valid-attachments\" = $valid")"
	equal "edgeway m/green/eth0 edgeway n/red/eth0" "$(ip -j link show type veth | jq -r '[.[].ifalias] | sort | join(" ")')" "pairs"
	equal "10.9.0.2 fd00:9::2" "$(leases n | paste -sd' ')" "leases"
	cni CHECK red "$(masq)"
}

run_tests "$@"
