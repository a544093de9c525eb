#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A network of the eBPF data path: every pod has a link to the node alone, with programs at the node's
# end of it; its addresses stand for themselves, and it needs neither ARP nor ND.
. "$(dirname "$0")/ebpf_lib.sh"

# routes FAMILY [POD]: its routes in the main table but for the link-local ones of the kernel
routes() {
	ip ${2:+-n "$2"} "$1" route show | sed 's/ *$//; s/ metric [0-9]* pref medium//' |
		none grep -v '^fe80::/64' | sort
}
# neighbours [POD]: those that are permanent
neighbours() { ip ${1:+-n "$1"} neigh show nud permanent | sed 's/ *$//' | sort; }

# --- what it is for ---

test_pods_and_node_reach_each_other_at_once() {
	local from
	pod red blue
	cni ADD red "$(dual)"
	reaches red 169.254.1.1
	ping -c1 -W1 -n -q 10.9.0.2
	cni ADD blue "$(dual)"
	reaches blue fd00:9::2
	reaches red 10.9.0.3
	for from in red blue; do
		reaches $from 169.254.1.1
		reaches $from fe80::1%eth0
	done
	ping -c1 -W1 -n -q 10.9.0.3
	ping -c1 -W1 -n -q fd00:9::3
	cni CHECK red "$(dual)" | absent "output of CHECK"
}

test_the_result_lists_the_nodes_end_and_the_containers() {
	local out
	pod red
	out=$(cni ADD red "$(dual '.dns = {"domain": "d"} | .ipam.routes = [{"dst": "0.0.0.0/0"}, {"dst": "::/0", "gw": "fd00:9::9"}]')")
	json '.cniVersion == "1.1.0" and (.interfaces | length) == 2 and .dns == {"domain": "d"}' "$out"
	json '.interfaces[1].name == "eth0" and .interfaces[1].sandbox == "/run/netns/red"' "$out"
	json '.ips == [{"interface": 1, "address": "10.9.0.2/32", "gateway": "169.254.1.1"},
		{"interface": 1, "address": "fd00:9::2/128", "gateway": "fe80::1"}]' "$out"
	json '.routes == [{"dst": "0.0.0.0/0", "gw": "169.254.1.1"}, {"dst": "::/0", "gw": "fe80::1"}]' "$out"
	equal "$(end)" "$(jq -r '.interfaces[0].name' <<<"$out")" "node's end"
	equal "$(link "$(end)" | jq -r .address)" "$(jq -r '.interfaces[0].mac' <<<"$out")" "its MAC"
	equal "$(link eth0 red | jq -r .address)" "$(jq -r '.interfaces[1].mac' <<<"$out")" "pod's MAC"
	json '[.interfaces[].mtu] == [1500, 1500]' "$out"
}

test_each_address_stands_for_itself() {
	local theirs mine
	pod red
	cni ADD red "$(dual)"
	mine=$(link "$(end)" | jq -r .address)
	theirs=$(link eth0 red | jq -r .address)
	equal "169.254.1.1 dev eth0 scope link src 10.9.0.2
default via 169.254.1.1 dev eth0" "$(routes -4 red)" "the pod's IPv4 routes"
	equal "default via fe80::1 dev eth0
fe80::1 dev eth0 src fd00:9::2" "$(routes -6 red)" "the pod's IPv6 routes"
	link eth0 red | json '[.addr_info[] | select(.scope == "global") | "\(.local)/\(.prefixlen)"] ==
		["10.9.0.2/32", "fd00:9::2/128"]'
	equal "10.9.0.2 dev $(end) scope link" "$(routes -4)" "the node's IPv4 routes"
	equal "fd00:9::2 dev $(end)
fe80::1 dev $(end) proto kernel" "$(routes -6)" "the node's IPv6 routes"
	link "$(end)" | json '[.addr_info[] | "\(.local)/\(.prefixlen)"] == ["169.254.1.1/32", "fe80::1/128"]'
	equal "169.254.1.1 dev eth0 lladdr $mine PERMANENT
fe80::1 dev eth0 lladdr $mine PERMANENT" "$(neighbours red)" "the pod's neighbours"
	equal "10.9.0.2 dev $(end) lladdr $theirs PERMANENT
fd00:9::2 dev $(end) lladdr $theirs PERMANENT" "$(neighbours)" "the node's neighbours"
	equal "1 1 0" "$(cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding \
		"/proc/sys/net/ipv6/conf/$(end)/accept_ra" | paste -sd' ')" "forwarding, accept_ra"
	equal "ingress edgeway/from_pod
egress edgeway/to_pod" "$(filters "$(end)")" "filters"
	equal "bpf address 10.9.0.2 by $(end) flags 0 mac $theirs node $mine
bpf address fd00:9::2 by $(end) flags 0 mac $theirs node $mine
bpf interface $(end) flags 0 mac $theirs" "$(entries)" "entries"
}

