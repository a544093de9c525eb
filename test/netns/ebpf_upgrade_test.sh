#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Programs are replaced under traffic: six times, or with FULL=1 a hundred, every fifth time with another
# layout of the connection table. Nobody notices: not a ping of a thousand a second, and no connection,
# whether it goes from pod to pod or through the node's stack.
. "$(dirname "$0")/ebpf_lib.sh"

LOADER=$RELEASE_BIN/edgeway-loader
OBJECTS=$ROOT/build/release/bpf
upgrades=$([ -n "${FULL:-}" ] && echo 100 || echo 6)

# objects: of each layout two that differ in nothing but their build
objects() {
	local layout
	for layout in edgeway spare; do
		cp "$OBJECTS/$layout.bpf.o" "$T/$layout.0"
		{ cat "$OBJECTS/$layout.bpf.o" && echo; } >"$T/$layout.1"
	done
}

# upgrade N: the N-th of them
upgrade() {
	local layouts=(edgeway spare)
	"$LOADER" --object "$T/${layouts[$(($1 / 5 % 2))]}.$(($1 % 2))"
}

# stream FROM ADDRESS PORT: a stream to a server of that pod or address until $T/done is there
stream() { inside "$1" python3 "$HERE/stream.py" ask "$2" "$3" "$T/done" >"$T/stream.$3" 2>&1 & }

test_nobody_notices_an_upgrade() {
	local i pids=() ping
	objects
	outside
	pod red blue
	cni ADD red "$(masq)" >"$T/red.json"
	cni ADD blue "$(masq)" >"$T/blue.json"
	inside blue python3 "$HERE/stream.py" serve 7001 &
	inside outside python3 "$HERE/stream.py" serve 7002 &
	settled() { inside "$1" ss -Hltn | grep -q ":$2 "; }
	until settled blue 7001 && settled outside 7002; do sleep 0.05; done
	stream red "$(address blue)" 7001 && pids+=($!)
	stream red 192.0.2.9 7002 && pids+=($!) # translated by the node
	inside red ping -n -q -i 0.001 "$(address blue)" >"$T/pings" &
	ping=$!
	for ((i = 1; i <= upgrades; i++)); do upgrade $i; done
	touch "$T/done"
	for i in "${pids[@]}"; do wait "$i" || fail "a connection broke: $(cat "$T"/stream.*)"; done
	pkill -INT -P $ping ping || kill -INT $ping
	wait $ping || fail "ping: $(cat "$T/pings")"
	grep -q " 0% packet loss" "$T/pings" || fail "$(cat "$T/pings")"
	cat "$T/pings" "$T"/stream.* >>"${EDGEWAY_UPGRADE_LOG:-/dev/null}"
	equal $((upgrades + 1)) "$("$LOADER" --status | jq .loads)" "times that something was loaded"
}

run_tests "$@"
