#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# macspoofchk: a pod that changes its MAC address, or sends under another, is not heard.
. "$(dirname "$0")/lib.sh"

checked() { net ".macspoofchk = true | .isGateway = true | ${1:-.}"; }
# elements: "set element" lines of the table
elements() {
	nft -j list ruleset | jq -r '.nftables[].set | select(. and .table == "edgeway_macspoof") |
		.name as $name | .elem[]? | (if type == "object" and .elem then .elem.val else . end) |
		"\($name) \(if type == "object" then .concat | join(" ") else . end)"' | sort
}
state() { find /run/edgeway -path "*/macspoof/*" -type f; }
port_of() { ip -j link show type veth | jq -r '.[] | select(.ifalias // "" | contains("/'"$1"'/")) | .ifname'; }
mac_of() { link eth0 "$1" | jq -r .address; }
# disguise POD MAC: the pod takes another MAC address
disguise() {
	ip -n "$1" link set eth0 down
	ip -n "$1" link set eth0 address "$2"
	ip -n "$1" link set eth0 up
}

test_a_pod_is_heard_under_its_own_address_only() {
	local mac
	pod red blue
	cni ADD red "$(checked)"
	cni ADD blue "$(net '.isGateway = true')"
	mac=$(mac_of red)
	reaches red 10.9.0.3
	disguise red 02:00:00:00:00:99
	unreachable red 10.9.0.3
	unreachable red 10.9.0.1
	disguise blue 02:00:00:00:00:98 # whose network does not ask for it
	reaches blue 10.9.0.1
	disguise red "$mac"
	reaches red 10.9.0.3
}

test_a_frame_with_a_forged_source_is_dropped() {
	pod red blue
	cni ADD red "$(checked)"
	cni ADD blue "$(checked)"
	if inside red arping -q -c1 -w1 -I eth0 -s "$(mac_of blue)" 10.9.0.3; then fail "a forged frame is answered"; fi
	inside red arping -q -c1 -w2 -I eth0 10.9.0.3 || fail "an honest frame is not heard"
	# the bridge has not learnt blue's address on red's port
	bridge -j fdb show br br0 | json "[.[] | select(.mac == \"$(mac_of blue)\" and .ifname == \"$(port_of red)\")] == []"
}

# groups POD SOURCE: a frame to each of the bridge's own addresses, which go past nf_tables by default
groups() {
	inside "$1" /usr/bin/python3 - "$2" <<-'PY'
		import socket, sys
		with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
		    out.bind(("eth0", 0))
		    for last in range(16):
		        out.send(bytes.fromhex(f"0180c20000{last:02x}" + sys.argv[1].replace(":", "")) +
		                 b"\x88\xb5a group" + bytes(50))
	PY
}

forwards() { ip -j -d link show master br0 | jq -e 'all(.linkinfo.info_slave_data.state == "forwarding")'; }
# no_theft STP: STP decides whether frames to 01:80:c2:00:00:00 are the bridge's own
no_theft() {
	pod red blue
	cni ADD red "$(checked)"
	cni ADD blue "$(net '.isGateway = true')"
	ip link set br0 type bridge stp_state "$1" forward_delay 200
	until forwards; do sleep 0.1; done
	inside blue ping -c1 -W5 10.9.0.1
	groups red "$(mac_of blue)"
	bridge -j fdb show br br0 | json "[.[] | select(.mac == \"$(mac_of blue)\" and .ifname == \"$(port_of red)\")] == []"
	ping -c1 -W2 10.9.0.3 || fail "blue is not heard any more"
}
test_a_frame_to_the_bridges_own_addresses_steals_nobodys() { no_theft 0; }
test_a_frame_to_the_bridges_own_addresses_steals_nobodys_with_stp() { no_theft 1; }