test_ipv6_alone() {
	pod red blue
	cni ADD red "$(ebpf '.ipam.ranges = [[{"subnet": "fd00:9::/64"}]]')"
	cni ADD blue "$(ebpf '.ipam.ranges = [[{"subnet": "fd00:9::/64"}]]')"
	reaches red fd00:9::3
	ping -c1 -W1 -n -q fd00:9::2
	routes -4 | absent "IPv4 routes of the node"
	routes -4 red | absent "IPv4 routes of the pod"
	equal 0 "$(</proc/sys/net/ipv4/ip_forward)" "ip_forward"
}

# SONiC's: no ARP request for a gateway outside the asker's subnet is answered
test_sysctls_of_a_switch_and_no_default_route() {
	sysctl -qw net.ipv4.conf.all.arp_ignore=2 net.ipv4.conf.all.arp_announce=1 \
		net.ipv4.conf.all.ignore_routes_with_linkdown=1 net.ipv6.conf.all.accept_dad=0
	pod red blue
	inside red sysctl -qw net.ipv4.conf.all.arp_ignore=2 net.ipv4.conf.all.arp_announce=1
	ip route show default | absent "a default route"
	cni ADD red "$(dual)"
	cni ADD blue "$(dual)"
	reaches red 169.254.1.1
	reaches red 10.9.0.3
	reaches red fd00:9::3
	ping -c1 -W1 -n -q 10.9.0.2
	ip -n red neigh flush nud permanent # what it would be without
	unreachable red 10.9.0.3
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
	reaches red 169.254.1.1
	reaches red 10.9.0.3
	reaches red fd00:9::3
	ip neigh flush nud permanent
	ip -n red neigh flush nud permanent
	unreachable red 169.254.1.1
}

test_egress_is_masqueraded_and_traffic_between_pods_is_not() {
	outside
	ip route add default via 192.0.2.9
	pod red blue
	cni ADD red "$(masq)"
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
	cni CHECK red "$(masq)"
	nft flush ruleset
	unreachable red 192.0.2.9
	refused 104 "10.9.0.2 is not masqueraded" CHECK red "$(masq)"
	cni STATUS none "$(masq)"
	reaches red 192.0.2.9
}

# --- the uplink ---

test_the_uplinks_are_those_of_the_default_routes() {
	outside
	ip link add up1 mtu 1400 up type veth peer name far1
	ip link set far1 up
	ip addr add 198.51.100.1/24 dev up1
	pod red blue green
	cni ADD red "$(dual)"
	filters up0 | absent "filters without a default route"
	json '.mtu == 1500' "$(link eth0 red)"
	ip route add default nexthop via 192.0.2.9 nexthop via 198.51.100.9
	cni ADD blue "$(dual)"
	equal "ingress edgeway/from_uplink
egress edgeway/to_uplink" "$(filters up0)" "filters of one next hop"
	equal "$(filters up0)" "$(filters up1)" "filters of the other"
	equal "1400 1400" "$(link eth0 blue | jq .mtu) $(link "$(end blue)" | jq .mtu)" "MTU"
	ip route replace default via 192.0.2.9
	tc qdisc del dev up0 clsact
	cni ADD green "$(dual '.mtu = 1300 | .uplink = "up1"')"
	filters up0 | absent "filters of an uplink that is not the one"
	json '.mtu == 1300' "$(link eth0 green)"
	cni STATUS none "$(dual)"
	equal "$(filters up1)" "$(filters up0)" "filters after STATUS"
	for n in red blue green; do cni DEL $n "$(dual)"; done
	equal "$(filters up1)" "$(filters up0)" "filters after the last DEL"
}

test_an_uplink_of_which_a_pair_cannot_have_the_mtu() {
	pod red
	cni ADD red "$(ebpf '.uplink = "lo"')"
	json ".mtu == 65535" "$(link eth0 red)"
	reaches red 169.254.1.1
}

test_an_ipv6_default_route() {
	outside
	ip link set up0 mtu 1420
	ip -6 route add default via 2001:db8::9
	pod red
	cni ADD red "$(ebpf)"
	json '.mtu == 1420' "$(link eth0 red)"
	[ -n "$(filters up0)" ] || fail "no filters at the uplink"
}

