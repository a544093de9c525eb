#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Many ADD/DEL cycles leave no lease, link, rule or file, and let nothing grow. FULL=1 runs 10,000.
. "$(dirname "$0")/lib.sh"

CYCLES=${FULL:+10000}
CYCLES=${CYCLES:-500}
BIN=$RELEASE_BIN # speed matters here; the other tests run the sanitizers' build

# bytes: how much the state directories hold
bytes() { du -sb --apparent-size /run/edgeway /var/lib/edgeway /var/lib/cni 2>/dev/null | awk '{ s += $1 } END { print s }'; }

# call VERB POD ROUND NETNS: the plugin, without the overhead of the helpers
call() {
	CNI_COMMAND=$1 CNI_CONTAINERID=$2-$3 CNI_NETNS=$4 CNI_IFNAME=eth0 CNI_PATH=$BIN \
		"$BIN/bridge" <<<"$CONF" >"$T/said.$2"
}

# one POD ROUND: ADD and DEL of one attachment, each tenth DEL without a netns
one() {
	local netns=/run/netns/$1
	call ADD "$1" "$2" "$netns"
	[ $(($2 % 10)) -ne 0 ] || netns=""
	call DEL "$1" "$2" "$netns"
}

# cycle COUNT: that many ADD and DEL, four pods at a time
cycle() {
	local round p pids
	for ((round = 0; round < $1 / 4; round++)); do
		pids=()
		for p in p1 p2 p3 p4; do
			one $p $round &
			pids+=($!)
		done
		for p in "${pids[@]}"; do wait "$p" || fail "round $round: $(cat "$T"/said.*)"; done
	done
}

test_cycles_leave_nothing_and_nothing_grows() {
	local held
	CONF=$(net '.isDefaultGateway = true | .ipMasq = true | .ipam.ranges += [[{"subnet": "fd00:9::/64"}]]')
	pod p1 p2 p3 p4
	cycle 40 # what is made once, is made now
	world >"$T/before"
	held=$(bytes)
	cycle "$CYCLES"
	unchanged "$CYCLES cycles"
	# an index may keep some slack, but no byte for each attachment that is gone
	[ "$(bytes)" -le $((held + 4096)) ] || fail "state grew from $held to $(bytes) bytes in $CYCLES cycles"
}

run_tests "$@"
