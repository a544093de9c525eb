#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# "policy": "enforce": until its policy is known nobody but the node gets into a pod, whichever way he
# tries, and each who tried is counted. The same ways lead into a pod that is open.
. "$(dirname "$0")/ebpf_lib.sh"
. "$(dirname "$0")/portmap_lib.sh"

# --- the ways there are ---

# neighbourhood: an uplink, whose filters are attached with the first pod; another way in, which has
# none; a container of our bridge, and one of somebody else's
neighbourhood() {
	uplinked
	pod far green grey
	ip link add up1 type veth peer name eth0 netns far
	ip link add docker0 type bridge
	ip link add port0 master docker0 type veth peer name eth0 netns grey
	plug up1 far 172.16.1 fd01:1
	plug docker0 grey 10.7.0 fd01:7
	ip link set port0 up
	cni ADD green "$(net '.name = "m" | .bridge = "br1" | .isDefaultGateway = true |
		.ipam.ranges = [[{"subnet": "10.8.0.0/24"}], [{"subnet": "fd00:8::/64"}]]')" >"$T/green.json"
	sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

# plug DEVICE POD NET4 NET6: addresses on both ends, and the pod's default routes by the node's
plug() {
	ip -batch - <<-END
		addr add $3.1/24 dev $1
		addr add $4::1/64 dev $1 nodad
		link set $1 up
	END
	ip -n "$2" -batch - <<-END
		addr add $3.9/24 dev eth0
		addr add $4::9/64 dev eth0 nodad
		link set eth0 up
		route add default via $3.1
		route add ::/0 via $4::1
	END
}

# knock FROM PORT INTERFACE DIRECTION ADDRESS...: as $LET_IN says red answers at each of them, or none
# does, and where the programs stop it is counted
knock() {
	local from=$1 port=$2 interface=$3 direction=$4 before proto to tries=0
	shift 4
	before=$(dropped "$interface" "$direction" ISOLATED)
	for proto in tcp udp; do
		# Who is turned away is counted, and need not be waited for.
		ECHO_TIMEOUT=$([ "$LET_IN" = yes ] && echo 5 || echo 0.4) in_netns "$from" python3 "$HERE/echo.py" ask "$port" $proto "$@" >"$T/knock"
		tries=$((tries + $#))
		if [ "$LET_IN" = yes ]; then
			[ "$(grep -c '^red ' "$T/knock")" = $# ] || fail "$from asks $port/$proto of $*: $(cat "$T/knock")"
		else
			equal "$(printf -- '-\n%.0s' "$@")" "$(cat "$T/knock")" "$from asks $port/$proto of $*"
		fi
	done
	for to; do
		[ "$port" = 80 ] || break
		tries=$((tries + 1))
		if [ "$LET_IN" = yes ]; then reaches "$from" "$to"; else unreachable "$from" "$to"; fi
	done
	[ "$LET_IN" = no ] || return 0
	[ "$(dropped "$interface" "$direction" ISOLATED)" -ge $((before + tries)) ] ||
		fail "$from was turned away: not all of it was counted at $interface $direction: $(datapath drops)"
}

# node_knocks: the node's own packets get in, and are answered; in fragments, too
node_knocks() {
	local to proto mine mine6
	mine=$(ip -j route get 10.9.0.2 | jq -r '.[].prefsrc') mine6=$(ip -j route get fd00:9::2 | jq -r '.[].prefsrc')
	for proto in tcp udp; do answers node 80 $proto "10.9.0.2=red $mine" "fd00:9::2=red $mine6"; done
	for to in 10.9.0.2 fd00:9::2; do
		ping -c1 -W2 -n -q $to >"$T/ping"
		ping -c1 -W2 -n -q -s 5000 $to >"$T/ping"
	done
}

# red_begins INTERFACE ADDRESS...: what red itself begins goes nowhere, but as $LET_IN says
red_begins() {
	local to before
	before=$(dropped "$1" out_of_pod ISOLATED)
	for to in "${@:2}"; do
		if [ "$LET_IN" = yes ]; then reaches red "$to"; else unreachable red "$to"; fi
	done
	[ "$LET_IN" = yes ] || [ "$(dropped "$1" out_of_pod ISOLATED)" -ge $((before + $# - 1)) ] ||
		fail "not all that red began was counted: $(datapath drops)"
}

# link_locals: those of red and the node
link_locals() { { ip -j -6 addr show scope link; ip -n red -j -6 addr show scope link; } | jq -r '.[].addr_info[]?.local // empty' | sort -u | paste -sd,; }

# watch: count whatever comes into red and is not the node's; seen: nothing has
watch() {
	counting red "prerouting priority -500; iifname lo accept; icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
		ip saddr != { 169.254.1.1, 10.9.0.1, 192.0.2.1, 172.16.1.1, 10.7.0.1, 10.8.0.1, 0.0.0.0 } counter
		ip6 saddr != { fe80::1, fd00:9::1, 2001:db8::1, fd01:1::1, fd01:7::1, fd00:8::1, ::, $(link_locals) }"
}

# sends FROM KIND...: what no socket sends by itself
sends() { inside "$1" python3 "$HERE/raw.py" "${@:2}"; }

# turned_away COMMAND...: what it sends to red is counted where it would get in
turned_away() {
	local before
	before=$(dropped "$VETH" into_pod ISOLATED)
	"$@"
	[ "$(dropped "$VETH" into_pod ISOLATED)" -gt "$before" ] || fail "not counted: $*: $(datapath drops)"
}

# An error is let in for the flow that it is about, so it must be the receiver's.
errors_about_flows_of_others() {
	local from
	serve blue 81 udp
	for from; do
		turned_away sends "$from" error 10.9.0.2 10.9.0.3 81
		turned_away sends "$from" error fd00:9::2 fd00:9::3 81
	done
}

# groups FROM: what is for all neighbours, or in a frame for all of them
groups() {
	local to
	for to in 10.9.0.2 10.9.0.255 255.255.255.255 224.0.0.1; do sends "$1" group $to 10.9.0.2; done
	for to in fd00:9::2 ff02::1; do sends "$1" group $to fd00:9::2; done
}

HOST_PORT='[{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}, {"hostPort": 8080, "containerPort": 80, "protocol": "udp"}]'

# --- a pod of the eBPF data path ---

every_way() {
	local proto policy=enforce
	LET_IN=$1
	[ "$LET_IN" = no ] || policy=off
	neighbourhood
	pod red blue brown
	cni ADD red "$(dual ".policy = \"$policy\"")" >"$T/red.json"
	ping -c1 -W1 -n -q 10.9.0.2 # at once
	cni ADD blue "$(dual)" >"$T/blue.json"
	cni ADD brown "$(dual)" >"$T/brown.json"
	VETH=$(end)
	for proto in tcp udp; do serve red 80 $proto; done
	map ADD red "$HOST_PORT" >"$T/out"
	watch
	node_knocks
	knock blue 80 "$(end blue)" out_of_pod 10.9.0.2 fd00:9::2
	knock green 80 "$VETH" into_pod 10.9.0.2 fd00:9::2
	knock grey 80 "$VETH" into_pod 10.9.0.2 fd00:9::2
	knock far 80 "$VETH" into_pod 10.9.0.2 fd00:9::2
	knock outside 80 up0 from_uplink 10.9.0.2 fd00:9::2
	knock outside 8080 "$VETH" into_pod 192.0.2.1 2001:db8::1
	knock blue 8080 "$VETH" into_pod 192.0.2.1 2001:db8::1
	knock far 8080 "$VETH" into_pod 172.16.1.1 fd01:1::1
	red_begins "$VETH" 169.254.1.1 fe80::1%eth0 10.9.0.3 fd00:9::3 10.8.0.2 fd00:8::2 192.0.2.9 2001:db8::9
}
test_every_way_into_an_open_pod() {
	every_way yes
	[ "$(counted red)" -gt 30 ] || fail "what came in was not seen"
}
test_every_way_into_an_isolated_pod() {
	local from
	every_way no
	errors_about_flows_of_others brown outside grey
	for from in blue outside grey; do
		groups "$from"
		unreachable "$from" "$(own_link_local red)%eth0"
	done
	equal 0 "$(counted red)" "packets of others that came in"
	node_knocks
}

# own_link_local POD: the address that the kernel made
own_link_local() { link eth0 "$1" | jq -r '.addr_info[] | select(.scope == "link").local'; }

# --- a port of a bridge, with the data path chained behind ---

# chain VERB POD POLICY
chain() {
	PREV="" cni "$1" "$2" "$(jq -c --argjson prev "$(cat "$T/$2.json")" --arg policy "$3" \
		'.prevResult = $prev | .policy = $policy' <<<'{"cniVersion": "1.1.0", "name": "n", "type": "ebpf"}')" >"$T/chained.$2"
}

# unfiltered: bridged packets pass no rules of the network layer, in which they might lose their senders
unfiltered() {
	[ -d /proc/sys/net/bridge ] || return 0
	echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables
	echo 0 >/proc/sys/net/bridge/bridge-nf-call-ip6tables
}

every_way_by_a_bridge() {
	local proto policy=enforce
	LET_IN=$1
	[ "$LET_IN" = no ] || policy=off
	neighbourhood
	attach red blue brown
	chain ADD red $policy
	ping -c1 -W1 -n -q 10.9.0.2
	chain ADD brown off
	VETH=$(jq -r '.interfaces[1].name' "$T/red.json")
	for proto in tcp udp; do serve red 80 $proto; done
	map ADD red "$HOST_PORT" >"$T/out"
	watch
	node_knocks
	knock blue 80 "$VETH" into_pod 10.9.0.2 fd00:9::2 "$(own_link_local red)%eth0"
	unfiltered
	knock blue 80 "$VETH" into_pod 10.9.0.2 fd00:9::2
	knock brown 80 "$VETH" into_pod 10.9.0.2 fd00:9::2
	knock green 80 "$VETH" into_pod 10.9.0.2 fd00:9::2
	knock grey 80 "$VETH" into_pod 10.9.0.2 fd00:9::2
	knock far 80 "$VETH" into_pod 10.9.0.2 fd00:9::2
	knock outside 80 "$VETH" into_pod 10.9.0.2 fd00:9::2
	knock outside 8080 "$VETH" into_pod 192.0.2.1 2001:db8::1
	knock blue 8080 "$VETH" into_pod 192.0.2.1 2001:db8::1
	red_begins "$VETH" 10.9.0.1 fd00:9::1 10.9.0.3 fd00:9::3 10.8.0.2 fd00:8::2 192.0.2.9 2001:db8::9
}
test_every_way_into_an_open_port_of_a_bridge() {
	every_way_by_a_bridge yes
	[ "$(counted red)" -gt 30 ] || fail "what came in was not seen"
}
test_every_way_into_an_isolated_port_of_a_bridge() {
	local from
	every_way_by_a_bridge no
	errors_about_flows_of_others brown outside grey
	for from in blue brown outside grey; do groups "$from"; done
	sends blue advertise "$(own_link_local red)%eth0"
	sends blue advertise ff02::1%eth0
	equal 0 "$(counted red)" "packets of others that came in"
	node_knocks
}

run_tests "$@"