test_a_route_by_a_pod_makes_it_no_uplink() {
	pod red blue
	cni ADD red "$(ebpf)"
	ip route add default via 10.9.0.2 dev "$(end)" onlink
	cni ADD blue "$(ebpf)"
	equal "ingress edgeway/from_pod
egress edgeway/to_pod" "$(filters "$(end)")" "filters"
	reaches red 10.9.0.3
}

test_an_uplink_that_cannot_be() {
	pod red
	refused 7 'uplink: "up7": no such interface' ADD red "$(ebpf '.uplink = "up7"')"
	refused 7 'uplink: "up7": no such interface' STATUS none "$(ebpf '.uplink = "up7"')"
	refused 7 'uplink' ADD red "$(ebpf '.uplink = "a/b"')"
	outside
	ip link set up0 mtu 1279
	refused 7 "mtu: 1279: IPv6 needs 1280" ADD red "$(dual '.uplink = "up0"')"
	refused 7 "the uplink's, since mtu is not set" ADD red "$(dual '.uplink = "up0"')"
	leases n | absent "leases"
	entries | absent "entries"
}

# --- what can be asked for ---

test_policy_enforce_isolates() {
	pod red blue
	cni ADD red "$(dual '.policy = "enforce"')"
	cni ADD blue "$(dual)"
	equal "3" "$(entries | grep -c 'flags 1')" "entries that are isolated"
	ping -c1 -W1 -n -q 10.9.0.2
	ping -c1 -W1 -n -q fd00:9::2
	unreachable blue 10.9.0.2
	unreachable red 10.9.0.3
	unreachable red fd00:9::3
	cni CHECK red "$(dual '.policy = "enforce"')"
	refused 104 'is isolated, though "policy" is "off"' CHECK red "$(dual)"
	refused 7 'policy: "on": must be "off" or "enforce"' ADD green "$(dual '.policy = "on"')"
}

test_a_requested_mac_and_address() {
	local runtime='.args.cni.mac = "02:00:00:00:00:02" | .runtimeConfig.mac = "02:00:00:00:00:03"'
	pod red blue
	ARGS="MAC=02:00:00:00:00:01;IP=10.9.0.77" cni ADD red "$(ebpf)"
	ARGS="MAC=02:00:00:00:00:01" cni ADD blue "$(ebpf "$runtime")"
	equal "02:00:00:00:00:01 10.9.0.77" "$(link eth0 red | jq -r .address) $(address red)" "by CNI_ARGS"
	equal 02:00:00:00:00:03 "$(link eth0 blue | jq -r .address)" "by runtimeConfig"
	reaches blue 10.9.0.77
}

test_routes_of_ipam_go_by_the_node() {
	pod red
	cni ADD red "$(dual '.ipam.routes = [{"dst": "172.21.0.0/16", "gw": "10.9.0.9"}]')"
	equal "169.254.1.1 dev eth0 scope link src 10.9.0.2
172.21.0.0/16 via 169.254.1.1 dev eth0" "$(routes -4 red)" "IPv4 routes: no default beside it"
	equal "default via fe80::1 dev eth0" "$(routes -6 red | grep default)" "IPv6 default route"
	cni CHECK red "$(dual)"
}

test_two_interfaces_in_one_pod() {
	local other
	other=$(dual '.name = "m" | .ipam = {"type": "host-local", "ranges": [[{"subnet": "10.8.0.0/24"}],
		[{"subnet": "fd00:8::/64"}]], "routes": [{"dst": "10.8.0.0/16"}, {"dst": "fd00:8::/64"}]}')
	pod red blue
	cni ADD red "$(dual)"
	IFNAME=net1 cni ADD red "$other"
	cni ADD blue "$other"
	reaches red 10.8.0.3
	reaches red fd00:8::3
	reaches red 169.254.1.1
	IFNAME=net1 cni CHECK red "$other"
	cni CHECK red "$(dual)"
	cni DEL red "$(dual)"
	reaches red 10.8.0.3
	IFNAME=net1 cni CHECK red "$other"
}

test_every_version() {
	local version
	for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		pod red
		json ".cniVersion == \"$version\"" "$(cni ADD red "$(dual ".cniVersion = \"$version\"")")"
		reaches red 169.254.1.1
		cni DEL red "$(dual ".cniVersion = \"$version\"")"
		ip netns del red
	done
}

