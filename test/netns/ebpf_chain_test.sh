#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ebpf behind bridge, ptp and a plugin of others: the programs at what that made, and nothing else.
. "$(dirname "$0")/ebpf_lib.sh"

# main FILTER: the plugin in front; chained FILTER: ebpf behind what its ADD printed
main() { net ".isGateway = true | .ipam.ranges += [[{\"subnet\": \"fd00:9::/64\"}]] | ${1:-.}"; }
chained() {
	local rest
	rest=$(net "del(.bridge) | del(.ipam) | .type = \"ebpf\" | ${1:-.}")
	echo "${rest%\}},\"prevResult\":$(<"$T/prev")}"
}

# attach POD [FILTER] [MAIN]: both ADDs; the result of ebpf's goes to stdout
attach() {
	pod "$1"
	cni ADD "$1" "$(main "${3:-.}")" >"$T/prev"
	cni ADD "$1" "$(chained "${2:-.}")"
}
PTP='.type = "ptp" | del(.bridge) | del(.isGateway)'

test_behind_bridge() {
	local result mac
	result=$(attach red)
	equal "$(jq -S . "$T/prev")" "$(jq -S . <<<"$result")" "result"
	mac=$(link eth0 red | jq -r .address)
	equal "ingress edgeway/from_pod
egress edgeway/to_pod" "$(filters "$(end)")" "filters"
	equal "bpf address 10.9.0.2 by $(end) flags 2 mac $mac node $(link br0 | jq -r .address)
bpf address fd00:9::2 by $(end) flags 2 mac $mac node $(link br0 | jq -r .address)
bpf interface $(end) flags 2 mac $mac" "$(entries)" "entries"
	cni CHECK red "$(chained)" | absent "output of CHECK"
	attach blue
	reaches red 10.9.0.3
	reaches red fd00:9::3
	reaches blue 10.9.0.1
	ping -c1 -W1 -n -q 10.9.0.2
	cni CHECK red "$(chained)"
}

test_behind_ptp() {
	attach red . "$PTP"
	grep -q "node $(link "$(end)" | jq -r .address)\$" <<<"$(entries)" || fail "entries: $(entries)"
	attach blue . "$PTP"
	reaches red 10.9.0.3
	reaches red fd00:9::3
	reaches red 10.9.0.1
	ping -c1 -W1 -n -q fd00:9::2
	cni CHECK blue "$(chained)" | absent "output of CHECK"
}

test_a_neighbour_on_the_bridge_without_programs() {
	attach red
	pod blue
	cni ADD blue "$(main)"
	reaches red 10.9.0.3
	reaches blue fd00:9::2
}

test_nothing_else_is_changed() {
	pod red
	cni ADD red "$(main)" >"$T/prev"
	world >"$T/before"
	cni ADD red "$(chained)"
	world | none grep -vE '^(bpf|host tc|dir /run/edgeway|file /run/edgeway/datapath.lock) ' >"$T/after"
	grep -vE '^(bpf|host tc|dir /run/edgeway|file /run/edgeway/datapath.lock) ' "$T/before" >"$T/was"
	diff "$T/was" "$T/after"
	cni DEL red "$(chained)"
	entries | absent "entries"
	tc -j qdisc show dev "$(end)" | json 'all(.kind != "clsact")'
	reaches red 10.9.0.1
	equal 10.9.0.2 "$(address red)" "address"
	cni ADD red "$(chained)" # and may come again
	cni CHECK red "$(chained)"
}

# What a bridge hands on from another pod's socket is not what the node itself says.
test_policy_enforce_isolates_on_a_bridge_too() {
	attach red '.policy = "enforce"'
	pod blue
	cni ADD blue "$(main)"
	ping -c1 -W1 -n -q 10.9.0.2
	inside red nft -f - <<-'NFT'
		table inet watch {
			counter others { }
			chain in {
				type filter hook input priority 0
				ip saddr 10.9.0.3 counter name others
				ip6 saddr fd00:9::3 icmpv6 type echo-request counter name others
			}
		}
	NFT
	unreachable blue 10.9.0.2
	unreachable red 10.9.0.3
	unreachable blue fd00:9::2
	if inside blue /usr/bin/python3 -c 'import socket; socket.create_connection(("10.9.0.2", 7), 1)' 2>"$T/refusal"; then
		fail "connected"
	fi
	grep -q "timed out" "$T/refusal"
	inside red nft -j list counter inet watch others | json '[.nftables[].counter // empty | .packets] == [0]'
	cni CHECK red "$(chained '.policy = "enforce"')"
}

test_del_leaves_nothing_whichever_goes_first() {
	local first second netns how
	attach settle >/dev/null
	cni DEL settle "$(chained)"
	cni DEL settle "$(main)"
	ip netns del settle
	world >"$T/before"
	for how in "main chained" "chained main"; do
		for netns in /run/netns/red ""; do
			read -r first second <<<"$how"
			attach red >/dev/null
			NETNS=$netns cni DEL red "$($first)"
			NETNS=$netns PREV='' cni DEL red "$($second)"
			NETNS=$netns PREV='' cni DEL red "$($second)"
			ip netns del red
			unchanged "DEL of $how in '$netns'"
		done
	done
}

test_del_leaves_nothing_when_the_netns_is_gone() {
	attach red >/dev/null
	attach blue >/dev/null
	ip netns del red
	for _ in $(seq 50); do [ -n "$(end)" ] || break; sleep 0.1; done
	NETNS="" PREV="" cni DEL red "$(chained | jq -c 'del(.prevResult)' | sed 's/:"/: "/g')"
	equal "10.9.0.3 fd00:9::3" "$(addresses)" "addresses"
	cni CHECK blue "$(chained)"
}

