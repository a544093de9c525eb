#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# GC removes what belongs to this network and is not in the list of valid attachments: leases, links,
# masquerade. Nothing else.
. "$(dirname "$0")/lib.sh"

conf() { net ".isGateway = true | .ipMasq = true | ${1:-.}"; }
# other: another network on the same bridge, with a pool of its own (only one can be the gateway)
other() { conf '.name = "m" | .isGateway = false | .ipam.ranges = [[{"subnet": "10.8.0.0/24"}]]'; }
# gc KEY JSON: GC of network n with this list of attachments
gc() { cni GC none "$(conf ".\"$1\" = $2")"; }
elements() {
	nft -j list table inet edgeway_masq | jq -r '.nftables[].set.elem // [] | .[].elem.val' |
		sort | paste -sd' '
}
veths() { ip -o link show type veth | wc -l; }

three_pods() {
	pod red blue green
	cni ADD red "$(conf)"
	cni ADD blue "$(conf)"
	cni ADD green "$(other)"
}

test_what_is_not_listed_is_removed() {
	three_pods
	gc cni.dev/valid-attachments '[{"containerID": "red", "ifname": "eth0"}]' | absent "output of GC"
	equal 10.9.0.2 "$(leases n)" "leases"
	equal 2 "$(veths)" "host ends"
	equal "10.8.0.2 10.9.0.2" "$(elements)" "what is masqueraded"
	reaches red 10.9.0.1
	cni CHECK red "$(conf)"
	cni DEL blue "$(conf)"
}

test_the_historical_key() {
	three_pods
	gc cni.dev/attachments '[{"containerID": "blue", "ifname": "eth0"}]'
	equal 10.9.0.3 "$(leases n)" "leases"
	cni CHECK blue "$(conf)"
}

test_an_empty_list_removes_all_of_this_network() {
	three_pods
	gc cni.dev/valid-attachments '[]'
	leases n | absent "leases"
	equal 1 "$(veths)" "host ends"
}

test_a_missing_list_removes_nothing() {
	three_pods
	cni GC none "$(conf)"
	equal "10.9.0.2 10.9.0.3" "$(leases n | paste -sd' ')" "leases"
	equal 3 "$(veths)" "host ends"
}

test_the_interface_is_part_of_an_attachment() {
	pod red
	cni ADD red "$(conf)"
	IFNAME=eth1 cni ADD red "$(conf)"
	gc cni.dev/valid-attachments '[{"containerID": "red", "ifname": "eth1"}]'
	equal 10.9.0.3 "$(leases n)" "leases"
	link eth1 red >"$T/link"
	if ip -n red link show eth0 2>/dev/null; then fail "eth0 is still there"; fi
}

test_another_network_on_the_same_bridge_is_not_touched() {
	three_pods
	gc cni.dev/valid-attachments '[]'
	equal 10.8.0.2 "$(leases m)" "leases of the other network"
	cni CHECK green "$(other)"
	equal 10.8.0.2 "$(elements)" "what is masqueraded"
}

test_with_the_netns_gone() {
	three_pods
	ip netns del red
	ip netns del blue
	gc cni.dev/valid-attachments '[]'
	leases n | absent "leases"
	equal 1 "$(find /run/edgeway/masq -type f | wc -l)" "state files"
}

test_without_records() {
	three_pods
	rm -r /run/edgeway
	gc cni.dev/valid-attachments '[{"containerID": "red", "ifname": "eth0"}]'
	equal "10.8.0.2 10.9.0.2" "$(elements)" "what is masqueraded"
}

test_addresses_stay_taken_while_an_interface_stays() {
	local plugin all
	pod red
	for plugin in bridge ptp ebpf; do
		all=$(net ".type = \"$plugin\" | .\"cni.dev/valid-attachments\" = []")
		cni ADD red "$(net ".type = \"$plugin\"")"
		powerless $plugin
		BIN=$T/weak refused 100 "Operation not permitted" GC none "$all"
		equal "$(address red)" "$(leases n)" "leases"
		cni GC none "$all"
		leases n | absent "leases"
	done
}

test_twice() {
	three_pods
	gc cni.dev/valid-attachments '[]'
	gc cni.dev/valid-attachments '[]'
	cni CHECK green "$(other)"
}

test_of_a_network_that_never_was() {
	world >"$T/before"
	gc cni.dev/valid-attachments '[]'
	unchanged "GC of nothing"
}

test_host_local_alone() {
	cni ADD red "$(pool .)"
	cni ADD blue "$(pool .)"
	cni GC none "$(pool . | jq -c '."cni.dev/valid-attachments" = [{"containerID": "blue", "ifname": "eth0"}]')"
	equal 10.9.0.3 "$(leases n)" "leases"
}

test_a_foreign_ipam_is_told() {
	mkdir -p "$T/bin"
	printf '#!/bin/sh\ncat >%s/told\necho "$CNI_COMMAND" >>%s/told\n' "$T" "$T" >"$T/bin/fake"
	chmod +x "$T/bin/fake"
	CNIPATH=$T/bin cni GC none "$(net '.ipam = {"type": "fake"} | ."cni.dev/valid-attachments" = []')"
	grep -q valid-attachments "$T/told" || fail "the list did not arrive: $(cat "$T/told")"
	equal GC "$(tail -n1 "$T/told")" "command"
}

run_tests "$@"
