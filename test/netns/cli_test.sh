#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# edgeway, the operator's command, beside the data path as it is loaded and used: what packets do is
# what it tells. And the command line itself.
. "$(dirname "$0")/lib.sh"
. "$HERE/cli_lib.sh"

# spoof POD: a ping from an address that is not the pod's
spoof() {
	ip -n "$1" addr add 10.9.0.77/32 dev eth0
	unreachable_from "$1" 10.9.0.77 10.9.0.1
}
unreachable_from() { ! inside "$1" ping -c1 -W1 -n -q -I "$2" "$3" >"$T/ping" || fail "$1 reached $3 as $2"; }

# two_pods: red and blue, of the plugin ebpf
two_pods() {
	local conf
	conf=$(net '.type = "ebpf" | del(.bridge)')
	pod red blue
	cni ADD red "$conf" >/dev/null
	cni ADD blue "$conf" >/dev/null
	RED=$(address red) BLUE=$(address blue)
}

test_flows_and_conntrack_tell_of_a_ping() {
	two_pods
	listen -f --json --pod red
	reaches red "$BLUE"
	until_true heard 2
	kill -INT $LISTENER
	ended 0
	json ".what == \"new\" and .source == \"$RED\" and .destination == \"$BLUE\" and .proto == \"icmp\"
		and .container == \"red\" and .direction == \"out-of-pod\"" "$(head -n 1 "$T/flows")"
	json ".what == \"replied\" and .source == \"$BLUE\" and .container == \"blue\"" "$(sed -n 2p "$T/flows")"
	edgeway conntrack --json --pod blue | json ".[0] | .source == \"$RED\" and .state == \"answered\" and .age_seconds < 60"
}

test_a_forged_source_is_among_the_drops_with_its_reason() {
	two_pods
	listen -f --json --drops
	spoof red
	until_true heard 1
	kill -INT $LISTENER
	ended 0
	json '.event == "drop" and .reason == "SRC_IP4" and .source == "10.9.0.77"' "$(head -n 1 "$T/flows")"
	edgeway drops --json --pod red | json '.[0] | .reason == "SRC_IP4" and .packets >= 1 and .container == "red"'
	edgeway status --json | json '.counters[] | select(.reason == "SRC_IP4") | .direction == "out-of-pod"'
}

test_endpoints_and_doctor_know_the_pods_of_the_plugin() {
	two_pods
	edgeway endpoints --json | json '[.[] | .container, .state] == ["red", "open", "blue", "open"]'
	edgeway endpoints --json | json 'all(.network == "n" and .ifname == "eth0")'
	edgeway doctor --json >"$T/doctor" || fail "$(cat "$T/doctor")"
	json '.[] | select(.check == "data path") | .found | endswith("2 of 2 interfaces are as they should be")' <"$T/doctor"
}

test_capture_writes_what_a_pod_sends_and_gets() {
	two_pods
	capture red -w "$T/red.pcap" --count 4
	inside red ping -c4 -i0.1 -s 100 -n -q "$BLUE" >/dev/null
	wait $CAPTURE
	equal "4 packets captured, 0 lost" "$(cat "$T/says")" "what is said"
	equal 4 "$(packets "$T/red.pcap" | wc -l)" packets
	packets "$T/red.pcap" | grep -q ' 142 0800$' || fail "no ping: $(packets "$T/red.pcap")"
	[ $(($(date +%s) - $(packets "$T/red.pcap" | head -n 1 | cut -d ' ' -f 1))) -lt 60 ] || fail "a wrong time"
	equal 600 "$(stat -c %a "$T/red.pcap")" mode
}

test_capture_ends_by_sigint_and_says_how_many() {
	two_pods
	capture "$BLUE" --json --write "$T/pcap"
	reaches red "$BLUE"
	until_true captured ' 98 0800$'
	kill -INT $CAPTURE
	wait $CAPTURE
	json ".packets == $(packets "$T/pcap" | wc -l) and .lost == 0 and .file == \"$T/pcap\"" "$(cat "$T/said")"
	equal 2 "$(packets "$T/pcap" | grep -c ' 98 0800$')" "request and answer"
}

test_capture_sees_what_is_dropped_behind_the_pod() {
	two_pods
	capture red -w -
	spoof red
	until_true captured ' 98 0800$'
	kill -TERM $CAPTURE
	wait $CAPTURE
	equal "$(packets "$T/pcap" | wc -l) packets captured, 0 lost" "$(cat "$T/says")" "what is said"
	edgeway drops --json | json '.[0].reason == "SRC_IP4"'
}

test_capture_says_what_it_cannot() {
	two_pods
	IFNAME=eth1 cni ADD red "$(net '.type = "ebpf" | del(.bridge)')" >/dev/null
	edgeway capture red -w "$T/x" 2>"$T/says" && fail "it chose one of two interfaces"
	grep -qE '^edgeway capture: "red": has 2 interfaces; name one: veth[a-z0-9]+ \(eth0\), veth[a-z0-9]+ \(eth1\)$' "$T/says" ||
		fail "$(cat "$T/says")"
	says 1 "edgeway capture: --write: open /nowhere/x: No such file or directory" capture "$BLUE" -w /nowhere/x
}

test_a_wrong_command_line_has_one_precise_error() {
	says 2 "edgeway: frobnicate: unknown command; try: edgeway --help" frobnicate
	says 2 "edgeway: --frobnicate: unknown option; try: edgeway --help" --frobnicate
	says 2 "edgeway status: --frobnicate: unknown option; try: edgeway status --help" status --frobnicate
	says 2 "edgeway status: --follow: unknown option; try: edgeway status --help" status --follow
	says 2 "edgeway status: -x: unknown option; try: edgeway status --help" status -x
	says 2 "edgeway status: --json=yes: takes no value; try: edgeway status --help" status --json=yes
	says 2 'edgeway status: "now": too many words; try: edgeway status --help' status now
	says 2 "edgeway flows: --pod: POD is missing; try: edgeway flows --help" flows --pod
	says 2 'edgeway flows: --count: "0": must be a number, 1 or more; try: edgeway flows --help' flows -c 0
	says 2 "edgeway capture: POD is missing; try: edgeway capture --help" capture -w "$T/x"
	says 2 "edgeway capture: --write FILE is missing; try: edgeway capture --help" capture red
	says 1 "edgeway capture: --json: standard output is taken by --write -" capture red --json -w -
}

test_help_is_for_every_command() {
	local command
	edgeway --help | grep -q "^edgeway COMMAND" || fail "no help"
	edgeway --version | grep -qE '^edgeway [0-9.]+$' || fail "no version"
	for command in $(edgeway --help | sed -nE 's/^  ([a-z]+)  .*/\1/p'); do
		edgeway "$command" --help | grep -q "^edgeway $command " || fail "$command: no help"
	done
	says 2 "$(edgeway --help)" # no command at all
}

test_output_that_cannot_be_written_is_a_failure() {
	local rc=0
	edgeway drops --reasons >/dev/full 2>"$T/says" || rc=$?
	equal 1 $rc "exit status"
	equal "edgeway drops: write to standard output: No space left on device" "$(cat "$T/says")" message
}

run_tests "$@"
