#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bandwidth behind bridge and ptp: what goes through is what the limits say, in both directions, and
# nothing stays, whichever of the plugins is deleted first.
. "$(dirname "$0")/lib.sh"

# main FILTER: the plugin in front
main() { net ".isGateway = true | $1"; }

# limits FILTER: bandwidth, behind what the last ADD printed
limits() {
	net 'del(.bridge, .ipam) | .type = "bandwidth" | .prevResult = $prev[0] |'"$1" --slurpfile prev "$T/prev"
}

# net FILTER [OPTION...]: lib.sh's, with options for jq
net() {
	local filter=$1
	shift
	jq -c "$@" "$filter" <<-'JSON'
		{"cniVersion": "1.1.0", "name": "n", "type": "bridge", "bridge": "br0",
		 "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.9.0.0/24"}]]}}
	JSON
}

# attach POD FILTER [MAIN]: both ADDs; the result of bandwidth's goes to stdout
attach() {
	pod "$1"
	cni ADD "$1" "$(main "${3:-.}")" >"$T/prev"
	cni ADD "$1" "$(limits "$2")"
}

# end [POD], ifb [POD]: the node's end of its pair, its ifb
end() { ip -j -d link show type veth | jq -r --arg a "edgeway n/${1:-red}/eth0" '.[] | select(.ifalias == $a).ifname'; }
ifb() { end "${1:-red}" | sed 's/^veth/ifb/'; }

# qdiscs: those that somebody made, "DEVICE KIND" each
qdiscs() { tc -j qdisc show | jq -r '.[] | select(.handle != "0:") | "\(.dev) \(.kind)"'; }

BOTH='.ingressRate = 10000000 | .ingressBurst = 400000 | .egressRate = 20000000 | .egressBurst = 800000'

test_the_kernel_gets_what_the_configuration_says() {
	attach red "$BOTH"
	json '.[] | select(.root) | .kind == "tbf" and .handle == "1:" and
		.options == {"rate": 1250000, "burst": 50000, "lat": 25000}' "$(tc -j qdisc show dev "$(end)")"
	json '.[] | .kind == "tbf" and .options == {"rate": 2500000, "burst": 100000, "lat": 25000}' \
		"$(tc -j qdisc show dev "$(ifb)")"
	tc filter show dev "$(end)" ingress | grep -q "Egress Redirect to device $(ifb)) stolen"
	cni CHECK red "$(limits "$BOTH")" | absent "output of CHECK"
}

# what limits the other direction is somebody's, whichever request of ours fails
test_a_failed_add_takes_back_only_what_it_made() {
	local i bin=$RELEASE_BIN failed=0 # no sanitizer works under strace
	attach red '.ingressRate = 10000000 | .ingressBurst = 400000'
	mkdir "$T/failing"
	for i in {1..12}; do
		printf '#!/bin/sh\nexec strace -o /dev/null -e inject=sendto:error=ENOBUFS:when=%d %s/bandwidth\n' \
			"$i" "$bin" >"$T/failing/bandwidth"
		chmod +x "$T/failing/bandwidth"
		if BIN=$T/failing cni ADD red "$(limits '.egressRate = 20000000 | .egressBurst = 800000')" >"$T/out"; then
			break
		fi
		failed=$((failed + 1))
		equal "$(end) tbf" "$(qdiscs)" "qdiscs after request $i failed"
		ip -o link show type ifb | absent "an ifb"
	done
	[ "$failed" -gt 2 ] || fail "only $failed requests failed"
}

test_the_ifb_is_reported_marked_and_quiet() {
	local result
	result=$(attach red "$BOTH" '.mtu = 1400')
	json ".interfaces[3] | .name == \"$(ifb)\" and .mtu == 1400 and (has(\"sandbox\") | not)" "$result"
	json ".ips[0].interface == 2 and (.interfaces | length) == 4" "$result"
	equal "$(jq -r '.interfaces[3].mac' <<<"$result")" "$(link "$(ifb)" | jq -r .address)" "MAC address"
	json '.ifalias == "edgeway n/red/eth0" and .mtu == 1400 and .addr_info == [] and
		(.flags | contains(["UP"]))' "$(link "$(ifb)")"
}

