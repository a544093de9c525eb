# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by guest scripts whose cases find $VFS untouched virtual functions each: makes these, says what they
# are like, and whether that is as before. Their PCI addresses are in VF, the interface of their card in PF.

DEVICES=/sys/bus/pci/devices
STATE=/var/lib/edgeway/sriov

# sriov N [FILTER]: a network whose ADD gets the N-th VF, changed by a jq filter
sriov() { net ".type = \"sriov\" | del(.bridge) | .deviceID = \"${VF[$1]}\" | ${2:-.}"; }

# netdev N: the name of the N-th VF's interface on the node, empty if it has none there
netdev() { if [ -d "$DEVICES/${VF[$1]}/net" ]; then ls "$DEVICES/${VF[$1]}/net"; fi; }
driver() { basename "$(readlink "$DEVICES/${VF[$1]}/driver")"; }

# vf N FILTER: what the card says of the N-th VF
vf() { ip -j link show dev "$PF" | jq -c ".[0].vfinfo_list[$1] | $2"; }

# vfs: all that an ADD may change of the VFs, as text (which costs an emulated processor a tenth of JSON)
vfs() {
	local n
	for n in "${!VF[@]}"; do echo "$n $(driver "$n") $(netdev "$n")"; done
	ip -o link show | sed -E 's/^[0-9]+: //; s/(<|,)(UP|LOWER_UP|NO-CARRIER|BROADCAST|MULTICAST)//g
		s/ (state|qdisc|qlen|permaddr) [^ ]+//g' | sort
}

remember() { vfs >"$T/vfs"; }
as_before() {
	vfs >"$T/vfs.after"
	diff -U0 "$T/vfs" "$T/vfs.after" >"$T/diff" || fail "the VFs have changed: $(cat "$T/diff")"
	find $STATE -type f ! -name '*.lock' ! -name '*.found' | absent "records"
	leases n | absent "leases"
}

# untouched: whether the VFs are as they were made
untouched() { [ -e "$T/vfs" ] && find_vfs && (as_before) >/dev/null 2>&1; }

find_vfs() {
	local n
	VF=()
	for ((n = 0; n < VFS; n++)); do VF[n]=$(basename "$(readlink "/sys/class/net/$PF/device/virtfn$n")"); done
}

# come_home N...: wait for what the kernel brings back from a namespace that is gone
come_home() {
	local n
	for n; do
		while [ -z "$(netdev "$n")" ]; do sleep .1; done
	done
}

# make_vfs: VFs that nobody has touched
make_vfs() {
	echo 0 >"/sys/class/net/$PF/device/sriov_numvfs"
	echo "$VFS" >"/sys/class/net/$PF/device/sriov_numvfs"
	find_vfs
	come_home "${!VF[@]}"
}

# fresh: untouched VFs, which take the card its time to make, and no pods
fresh() {
	local pod
	for pod in /run/netns/*; do [ ! -e "$pod" ] || ip netns del "${pod##*/}"; done
	if ! untouched; then
		rm -rf /var/lib/edgeway
		make_vfs
	fi
	rm -rf "$T" /var/lib/cni/networks
	mkdir -p "$T/result"
	remember
}

# find_card: the one with virtual functions
find_card() {
	local device
	modprobe -a igb igbvf
	for device in /sys/class/net/*; do
		[ ! -e "$device/device/sriov_totalvfs" ] || PF=${device##*/}
	done
	[ -n "${PF:-}" ] || fail "there is no card with virtual functions"
	ip link set "$PF" up
}
