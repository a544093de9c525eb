#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The end of an eBPF network: DEL, GC and an ADD that fails leave nothing, whatever has happened before.
. "$(dirname "$0")/ebpf_lib.sh"

# forgotten COMMAND...: DEL after this, without namespace and prevResult, must leave nothing
forgotten() {
	settle "$(masq)"
	pod red
	cni ADD red "$(masq)"
	"$@"
	NETNS="" PREV="" cni DEL red "$(masq '.ipMasq = false | .mtu = 7 | .policy = "x" | .ipam.ranges[0][0].subnet = "10.77.0.0/16"')"
	if [ -e /run/netns/red ]; then ip netns del red; fi
	unchanged "DEL"
	NETNS="" PREV="" cni DEL red "$(masq)"
	unchanged "the second DEL"
}
test_del_leaves_nothing() { forgotten true; }
test_the_netns_is_gone() { forgotten ip netns del red; }
test_the_pod_removed_its_interface() { forgotten ip -n red link del eth0; }
renamed() { ip -n red link set eth0 down && ip -n red link set eth0 name other; }
test_the_pod_renamed_its_interface() { forgotten renamed; }
unloaded() { "$BIN/edgeway-loader" --unload; }
test_everything_was_unloaded() { forgotten unloaded; }

test_the_configuration_lost_its_ipam() {
	pod red
	cni ADD red "$(ebpf)"
	cni DEL red "$(ebpf 'del(.ipam)')"
	ends | absent "pair left"
	entries | absent "entries left"
}

test_somebody_renamed_the_nodes_end() {
	pod red blue
	cni ADD red "$(ebpf)"
	cni ADD blue "$(ebpf '.name = "m" | .ipam.ranges = [[{"subnet": "10.8.0.0/24"}]]')"
	ip link set "$(end)" down
	ip link set "$(end)" name veth7
	cni DEL red "$(ebpf '.name = "m"')" # of another network: not this one's
	equal 2 "$(ends | wc -l)" "pairs"
	equal 4 "$(entries | wc -l)" "entries"
	cni DEL red "$(ebpf)"
	equal 1 "$(ends | wc -l)" "pairs"
	equal 2 "$(entries | wc -l)" "entries"
}

test_an_address_that_has_passed_to_another_stays_known() {
	pod red blue
	cni ADD red "$(ebpf)"
	ip netns del red
	for _ in $(seq 50); do [ -n "$(ends)" ] || break; sleep 0.1; done
	rm -r /var/lib/cni/networks
	cni ADD blue "$(ebpf)"
	equal 10.9.0.2 "$(address blue)" "blue's address"
	NETNS="" cni DEL red "$(ebpf)"
	equal 2 "$(entries | wc -l)" "entries"
	reaches blue 169.254.1.1
}

test_an_add_that_fails_late_leaves_nothing() {
	local env=(CNI_COMMAND=ADD CNI_CONTAINERID=red CNI_NETNS=/run/netns/red CNI_IFNAME=eth0 CNI_PATH="$BIN")
	settle "$(masq)"
	pod red
	world >"$T/before"
	inside red ip link add other up type veth peer name another
	world >"$T/before"
	refused 100 "eth0" ADD red "$(masq '.ipam.routes = [{"dst": "0.0.0.0/0", "table": 99, "scope": 254}]')"
	unchanged "the failed ADD"
	if env "${env[@]}" "$BIN/ebpf" <<<"$(masq)" >/dev/full; then fail "ADD said it succeeded"; fi
	unchanged "the ADD nobody heard of"
	ip -n red link add eth0 type bridge
	world >"$T/before"
	refused 101 "eth0" ADD red "$(masq)"
	unchanged "the ADD beside another eth0"
}

test_gc_keeps_only_what_is_valid() {
	local valid='[{"containerID": "red", "ifname": "eth0"}]'
	pod red blue green gone
	cni ADD red "$(masq)"
	cni ADD blue "$(masq)"
	cni ADD gone "$(masq)"
	cni ADD green "$(masq '.name = "m" | .ipam.ranges = [[{"subnet": "10.8.0.0/24"}]]')"
	cni GC none "$(masq)"
	equal 4 "$(ends | wc -l)" "pairs after a GC without a list"
	ip link del "$(end gone)"
	cni GC none "$(masq ".\"cni.dev/valid-attachments\" = $valid")"
	equal "edgeway m/green/eth0 edgeway n/red/eth0" "$(ip -j link show type veth | jq -r '[.[].ifalias] | sort | join(" ")')" "pairs"
	equal "10.8.0.2 10.9.0.2 fd00:9::2" "$(addresses)" "addresses"
	equal "10.9.0.2 fd00:9::2" "$(leases n | paste -sd' ')" "leases"
	cni CHECK red "$(masq)"
}

run_tests "$@"