test_only_what_is_limited_has_a_bucket() {
	attach red '.ingressRate = 10000000 | .ingressBurst = 400000' | json '.interfaces | length == 3'
	equal "$(end) tbf" "$(qdiscs)" "qdiscs with ingress alone"
	ip -o link show type ifb | absent "an ifb for nothing"
	cni CHECK red "$(limits '.ingressRate = 10000000 | .ingressBurst = 400000')"
	attach blue '.egressRate = 10000000 | .egressBurst = 400000' | json '.interfaces | length == 4'
	equal "$(printf '%s\n' "$(end) tbf" "$(end blue) ingress" "$(ifb blue) tbf")" "$(qdiscs)" "qdiscs"
}

test_without_limits_the_result_is_passed_on() {
	local result
	result=$(attach red .)
	equal "$(jq -S . "$T/prev")" "$(jq -S . <<<"$result")" "result"
	cni ADD red "$(limits '.ingressRate = 0 | .ingressBurst = 0')" >"$T/zero"
	equal "$(jq -S . "$T/prev")" "$(jq -S . "$T/zero")" "result with zeros"
	cni CHECK red "$(limits .)"
	qdiscs | absent "qdiscs"
}

test_the_runtimes_wish_counts_unless_the_configuration_has_one() {
	local wish='.runtimeConfig.bandwidth = {"ingressRate": 8000000, "ingressBurst": 4294967295,
		"egressRate": 8000000, "egressBurst": 4294967295}'
	attach red "$wish" >/dev/null
	json '.[] | select(.root) | .options.rate == 1000000' "$(tc -j qdisc show dev "$(end)")"
	json '.[] | .options.rate == 1000000' "$(tc -j qdisc show dev "$(ifb)")"
	cni CHECK red "$(limits "$wish")"
	attach blue "$wish | .ingressRate = 1000000 | .ingressBurst = 400000" >/dev/null
	json '.[] | .options.rate == 125000' "$(tc -j qdisc show dev "$(end blue)")"
	equal "$(end blue) tbf" "$(qdiscs | grep "$(end blue | cut -c5-)")" "qdiscs of blue"
	attach green "$wish | .egressRate = 0" >/dev/null
	qdiscs | sed -n "/$(end green | cut -c5-)/p" | absent "limits, though the configuration said 0"
}

# A runtime that knows no burst asks for all that 32 bits can say. What waits may not grow with it.
test_an_unlimited_burst_does_not_make_an_unlimited_queue() {
	attach red '.ingressRate = 10000000 | .ingressBurst = 4294967295 | .egressRate = 4000000000 | .egressBurst = 4294967295'
	json '.[] | select(.root) | .options.limit == 162322' "$(tc -j qdisc show dev "$(end)")"
	json '.[] | .options.limit == 62500000' "$(tc -j qdisc show dev "$(ifb)")"
}

test_two_interfaces_of_a_container_have_limits_of_their_own() {
	attach red "$BOTH" >/dev/null
	IFNAME=net1 cni ADD red "$(main .)" >"$T/prev"
	IFNAME=net1 cni ADD red "$(limits '.egressRate = 1000000 | .egressBurst = 400000')" >/dev/null
	equal 2 "$(ip -o link show type ifb | wc -l)" "number of ifbs"
	IFNAME=net1 cni DEL red "$(limits .)"
	cni CHECK red "$(limits "$BOTH")"
}

test_del_leaves_nothing_whichever_goes_first() {
	local first second
	settle "$(main .)"
	for first in main limits; do
		attach red "$BOTH" >/dev/null
		second=$([ $first = main ] && echo limits || echo main)
		cni DEL red "$($first .)"
		PREV='' cni DEL red "$($second .)"
		ip netns del red
		unchanged "DEL of $first first"
	done
}

test_while_the_pair_stays_it_works_without_limits() {
	attach red "$BOTH" >/dev/null
	cni DEL red "$(limits "$BOTH")"
	qdiscs | absent "qdiscs"
	ip -o link show type ifb | absent "ifb"
	reaches red 10.9.0.1
	cni DEL red "$(limits "$BOTH")"
	cni ADD red "$(limits "$BOTH")" >/dev/null # and may be limited again
	reaches red 10.9.0.1
}

