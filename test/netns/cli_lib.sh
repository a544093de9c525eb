# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the tests of edgeway, the operator's command.

EDGEWAY=$BIN/edgeway
MAC=02:00:00:00:00:07

edgeway() { "$EDGEWAY" "$@"; }

# wire NAME CONTAINER ADDRESS: a pair whose node's end is NAME, with the tag of a plugin of ours
wire() {
	[ -e "/run/netns/$2" ] || pod "$2"
	ip link add "$1" type veth peer name "${4:-eth0}" address $MAC netns "$2"
	ip link set "$1" up alias "edgeway n/$2/${4:-eth0}"
	ip -n "$2" link set "${4:-eth0}" up
	ip -n "$2" addr add "$3" dev "${4:-eth0}"
}

# says STATUS TEXT ARGUMENT...: edgeway ends with STATUS, and prints TEXT on stderr
says() {
	local want=$1 text=$2 rc=0
	shift 2
	edgeway "$@" >"$T/out" 2>"$T/says" || rc=$?
	equal "$text" "$(cat "$T/says")" "edgeway $*"
	equal "$want" $rc "exit status of edgeway $*"
}

# until_true COMMAND...: succeeds within five seconds
until_true() {
	local i
	for ((i = 0; i < 100; i++)); do
		! "$@" || return 0
		sleep 0.05
	done
	fail "never: $*"
}

# listen ARGUMENT...: edgeway flows in the background, once it listens; its process is LISTENER
listen() {
	"$EDGEWAY" flows "$@" >"$T/flows" 2>"$T/flows.err" &
	LISTENER=$!
	until_true listens
}
listens() { edgeway status --json | jq -e ".listener == $LISTENER and .events != []" >/dev/null; }
heard() { [ "$(wc -l <"$T/flows")" -ge "$1" ]; }

# ended STATUS: the listener has ended with it
ended() {
	local rc=0
	wait "$LISTENER" || rc=$?
	equal "$1" $rc "exit status of flows: $(cat "$T/flows.err")"
}

# packets FILE: "SECONDS LENGTH ETHERTYPE" of each in a capture
packets() {
	/usr/bin/python3 -I -S - "$1" <<-'END'
		import struct, sys
		data = open(sys.argv[1], "rb").read()
		magic, major, minor, _, snaplen, link = struct.unpack_from("=IHHQII", data)
		assert (magic, major, minor, link) == (0xa1b23c4d, 2, 4, 1), (hex(magic), major, minor, link)
		at = 24
		while at < len(data):
		    seconds, ns, kept, length = struct.unpack_from("=IIII", data, at)
		    assert ns < 10**9 and kept <= length, (ns, kept, length)
		    print(seconds, length, data[at + 28:at + 30].hex())
		    at += 16 + kept
		assert at == len(data)
	END
}

# capture POD ARGUMENT...: edgeway capture in the background, once it has begun; its process is CAPTURE,
# and a file that is standard output is $T/pcap
capture() {
	case " $* " in
	*" -w - "*) "$EDGEWAY" capture "$@" >"$T/pcap" 2>"$T/says" & ;;
	*) "$EDGEWAY" capture "$@" >"$T/said" 2>"$T/says" & ;;
	esac
	CAPTURE=$!
	until_true begun
}
begun() { [ -n "$(find "$T" -name '*pcap' -size +0)" ]; }
captured() { packets "$T/pcap" | grep -q "$1"; }
