#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Programs are replaced under traffic: six times, or with FULL=1 a hundred, every fifth time with another
# layout of the connection table. Nobody notices: not a ping of a thousand a second, and no connection,
# whether it goes from pod to pod or through the node's stack: neither lines that have to come back in
# order, nor iperf3.
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

# listens POD PORT: waits until somebody does
listens() { until inside "$1" ss -Hltn | grep -q ":$2 "; do sleep 0.05; done; }

# pods: red and blue, and who is outside
pods() {
	objects
	outside
	pod red blue
	cni ADD red "$(masq)" >"$T/red.json"
	cni ADD blue "$(masq)" >"$T/blue.json"
}

# upgraded: all of them, and nothing else has been loaded since the first ADD
upgraded() {
	local i
	for ((i = 1; i <= upgrades; i++)); do upgrade $i; done
	equal $((upgrades + 1)) "$("$LOADER" --status | jq .loads)" "times that something was loaded"
}

test_nobody_notices_an_upgrade() {
	local i pids=() ping
	pods
	inside blue python3 "$HERE/stream.py" serve 7001 &
	inside outside python3 "$HERE/stream.py" serve 7002 &
	listens blue 7001
	listens outside 7002
	stream red "$(address blue)" 7001 && pids+=($!)
	stream red 192.0.2.9 7002 && pids+=($!) # translated by the node
	inside red ping -n -q -i 0.001 "$(address blue)" >"$T/pings" &
	ping=$!
	upgraded
	touch "$T/done"
	for i in "${pids[@]}"; do wait "$i" || fail "a connection broke: $(cat "$T"/stream.*)"; done
	pkill -INT -P $ping ping || kill -INT $ping
	wait $ping || fail "ping: $(cat "$T/pings")"
	grep -q " 0% packet loss" "$T/pings" || fail "$(cat "$T/pings")"
	cat "$T/pings" "$T"/stream.* >>"${EDGEWAY_UPGRADE_LOG:-/dev/null}"
}

# iperf POD ADDRESS SERVER PORT: one connection to the server of that pod, until it is told to end; as much
# as leaves the loader time to work in. Its processes go to CLIENTS and SERVERS.
CLIENTS=() SERVERS=()
iperf() {
	nsenter --net="/run/netns/$3" iperf3 --server --one-off --json --port "$4" >"$T/server.$4" &
	SERVERS+=($!)
	listens "$3" "$4"
	nsenter --net="/run/netns/$1" iperf3 --client "$2" --port "$4" --time 0 --bitrate 100M --json >"$T/client.$4" &
	CLIENTS+=($!)
}

# went_on PORT: nothing ended the connection but our telling it to; both ends have sent and got something
# in every second (the last is not a whole one)
went_on() {
	local bytes='[.intervals[].sum | select(.seconds > 0.5).bytes] | length > 0 and all(. > 0)'
	json '.error == "interrupt - the client has terminated"' <"$T/client.$1"
	json '.error == "the client has terminated"' <"$T/server.$1"
	json "$bytes" <"$T/client.$1"
	json "$bytes" <"$T/server.$1"
	jq -c '{seconds: .end.sum_received.seconds, bytes: .end.sum_received.bytes, intervals: (.intervals | length),
		least: ([.intervals[].sum | select(.seconds > 0.5).bytes] | min)}' "$T/server.$1" >>"${EDGEWAY_UPGRADE_LOG:-/dev/null}"
	jq -c '{retransmits: .end.sum_sent.retransmits}' "$T/client.$1" >>"${EDGEWAY_UPGRADE_LOG:-/dev/null}"
}

test_iperf3_goes_on_across_upgrades() {
	local i
	pods
	iperf red "$(address blue)" blue 7003
	iperf red 192.0.2.9 outside 7004 # translated by the node
	sleep 1 # so that there is a whole interval
	upgraded
	kill "${CLIENTS[@]}" || fail "a client has ended: $(cat "$T"/client.*)"
	for i in "${CLIENTS[@]}"; do wait "$i" || [ $? -eq 1 ]; done
	wait "${SERVERS[@]}"
	went_on 7003
	went_on 7004
}

run_tests "$@"
