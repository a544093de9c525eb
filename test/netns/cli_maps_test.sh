#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# edgeway, the operator's command: what it tells of maps that were filled by hand, so that every state
# of them can be seen; and what it says where there is nothing to tell.
. "$(dirname "$0")/lib.sh"
. "$HERE/cli_lib.sh"

PINS=$BIN/../test/netns/pins # built with the unit tests
pins() { "$PINS" "$@"; }

# endpoint NAME CONTAINER ADDRESS [FLAGS]: a pod that the maps know, with the programs attached
endpoint() {
	wire "$1" "$2" "$3/32"
	pins interface "$1" $MAC "${4:-0}"
	pins endpoint "$3" "$1" $MAC "${4:-0}"
	pins attach "$1"
}

# events: what the programs are told to report, and how much of it
events() { pins settings; }

test_where_nothing_is_loaded_every_command_says_so() {
	local command
	for command in status endpoints flows conntrack drops "capture red -w $T/x"; do
		# shellcheck disable=SC2086 # words
		if edgeway $command >"$T/out" 2>"$T/says"; then fail "$command succeeded"; fi
		grep -q "^edgeway ${command%% *}: the data path is not loaded: /sys/fs/bpf/edgeway/.*_v1: No such file" "$T/says" ||
			fail "$command: $(cat "$T/says")"
		grep -qxF "edgeway-loader loads it, or the first ADD of the plugin ebpf" "$T/says" || fail "$command: no hint"
	done
	[ ! -e "$T/x" ] || fail "a file was made for nothing"
}

test_status_sums_what_the_cpus_have_counted() {
	pins make
	endpoint veth1 red 10.9.0.2
	pins endpoint fd00::2 veth1 $MAC
	pins count 0 0 0 1000
	pins count 1 0 0 500
	pins count 0 3 1 4
	pins connection 17 10.9.0.2 53 10.9.0.9 5300 3 10 2
	edgeway status --json >"$T/status"
	json '.build == "000000000000feed" and .loads == 1' <"$T/status"
	json '.interfaces == {used: 1, room: 2048} and .addresses == {used: 2, room: 4096}' <"$T/status"
	json '.connections == {used: 1, room: 512}' <"$T/status"
	json '.counters == [
		{direction: "out-of-pod", reason: "NONE", label: "forwarded", packets: 1500, bytes: 150000},
		{direction: "into-pod", reason: "SRC_MAC", label: "source MAC", packets: 4, bytes: 400}]' <"$T/status"
	json '.memory_bytes == ([.memory_bytes_of_maps[]] | add) and .memory_bytes > 1000000' <"$T/status"
	json '(.memory_bytes_of_maps | length) == 9 and .listener == null and .events == []' <"$T/status"
	edgeway status >"$T/status"
	grep -qx "connections  1 of 512" "$T/status" || fail "$(cat "$T/status")"
	grep -qE "^out-of-pod +forwarded +1500 +146.5 KiB$" "$T/status" || fail "$(cat "$T/status")"
}

test_endpoints_are_in_one_of_five_states() {
	pins make
	endpoint veth1 red 10.9.0.2
	endpoint veth2 blue 10.9.0.3 1
	endpoint veth3 green 10.9.0.4
	tc filter del dev veth3 egress
	endpoint veth4 white 10.9.0.5
	ip link del veth4
	wire veth5 black 10.9.0.6/32
	pins endpoint 10.9.0.6 veth5 $MAC
	edgeway endpoints --json >"$T/endpoints"
	json '[.[].state] == ["open", "isolated", "detached", "gone", "incomplete"]' <"$T/endpoints"
	json '.[1] == {interface: "veth2", ifindex: .[1].ifindex, container: "blue", network: "n", ifname: "eth0",
		addresses: ["10.9.0.3"], mac: "02:00:00:00:00:07", mtu: 1500, state: "isolated", attached: true,
		isolated: true, chained: false}' <"$T/endpoints"
	json '.[3] | .interface == null and .container == null and .mtu == null' <"$T/endpoints"
	edgeway endpoints >"$T/endpoints"
	equal "POD NETWORK INTERFACE ADDRESSES MAC MTU STATE CHAINED" "$(head -n 1 "$T/endpoints" | tr -s ' ')" titles
	equal "blue n veth2 10.9.0.3 02:00:00:00:00:07 1500 isolated -" "$(sed -n 3p "$T/endpoints" | tr -s ' ')" blue
}