test_del_needs_neither_namespace_nor_prev_result_nor_the_same_limits() {
	settle "$(main .)"
	attach red "$BOTH" >/dev/null
	ip netns del red
	PREV='' cni DEL red "$(limits '.ingressRate = 5')"
	cni DEL red "$(main .)"
	pod red && cni DEL red "$(main .)" && ip netns del red # the kernel deletes the pair in its own time
	unchanged "DEL without namespace"
	attach red "$BOTH" >/dev/null
	NETNS='' PREV='' cni DEL red "$(limits 'del(.prevResult)')"
	qdiscs | absent "qdiscs"
}

# bwp of what the reference calls the ifb of network n and container red
REFERENCE=bwp$(printf nred | sha512sum | cut -c1-12)

# as_reference: limits as the reference plugin makes them, on a pair it made
as_reference() {
	pod red
	ip link add veth12345678 type veth peer name eth0 netns red
	ip link set veth12345678 up
	ip -n red link set eth0 up
	ip link add "$REFERENCE" up type ifb
	tc qdisc add dev veth12345678 root handle 1: tbf rate 10mbit burst 50000 latency 25ms
	tc qdisc add dev veth12345678 ingress
	tc filter add dev veth12345678 ingress protocol all u32 match u32 0 0 action mirred egress redirect dev "$REFERENCE"
}

test_del_removes_what_the_reference_plugin_made() {
	local listed="{\"interfaces\": [{\"name\": \"$REFERENCE\"}]}" prev
	echo '{}' >"$T/prev"
	for prev in "$listed" ''; do
		as_reference
		PREV=$prev cni DEL red "$(limits 'del(.prevResult)')"
		qdiscs | absent "qdiscs of the reference plugin"
		ip -o link show type ifb | absent "ifb of the reference plugin"
		ip link del veth12345678
		ip netns del red
	done
	as_reference # it is another interface's
	IFNAME=net1 PREV='{"interfaces": [{"name": "eth0"}]}' cni DEL red "$(limits 'del(.prevResult)')"
	equal 2 "$(qdiscs | wc -l)" "qdiscs that are left"
}

test_a_pair_that_another_plugin_made_is_limited() {
	pod red
	ip link add foreign type veth peer name eth0 netns red
	ip link set foreign up
	ip -n red link set eth0 up
	echo '{"interfaces": [{"name": "foreign"}, {"name": "eth0", "sandbox": "/run/netns/red"}]}' >"$T/prev"
	cni ADD red "$(limits "$BOTH")" >/dev/null
	equal 3 "$(qdiscs | wc -l)" "qdiscs"
	cni CHECK red "$(limits "$BOTH")"
	cni DEL red "$(limits "$BOTH")"
	qdiscs | absent "qdiscs"
}

test_gc_deletes_the_ifbs_of_attachments_that_are_not_valid() {
	attach red "$BOTH" >/dev/null
	attach blue "$BOTH" >/dev/null
	ip link add other up type ifb
	cni GC none "$(limits '.["cni.dev/valid-attachments"] = [{"containerID": "blue", "ifname": "eth0"}]')"
	equal "$(ifb blue) other" "$(ip -j link show type ifb | jq -r '[.[].ifname // empty] | sort | join(" ")')" "ifbs"
	cni GC none "$(limits '.name = "another" | .["cni.dev/valid-attachments"] = []')"
	cni CHECK blue "$(limits "$BOTH")"
}

