#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# CHECK of an eBPF network: silent on what ADD made, and it names what is missing in the pod, on the
# node, and in what the programs know.
. "$(dirname "$0")/ebpf_lib.sh"

# masq [FILTER]: two families, one address in each, and masquerading
masq() {
	net '.type = "ebpf" | del(.bridge) | .ipMasq = true | .ipam = {"type": "host-local",
		"ranges": [[{"subnet": "10.9.0.0/24", "rangeEnd": "10.9.0.2"}], [{"subnet": "fd00:9::/64", "rangeEnd": "fd00:9::2"}]]} | '"${1:-.}"
}

test_check_is_silent_and_tolerates_what_others_add() {
	pod red
	cni ADD red "$(masq)"
	cni CHECK red "$(masq)" | absent "output of CHECK"
	ip -n red link set eth0 mtu 1300
	ip -n red addr add 10.55.0.1/24 dev eth0
	ip -n red route add 10.66.0.0/16 via 169.254.1.1
	ip neigh add 10.55.0.1 dev "$(end)" lladdr 02:00:00:00:00:55
	tc filter add dev "$(end)" ingress prio 7 protocol ip u32 match u32 0 0 flowid 1:1
	cni CHECK red "$(masq)" | absent "output of CHECK"
}

# change MAP KEY OFFSET VALUE: overwrite a byte of what the programs know; without OFFSET delete it
change() {
	/usr/bin/python3 -I - "$ROOT" "$@" <<-'PYTHON'
		import ctypes, ipaddress, socket, struct, sys
		sys.dont_write_bytecode = True
		sys.path.insert(0, sys.argv[1] + "/test/lib")
		import world
		name, key, change = sys.argv[2], sys.argv[3], sys.argv[4:]
		if name == "interfaces_v1":
		    key, size = struct.pack("=I", socket.if_nametoindex(key)), 16
		else:
		    address = ipaddress.ip_address(key)
		    key, size = (address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed), 24
		value = bytearray(dict(world.PinnedMap(name, len(key), size).items())[key])
		if change:
		    value[int(change[0])] = int(change[1])
		world.PinnedMap(name, len(key), size).put(key, bytes(value) if change else None)
	PYTHON
}

# broken: for each line "TEXT | COMMAND" of stdin, CHECK after this damage must fail and name TEXT; END
# stands for the node's end, in_red for ip in the pod
broken() {
	local text command
	pod red
	while IFS='|' read -r text command; do
		cni ADD red "$(masq)" >/dev/null
		command=${command//END/$(end)}
		${command//in_red/ip -n red}
		refused 104 "${text% }" CHECK red "$(masq)"
		cni DEL red "$(masq)"
		if [ ! -d /sys/fs/bpf/edgeway ]; then cni STATUS none "$(masq)"; fi
	done
}

test_check_names_what_is_wrong_in_the_pod() {
	broken <<-'DAMAGE'
		10.9.0.2/32 | in_red addr del 10.9.0.2/32 dev eth0
		fd00:9::2/128 | in_red addr del fd00:9::2/128 dev eth0
		route 169.254.1.1/32 | in_red route del 169.254.1.1 dev eth0
		route 0.0.0.0/0 | in_red route del default
		route ::/0 | in_red -6 route del default
		169.254.1.1 is missing | in_red neigh del 169.254.1.1 dev eth0
		fe80::1 is not permanent | in_red neigh replace fe80::1 dev eth0 lladdr 02:00:00:00:00:01 nud reachable
		MAC address 02:00:00:00:00:01 | in_red neigh replace 169.254.1.1 dev eth0 lladdr 02:00:00:00:00:01
		eth0 in the container is down | in_red link set eth0 down
		eth0 in the container has MAC address | in_red link set eth0 address 02:00:00:00:00:99
		is missing | in_red link del eth0
	DAMAGE
}

test_check_names_what_is_wrong_on_the_node() {
	broken <<-'DAMAGE'
		has MAC address 02:00:00:00:00:99 | ip link set END address 02:00:00:00:00:99
		is down | ip link set END down
		gateway address 169.254.1.1 is missing | ip addr del 169.254.1.1/32 dev END
		gateway address fe80::1 is missing | ip addr del fe80::1/128 dev END
		route 10.9.0.2/32 | ip route del 10.9.0.2
		route fd00:9::2/128 | ip -6 route del fd00:9::2
		neighbour 10.9.0.2 is missing | ip neigh del 10.9.0.2 dev END
		neighbour fd00:9::2 is missing | ip neigh del fd00:9::2 dev END
		10.9.0.2 | rm /var/lib/cni/networks/n/10.9.0.2
		10.9.0.2 is not masqueraded | nft flush ruleset
	DAMAGE
}

test_check_names_what_is_wrong_with_the_programs() {
	broken <<-'DAMAGE'
		the programs at interface | tc qdisc del dev END clsact
		the programs at interface | tc filter del dev END ingress
		the programs at interface | tc filter del dev END egress
		interface | change interfaces_v1 END
		the pod's MAC address is | change interfaces_v1 END 4 1
		has flags 0x4, not 0x0 | change interfaces_v1 END 0 4
		is isolated, though "policy" is "off" | change interfaces_v1 END 0 1
		address 10.9.0.2 is missing | change endpoints_v1 10.9.0.2
		address fd00:9::2 is missing | change endpoints_v1 fd00:9::2
		address 10.9.0.2 leads to interface | change endpoints_v1 10.9.0.2 0 1
		address fd00:9::2 has flags 0x4, not 0x0 | change endpoints_v1 fd00:9::2 4 4
		address 10.9.0.2 is isolated, though "policy" is "off" | change endpoints_v1 10.9.0.2 4 1
		10.9.0.2: the pod's MAC address is | change endpoints_v1 10.9.0.2 8 1
		10.9.0.2: the gateway's MAC address is | change endpoints_v1 10.9.0.2 14 1
		nothing is loaded | rm -r /sys/fs/bpf/edgeway
	DAMAGE
}

# flag VALUE: overwrites red's flags in all that is known of it
flag() {
	change interfaces_v1 "$(end)" 0 "$1"
	change endpoints_v1 10.9.0.2 4 "$1"
	change endpoints_v1 fd00:9::2 4 "$1"
}

test_a_pod_that_waited_for_its_policy_may_have_it_by_now() {
	local enforced
	enforced=$(masq '.policy = "enforce"')
	pod red
	cni ADD red "$enforced" >"$T/out"
	cni CHECK red "$enforced" | absent "output of CHECK before the policy is known"
	refused 104 'is isolated, though "policy" is "off"' CHECK red "$(masq)"
	flag 0
	cni CHECK red "$enforced" | absent "output of CHECK once the policy is known"
	cni CHECK red "$(masq)" | absent "output of CHECK of an open pod"
	flag 4
	refused 104 "has flags 0x4, not 0x1" CHECK red "$enforced"
}

# Somebody has removed the pins, or unmounted the bpffs: the next ADD finds the maps at the filters.
test_pods_are_still_known_when_the_pins_are_gone() {
	pod red blue green
	cni ADD red "$(dual)" >"$T/red.json"
	cni ADD blue "$(dual)" >"$T/out"
	find /sys/fs/bpf/edgeway -delete
	reaches red 10.9.0.3
	cni ADD green "$(dual)" >"$T/out"
	reaches red 10.9.0.3
	reaches green 10.9.0.2
	reaches green fd00:9::3
	PREV=$(<"$T/red.json") cni CHECK red "$(dual)"
}

run_tests "$@"