test_a_pod_is_meant_by_address_interface_or_the_beginning_of_its_id() {
	local what
	pins make
	endpoint veth1 red 10.9.0.2
	pins endpoint fd00::2 veth1 $MAC
	endpoint veth2 redder 10.9.0.3
	endpoint veth3 blue 10.9.0.4
	for what in 10.9.0.2 fd00::2 ::ffff:10.9.0.2 veth1 red; do
		equal veth1 "$(edgeway endpoints --json --pod $what | jq -r '.[].interface')" "pod $what"
	done
	equal veth3 "$(edgeway endpoints --json --pod=b | jq -r '.[].interface')" "pod b"
	says 1 'edgeway endpoints: "re": begins the ids of several containers: red, redder' endpoints --pod re
	says 1 'edgeway endpoints: "10.9.0.9": no pod has this address, id or interface
edgeway endpoints lists those that there are' endpoints --pod 10.9.0.9
}

test_conntrack_tells_who_began_and_what_is_left() {
	pins make
	endpoint veth1 red 10.9.0.2
	endpoint veth2 blue 10.9.0.3
	pins connection 6 10.9.0.2 4000 10.9.0.3 80 0x84 100 3   # replied, confirmed
	pins connection 6 10.9.0.2 80 10.9.0.9 4001 0x8d 100 3   # began by the higher, one FIN
	pins connection 6 10.9.0.2 4002 10.9.0.9 80 0 1 1        # SYN alone
	pins connection 17 10.9.0.3 53 10.9.0.9 5300 3 10 2      # by the stack, unanswered
	pins connection 58 fd00::2 77 fd00::3 77 4 10 2          # ping
	pins connection 17 10.9.0.2 53 10.9.0.9 5301 0 1000 900  # expired
	edgeway conntrack --json >"$T/ct"
	json 'length == 5' <"$T/ct"
	json '.[] | select(.source_port == 4000) | .proto == "tcp" and .source == "10.9.0.2" and .destination == "10.9.0.3"
		and .state == "established" and .answered and (.stack | not) and (.age_seconds | . > 105 and . < 112)
		and (.expires_in_seconds | . > 432000 and . < 432150)' <"$T/ct"
	json '.[] | select(.source == "10.9.0.9" and .proto == "tcp") | .source_port == 4001 and .destination_port == 80
		and .state == "closing"' <"$T/ct"
	json '.[] | select(.source_port == 4002) | .state == "syn"' <"$T/ct"
	json '.[] | select(.proto == "udp") | .stack and .state == "unanswered" and .source == "10.9.0.9"' <"$T/ct"
	json '.[] | select(.proto == "icmp6") | .icmp_id == 77 and (has("source_port") | not)' <"$T/ct"
	edgeway conntrack --json --pod blue | json '[.[].proto] | sort == ["tcp", "udp"]'
	edgeway conntrack --pod blue | grep -qE '^udp +10.9.0.9:5300 +10.9.0.3:53 +unanswered +stack +1[0-9]s +1m0[0-9]s$' ||
		fail "$(edgeway conntrack)"
}

test_connections_of_an_address_before_it_passed_to_this_pod_are_not_told() {
	pins make
	endpoint veth1 red 10.9.0.2
	pins connection 6 10.9.0.2 4000 10.9.0.3 80 0x84 100 3
	pins connection 6 10.9.0.2 4001 10.9.0.3 80 0x84 20 3
	pins endpoint 10.9.0.2 veth1 $MAC 0 50
	edgeway conntrack --json | json '[.[].source_port] == [4001]'
}