test_a_failed_add_leaves_what_was_there() {
	attach red . >/dev/null
	tc qdisc add dev "$(end)" clsact
	world >"$T/before"
	refused 101 "$(end) has a qdisc clsact already" ADD red "$(limits "$BOTH")"
	unchanged "ADD where there is a clsact"
	tc qdisc del dev "$(end)" clsact
	tc qdisc add dev "$(end)" root handle 1: tbf rate 1mbit burst 10000 latency 1s
	world >"$T/before"
	refused 101 "$(end) has a qdisc tbf already" ADD red "$(limits "$BOTH")"
	tc qdisc show dev "$(end)" | grep -q 'rate 1Mbit'
	unchanged "ADD where there is a bucket"
	tc qdisc del dev "$(end)" root
	ip link add "$(ifb)" type ifb
	refused 101 "$(ifb) exists already on the node" ADD red "$(limits "$BOTH")"
	link "$(ifb)" | json '.ifname'
}

# broken: for each line "TEXT | COMMAND" of stdin, CHECK after this damage must fail and name TEXT
broken() {
	local text command
	while IFS='|' read -r text command; do
		attach red "$BOTH" >/dev/null
		command=${command//END/$(end)}
		${command//IFB/$(ifb)}
		refused 104 "${text% }" CHECK red "$(limits "$BOTH")"
		cni DEL red "$(limits "$BOTH")"
		cni DEL red "$(main .)"
		ip netns del red
	done
}

test_check_names_what_is_wrong() {
	broken <<-'DAMAGE'
		the tbf on veth | tc qdisc del dev END root
		the tbf on veth | tc qdisc change dev END root tbf rate 11mbit burst 50000 latency 25ms
		the tbf on veth | tc qdisc change dev END root tbf rate 10mbit burst 60000 latency 25ms
		the tbf on ifb | tc qdisc del dev IFB root
		the tbf on ifb | tc qdisc change dev IFB root tbf rate 2mbit burst 100000 latency 25ms
		is not redirected to ifb | tc qdisc del dev END ingress
		is not redirected to ifb | tc filter del dev END ingress
		is missing on the node | ip link del IFB
		is down | ip link set IFB down
		has no veth peer | ip link del END
	DAMAGE
}

# rate POD OPTION...: bits per second on the wire between the pod and the node, as iperf3 sees them
# after the first burst; of each frame of 1514 bytes it counts 1448
rate() {
	local pod=$1
	shift
	inside "$pod" iperf3 -c 10.9.0.1 -O 1 -t 3 -J "$@" >"$T/iperf" || fail "iperf3: $(cat "$T/iperf")"
	jq '.end.sum_received.bits_per_second * 1514 / 1448 | round' "$T/iperf"
}

# serve: a server on the node, until the end of the case
serve() {
	local tries=100
	iperf3 -s -D --logfile /dev/null
	until ss -Hltn sport = :5201 | grep -q .; do
		[ $((tries--)) -gt 0 ] || fail "iperf3 does not listen"
		sleep 0.05
	done
}

# shaped RATE: both directions are within 5 %, behind bridge and behind ptp; on a busy machine what is
# too slow gets another chance, what is too fast none
shaped() {
	local type got direction again
	local same=".ingressRate = $1 | .egressRate = $1 | .ingressBurst = $1 / 50 | .egressBurst = $1 / 50"
	ss -Hltn sport = :5201 | grep -q . || serve
	for type in bridge ptp; do
		attach red "$same" ".type = \"$type\"" >/dev/null
		for direction in '' -R; do
			got=$(rate red $direction)
			for again in 2 3; do # try
				[ "$got" -gt $(($1 / 100 * 95)) ] || got=$(rate red $direction)
			done
			json "$got > $1 * 0.95 and $got < $1 * 1.05" "\"$type $direction: $got of $1 bit/s\""
		done
		cni DEL red "$(limits .)"
		cni DEL red "$(main ".type = \"$type\"")"
		ip netns del red
	done
}

test_10_Mbit_are_10_Mbit() { shaped 10000000; }
test_100_Mbit_are_100_Mbit() { shaped 100000000; }
test_1_Gbit_are_1_Gbit() {
	local got
	pod red
	cni ADD red "$(main .)" >/dev/null
	serve
	got=$(rate red)
	if [ "$got" -lt 2500000000 ]; then # shaping and the other direction cost something, too
		echo "SKIP: without a limit this machine does $got bit/s"
		exit 0
	fi
	cni DEL red "$(main .)"
	ip netns del red
	shaped 1000000000
}

run_tests "$@"
