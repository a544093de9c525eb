#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The protocol around the plugins: environment, standard input, VERSION, and the error for each thing
# that is wrong with them.
. "$(dirname "$0")/lib.sh"

GOOD='{"cniVersion":"1.1.0","name":"n","type":"bridge","bridge":"br0"}'

# plugin NAME STDIN [VAR=VALUE...]: run it with just this environment
plugin() {
	local name=$1 input=$2
	shift 2
	env -i ASAN_OPTIONS="$ASAN_OPTIONS" LSAN_OPTIONS="$LSAN_OPTIONS" UBSAN_OPTIONS="$UBSAN_OPTIONS" \
		"$@" "$BIN/$name" <<<"$input"
}

# wrong CODE TEXT STDIN [VAR=VALUE...]: bridge must refuse it with this code and text
wrong() {
	local code=$1 text=$2 out rc=0
	shift 2
	out=$(plugin bridge "$@") || rc=$?
	[ $rc -ne 0 ] || fail "should have been refused: $*"
	[ $rc -ne $SANITIZER_EXIT ] || fail "a sanitizer stopped: $*"
	[ -n "$out" ] && jq -e --arg text "$text" --argjson code "$code" \
		'.code == $code and ((.msg + " " + (.details // "")) | contains($text))' \
		<<<"$out" >/dev/null || fail "want code $code and \"$text\", got $out for $*"
}

# attached VAR=VALUE...: a complete environment for ADD, changed by these
attached() {
	CALL=(CNI_COMMAND=ADD CNI_CONTAINERID=red CNI_NETNS=/run/netns/red CNI_IFNAME=eth0
		CNI_PATH="$BIN" "$@")
}

test_all_missing_variables_are_reported_together() {
	wrong 4 "CNI_CONTAINERID" "$GOOD" CNI_COMMAND=ADD
	wrong 4 "CNI_NETNS" "$GOOD" CNI_COMMAND=ADD
	wrong 4 "CNI_IFNAME" "$GOOD" CNI_COMMAND=ADD
	wrong 4 "CNI_PATH" "$GOOD" CNI_COMMAND=ADD
	wrong 4 "CNI_IFNAME" "$GOOD" CNI_COMMAND=CHECK CNI_CONTAINERID=red CNI_NETNS=/x CNI_PATH=/x
	wrong 4 "CNI_CONTAINERID" "$GOOD" CNI_COMMAND=DEL CNI_PATH=/x CNI_IFNAME=eth0
	wrong 4 "CNI_PATH" "$GOOD" CNI_COMMAND=GC
	wrong 4 "CNI_PATH" "$GOOD" CNI_COMMAND=STATUS
}

test_del_needs_no_netns() {
	plugin bridge "$GOOD" CNI_COMMAND=DEL CNI_CONTAINERID=red CNI_IFNAME=eth0 CNI_PATH="$BIN" |
		absent "output of DEL"
}

test_bad_container_ids() {
	local id
	pod red
	for id in "a b" "../x" "-a" "a/b" "ä" ".a"; do
		attached CNI_CONTAINERID="$id"
		wrong 4 "CNI_CONTAINERID" "$GOOD" "${CALL[@]}"
	done
}

test_bad_interface_names() {
	local name
	pod red
	for name in . .. a/b a:b "a b" sixteenletters01 $'a\tb'; do
		attached CNI_IFNAME="$name"
		wrong 4 "CNI_IFNAME" "$GOOD" "${CALL[@]}"
	done
	attached CNI_IFNAME=fifteenletters1
	plugin bridge "$GOOD" "${CALL[@]}" >"$T/out"
	ip -n red link show fifteenletters1
}

test_a_netns_that_is_none() {
	attached
	wrong 3 "/run/netns/red" "$GOOD" "${CALL[@]}"
	: >"$T/file"
	attached CNI_NETNS="$T/file"
	wrong 4 "$T/file" "$GOOD" "${CALL[@]}"
	ip -o link show type veth | absent "veth left behind"
}

test_the_plugins_own_netns_is_refused_before_anything_is_done() {
	world >"$T/before"
	attached CNI_NETNS=/proc/self/ns/net
	wrong 8 "netns" "$GOOD" "${CALL[@]}"
	world | diff "$T/before" -
	attached CNI_NETNS=/proc/self/ns/net CNI_NETNS_OVERRIDE=1
	plugin bridge "$GOOD" "${CALL[@]}" >"$T/out"
	link eth0 | json '.flags | index("UP")'
}

test_what_is_not_json() {
	local text
	pod red
	attached
	for text in "" "{" "[]" '"x"' "$GOOD}" "$GOOD $GOOD" '{"name":n}'; do
		wrong 6 "" "$text" "${CALL[@]}"
	done
}

test_versions() {
	pod red
	attached
	wrong 1 "9.9.9" '{"cniVersion":"9.9.9","name":"n","type":"bridge"}' "${CALL[@]}"
	wrong 1 "1.1.0" '{"cniVersion":"9.9.9","name":"n","type":"bridge"}' "${CALL[@]}"
	attached CNI_COMMAND=CHECK
	wrong 1 "CHECK" '{"cniVersion":"0.3.1","name":"n","type":"bridge"}' "${CALL[@]}"
	wrong 1 "GC" '{"cniVersion":"1.0.0","name":"n","type":"bridge"}' CNI_COMMAND=GC CNI_PATH=/x
	wrong 1 "STATUS" '{"cniVersion":"1.0.0","name":"n","type":"bridge"}' CNI_COMMAND=STATUS CNI_PATH=/x
}