test_a_frame_to_the_bridges_own_addresses_gets_nowhere() {
	pod red blue
	cni ADD red "$(checked)"
	cni ADD blue "$(checked)"
	inside blue nft 'add table netdev heard
		add chain netdev heard in { type filter hook ingress device eth0 priority 0; }
		add rule netdev heard in ether type 0x88b5 counter'
	groups red "$(mac_of red)"
	inside red arping -q -c1 -w2 -I eth0 10.9.0.3 # what was sent before has arrived too
	inside blue nft -j list chain netdev heard in | json '.nftables[2].rule.expr[1].counter.packets == 0'
}

test_check_wants_the_bridges_own_addresses_filtered() {
	pod red
	cni ADD red "$(checked)"
	ip link set "$(port_of red)" type bridge_slave group_fwd_mask 0
	refused 104 "macspoofchk: group_fwd_mask of $(port_of red) is 0x0, not 0xfffd" CHECK red "$(checked)"
}

test_the_table_is_two_elements_a_pod_and_reads_back() {
	pod red blue
	cni ADD red "$(checked)"
	cni ADD blue "$(checked)"
	equal "$(printf '%s\n' "macs $(port_of red) $(mac_of red)" "macs $(port_of blue) $(mac_of blue)" \
		"ports $(port_of red)" "ports $(port_of blue)" | sort)" "$(elements)" elements
	nft list ruleset >"$T/whole"
	grep -q 'iifname @ports ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 drop' "$T/whole"
	grep -q 'iifname @ports iifname . ether saddr != @macs drop' "$T/whole"
	nft flush ruleset
	nft -f "$T/whole"
	nft list ruleset | diff "$T/whole" -
	cni CHECK red "$(checked)"
	cni DEL red "$(checked)"
	cni DEL blue "$(checked)"
	elements | absent "elements left"
	state | absent "state left"
}

# gone HOW...: DEL in this way must leave neither element nor state nor link
gone() {
	local conf
	conf=$(checked)
	pod red
	cni ADD red "$conf"
	"$@" "$conf"
	elements | absent "elements left"
	state | absent "state left"
	ip -o link show type veth | absent "veth left"
}
vanished() { ip netns del red && cni DEL red "$1"; }
test_del_with_the_netns_gone() { gone vanished; }
nothing_known() { ip netns del red && NETNS="" PREV="" cni DEL red "$1"; }
test_del_with_neither_netns_nor_prev_result() { gone nothing_known; }
turned_off() { cni DEL red "$(net .)"; }
test_turned_off_in_between() { gone turned_off; }
record_lost() { rm -r /run/edgeway/macspoof && mkdir -p /run/edgeway/macspoof && cni DEL red "$1"; }
test_the_record_is_lost() { gone record_lost; }
all_lost() { rm -r /run/edgeway && nothing_known "$1"; }
test_del_with_neither_record_nor_prev_result() { gone all_lost; }
never_deleted() { rm -r /run/edgeway && cni GC none "$(jq -c '."cni.dev/valid-attachments" = []' <<<"$1")"; }
test_gc_without_records() { gone never_deleted; }
flushed() { nft flush ruleset && cni DEL red "$1"; }
test_del_after_somebody_flushed_the_ruleset() { gone flushed; }

test_gc() {
	local conf
	conf=$(checked)
	pod red blue
	cni ADD red "$conf"
	cni ADD blue "$conf"
	cni GC none "$(jq -c '."cni.dev/valid-attachments" = [{"containerID": "blue", "ifname": "eth0"}]' <<<"$conf")"
	equal "ports $(port_of blue)" "$(elements | grep ports)" "ports"
	equal 1 "$(state | wc -l)" "records"
}

test_a_flushed_ruleset_comes_back() {
	local conf
	conf=$(checked)
	pod red blue green
	cni ADD red "$conf"
	nft list ruleset >"$T/whole"
	nft flush ruleset
	refused 104 "is not bound to its MAC address" CHECK red "$conf"
	"$BIN/bridge" --resync
	nft list table bridge edgeway_macspoof | diff "$T/whole" -
	cni CHECK red "$conf"
	nft flush chain bridge edgeway_macspoof prerouting
	refused 104 "--resync" CHECK red "$conf"
	cni ADD blue "$conf" # sees that the rule is gone
	cni CHECK red "$conf"
	nft flush ruleset
	cni ADD green "$conf"
	disguise red 02:00:00:00:00:99
	unreachable red 10.9.0.3
	disguise blue 02:00:00:00:00:98
	unreachable blue 10.9.0.1
}

