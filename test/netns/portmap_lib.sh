# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the tests of portmap: pods behind a bridge, who serves in them, and who asks.

PAIR='[{"subnet": "10.9.0.0/24"}], [{"subnet": "fd00:9::/64"}]'
BRIDGE=$(net ".isDefaultGateway = true | .hairpinMode = true | .ipMasq = true | .ipam.ranges = [$PAIR]")

# attach POD...: pods behind the bridge, with the node's firewall for bridges as it is on nodes with
# Kubernetes: every bridged packet passes the rules
attach() {
	local pod
	pod "$@"
	for pod; do cni ADD "$pod" "$BRIDGE" >"$T/$pod.json"; done
	[ -d /proc/sys/net/bridge ] || return 0 # no br_netfilter: such a node has none either
	echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
	echo 1 >/proc/sys/net/bridge/bridge-nf-call-ip6tables
}

# mapping POD MAPPINGS [FILTER]: portmap's configuration behind POD's bridge
mapping() {
	jq -c --argjson prev "$(cat "$T/$1.json")" --argjson maps "$2" \
		".prevResult = \$prev | .runtimeConfig.portMappings = \$maps | ${3:-.}" <<-'JSON' |
		{"cniVersion": "1.1.0", "name": "n", "type": "portmap", "capabilities": {"portMappings": true}}
	JSON
		sed 's/"type":"portmap"/"type": "portmap"/; s/"name":"n"/"name": "n"/'
}

# map VERB POD MAPPINGS [FILTER]
map() { PREV="" cni "$1" "$2" "$(mapping "$2" "$3" "${4:-.}")"; }

# serve POD PORT PROTO [NAME]: answer on PORT with NAME (POD) and the asker's address, in the background
serve() {
	inside "$1" python3 "$HERE/echo.py" serve "$2" "$3" "${4:-$1}" >"$T/served.$1.$2.$3" &
	await "$T/served.$1.$2.$3"
}
await() {
	local i
	for i in {1..100}; do
		[ ! -s "$1" ] || return 0
		sleep 0.05
	done
	fail "nobody wrote $1"
}

# answers FROM PORT PROTO ADDRESS=ANSWER...: what the server must say at each address, "POD SOURCE",
# or "-" where there is none; FROM is a pod, or "node"
answers() {
	local from=$1 port=$2 proto=$3 run=()
	shift 3
	[ "$from" = node ] || run=(nsenter --net="/run/netns/$from")
	equal "$(printf '%s\n' "$@")" \
		"$("${run[@]}" python3 "$HERE/echo.py" ask "$port" "$proto" "${@%%=*}" |
			paste -d= <(printf '%s\n' "${@%%=*}") -)" "$from asks port $port/$proto"
}
