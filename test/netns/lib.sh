# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by every netns test: runs each test_* function of the file in a world of its own.
#
# A world is a fresh network, mount and process namespace with an empty /run and /var/lib, so a
# test can leave nothing behind, not even a process, and any number can run side by side. The last
# line of a test file is `run_tests`. One case alone:  test/netns/foo_test.sh test_some_case
#
#	test_a_pod_gets_an_address() {
#		pod red
#		cni ADD red "$(net '.isGateway = true')"
#		inside red ping -c1 10.9.0.1
#	}
#
# What the cases call all the time does without processes where bash can do it: they run in emulated
# guests too (test/lab/guest), where jq takes half a second to start and cat a tenth of one.
set -euo pipefail
shopt -s inherit_errexit extglob

HERE=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
BIN=${EDGEWAY_BIN:-$ROOT/build/release/bin}
RELEASE_BIN=${EDGEWAY_RELEASE_BIN:-$BIN}
PEER=${EDGEWAY_PEER:-/usr/lib/cni}
T=/run/test # scratch of the running case
SANITIZER_EXIT=66
export EDGEWAY_BIN=$BIN EDGEWAY_PEER=$PEER PYTHONDONTWRITEBYTECODE=1
export ASAN_OPTIONS=exitcode=$SANITIZER_EXIT:detect_leaks=1
export LSAN_OPTIONS=exitcode=$SANITIZER_EXIT UBSAN_OPTIONS=exitcode=$SANITIZER_EXIT:halt_on_error=1

# --- saying what is wrong ---

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

# equal WANT GOT WHAT
equal() { [ "$1" = "$2" ] || fail "$3: want \"$1\", got \"$2\""; }

# json FILTER [TEXT]: FILTER must hold for the JSON in TEXT (or on stdin)
json() {
	local text=${2-$(cat)}
	[ -n "$text" ] || fail "nothing of which $1 could be true" # to jq -e that is fine
	jq -e "$1" <<<"$text" >/dev/null || fail "not true: $1 of $text"
}

# absent WHAT: stdin must be empty
absent() {
	local got
	got=$(cat)
	[ -z "$got" ] || fail "$1: $got"
}

# --- the node ---

# pod NAME...: network namespaces standing in for containers
pod() {
	local name
	for name; do ip netns add "$name"; done
}

# inside POD COMMAND...
inside() {
	local pod=$1
	shift
	nsenter --net="/run/netns/$pod" "$@"
}

# reaches POD ADDRESS / unreachable POD ADDRESS: one ping
reaches() { inside "$1" ping -c1 -W2 -n -q "$2" >"$T/ping" || fail "$1 cannot reach $2: $(cat "$T/ping")"; }
unreachable() { ! inside "$1" ping -c1 -W1 -n -q "$2" >"$T/ping" || fail "$1 should not reach $2"; }

