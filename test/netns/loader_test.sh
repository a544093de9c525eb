#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# edgeway-loader: the eBPF data path is loaded once, replaced while packets pass, and taken away.
. "$(dirname "$0")/lib.sh"

LOADER=$BIN/edgeway-loader
OBJECTS=$BIN/../bpf
PINS=/sys/fs/bpf/edgeway

datapath() { "$BIN/../test/netns/datapath" "$@"; }

# status FILTER: must hold for what the loader says of what is loaded
status() { json "$1" "$("$LOADER" --status)"; }

# compiled NAME OPTION...: $T/NAME.o
compiled() { "$HERE/small_bpf" "$T/$1.o" "${@:2}"; }

# small: objects of one build and another, and with other layouts of connections
small() {
	compiled first -DEDITION=1
	compiled second -DEDITION=2
	compiled spare -DEDITION=3 -DCT_SPARE=16
	compiled spacious -DEDITION=4 -DCT_SPARE=64
}

# veth NAME ADDRESS: a pod NAME as the plugin would make it
veth() {
	local mac=02:00:00:00:00:0${2##*.} node=02:00:00:00:01:0${2##*.}
	pod "$1"
	ip link add "v$1" address "$node" type veth peer name eth0 address "$mac" netns "$1"
	ip link set "v$1" up
	ip -n "$1" -batch - <<-END
		link set eth0 up
		addr add $2/32 dev eth0
		route add 169.254.1.1 dev eth0
		route add default via 169.254.1.1
		neigh add 169.254.1.1 dev eth0 lladdr $node nud permanent
	END
	ip route add "$2" dev "v$1"
	ip neigh add "$2" dev "v$1" lladdr "$mac" nud permanent
	datapath attach "$LOADER" "v$1" "$2" "$mac"
}

# filters INTERFACE: ours
filters() {
	local side
	for side in ingress egress; do
		tc filter show dev "$1" $side | sed -n 's|.* \(edgeway/[a-z_]*\) .*|\1|p'
	done
}

test_a_hundred_that_start_at_once_load_it_once() {
	local i
	for i in {1..100}; do
		"$RELEASE_BIN/edgeway-loader" >"$T/said.$i" 2>&1 &
		echo $! >>"$T/pids"
	done
	while read -r i; do wait "$i" || fail "one failed: $(cat "$T"/said.*)"; done <"$T/pids"
	cat "$T"/said.* | absent "they said something"
	status '.loaded and .current and .loads == 1 and .filters == 0'
}

test_whoever_attaches_loads_it_and_only_the_first() {
	local i
	for i in {1..20}; do
		datapath open "$LOADER" &
		echo $! >>"$T/pids"
	done
	while read -r i; do wait "$i"; done <"$T/pids"
	status '.current and .loads == 1'
}

test_nothing_is_done_twice() {
	"$LOADER"
	datapath ids >"$T/before"
	"$LOADER"
	datapath ids | diff "$T/before" -
	status '.loads == 1'
}

test_an_upgrade_in_place_keeps_every_map() {
	small
	"$LOADER" --object "$T/first.o"
	ip link add v0 type veth peer name v1
	ip link add up0 type veth peer name up1
	datapath ids | grep _v1 | sort >"$T/maps"
	datapath ids | grep -v _v1 | sort >"$T/progs"
	datapath attach "$LOADER" v0 10.9.0.2 02:00:00:00:00:02 # which is of another build, and loads it
	datapath uplink "$LOADER" up0
	datapath connect 1000
	datapath connections | sort >"$T/connections"
	equal 1000 "$(wc -l <"$T/connections")" "connections"
	"$LOADER" --object "$T/second.o"
	status '.loads == 3 and .filters == 4 and .interfaces == 1 and (.current | not)'
	datapath ids | grep _v1 | sort | diff "$T/maps" -
	equal "" "$(datapath ids | grep -v _v1 | sort | comm -12 - "$T/progs")" "programs of before"
	datapath attached v0
	equal "edgeway/from_pod edgeway/to_pod" "$(filters v0 | xargs)" "filters of the pod"
	equal "edgeway/from_uplink edgeway/to_uplink" "$(filters up0 | xargs)" "filters of the uplink"
	datapath connections | sort | diff "$T/connections" -
}

# There, to a third one, and back.
test_connections_survive_another_layout_of_their_table() {
	local object size
	small
	"$LOADER" --object "$T/first.o"
	size=$("$LOADER" --status | jq .connections.entrySize)
	datapath connect 20000
	datapath connections | sort >"$T/connections"
	equal 20000 "$(wc -l <"$T/connections")" "connections"
	for object in spare spacious first spare; do
		"$LOADER" --object "$T/$object.o"
		datapath connections | sort | diff -q "$T/connections" - || fail "changed with $object"
		[ ! -e $PINS/conntrack_v1_next ] || fail "the next table is still waiting"
	done
	status ".connections.entrySize == $size + 16 and .loads == 5"
}

# The programs themselves, not small ones.
test_pods_reach_each_other_while_programs_are_replaced() {
	local object
	veth red 10.9.0.2
	veth blue 10.9.0.3
	reaches red 10.9.0.3
	inside red ping -n -i 0.01 -c 1000 -W 2 10.9.0.3 >"$T/pings" &
	for object in spare edgeway; do "$RELEASE_BIN/edgeway-loader" --object "$OBJECTS/$object.bpf.o"; done
	wait $! || fail "$(tail -n 3 "$T/pings")"
	grep -q "1000 received, 0% packet loss" "$T/pings" || fail "$(tail -n 3 "$T/pings")"
	status '.loads == 3 and .current and .filters == 4'
}

test_what_is_pinned_in_part_is_completed() {
	local pin
	small
	"$LOADER" --object "$T/first.o"
	ip link add v0 type veth peer name v1
	datapath attach "$LOADER" v0 10.9.0.2 02:00:00:00:00:02
	for pin in counters_v1 progs/to_pod conntrack_v1; do
		rm "$PINS/$pin"
		status '.loaded | not'
		"$LOADER"
		[ -e "$PINS/$pin" ] || fail "$pin was not pinned again"
		status '.loaded and .current and .interfaces == 1 and .filters == 2'
		datapath attached v0
	done
}

# Nobody knows the seed of the connections then.
test_without_a_description_connections_are_forgotten_and_pods_are_not() {
	small
	"$LOADER" --object "$T/first.o"
	ip link add v0 type veth peer name v1
	datapath attach "$LOADER" v0 10.9.0.2 02:00:00:00:00:02
	datapath connect 10
	rm $PINS/about_v1
	"$LOADER"
	datapath connections | absent "connections that cannot be found"
	status '.loaded and .loads == 1 and .interfaces == 1'
	datapath attached v0
}

test_unloading_leaves_nothing_but_what_is_others() {
	"$LOADER"
	ip link add v0 type veth peer name v1
	ip link add up0 type veth peer name up1
	datapath attach "$LOADER" v0 10.9.0.2 02:00:00:00:00:02
	datapath uplink "$LOADER" up0
	tc filter add dev up0 ingress prio 7 protocol all u32 match u32 0 0 classid 1:1
	"$LOADER" --unload
	[ ! -e $PINS ] || fail "left: $(find $PINS)"
	equal "" "$(filters v0 | xargs)" "filters of the pod"
	tc qdisc show dev v0 clsact | absent "the qdisc of the pod"
	tc qdisc show dev up0 clsact | grep clsact
	tc filter show dev up0 ingress | grep u32
	equal "" "$(filters up0 | xargs)" "filters of the uplink"
	"$LOADER" --unload # of nothing
	status '(.loaded | not) and .filters == 0'
	datapath open "$LOADER"
	status '.current and .loads == 1'
}

test_a_program_of_somebody_else_is_not_replaced() {
	small
	"$LOADER"
	ip link add up0 type veth peer name up1
	tc qdisc add dev up0 clsact
	tc filter add dev up0 ingress prio 1 handle 1 protocol all bpf da object-pinned $PINS/progs/from_pod
	if datapath uplink "$LOADER" up0 2>"$T/said"; then fail "it was replaced"; fi
	grep -q 'filter ".*" of somebody else is where ours belongs: ingress, priority 1, handle 1' "$T/said"
	"$LOADER" --object "$T/first.o"
	"$LOADER" --unload
	tc filter show dev up0 ingress | grep 'handle 0x1'
}

test_a_bpffs_is_mounted_where_there_is_none() {
	umount /sys/fs/bpf
	"$LOADER"
	grep -q '^bpf /sys/fs/bpf bpf ' /proc/mounts
	status .current
	mount -t tmpfs tmpfs /sys
	refuses "find /sys/fs/bpf: No such file or directory" "the kernel needs CONFIG_BPF_SYSCALL, and /sys be mounted"
}

# refuses LINE HINT [OPTION...]: the loader must fail with these two lines
refuses() {
	if "$LOADER" "${@:3}" >"$T/out" 2>"$T/said"; then fail "it did: ${*:3}"; fi
	[ ! -s "$T/out" ] || fail "on stdout: $(cat "$T/out")"
	grep -qF -- "$1" "$T/said" || fail "want \"$1\", got \"$(cat "$T/said")\""
	grep -qF -- "$2" "$T/said" || fail "want \"$2\", got \"$(cat "$T/said")\""
}

test_who_may_not_is_told_what_is_lacking() {
	local real=$LOADER
	printf '#!/bin/sh\nexec setpriv --bounding-set -bpf,-sys_admin %s "$@"\n' "$real" >"$T/weak"
	chmod +x "$T/weak"
	LOADER=$T/weak
	refuses "load the eBPF programs: Operation not permitted" "this needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"
	if datapath open "$T/weak" 2>"$T/said"; then fail "it was loaded"; fi
	grep -q "load the eBPF data path: load the eBPF programs: Operation not permitted" "$T/said"
	umount /sys/fs/bpf
	refuses "mount a bpffs at /sys/fs/bpf: Operation not permitted" "mount -t bpf bpf /sys/fs/bpf"
	if datapath open "$T/nowhere" 2>"$T/said"; then fail "without a loader"; fi
	grep -q "run $T/nowhere: No such file or directory" "$T/said"
	grep -q "edgeway-loader belongs into the directory of the plugins" "$T/said"
}

test_what_the_verifier_refuses_changes_nothing() {
	small
	"$LOADER" --object "$T/first.o"
	datapath ids >"$T/before"
	sed 's/skb->mark/*(char *)(long)skb->data/' "$HERE/small.bpf.c" >"$T/bad.bpf.c"
	SOURCE=$T/bad.bpf.c compiled bad -DEDITION=5
	refuses "load the eBPF programs: Permission denied" "R1 offset is outside of the packet" --object "$T/bad.o"
	datapath ids | diff "$T/before" -
	status '.loaded and .loads == 1'
}

test_another_layout_of_pods_is_refused() {
	small
	"$LOADER" --object "$T/first.o"
	cp -r "$ROOT/bpf" "$T/bpf"
	sed -i 's/ENDPOINTS_MAX = [0-9]*/ENDPOINTS_MAX = 17/' "$T/bpf/shared/datapath.h"
	BPF=$T/bpf compiled other -DEDITION=6
	refuses "$PINS/endpoints_v1: what is loaded has another layout under the same name" "every pod is in it" \
		--object "$T/other.o"
	status '.loaded and .loads == 1'
}

test_options_are_checked() {
	local rc=0
	refuses "edgeway-loader: \"now\": there are options only; see --help" "" now
	refuses "--sideways" "" --sideways
	refuses "open /nowhere: No such file or directory" "" --object /nowhere
	echo nonsense >"$T/nonsense"
	refuses "read the eBPF object" "" --object "$T/nonsense"
	"$LOADER" sideways 2>/dev/null || rc=$?
	equal 2 $rc "exit status of wrong usage"
	"$LOADER" --help | grep -- "--unload"
	equal "edgeway-loader $(sed -n 's/^project(edgeway VERSION \([^ ]*\).*/\1/p' "$ROOT/CMakeLists.txt")" \
		"$("$LOADER" --version)" version
	[ ! -e $PINS/about_v1 ] || fail "something was loaded"
}

run_tests "$@"
