#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The plugin sriov where there are no virtual functions: what it refuses, and what it does by its records.
# With real ones it is played in a guest: test/lab/sriov_test.
. "$(dirname "$0")/lib.sh"

VF=0000:01:10.0
STATE=/var/lib/edgeway/sriov

# sriov [FILTER]: a network of VFs, changed by a jq filter
sriov() { net ".type = \"sriov\" | del(.bridge) | .deviceID = \"$VF\" | ${1:-.}"; }

# card: what sysfs shows for a card with one VF, with an interface p0 that is none of a real card's
card() {
	local pf=/sys/bus/pci/devices/0000:01:00.0 vf=/sys/bus/pci/devices/$VF
	mount -t tmpfs tmpfs /sys/bus/pci
	mkdir -p $pf/net/p0 $vf/net/p0v0 /sys/bus/pci/drivers/igbvf
	echo 1 >$pf/sriov_numvfs
	ln -s ../$VF $pf/virtfn0
	ln -s ../0000:01:00.0 $vf/physfn
	ln -s ../../drivers/igbvf $vf/driver
	ip link add p0 type veth peer name p0v0
}

# record CONTAINER [BOOT] [DEVICE]: that it has the VF, in the namespace of this pod
record() {
	local boot device
	boot=${2:-$(cat /proc/sys/kernel/random/boot_id)}
	device=${3:-$(stat -c %i /sys/bus/pci/devices/$VF)}
	mkdir -p $STATE
	cat >$STATE/$VF <<-END
		edgeway sriov 1
		boot $boot
		device $device
		network n
		container $1
		interface eth0
		netns /run/netns/$1
		netns.dev $(stat -Lc %d "/run/netns/$1")
		netns.ino $(stat -Lc %i "/run/netns/$1")
		end
	END
}

test_values_that_mean_nothing_are_refused_with_their_key() {
	refused 7 "vlan: 4095: must be 0..4094" STATUS none "$(sriov '.vlan = 4095')"
	refused 7 "vlan: -1: must be 0..4094" STATUS none "$(sriov '.vlan = -1')"
	refused 7 "vlanQoS: 8: must be 0..7" STATUS none "$(sriov '.vlan = 5 | .vlanQoS = 8')"
	refused 7 'spoofchk: "On": must be "on" or "off"' STATUS none "$(sriov '.spoofchk = "On"')"
	refused 7 'trust: "yes": must be "on" or "off"' STATUS none "$(sriov '.trust = "yes"')"
	refused 7 'link_state: "up": must be "auto", "enable" or "disable"' STATUS none "$(sriov '.link_state = "up"')"
	refused 7 'vlanProto: "QinQ": must be "802.1q" or "802.1ad"' STATUS none "$(sriov '.vlan = 5 | .vlanProto = "QinQ"')"
	refused 7 "vlanQoS: has no meaning without vlan" STATUS none "$(sriov '.vlanQoS = 0')"
	refused 7 "vlanProto: has no meaning without vlan" STATUS none "$(sriov '.vlanProto = "802.1q"')"
	refused 7 "vlanQoS: 3: must be 0 with vlan 0" STATUS none "$(sriov '.vlan = 0 | .vlanQoS = 3')"
	refused 7 'vlanProto: "802.1ad": needs a vlan of 1..4094' STATUS none "$(sriov '.vlan = 0 | .vlanProto = "802.1AD"')"
	refused 7 "min_tx_rate: 20: must not be more than max_tx_rate, 10" STATUS none \
		"$(sriov '.min_tx_rate = 20 | .max_tx_rate = 10')"
	refused 7 "baseline.vlanQoS: has no meaning without vlan" STATUS none "$(sriov '.baseline = {"vlanQoS": 1}')"
	refused 7 "baseline.trust" STATUS none "$(sriov '.baseline = {"trust": "1"}')"
	refused 7 "mtu: 1279: IPv6 needs 1280" STATUS none "$(sriov '.mtu = 1279 | .ipam.ranges += [[{"subnet": "fd00:9::/64"}]]')"
	refused 7 "driver: \"igb\": must be a driver that hands devices" STATUS none "$(sriov '.driver = "igb"')"
	refused 7 'deviceID: "eth0": must be a PCI address' STATUS none "$(sriov '.deviceID = "eth0"')"
}