# link NAME [POD]: the one interface as a JSON object
link() {
	local out
	out=$(ip ${2:+-n "$2"} -j -d addr show dev "$1")
	out=${out//'{},'/} # what ip prints for interfaces and addresses that were not asked for
	out=${out#'['}
	echo "${out%']'}"
}

# outside: a namespace on the far side of an uplink, which knows no route to any pod
outside() {
	pod outside
	ip link add up0 type veth peer name eth0 netns outside
	# Until its link-local address is known to be unique the node asks for no neighbour's.
	echo 0 >/proc/sys/net/ipv6/conf/up0/accept_dad
	ip -batch - <<-END
		addr add 192.0.2.1/24 dev up0
		addr add 2001:db8::1/64 dev up0 nodad
		link set up0 up
	END
	ip -n outside -batch - <<-END
		addr add 192.0.2.9/24 dev eth0
		addr add 2001:db8::9/64 dev eth0 nodad
		link set eth0 up
	END
}

# --- the runtime's side of CNI ---

# A step at the front of a jq filter that bash can take: `.key = JSON`, `.ipam.key = JSON`, `.ipam.ranges
# += JSON`, `del(.key)`. Matched are [2] the key set, [4] a plus, [5] the JSON, [7] the key deleted, [9]
# the other steps.
JSON_TEXT='([][{}:, ]|-?[0-9]+|true|false|null|"[^"\\]*")+'
PLAIN_STEP="^ *(\.((ipam\.)?[A-Za-z]+) (\+?)= ($JSON_TEXT)|del\(\.([A-Za-z]+)\)) *(\| *(.*))?\$"

# net FILTER: the usual network, changed by a jq filter
net() {
	local rest=${1//[$'\n\t']/ } key json conf="" ranges='[[{"subnet": "10.9.0.0/24"}]]'
	local keys=(cniVersion name type bridge ipam)
	local -A value=([cniVersion]='"1.1.0"' [name]='"n"' [type]='"bridge"' [bridge]='"br0"'
		[ipam]='{"type": "host-local", "ranges": RANGES}')
	while [[ $rest =~ $PLAIN_STEP ]]; do
		key=${BASH_REMATCH[2]} json=${BASH_REMATCH[5]%%*( )}
		case $key${BASH_REMATCH[4]}:${value[ipam]-} in
		ipam.ranges:*RANGES*) ranges=$json ;;
		ipam.ranges+:*RANGES*) ranges="${ranges%]}, ${json#[}" ;;
		*+:* | ipam.*:*"\"${key#ipam.}\":"*) break ;;
		ipam.*:'{"'*'}') value[ipam]="${value[ipam]%\}}, \"${key#ipam.}\": $json}" ;;
		ipam.*) break ;;
		:*) unset "value[${BASH_REMATCH[7]}]" ;;
		*)
			[[ " ${keys[*]} " == *" $key "* ]] || keys+=("$key")
			value[$key]=$json
			;;
		esac
		rest=${BASH_REMATCH[9]:-.}
	done
	for key in "${keys[@]}"; do [ ! -v "value[$key]" ] || conf+=", \"$key\": ${value[$key]}"; done
	conf="{${conf#, }}"
	conf=${conf/RANGES/$ranges}
	if [ "$rest" = . ]; then echo "$conf"; else jq -c "$rest" <<<"$conf"; fi
}

# pool FILTER: host-local on its own, its ipam section changed by a jq filter
pool() { net ".type = \"host-local\" | .ipam |= ($1)"; }