test_an_ipam_plugin_of_others() {
	mkdir "$T/bin"
	printf "#!/bin/sh\necho '%s'\n" '{"cniVersion":"1.1.0","ips":[{"address":"10.9.0.5/24"},{"address":"fd00:9::5/64"}],
		"routes":[{"dst":"0.0.0.0/0","gw":"10.9.0.254"}]}' >"$T/bin/fake"
	chmod +x "$T/bin/fake"
	pod red
	CNIPATH=$T/bin cni ADD red "$(ebpf '.ipam = {"type": "fake"} | .ipMasq = true')"
	equal "10.9.0.5 fd00:9::5" "$(address red) $(address red -6)" "addresses"
	grep -q pods_10.9.0.0/24 <<<"$(nft list ruleset)"
	CNIPATH=$T/bin cni CHECK red "$(ebpf '.ipam = {"type": "fake"} | .ipMasq = true')"
	ping -c1 -W1 -n -q fd00:9::5
}

# --- loading ---

test_it_is_loaded_once_by_many_at_once() {
	local n pids=()
	for n in $(seq 8); do pod "p$n"; done
	for n in $(seq 8); do
		cni ADD "p$n" "$(masq)" &
		pids+=($!)
	done
	for n in "${pids[@]}"; do wait "$n" || fail "an ADD failed"; done
	json '.loads == 1' "$("$BIN/edgeway-loader" --status)"
	for n in $(seq 2 8); do reaches "p$n" "$(address p1)"; done
	pids=()
	for n in $(seq 8); do
		cni DEL "p$n" "$(masq)" &
		pids+=($!)
	done
	for n in "${pids[@]}"; do wait "$n" || fail "a DEL failed"; done
	ends | absent "pairs"
	entries | absent "entries"
	leases n | absent "leases"
}

test_without_a_loader() {
	mkdir "$T/alone"
	cp "$BIN/ebpf" "$T/alone"
	pod red
	BIN=$T/alone refused 5 "$T/alone/edgeway-loader: No such file" ADD red "$(ebpf)"
	BIN=$T/alone refused 50 "$T/alone/edgeway-loader: No such file" STATUS none "$(ebpf)"
	leases n | absent "leases"
	cni ADD red "$(ebpf)" # once it is loaded nobody needs it
	cni DEL red "$(ebpf)"
	BIN=$T/alone cni ADD red "$(ebpf)"
	BIN=$T/alone cni STATUS none "$(ebpf)"
}

# --- what is refused ---

test_what_no_container_could_get() {
	local tiny
	pod red
	refused 7 "ipam.type: required" ADD red "$(ebpf 'del(.ipam)')"
	refused 7 "ipam.type: required" ADD red "$(ebpf '.ipam = {}')"
	refused 7 "mtu: 67" ADD red "$(ebpf '.mtu = 67')"
	refused 7 "mtu: 1000: IPv6 needs 1280" STATUS none "$(dual '.mtu = 1000')"
	ends | absent "veth left behind"
	leases n | absent "lease left behind"
	tiny=$(ebpf '.ipam.ranges = [[{"subnet": "10.9.0.0/30"}]]')
	cni STATUS none "$tiny" | absent "output of STATUS"
	cni ADD red "$tiny"
	refused 50 "10.9.0" STATUS none "$tiny"
}

test_an_address_that_somebody_has_already() {
	local one='.ipam.ranges[][] |= . + {rangeEnd: (.subnet | sub("(0/24|/64)$"; "2"))}' other
	other=$(dual ".name = \"m\" | $one")
	pod red blue
	cni ADD red "$(dual "$one")"
	refused 101 "10.9.0.2 exists already, by interface $(end)" ADD blue "$other"
	refused 101 "edgeway n/red/eth0" ADD blue "$other"
	ip route del 10.9.0.2
	refused 101 "address 10.9.0.2 is that of another pod, by interface $(end)" ADD blue "$(jq -c 'del(.ipam.ranges[1])' <<<"$other")"
	leases m | absent "leases left by the failed ADDs"
	equal 1 "$(ends | wc -l)" "pairs"
	cni DEL red "$(dual "$one")"
	cni ADD blue "$other"
	reaches blue 169.254.1.1
}

test_two_at_once_for_one_address() {
	local round failed won
	for round in 1 2 3; do
		pod "a$round" "b$round"
		failed=0 won=a$round
		cni ADD "a$round" "$(ebpf)" &
		cni ADD "b$round" "$(ebpf '.name = "m"')" &
		wait %1 || { failed=$((failed + 1)) && won=b$round; }
		wait %2 || failed=$((failed + 1))
		equal 1 $failed "failed ADDs in round $round"
		equal 1 "$(ends | wc -l)" "pairs"
		reaches "$won" 169.254.1.1
		equal 2 "$(entries | wc -l)" "entries"
		cni DEL "a$round" "$(ebpf)"
		cni DEL "b$round" "$(ebpf '.name = "m"')"
		entries | absent "entries"
		rm -r /var/lib/cni/networks
	done
}

run_tests "$@"
