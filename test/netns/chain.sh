# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced behind lib.sh by tests of firewall: bridges with it chained behind, and who reaches whom.

# on NETWORK BRIDGE SUBNET: a bridge network with a gateway, IPv6 beside IPv4
on() {
	net ".name = \"$1\" | .bridge = \"$2\" | .isDefaultGateway = true |
		.ipam.ranges = [[{subnet: \"$3\"}], [{subnet: \"fd00:${3//./:}::/64\"}]]" |
		sed 's|fd00:\([0-9]*\):\([0-9]*\):[^"]*"|fd00:\1:\2::/64"|'
}

# fw NETWORK FILTER: firewall's configuration for a network, changed by a jq filter
fw() { jq -c "$2" <<<"{\"cniVersion\": \"1.1.0\", \"name\": \"$1\", \"type\": \"firewall\"}"; }

# chained CONF PREV: CONF with a prevResult
chained() { jq -c --argjson prev "$2" '.prevResult = $prev' <<<"$1"; }

# attach_again POD NETWORK FILTER: ADD of firewall behind what is attached
attach_again() {
	cni ADD "$1" "$(chained "$(fw "$2" "$3")" "$(cat "$T/$1.before")")" >"$T/$1.result"
}

# attach POD BRIDGE SUBNET FILTER: ADD of bridge, then of firewall; NET is the network's name, or
# that of the bridge, NETWORK a jq filter for bridge
attach() {
	cni ADD "$1" "$(on "${NET:-$2}" "$2" "$3" | jq -c "${NETWORK:-.}")" >"$T/$1.before"
	attach_again "$1" "${NET:-$2}" "$4"
}

# verb VERB POD NETWORK FILTER: CHECK or DEL of firewall with what ADD reported
verb() { PREV=$(cat "$T/$2.result") cni "$1" "$2" "$(fw "$3" "$4")"; }

# port POD: its port of the bridge
port() { jq -r '.interfaces[1].name' "$T/$1.result"; }

# two_bridges FILTER: red and blue on br0, green on br1, and outside, which routes to them
two_bridges() {
	pod red blue green
	outside
	ip -n outside route add default via 192.0.2.1
	ip -n outside route add default via 2001:db8::1
	attach red br0 10.9.0.0/24 "$1"
	attach blue br0 10.9.0.0/24 "$1"
	attach green br1 10.8.0.0/24 "$1"
	red=$(address red) blue=$(address blue) green=$(address green)
	red6=$(address red -6) blue6=$(address blue -6) green6=$(address green -6)
}

# hears FROM ADDRESS: whether it gets an answer within 2 s; "node" is the node itself
hears() {
	local inside=(inside "$1")
	[ "$1" != node ] || inside=()
	if "${inside[@]}" ping -c1 -i0.3 -w2 -n -q "$2" >"$T/ping" 2>&1; then echo yes; else echo no; fi
}

# matrix [6]: who reaches whom, by IPv4 or IPv6
matrix() {
	local red=$red blue=$blue green=$green gateway=10.9.0.1 beyond=192.0.2.9
	if [ "${1:-}" = 6 ]; then
		red=$red6 blue=$blue6 green=$green6 gateway=fd00:10:9::1 beyond=2001:db8::9
	fi
	echo "same bridge $(hears red "$blue"), other bridge $(hears red "$green")," \
		"node $(hears red $gateway), out $(hears red $beyond)," \
		"in $(hears outside "$red"), from node $(hears node "$red")"
}

pods_in_table() { nft list set inet edgeway_firewall pods4 | grep -oE '[0-9.]+ comment' | sed 's/ .*//' | sort -rV | paste -sd' '; }
bridges_in_table() { nft list set inet edgeway_firewall bridges | grep -oE '"br[0-9]"' | sort | paste -sd' '; }