# behind FILTER: a configuration behind a pair that another plugin made for red
behind() {
	pod red
	ip link add other0 type veth peer name eth0 address 02:00:00:00:00:05 netns red
	ip link set other0 up
	ip -n red link set eth0 up
	jq -nc '{cniVersion: "1.1.0", interfaces: [{name: "other0"}, {name: "eth0", mac: "02:00:00:00:00:05", sandbox: "/run/netns/red"}],
		ips: [{address: "10.7.0.5/24", interface: 1}, {address: "10.7.0.99/24", interface: 0}]} | '"${1:-.}" >"$T/prev"
}

test_behind_a_plugin_of_others() {
	behind
	cni ADD red "$(chained)"
	equal "10.7.0.5" "$(addresses)" "addresses"
	equal 2 "$(filters other0 | wc -l)" "filters"
	cni CHECK red "$(chained)"
	cni DEL red "$(chained)"
	entries | absent "entries"
	filters other0 | absent "filters"
	ip link show other0
	ip netns exec red ip link show eth0
}

test_what_cannot_be_chained() {
	behind
	refused 7 "ipam: not with prevResult" ADD red "$(chained '.ipam = {"type": "host-local"}')"
	refused 7 "ipMasq: not with prevResult, nor without ipam" ADD red "$(chained '.ipMasq = true')"
	refused 7 "mtu: not with prevResult, nor without ipam" ADD red "$(chained '.mtu = 1400')"
	refused 7 "uplink: not with prevResult, nor without ipam" ADD red "$(chained '.uplink = "lo"')"
	refused 7 "uplink: not with prevResult, nor without ipam" STATUS none "$(chained '.uplink = "lo"')"
	cni STATUS none "$(chained)" | absent "output of STATUS"
	IFNAME=eth9 refused 7 "prevResult: lacks the MAC address of eth9" ADD red "$(chained)"
	jq -c 'del(.ips)' "$T/prev" >"$T/less" && mv "$T/less" "$T/prev"
	refused 7 "prevResult: lacks an address of eth0" ADD red "$(chained)"
	ip link del other0 # the kernel would take a while
	ip netns del red
	behind '.interfaces[1].name = "eth9"'
	IFNAME=eth9 refused 104 "eth9 in the container has no veth peer on the node" ADD red "$(chained)"
	IFNAME=eth9 refused 104 "ebpf needs a veth pair: list it after bridge or ptp" ADD red "$(chained)"
	entries | absent "entries"
}

test_twice() {
	attach red
	refused 101 "exists already" ADD red "$(chained)"
	refused 101 "DEL removes it" ADD red "$(chained)"
	equal 3 "$(entries | wc -l)" "entries"
	equal 2 "$(filters "$(end)" | wc -l)" "filters"
}

# Two networks on two bridges may have the same addresses; the programs know one pod by each.
test_an_address_of_two_pods() {
	attach red
	pod blue
	cni ADD blue "$(main '.name = "m" | .bridge = "br1"')" >"$T/prev"
	refused 101 "address 10.9.0.2 is that of another pod, by interface $(end)" ADD blue "$(chained '.name = "m"')"
	refused 101 "edgeway n/red/eth0" ADD blue "$(chained '.name = "m"')"
	equal 3 "$(entries | wc -l)" "entries"
}

test_a_failed_add_takes_back_what_it_made() {
	local i failed=0
	attach blue
	pod red
	cni ADD red "$(main)" >"$T/prev"
	world >"$T/before"
	mkdir "$T/failing"
	cp "$RELEASE_BIN/edgeway-loader" "$T/failing"
	for call in sendto bpf; do
		for i in {1..30}; do
			printf '#!/bin/sh\nexec strace -o /dev/null -e inject=%s:error=ENOMEM:when=%d %s/ebpf\n' \
				$call "$i" "$RELEASE_BIN" >"$T/failing/ebpf"
			chmod +x "$T/failing/ebpf"
			if BIN=$T/failing cni ADD red "$(chained)" >"$T/out"; then
				cni DEL red "$(chained)"
				break
			fi
			failed=$((failed + 1))
			unchanged "the failed ADD"
		done
	done
	[ $failed -gt 12 ] || fail "only $failed calls failed"
}

test_check_names_what_is_wrong() {
	attach red >/dev/null
	ip link set br0 address 02:00:00:00:00:07
	refused 104 "the gateway's MAC address is" CHECK red "$(chained)"
	tc filter del dev "$(end)" egress
	refused 104 "the programs at interface" CHECK red "$(chained)"
	rm -r /sys/fs/bpf/edgeway
	refused 104 "nothing is loaded" CHECK red "$(chained)"
	ip -n red link del eth0
	refused 104 "has no veth peer" CHECK red "$(chained)"
}

test_gc() {
	attach red >/dev/null
	attach blue >/dev/null
	attach gone >/dev/null
	ip link del "$(end gone)"
	cni GC none "$(chained '."cni.dev/valid-attachments" = [{"containerID": "red", "ifname": "eth0"}]')"
	equal "10.9.0.2 fd00:9::2" "$(addresses)" "addresses"
	filters "$(end blue)" | absent "filters of who is gone"
	[ -n "$(end blue)" ] || fail "the pair is the other plugin's to collect"
	equal 3 "$(find /var/lib/cni/networks/n -name '10.9*' | wc -l)" "leases"
	reaches red 10.9.0.1
}

run_tests "$@"