test_status_brings_flushed_rules_back() {
	local conf
	conf=$(checked '.ipMasq = true')
	cni STATUS none "$conf"
	nft list ruleset | absent "rules where there is no container"
	pod red
	cni ADD red "$conf"
	nft list ruleset >"$T/whole"
	cni STATUS none "$conf"
	absent "a warning without need" <"$T/err"
	nft flush ruleset
	cni STATUS none "$conf"
	grep -q "table edgeway_macspoof was flushed" "$T/err"
	grep -q "table edgeway_masq was flushed" "$T/err"
	nft list ruleset | sort | diff <(sort "$T/whole") -
	cni CHECK red "$conf"
	nft flush chain inet edgeway_masq postrouting
	cni STATUS none "$(net '.type = "ptp" | .ipMasq = true | del(.bridge)')"
	grep -q "table edgeway_masq was flushed" "$T/err"
	cni CHECK red "$conf"
}

test_a_requested_address_is_the_one() {
	pod red
	cni ADD red "$(checked '.runtimeConfig.mac = "02:00:00:00:00:01"')"
	equal "macs $(port_of red) 02:00:00:00:00:01" "$(elements | grep macs)" "bound address"
	reaches red 10.9.0.1
}

test_a_port_of_layer_2() {
	pod red blue
	cni ADD red "$(checked 'del(.ipam) | .isGateway = false')"
	cni ADD blue "$(checked 'del(.ipam) | .isGateway = false')"
	ip -n red addr add 10.7.0.1/24 dev eth0
	ip -n blue addr add 10.7.0.2/24 dev eth0
	reaches red 10.7.0.2
	disguise red 02:00:00:00:00:99
	unreachable red 10.7.0.2
}

test_rollback() {
	settle "$(checked '.ipMasq = true')"
	pod red
	ip -n red link add eth0 type bridge
	refused 101 "already exists in the container" ADD red "$(checked '.ipMasq = true')"
	ip netns del red
	unchanged "a refused ADD"
	pod red
	refused 100 "" ADD red "$(checked '.ipam.routes = [{"dst": "172.20.0.0/16", "gw": "192.168.7.7"}]')"
	ip netns del red
	elements | absent "elements left"
	state | absent "state left"
}

test_a_failed_add_keeps_the_filter_until_the_port_is_gone() {
	local refused
	refused=$(checked '.ipam.routes = [{"dst": "172.20.0.0/16", "gw": "192.168.7.7"}]')
	settle "$(checked)"
	pod red
	mkdir "$T/traced"
	printf '#!/bin/sh\nexec strace -e trace=sendto -o %s/calls %s/bridge\n' "$T" "$RELEASE_BIN" >"$T/traced/bridge"
	chmod +x "$T/traced/bridge"
	BIN=$T/traced refused 100 "172.20.0.0/16" ADD red "$refused"
	equal "RTM_DELLINK NFT_MSG_DELSETELEM" "$(grep -oE 'RTM_DELLINK|NFT_MSG_DELSETELEM' "$T/calls" | uniq | paste -sd' ')" "order"
}

test_an_earlier_life_of_the_pod_leaves_no_second_address() {
	pod red
	cni ADD red "$(checked '.runtimeConfig.mac = "02:00:00:00:00:01"')"
	ip link del "$(port_of red)" # nobody called DEL
	ip netns del red
	rm -r /var/lib/cni/networks/n
	pod red
	cni ADD red "$(checked '.runtimeConfig.mac = "02:00:00:00:00:02"')"
	equal "macs $(port_of red) 02:00:00:00:00:02" "$(elements | grep macs)" "addresses that count"
	cni DEL red "$(checked)"
	elements | absent "elements left"
	state | absent "state left"
}

run_tests "$@"