test_drops_are_told_by_pod_and_reason_the_last_first() {
	pins make
	endpoint veth1 red 10.9.0.2
	endpoint veth2 blue 10.9.0.3
	pins drop veth1 3 0 17
	pins drop lo 1 2 5
	pins drop '#77' 99 1 1
	pins drop veth2 7 0 2
	edgeway drops --json >"$T/drops"
	json '[.[].reason] == ["ND", "#99", "SHORT", "SRC_MAC"]' <"$T/drops"
	json '.[3] | .label == "source MAC" and .container == "red" and .interface == "veth1" and .direction == "out-of-pod"
		and .packets == 17 and .bytes == 1700 and .seconds_ago < 60' <"$T/drops"
	json '.[2] | .container == null and .interface == "lo" and .direction == "from-uplink"' <"$T/drops"
	json '.[1] | .interface == null and .ifindex == 77' <"$T/drops"
	json '(.[0].last | sub("\\.[0-9]+Z$"; "Z") | fromdate) - now | fabs < 60' <"$T/drops"
	edgeway drops --json --pod red | json '[.[].reason] == ["SRC_MAC"]'
	edgeway drops | sed -n 5p | grep -qE '^red +veth1 +out-of-pod +source MAC +17 +1700 +(now|[0-9]+s)$' || fail "$(edgeway drops)"
}

test_the_reasons_that_are_listed_are_those_of_the_programs() {
	local want
	want=$(sed -nE 's/^[[:space:]]X\(([A-Z0-9_]+), .*/\1/p' "$ROOT/bpf/shared/drop.h")
	equal "$want" "$(edgeway drops --reasons --json | jq -r '.[].reason')" reasons # nothing is loaded here
	equal "$(wc -l <<<"$want")" "$(edgeway drops --reasons | tail -n +2 | wc -l)" lines
}

test_flows_tells_events_and_then_switches_them_off() {
	pins make
	endpoint veth1 red 10.9.0.2
	pins event flow veth1 10.9.0.9 1 10.9.0.3 1 6 0 0 0 # of before anybody listened
	listen -c 3
	equal "3 1000" "$(events)" "while it listens"
	pins event flow veth1 10.9.0.2 4000 10.9.0.3 80 6 0 0 0
	pins event drop veth1 fd00::2 128 fd00::3 0 58 3 0 7
	pins event drop lo 10.9.0.2 68 10.9.0.3 67 17 10 2 0
	ended 0
	equal "0 1000" "$(events)" "afterwards"
	sed -i 's/^[0-9:.]*/TIME/; s/  */ /g' "$T/flows"
	equal "TIME red out-of-pod new tcp 10.9.0.2:4000 -> 10.9.0.3:80 SYN direct
TIME red out-of-pod dropped icmp6 fd00::2 -> fd00::3 type 128 code 0 source MAC
TIME lo from-uplink dropped udp 10.9.0.2:68 -> 10.9.0.3:67 ethertype" "$(tail -n +2 "$T/flows")" flows
	equal "7 events before this one were not reported" "$(cat "$T/flows.err")" "lost ones"
}

test_flows_as_json_is_an_object_a_line() {
	pins make
	endpoint veth1 red 10.9.0.2
	listen -f --json
	pins event flow veth1 10.9.0.2 4000 10.9.0.3 80 6 3 0 0
	pins event flow veth1 10.9.0.2 9 10.9.0.3 9 1 1 0 2
	until_true heard 2
	kill -INT $LISTENER
	ended 0
	sed -n 1p "$T/flows" | json '.event == "flow" and .what == "closed" and .tcp_flags == "SYN" and .source_port == 4000
		and .destination_port == 80 and .container == "red" and .stack == false and .bytes == 60'
	sed -n 2p "$T/flows" | json '.icmp_id == 9 and .lost == 2 and .what == "replied" and (has("source_port") | not)'
	json '(.time | sub("\\.[0-9]{9}Z$"; "Z") | fromdate) - now | fabs < 60' "$(head -n 1 "$T/flows")"
	equal "0 1000" "$(events)" "after SIGINT"
}

test_only_drops_or_one_pod_can_be_asked_for() {
	pins make
	endpoint veth1 red 10.9.0.2
	endpoint veth2 blue 10.9.0.3
	listen --drops --json -c1 --pod blue
	equal "2 1000" "$(events)" "--drops"
	pins event drop veth1 10.9.0.2 1 10.9.0.9 2 17 3 0 0
	pins event drop veth1 10.9.0.2 1 10.9.0.3 2 17 3 0 0
	ended 0
	json '.destination == "10.9.0.3"' "$(cat "$T/flows")"
}

test_of_two_listeners_the_second_is_refused() {
	pins make
	listen -f
	says 1 "edgeway flows: process $LISTENER listens already (/run/edgeway/events.lock)" flows
	equal "3 1000" "$(events)" "still"
	kill -TERM $LISTENER
	ended 0
	equal "0 1000" "$(events)" "after SIGTERM"
}