test_network_names() {
	pod red
	attached
	wrong 7 "name" '{"cniVersion":"1.1.0","type":"bridge"}' "${CALL[@]}"
	wrong 7 "name" '{"cniVersion":"1.1.0","name":"","type":"bridge"}' "${CALL[@]}"
	wrong 7 "a/b" '{"cniVersion":"1.1.0","name":"a/b","type":"bridge"}' "${CALL[@]}"
	wrong 7 ".." '{"cniVersion":"1.1.0","name":"..","type":"bridge"}' "${CALL[@]}"
}

# LENGTH LETTER: a network name of so many characters which ends with this letter
long_name() { printf 'n%.0s' $(seq 2 "$1") && echo "$2"; }

# Whatever a name goes into - the pair's name, its alias, comments, files - has another limit.
test_a_network_name_may_be_as_long_as_a_file_name() {
	local length mine other conf='.isGateway = true | .ipMasq = true'
	for length in 200 240; do
		mine=$(net "$conf | .name = \"$(long_name $length a)\"")
		other=$(net "$conf | .name = \"$(long_name $length b)\" | .ipam.ranges[0][0].rangeStart = \"10.9.0.100\"")
		settle "$mine"
		pod red
		CID=red cni ADD red "$mine"
		cni CHECK red "$mine"
		reaches red 10.9.0.1
		cni DEL red "$mine"
		ip netns del red
		unchanged "ADD and DEL of a network with $length characters"
		pod red blue
		cni ADD red "$mine"
		cni ADD blue "$other"
		cni GC none "$(jq -c '."cni.dev/valid-attachments" = []' <<<"$mine")"
		leases "$(long_name $length a)" | absent "lease left by GC"
		equal 1 "$(ip -o link show type veth | wc -l)" "pairs after GC"
		equal 1 "$(find /run/edgeway/masq -type f | wc -l)" "records of masquerading after GC"
		cni CHECK blue "$other"
		cni DEL blue "$other"
		ip netns del red
		ip netns del blue
	done
}

# the container's id makes the alias too long, though the network's name alone would not
test_a_long_network_name_and_a_long_container_id() {
	local conf name
	name=$(long_name 200 a)
	export CID=0123456789012345678901234567890123456789abcde
	conf=$(net ".ipMasq = true | .name = \"$name\"")
	pod red
	cni ADD red "$conf"
	cni CHECK red "$conf"
	cni GC none "$(jq -c ".\"cni.dev/valid-attachments\" = [{\"containerID\": \"$CID\", \"ifname\": \"eth0\"}]" <<<"$conf")"
	cni CHECK red "$conf"
	cni GC none "$(jq -c '."cni.dev/valid-attachments" = []' <<<"$conf")"
	leases "$name" | absent "lease left by GC"
	ip -o link show type veth | absent "veth left by GC"
}

test_a_network_name_longer_than_a_file_name_is_refused() {
	settle "$(net .)"
	pod red
	world >"$T/before"
	refused 5 "too long" ADD red "$(net ".name = \"$(long_name 256 a)\"")"
	unchanged "the failed ADD"
}

test_check_needs_a_prev_result() {
	pod red
	attached CNI_COMMAND=CHECK
	wrong 7 "prevResult" "$GOOD" "${CALL[@]}"
}

test_unknown_commands() {
	local verb
	for verb in add FLY "ADD "; do
		attached CNI_COMMAND="$verb"
		wrong 4 "$verb" "$GOOD" "${CALL[@]}"
	done
}

test_no_command_says_what_this_is() {
	local name
	for name in bridge host-local loopback; do
		plugin $name "" 2>"$T/said" | absent "output on stdout"
		grep -q "1.1.0" "$T/said" || fail "$name does not say which versions it speaks"
		grep -q "$name" "$T/said" || fail "$name does not say its name"
	done
}

test_cni_args() {
	pod red
	attached CNI_ARGS="COLOUR=red"
	wrong 4 "COLOUR" "$GOOD" "${CALL[@]}"
	attached CNI_ARGS="MAC"
	wrong 4 "MAC" "$GOOD" "${CALL[@]}"
	attached CNI_ARGS="K8S_POD_NAME=x;COLOUR=red;IgnoreUnknown=TRUE;K8S_POD_UID=1"
	plugin bridge "$GOOD" "${CALL[@]}" >"$T/out"
}

test_version() {
	local name out
	for name in bridge host-local loopback; do
		out=$(plugin $name '{"cniVersion":"0.4.0"}' CNI_COMMAND=VERSION)
		json '.cniVersion == "1.1.0" and .supportedVersions ==
			["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]' "$out"
		plugin $name "" CNI_COMMAND=VERSION | json '.cniVersion == "1.1.0"'
	done
}

test_errors_are_one_json_object_on_stdout() {
	local out
	out=$(plugin bridge "{" CNI_COMMAND=ADD 2>/dev/null) || :
	equal 1 "$(jq -s length <<<"$out")" "objects on stdout"
	json '(.code | type) == "number" and (.msg | length) > 0 and has("cniVersion")' "$out"
}

test_a_closed_stdout_undoes_add() {
	pod red
	attached
	if env "${CALL[@]}" "$BIN/bridge" <<<"$(net .)" >/dev/full; then fail "ADD said it succeeded"; fi
	ip -o link show type veth | absent "veth left behind"
	leases n | absent "lease left behind"
}

run_tests "$@"
