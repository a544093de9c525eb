#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# deploy/install and deploy/uninstall: no moment without a whole plugin, and whatever a kill leaves is
# mended by the next run.
. "$(dirname "$0")/install_lib.sh"

# --- killed ---

# shims: every tool that changes something counts its uses in $T/uses, and kills the install just
# before the one in $KILL_BEFORE
shims() {
	local tool
	mkdir "$T/shims"
	for tool in cp mv ln rm rmdir mkdir chmod touch sync; do
		cat >"$T/shims/$tool" <<-SHIM
			#!/bin/sh
			n=\$((\$(cat $T/uses) + 1))
			echo \$n >$T/uses
			[ \$n -ne "\${KILL_BEFORE:-0}" ] || kill -9 -\$(cat $T/group)
			exec $(command -v $tool) "\$@"
		SHIM
		chmod 755 "$T/shims/$tool"
	done
}

# killed N COMMAND...: runs it in a group of its own, and kills all of it before its Nth change;
# succeeds if it was killed
killed() {
	local n=$1 rc=0
	shift
	echo 0 >"$T/uses"
	KILL_BEFORE=$n PATH=$T/shims:$PATH setsid -w sh -c 'echo $$ >'"$T/group"'; exec "$@"' sh "$@" \
		>"$T/said" 2>&1 || rc=$?
	[ $rc -eq 137 ] || [ $rc -eq 0 ] || fail "status $rc: $(cat "$T/said")"
	[ $rc -eq 137 ]
}

# whole: under each name that another had is its file or all of ours
whole() {
	local name
	for name in bridge host-local loopback portmap; do
		cmp -s "$R/opt/cni/bin/$name" "$T/pristine/$name" || cmp -s "$R/opt/cni/bin/$name" "$BIN/$name" ||
			cmp -s "$R/opt/cni/bin/$name" "$T/v2/$name" ||
			[ "$(readlink "$R/opt/cni/bin/$name")" = /nowhere/loopback ] ||
			fail "killed before change $1: $name is neither the old one nor ours"
	done
}

STEP=${FULL:+1}
STEP=${STEP:-3} # odd, so that both ways on are taken

# each_kill FIRST COMMAND...: for each change, or each third without FULL, that COMMAND makes on a node
# where FIRST was done: kill it there, look, install and uninstall
each_kill() {
	local first=$1 n=1
	shift
	shims
	reference "$T/pristine"
	release "$T/v2" two
	mkdir -p "$R/opt/cni" "$R/usr"
	cp -a "$T/pristine" "$R/opt/cni/bin"
	tree "$R/opt/cni/bin" | sed 1d >"$T/before" # but for the directory itself
	while :; do
		rm -rf "$R/opt/cni/bin"
		cp -a "$T/pristine" "$R/opt/cni/bin"
		$first
		killed $n "$@" || break
		whole $n
		if [ $((n % 2)) -eq 0 ]; then
			install_quietly
			is_ours "$R/opt/cni/bin" "$BIN"
		fi
		uninstall_quietly
		tree "$R/opt/cni/bin" | sed 1d | diff "$T/before" - || fail "killed before change $n"
		find "$R/usr" ! -type d | absent "below the prefix, killed before change $n"
		n=$((n + STEP))
	done
	[ $n -gt 8 ] || fail "only $n changes seen"
}

test_an_install_that_is_killed() { each_kill true "$INSTALL" --root "$R" --from "$BIN"; }
test_an_upgrade_that_is_killed() { each_kill install_quietly "$INSTALL" --root "$R" --from "$T/v2"; }
test_an_uninstall_that_is_killed() { each_kill install_quietly "$UNINSTALL" --root "$R"; }

# --- pods meanwhile ---

# pods_in_turns FIRST LAST: ADD and DEL of these pods until the file stop is there, by the plugins of
# the directory that is being installed to; what fails goes to the file failed
pods_in_turns() {
	local i conf verb
	conf=$(net '.isGateway = true | .ipMasq = true')
	until [ -e "$T/stop" ]; do
		for i in $(seq "$1" "$2"); do
			for verb in ADD DEL; do
				CNI_COMMAND=$verb CNI_CONTAINERID=pod$i CNI_NETNS=/run/netns/pod$i CNI_IFNAME=eth0 \
					CNI_PATH=$R/opt/cni/bin "$R/opt/cni/bin/bridge" <<<"$conf" >"$T/out.$i" 2>&1 ||
					echo "$verb of pod$i: $(cat "$T/out.$i")" >>"$T/failed"
			done
			echo $i >>"$T/done.$1"
		done
	done
}

test_pods_start_and_stop_while_plugins_are_replaced() {
	local i pids=()
	reference "$R/opt/cni/bin"
	release "$T/v1" one
	release "$T/v2" two
	install_quietly --from "$T/v1"
	for i in $(seq 50); do pod pod$i; done
	for i in 1 11 21 31 41; do
		pods_in_turns $i $((i + 9)) &
		pids+=($!)
	done
	for i in $(seq $((${FULL:-0} ? 60 : 12))); do
		"$INSTALL" --bin-dir "$R/opt/cni/bin" --from "$T/v$((i % 2 + 1))" >"$T/said"
	done
	touch "$T/stop"
	wait "${pids[@]}"
	[ ! -e "$T/failed" ] || fail "$(head -n 3 "$T/failed")"
	[ "$(cat "$T"/done.* | wc -l)" -ge 50 ] || fail "only $(cat "$T"/done.* | wc -l) pods"
}

# --- the way back ---

# What docs/migration.md says how to remove by hand is all there is.
test_what_is_left_of_containers_can_be_removed_by_hand() {
	local chain result
	pod red
	iptables -P FORWARD DROP
	ip6tables -P FORWARD DROP
	result=$(cni ADD red "$(net '.isGateway = true | .ipMasq = true | .macspoofchk = true |
		.ipam.ranges += [[{"subnet": "fd00:9::/64"}]]')")
	for chain in '"type": "portmap", "runtimeConfig": {"portMappings": [{"hostPort": 80, "containerPort": 80, "protocol": "tcp"}]}' \
		'"type": "firewall", "ingressPolicy": "same-bridge", "iptablesForward": true' \
		'"type": "bandwidth", "egressRate": 8000000, "egressBurst": 8000000'; do
		result=$(cni ADD red "$(net "del(.bridge, .ipam) | . + {$chain, \"prevResult\": $result}")")
	done
	ip link del "$(jq -r '.interfaces[1].name' <<<"$result")" # as the reference does
	ip link show type ifb | grep -q edgeway
	sed -n '/^nft list tables/,/^```/{/^```/!p}' "$ROOT/docs/migration.md" >"$T/by_hand"
	grep -q edgeway "$T/by_hand"
	bash -e "$T/by_hand"
	nft list ruleset | sed -n '/edgeway/p' | absent "rules"
	iptables -S FORWARD | grep -q CNI-FORWARD
	ip link show type ifb | absent "links"
	[ ! -e /run/edgeway ] && [ ! -e /var/lib/edgeway ]
}

run_tests "$@"