test_events_are_switched_off_when_nobody_reads_what_is_printed() {
	pins make
	wire veth1 red 10.9.0.2/32
	mkfifo "$T/fifo"
	"$EDGEWAY" flows -f --json >"$T/fifo" 2>"$T/flows.err" &
	LISTENER=$!
	exec 7<"$T/fifo"
	until_true listens
	pins event flow veth1 10.9.0.2 1 10.9.0.3 2 17 0 0 0
	read -r _ <&7
	exec 7<&-
	pins event flow veth1 10.9.0.2 1 10.9.0.3 2 17 0 0 0
	ended 1
	absent "on stderr" <"$T/flows.err"
	equal "0 1000" "$(events)" "afterwards"
}

test_events_that_a_killed_listener_left_on_are_told_of() {
	pins make
	listen -f
	kill -KILL $LISTENER
	ended 137
	equal "3 1000" "$(events)" "after SIGKILL"
	edgeway status | grep -qx "events       on, though nobody listens" || fail "$(edgeway status)"
	edgeway doctor | grep -q "^warn  events: are on, though nobody listens" || fail "doctor does not know"
	listen -f
	kill -INT $LISTENER
	ended 0
	equal "0 1000" "$(events)" "after the next"
}

test_capture_puts_a_vlan_tag_back_where_it_was() {
	local frame=0200000000070200000000018100000788b5
	pins make
	endpoint veth1 red 10.9.0.2
	capture veth1 -w "$T/pcap"
	# from the node's side: what comes in by a link has its tag taken out of the frame
	/usr/bin/python3 -I -S - <<-END
		import socket
		s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
		s.bind(("veth1", 0))
		s.send(bytes.fromhex("$frame") + bytes(46))
	END
	until_true captured ' 64 8100$'
	kill -INT $CAPTURE
	wait $CAPTURE
	od -An -v -tx1 "$T/pcap" | tr -d ' \n' | grep -q "$frame" || fail "another frame: $(od -tx1 "$T/pcap")"
}

sleeps() { [ "$(cat "/proc/$1/comm")" = sleep ]; }

test_a_pod_whose_namespace_only_a_process_holds_is_captured_too() {
	pins make
	endpoint veth1 red 10.9.0.2
	nsenter --net=/run/netns/red sleep 60 &
	until_true sleeps $!
	umount /run/netns/red
	capture red -w "$T/pcap"
	ip neigh add 10.9.0.2 lladdr $MAC dev veth1
	ip route add 10.9.0.2 dev veth1
	ip addr add 10.9.0.1/32 dev veth1
	echo hello >/dev/udp/10.9.0.2/9
	until_true captured ' 48 0800$'
	kill -INT $CAPTURE
	wait $CAPTURE
}

test_doctor_is_content_with_a_good_node() {
	pins make
	outside
	ip route add default via 192.0.2.9
	endpoint veth1 red 10.9.0.2
	echo 1 >/proc/sys/net/ipv4/ip_forward
	edgeway doctor --json >"$T/doctor" || fail "$(cat "$T/doctor")"
	json '[.[] | select(.level != "ok")] == []' <"$T/doctor"
	json '[.[] | select(.check | startswith("kernel, ")).check] | length == 9' <"$T/doctor"
	json '[.[] | select(.check == "MTU").found] == ["fits all the way for 1 interfaces, to uplink up0"]' <"$T/doctor"
	edgeway doctor | tail -n 1 | grep -qE '^[0-9]+ ok, 0 warn, 0 fail$' || fail "$(edgeway doctor)"
}

# finds LEVEL CHECK FOUND: doctor says it, and what to do
finds() {
	jq -e --arg level "$1" --arg check "$2" --arg found "$3" \
		'.[] | select(.level == $level and .check == $check and (.found | contains($found)) and .why != null and .fix != null)' \
		"$T/doctor" >/dev/null || fail "no $1 about $2, $3: $(jq -c '.[] | select(.level != "ok")' "$T/doctor")"
}