test_values_that_make_sense_are_accepted() {
	cni STATUS none "$(sriov '.vlan = 0 | .vlanQoS = 0 | .vlanProto = "802.1Q" | .min_tx_rate = 0 | .max_tx_rate = 0')"
	cni STATUS none "$(sriov '.vlan = 4094 | .vlanQoS = 7 | .vlanProto = "802.1AD" | .spoofchk = "off" | .trust = "on"')"
	cni STATUS none "$(sriov '.link_state = "auto" | .min_tx_rate = 20 | .max_tx_rate = 0 | del(.deviceID) | del(.ipam)')"
	cni STATUS none "$(sriov '.strict = true | .pciBusID = "0000:01:10.0" | .driver = "vfio-pci" | .baseline = {"trust": "off"}')"
}

test_a_device_must_be_named_and_be_a_vf() {
	pod red
	refused 7 "deviceID: required, but missing" ADD red "$(sriov 'del(.deviceID)')"
	refused 7 "deviceID: find PCI device ffff:ff:1f.7: No such file" ADD red "$(sriov '.deviceID = "ffff:ff:1f.7"')"
	refused 7 "deviceID: find PCI device ffff:ff:1f.7" ADD red \
		"$(sriov 'del(.deviceID) | .runtimeConfig = {"deviceID": "ffff:ff:1f.7"}')"
	card
	refused 7 "0000:01:00.0 is no virtual function" ADD red "$(sriov '.deviceID = "0000:01:00.0"')"
	ip link del p0
	refused 50 "deviceID: find interface p0 of 0000:01:00.0: No such device" ADD red "$(sriov .)"
	leases n | absent "leases"
}

test_a_card_that_knows_no_such_vf_leaves_nothing_behind() {
	pod red
	card
	refused 100 "read VF 0 of interface" ADD red "$(sriov .)"
	leases n | absent "leases"
	find $STATE -type f ! -name '*.lock' | absent "records"
	equal p0v0 "$(link p0v0 | jq -r .ifname)" "interface"
}

test_a_vf_that_another_pod_has_is_refused() {
	pod red blue
	card
	record red
	refused 11 "deviceID: $VF is in use" ADD blue "$(sriov .)"
	refused 11 "by n/red/eth0, until its DEL" ADD blue "$(sriov .)"
	refused 11 "deviceID: $VF is in use" ADD red "$(sriov .)"
	leases n | absent "leases"
	grep -q "^container red$" $STATE/$VF
}