# cni VERB POD CONF: call CONF's plugin as libcni does, with the result of ADD as prevResult of
# CHECK and DEL. Prints what the plugin prints. Changed by these variables in front of the call:
# IFNAME, CID, NETNS (path), ARGS (CNI_ARGS), CNIPATH, PREV (prevResult; empty = none).
cni() {
	local verb=$1 pod=$2 conf=$3 rc=0 kept prev="" out line joined=""
	local ifname=${IFNAME:-eth0} cid=${CID:-$2} type err=$T/err.$BASHPID
	[[ $conf =~ \"type\":\ *\"([a-z-]+)\" ]] && type=${BASH_REMATCH[1]}
	[[ $conf =~ \"name\":\ *\"([^\"]*)\" ]] && kept=$T/result/${BASH_REMATCH[1]}-$cid-$ifname
	if [ "$verb" = CHECK ] || [ "$verb" = DEL ]; then
		[ ! -f "$kept" ] || prev=$(<"$kept")
		prev=${PREV-$prev}
		[ -z "$prev" ] || conf="${conf%\}*},\"prevResult\":$prev}"
	fi
	out=$(CNI_COMMAND=$verb CNI_CONTAINERID=$cid CNI_NETNS=${NETNS-/run/netns/$pod} \
		CNI_IFNAME=$ifname CNI_ARGS=${ARGS:-} CNI_PATH=${CNIPATH-$BIN} \
		exec "$BIN/$type" <<<"$conf" 2>"$err") || rc=$?
	[ ! -s "$err" ] || cat "$err" >&2
	mv "$err" "$T/err" # of parallel calls the last one's; a rename does not collide
	[ $rc -ne $SANITIZER_EXIT ] || fail "$verb $pod: a sanitizer stopped $type"
	if [ $rc -eq 0 ] && [ "$verb" = ADD ]; then echo "$out" >"$kept"; fi
	if [ $rc -eq 0 ] && [ "$verb" = DEL ] && [ -f "$kept" ]; then rm "$kept"; fi
	while read -r line; do joined+=$line; done <<<"$out"
	[ -z "$joined" ] || echo "$joined" # on one line, for whoever reads the log of a failed case
	return $rc
}

# powerless PLUGIN: with BIN=$T/weak it is one that may not change the network
powerless() {
	mkdir -p "$T/weak"
	printf '#!/bin/sh\nexec setpriv --bounding-set -net_admin %s\n' "$BIN/$1" >"$T/weak/$1"
	chmod +x "$T/weak/$1"
}

# refused CODE TEXT VERB POD CONF: the call must fail with this code and say TEXT, in its message and details
refused() {
	local code=$1 text=$2 out
	shift 2
	if out=$(cni "$@"); then fail "$1 $2 should have been refused, printed: $out"; fi
	text=${text//\\/\\\\} text=${text//$'\t'/\\t} # as in JSON
	[[ ${out/\",\"details\": \"/ } == *"\"code\": $code,\"msg\": "*"${text//\"/\\\"}"* ]] ||
		fail "$1 $2: want code $code and \"$text\", got $out"
}

# address POD [FAMILY]: the pod's address without the prefix length
address() {
	local found
	ip -n "$1" -o ${2:-"-4"} addr show dev eth0 scope global |
		while read -r _ _ _ found _; do echo "${found%/*}"; done
}

# leases NET: the addresses leased in NET, sorted
leases() {
	[ -d "/var/lib/cni/networks/$1" ] || return 0
	find "/var/lib/cni/networks/$1" -type f -name '*[.:]*' ! -name 'last_reserved_ip.*' -printf '%f\n' |
		sort -V
}

# --- before and after ---

# world: everything a plugin could have changed
world() { /usr/bin/python3 -I -S "$ROOT/test/lib/world.py"; }

# settle CONF [POD]: one ADD and DEL, so that what stays on purpose (bridge, forwarding, table
# skeleton, lock files) is there, then remember the world
settle() {
	pod settle
	cni ADD settle "$1" >/dev/null
	cni DEL settle "$1"
	ip netns del settle
	world >"$T/before"
}

# unchanged WHAT: the world must be what settle remembered
unchanged() {
	world >"$T/after"
	diff -U0 "$T/before" "$T/after" >"$T/diff" || fail "$1 left a trace: $(grep '^[-+][^-+]' "$T/diff")"
}

# --- running ---

# make_world: what a case finds when it starts. A repository below the directories that are hidden
# stays where it is.
make_world() {
	local hidden fd
	exec {fd}<"$ROOT"
	for hidden in /run /var/lib; do mount -t tmpfs tmpfs "$hidden"; done
	case $ROOT/ in
	/run/* | /var/lib/*) mkdir -p "$ROOT" && mount --no-canonicalize --rbind "/proc/self/fd/$fd" "$ROOT" ;;
	esac
	exec {fd}<&-
	mount -t sysfs sysfs /sys
	mount -t bpf bpf /sys/fs/bpf
	mkdir -p /run/netns "$T/result"
	ip link set lo up
}

# run_case FUNCTION: inside the world
run_case() {
	make_world
	cd "$T"
	trap 'echo >&2 "FAIL: line $LINENO: $BASH_COMMAND"' ERR
	set -E
	"$1"
	trap - ERR
}

# one_case FUNCTION: from outside; prints the TAP line, and what the case said if it failed
one_case() {
	local name=${1#test_} log rc=0
	log=$(unshare --mount --net --pid --fork --kill-child --mount-proc --propagation private \
		bash "$0" --case "$1" 2>&1) || rc=$?
	name=${name//_/ }
	if [ $rc -eq 0 ] && [[ $log =~ SKIP:\ (.*) ]]; then
		echo "ok - $name # SKIP ${BASH_REMATCH[1]}"
	elif [ $rc -eq 0 ]; then
		echo "ok - $name"
	else
		echo "not ok - $name"
		tail -n 60 <<<"$log" | sed 's/^/# /'
		return 1
	fi
}

run_tests() {
	local case failed=0
	if [ "${1:-}" = --case ]; then
		run_case "$2"
		exit
	fi
	[ -x "$BIN/bridge" ] || { echo "not ok - no plugins in $BIN: build them first" && exit 1; }
	# shellcheck disable=SC2048 # names of functions
	for case in ${*:-$(sed -n 's/^\(test_[A-Za-z0-9_]*\)() {.*/\1/p' "$0")}; do
		one_case "$case" || failed=1
	done
	exit $failed
}