test_doctor_finds_what_is_wrong_with_a_node() {
	local rc=0
	pins make
	outside
	ip route add default via 192.0.2.9
	ip link set up0 mtu 1400
	endpoint veth1 red 10.9.0.2
	endpoint veth2 blue fd00::3
	endpoint veth3 green 10.9.0.4
	ip -n red link set eth0 mtu 1300
	tc filter add dev veth1 ingress prio 1 handle 2 bpf da object-pinned /sys/fs/bpf/edgeway/progs/to_pod
	tc filter del dev veth2 ingress
	pins interface '#99' $MAC
	wire veth5 black 10.9.0.6/32
	pins endpoint 10.9.0.6 veth5 $MAC
	nft -f - <<-END
		table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; }
	END
	echo 0 >/proc/sys/net/ipv6/conf/all/forwarding
	echo 1 >/proc/sys/net/ipv4/ip_forward
	echo 0 >/proc/sys/net/ipv4/conf/up0/forwarding
	echo 8 >/proc/sys/net/ipv4/conf/all/arp_ignore
	mkdir /run/firewalld
	edgeway doctor --json >"$T/doctor" || rc=$?
	equal 3 $rc "exit status"
	finds fail MTU "veth1 has 1500, the pod's end 1300"
	finds warn MTU "veth2 has 1500, the uplink up0 only 1400"
	finds warn filters "veth1, ingress: another filter beside ours"
	finds fail filters "veth2 does not have the programs"
	finds warn endpoints "interface 99 is gone"
	finds fail endpoints "veth5 has addresses in the maps, but no entry of its own"
	finds fail "forwarding, IPv6" "is off"
	finds fail "forwarding, IPv4" "is off on up0"
	finds fail arp_ignore "is 8 on up0"
	finds warn "forwarded packets" "ip filter FORWARD drops by policy"
	finds warn firewalld runs
}

# with_xdp INTERFACE MODE: a program that lets everything pass
with_xdp() {
	printf '__attribute__((section("xdp"), used)) int pass(void *packet) { return 2; }\n' >"$T/xdp.bpf.c"
	SOURCE=$T/xdp.bpf.c "$HERE/small_bpf" "$T/xdp.o"
	ip link set dev "$1" "$2" object "$T/xdp.o" section xdp
}

test_doctor_warns_of_xdp_programs_of_others() {
	pins make
	outside
	ip route add default via 192.0.2.9
	echo 1 >/proc/sys/net/ipv4/ip_forward
	endpoint veth1 red 10.9.0.2
	endpoint veth2 blue 10.9.0.3
	with_xdp up0 xdpgeneric
	with_xdp veth2 xdpdrv
	edgeway doctor --json >"$T/doctor" || fail "a warning is no failure: $(cat "$T/doctor")"
	finds warn XDP "up0: has a program of another's"
	finds warn XDP "veth2: has a program of another's"
	json '[.[] | select(.check == "XDP").fix] | sort == ["unless it is meant: ip link set up0 xdpgeneric off",
		"unless it is meant: ip link set veth2 xdpdrv off"]' <"$T/doctor"
}

test_doctor_warns_of_tables_of_iptables_legacy() {
	pins make
	iptables-legacy -t nat -L >"$T/out" || { echo "SKIP: this kernel has no iptables-legacy" && return; }
	iptables-legacy -P FORWARD DROP
	ip6tables-legacy -t mangle -L >"$T/out"
	edgeway doctor --json >"$T/doctor" || fail "a warning is no failure: $(cat "$T/doctor")"
	finds warn iptables-legacy ": filter nat"
	finds warn ip6tables-legacy ": mangle"
}

test_doctor_knows_a_missing_right_from_a_missing_feature() {
	local rc=0
	setpriv --bounding-set -net_admin,-sys_admin,-bpf,-net_raw "$EDGEWAY" doctor --json >"$T/doctor" || rc=$?
	equal 3 $rc "exit status"
	json '[.[] | select(.check == "kernel, maps" or .check == "kernel, veth").fix] |
		. == ["run this as root with all capabilities, on the node itself", .[0]]' <"$T/doctor"
}

test_without_root_there_is_one_precise_error() {
	local rc=0
	pins make
	setpriv --reuid 65534 --clear-groups --bounding-set -all "$EDGEWAY" status 2>"$T/says" || rc=$?
	equal 1 $rc "exit status"
	equal "edgeway status: /sys/fs/bpf/edgeway/about_v1: open: Permission denied
this takes root" "$(cat "$T/says")" message
}

run_tests "$@"