# What cannot be looked at, for want of descriptors, is not gone. The calls are an ADD for another pod, and
# the DEL of what the pod was before it was started again.
test_a_failing_system_call_takes_no_vf_from_a_living_pod() {
	local verb n
	pod red blue
	card
	rm -r /sys/bus/pci/devices/$VF/{net,driver}
	ln -s ../../drivers/vfio-pci /sys/bus/pci/devices/$VF/driver
	record red
	cp $STATE/$VF "$T/before"
	for verb in ADD:blue DEL:red; do
		for ((n = 1; ; n++)); do
			CNI_COMMAND=${verb%:*} CNI_CONTAINERID=${verb#*:} CNI_NETNS=/run/netns/blue CNI_IFNAME=eth0 \
				CNI_PATH=$RELEASE_BIN strace -o "$T/trace" -e trace=open,openat \
				-e inject=open,openat:error=EMFILE:when=$n \
				"$RELEASE_BIN/sriov" <<<"$(sriov .)" >"$T/out" 2>&1 || true # with this error or that
			grep -q INJECTED "$T/trace" || break
			! grep -E 'taking it back|read VF' "$T/out" || fail "$verb, call $n: it was not left alone"
			cmp "$T/before" $STATE/$VF
		done
		[ "$n" -gt 4 ] || fail "$verb opens $n files"
	done
}

test_a_pod_that_is_deleted_while_ipam_takes_its_time_gets_no_vf() {
	pod red
	card
	mkdir "$T/ipam"
	cat >"$T/ipam/slow" <<-'END'
		#!/bin/sh
		[ "$CNI_COMMAND" != ADD ] || ip netns del red
		echo '{"cniVersion": "1.1.0", "ips": [{"address": "10.9.0.2/24"}]}'
	END
	chmod +x "$T/ipam/slow"
	CNIPATH=$T/ipam refused 3 "CNI_NETNS: /run/netns/red was deleted meanwhile" ADD red "$(sriov '.ipam = {"type": "slow"}')"
	find $STATE -type f ! -name '*.lock' | absent "records"
}

test_a_late_del_leaves_the_new_owner_alone() {
	pod blue
	card
	record blue
	cp $STATE/$VF "$T/before"
	NETNS="" cni DEL red "$(sriov .)"
	NETNS=/run/netns/red cni DEL red "$(sriov .)"
	cmp "$T/before" $STATE/$VF
}

test_a_late_del_of_a_container_that_was_started_again_changes_nothing() {
	pod red
	card
	record red
	cp $STATE/$VF "$T/before"
	pod old
	CID=red cni DEL old "$(sriov .)"
	CID=red NETNS=/run/netns/gone cni DEL red "$(sriov .)"
	cmp "$T/before" $STATE/$VF
}

test_what_a_reboot_or_a_new_device_has_made_untrue_is_forgotten() {
	pod red
	card
	record red 00000000-0000-0000-0000-000000000000
	cni DEL red "$(sriov .)"
	[ ! -e $STATE/$VF ]
	record red "" 1
	cni DEL red "$(sriov .)"
	[ ! -e $STATE/$VF ]
	record red
	rm -r /sys/bus/pci/devices/$VF
	cni DEL red "$(sriov .)"
	[ ! -e $STATE/$VF ]
}

test_a_failed_del_keeps_the_record_and_gives_the_address_back() {
	pod red
	card
	record red
	mkdir -p /var/lib/cni/networks/n
	printf 'red\r\neth0' >/var/lib/cni/networks/n/10.9.0.2
	refused 100 "read VF 0 of interface" DEL red "$(sriov .)"
	leases n | absent "leases"
	grep -q "^container red$" $STATE/$VF
}

test_a_damaged_record_is_said_and_kept() {
	pod red
	card
	record red
	sed -i '$d' $STATE/$VF
	refused 6 "$STATE/$VF: damaged" ADD red "$(sriov .)"
	refused 6 "$STATE/$VF: damaged" DEL red "$(sriov .)"
	[ -e $STATE/$VF ]
}

test_gc_takes_orphans_of_its_network_alone() {
	local valid='."cni.dev/valid-attachments" = [{"containerID": "red", "ifname": "eth0"}]'
	pod red blue
	card
	record red 00000000-0000-0000-0000-000000000000
	cni GC none "$(sriov .)"
	cni GC none "$(sriov "$valid")"
	[ -e $STATE/$VF ]
	cni GC none "$(sriov ".name = \"other\" | .\"cni.dev/valid-attachments\" = []")"
	[ -e $STATE/$VF ]
	cni GC none "$(sriov '."cni.dev/valid-attachments" = []')"
	[ ! -e $STATE/$VF ]
}

test_del_of_nothing_succeeds() {
	pod red
	cni DEL red "$(sriov .)"
	cni DEL red "$(sriov 'del(.deviceID)')"
	NETNS="" cni DEL red "$(sriov '.vlan = 9999')"
	card
	cni DEL red "$(sriov .)"
	equal p0v0 "$(link p0v0 | jq -r .ifname)" "interface"
}

test_check_says_whose_the_vf_is() {
	local prev
	pod red blue
	card
	prev='{"cniVersion":"1.1.0","interfaces":[{"name":"eth0","sandbox":"/run/netns/red"}]}'
	PREV=$prev refused 104 "$VF is not in use by anybody" CHECK red "$(sriov 'del(.ipam)')"
	record blue
	PREV=$prev refused 104 "$VF belongs to n/blue/eth0" CHECK red "$(sriov 'del(.ipam)')"
	record red
	PREV=$prev CID=red refused 104 "$VF was given to another network namespace, /run/netns/red" CHECK blue "$(sriov 'del(.ipam)')"
	record red 00000000-0000-0000-0000-000000000000
	PREV=$prev refused 104 "$VF has been removed and made anew since" CHECK red "$(sriov 'del(.ipam)')"
}

run_tests "$@"
