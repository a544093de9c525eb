#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The reference host-local and ours share one directory of leases, in either order.
. "$(dirname "$0")/lib.sh"

conf() { pool '.ranges = [[{"subnet": "10.9.0.0/29"}], [{"subnet": "fd00:9::/64"}]]' | jq -c '.cniVersion = "1.0.0"'; }
# theirs VERB POD: the reference plugin
theirs() { BIN=$PEER cni "$1" "$2" "$(conf)"; }
ours() { cni "$1" "$2" "$(conf)"; }
need_peer() { [ -x "$PEER/host-local" ] || { echo "SKIP: no $PEER/host-local" && exit; }; }

test_their_leases_are_honoured_and_ours_by_them() {
	need_peer
	theirs ADD a | json '.ips[0].address == "10.9.0.2/29"'
	ours ADD b | json '.ips[0].address == "10.9.0.3/29" and .ips[1].address == "fd00:9::3/64"'
	theirs ADD c | json '.ips[0].address == "10.9.0.4/29" and .ips[1].address == "fd00:9::4/64"'
	ours ADD d | json '.ips[0].address == "10.9.0.5/29"'
	ours CHECK a
	theirs CHECK b
}

test_we_delete_theirs_and_they_ours() {
	need_peer
	theirs ADD a
	ours ADD b
	ours DEL a
	equal "10.9.0.3 fd00:9::3" "$(leases n | paste -sd' ')" "leases after our DEL"
	theirs DEL b
	leases n | absent "leases"
}

test_a_full_pool_of_theirs_is_not_broken_into() {
	local i
	need_peer
	for i in 1 2 3 4 5; do theirs ADD p$i; done
	refused 102 "10.9.0" ADD new "$(conf)"
	equal 10 "$(leases n | wc -l)" "leases"
	ours DEL p3
	ours ADD new | json '.ips[0].address == "10.9.0.4/29"'
}

# before 0.7 a lease held only the container's id
test_leases_of_very_old_plugins() {
	mkdir -p /var/lib/cni/networks/n
	printf 'old' >/var/lib/cni/networks/n/10.9.0.2
	ours ADD new | json '.ips[0].address == "10.9.0.3/29"'
	ours DEL old
	equal "10.9.0.3 fd00:9::2" "$(leases n | paste -sd' ')" "leases"
}

test_both_at_once_never_give_one_address_twice() {
	local i pids=()
	need_peer
	for i in 1 2; do
		theirs ADD t$i >"$T/result.t$i" &
		pids+=($!)
		ours ADD o$i >"$T/result.o$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || fail "an ADD failed"; done
	equal 4 "$(cat "$T"/result.* | jq -r '.ips[0].address' | sort -u | wc -l)" "distinct addresses"
}

run_tests "$@"
