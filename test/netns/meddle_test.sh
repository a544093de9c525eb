#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Somebody meddles with the node or the configuration between ADD and DEL: whatever is left of a
# container can still be removed, CHECK tells what is wrong, and nobody else's is touched.
. "$(dirname "$0")/lib.sh"

STAMPEDE=${FULL:+100}
STAMPEDE=${STAMPEDE:-40}
TABLE="inet edgeway_masq"

conf() {
	net '.isDefaultGateway = true | .ipMasq = true | .macspoofchk = true |
		.ipam.ranges += [[{"subnet": "fd00:9::/64"}]] | '"${1:-.}"
}
gc() { cni GC none "$(jq -c '."cni.dev/valid-attachments" = '"${2:-[]}" <<<"$1")"; }
port_of() { ip -j link show | jq -r '.[] | select(.ifalias // "" | endswith("/'"$1"'/eth0")) | .ifname'; }
elements() {
	nft -j list ruleset | jq -r '.nftables[].set | select(. and (.table | startswith("edgeway"))) |
		.elem[]? | if type == "object" and .elem then .elem.comment else "?" end' | sort -u
}
pairs() { ip -j link show type veth | jq -r '.[].ifname | select(. != "up0")'; }
# clean: nothing of any container is on the node
clean() {
	pairs | absent "pair left"
	elements | absent "elements left"
	find /run/edgeway -type f -path '/run/edgeway/ma*/*' | absent "records left"
	leases n | absent "leases left"
}
# masquerades POD: what is outside sees the node's addresses, for it has no route to a pod's
masquerades() {
	reaches "$1" 192.0.2.9
	reaches "$1" 2001:db8::9
}

# --- the configuration ---

# changed FILTER: DEL with this configuration leaves nothing
changed() {
	pod red
	cni ADD red "$(conf)"
	cni DEL red "$(conf "$1")"
	clean
}
test_another_bridge_name() { changed '.bridge = "br9"'; }
test_everything_is_turned_off() { changed 'del(.isDefaultGateway, .ipMasq, .macspoofchk)'; }
test_another_subnet() { changed '.ipam.ranges = [[{"subnet": "10.77.0.0/24"}]]'; }
test_values_that_an_add_would_refuse() { changed '.mtu = 7 | .vlan = 5000 | .ipam.ranges = [[{"subnet": "x"}]]'; }

# leased FILTER: DEL with this configuration, which no longer says where the lease is, leaves just that;
# a GC that knows takes it, and so does an ADD when the pool is empty
leased() {
	pod red
	cni ADD red "$(conf)"
	cni DEL red "$1"
	equal "10.9.0.2 fd00:9::2" "$(leases n | paste -sd' ')" "leases"
	gc "$(conf)"
	clean
}
test_another_ipam() { leased "$(conf '.ipam = {"type": "static", "addresses": [{"address": "10.9.0.9/24"}]}')"; }
test_an_ipam_without_type() { leased "$(conf '.ipam = {}')"; }
test_the_least_configuration() { leased '{"cniVersion": "1.1.0", "name": "n", "type": "bridge"}'; }

test_gc_with_the_least_configuration() {
	pod red blue
	cni ADD red "$(conf)"
	cni ADD blue "$(conf)"
	gc '{"cniVersion": "1.1.0", "name": "n", "type": "bridge"}' '[{"containerID": "blue", "ifname": "eth0"}]'
	equal 1 "$(pairs | wc -l)" "pairs"
	equal "edgeway n/blue/eth0" "$(elements)" "elements"
	cni DEL red "$(conf)"
	cni CHECK blue "$(conf)"
}

# --- the namespace ---

test_another_namespace_at_the_same_path() {
	pod red
	cni ADD red "$(conf)"
	ip netns del red
	pod red
	CID=blue cni ADD red "$(conf)"
	refused 104 "" CHECK red "$(conf)"
	cni DEL red "$(conf)"
	CID=blue cni CHECK red "$(conf)"
	reaches red 10.9.0.1
	CID=blue cni DEL red "$(conf)"
	clean
}

# --- links and addresses ---

test_the_bridge_is_deleted_and_comes_back() {
	pod red blue
	cni ADD red "$(conf)"
	ip link del br0
	refused 104 "bridge br0 is missing" CHECK red "$(conf)"
	cni ADD blue "$(conf)"
	cni CHECK blue "$(conf)"
	reaches blue 10.9.0.1
	refused 104 "br0 has MAC address" CHECK red "$(conf)" # the new one's is another
	cni DEL red "$(conf)"
	cni DEL blue "$(conf)"
	clean
}

# renamed POD: somebody gives the node's end another name
renamed() {
	local port
	port=$(port_of "$1")
	ip link set "$port" down
	ip link set "$port" name other0
	ip link set other0 up
}

test_the_nodes_end_is_renamed() {
	pod red
	cni ADD red "$(conf)"
	renamed red
	refused 104 "is missing on the node" CHECK red "$(conf)"
	cni DEL red "$(conf)"
	clean
}

test_the_nodes_end_is_renamed_and_the_namespace_unknown() {
	pod red
	cni ADD red "$(conf)"
	renamed red
	NETNS="" PREV="" cni DEL red "$(conf)"
	gc "$(conf)"
	clean
}

test_the_nodes_end_moves_to_another_bridge() {
	pod red
	cni ADD red "$(conf)"
	ip link add br9 type bridge
	ip link set "$(port_of red)" master br9
	refused 104 "is not a port of br0" CHECK red "$(conf)"
	cni DEL red "$(conf)"
	clean
}

test_the_nodes_end_is_deleted() {
	pod red
	cni ADD red "$(conf)"
	ip link del "$(port_of red)"
	refused 104 "" CHECK red "$(conf)"
	cni DEL red "$(conf)"
	clean
}

# DEL finds the pair of a killed ADD by its name; GC has to find it too, at whatever request ADD died
test_gc_after_an_add_killed_at_each_netlink_request() {
	local n=1
	settle "$(conf)"
	pod red
	world >"$T/before"
	until traced red -o "$T/calls" -e "inject=sendto:signal=KILL:when=$n"; do
		gc "$(conf)"
		cni STATUS none "$(conf)" # which brings the index of leases up to date
		unchanged "an ADD killed at request $n, and GC"
		n=$((n + 1))
	done
	[ $n -gt 5 ] || fail "ADD has only $n requests: $(cat "$T/calls")"
}

# traced POD OPTION...: ADD of POD under strace; all netlink requests are made with sendto(2)
traced() {
	local pod=$1
	shift
	CNI_COMMAND=ADD CNI_CONTAINERID=$pod CNI_NETNS=/run/netns/$pod CNI_IFNAME=eth0 CNI_PATH=$BIN \
		strace -e trace=sendto "$@" "$RELEASE_BIN/bridge" <<<"$(conf)" >"$T/out"
}

test_the_gateway_address_is_removed() {
	pod red blue
	cni ADD red "$(conf)"
	ip addr flush dev br0
	refused 104 "gateway address 10.9.0.1 is missing" CHECK red "$(conf)"
	cni ADD blue "$(conf)"
	cni CHECK red "$(conf)"
	reaches red 10.9.0.1
	reaches red fd00:9::1
}

# --- leases ---

# an address may be given twice then, as with the reference plugin; each can still go on its own
test_all_leases_are_removed() {
	pod red blue
	cni ADD red "$(conf)"
	rm -rf /var/lib/cni/networks/n
	refused 104 "" CHECK red "$(conf)"
	cni ADD blue "$(conf)"
	equal "10.9.0.2 fd00:9::2" "$(leases n | paste -sd' ')" "leases"
	cni DEL red "$(conf)"
	cni CHECK blue "$(conf)"
	cni DEL blue "$(conf)"
	clean
}

test_ptp_sees_that_an_address_is_in_use_though_its_lease_is_gone() {
	local ptp
	ptp=$(net '.type = "ptp" | del(.bridge) | .ipMasq = true')
	pod red blue
	cni ADD red "$ptp"
	rm -rf /var/lib/cni/networks/n
	refused 101 "edgeway n/red/eth0" ADD blue "$ptp"
	leases n | absent "leases of the failed ADD"
	cni ADD blue "$(jq -c '.args.cni.ips = ["10.9.0.7"]' <<<"$ptp")"
	cni DEL red "$ptp"
	cni CHECK blue "$ptp"
	cni DEL blue "$ptp"
	clean
}

test_a_lease_is_edited() {
	pod red blue
	cni ADD red "$(conf)"
	printf 'stranger\r\neth0' >/var/lib/cni/networks/n/10.9.0.2
	refused 104 "10.9.0.2" CHECK red "$(conf)"
	cni ADD blue "$(conf)"
	equal 10.9.0.3 "$(address blue)" "address"
	cni DEL red "$(conf)"
	cni DEL blue "$(conf)"
	equal 10.9.0.2 "$(leases n)" "the stranger's lease"
	gc "$(conf)"
	clean
}

# --- state ---

test_run_is_emptied() {
	pod red blue
	outside
	cni ADD red "$(conf)"
	rm -rf /run/edgeway
	cni CHECK red "$(conf)"
	cni ADD blue "$(conf)"
	masquerades red
	cni DEL red "$(conf)"
	cni DEL blue "$(conf)"
	clean
}

# nobody knows any more that red was masqueraded: neither after a flush, nor when it goes
test_run_is_emptied_and_the_ruleset_flushed() {
	pod red blue
	cni ADD red "$(conf)"
	rm -rf /run/edgeway
	nft flush ruleset
	cni ADD blue "$(conf)"
	refused 104 "" CHECK red "$(conf)"
	cni DEL red "$(conf)"
	cni CHECK blue "$(conf)"
	cni DEL blue "$(conf)"
	clean
}

# --- rules ---

# repaired HOW: ADD works, CHECK does not say that all is well while it is not, and --resync repairs
repaired() {
	pod red blue
	outside
	cni ADD red "$(conf)"
	nft -f - <<<"$1"
	if cni CHECK red "$(conf)" >"$T/check"; then masquerades red; fi
	cni ADD blue "$(conf)"
	if cni CHECK blue "$(conf)" >"$T/check"; then masquerades blue; fi
	if cni CHECK red "$(conf)" >"$T/check"; then masquerades red; fi
	"$BIN/bridge" --resync
	masquerades red
	masquerades blue
	cni CHECK red "$(conf)"
	cni CHECK blue "$(conf)"
	cni DEL red "$(conf)"
	cni DEL blue "$(conf)"
	clean
}
POSTROUTING="$TABLE postrouting"
SET="$TABLE pods_10.9.0.0/24"
test_the_ruleset_is_flushed() { repaired "flush ruleset"; }
test_the_table_is_deleted() { repaired "delete table $TABLE"; }
test_the_table_is_flushed() { repaired "flush table $TABLE"; }
test_the_chain_is_deleted() { repaired "flush chain $POSTROUTING
delete chain $POSTROUTING"; }
test_a_set_is_flushed() { repaired "flush set $SET"; }
test_the_macspoof_table_is_deleted() { repaired "delete table bridge edgeway_macspoof"; }

test_the_macspoof_sets_are_deleted() {
	repaired "flush chain bridge edgeway_macspoof prerouting
delete set bridge edgeway_macspoof ports
delete set bridge edgeway_macspoof macs"
}

# the half of the rules that is for IPv4 goes: the next ADD brings it back for all, not just for itself
test_a_set_and_its_rule_are_deleted() {
	pod red blue
	outside
	cni ADD red "$(conf)"
	nft flush chain $POSTROUTING
	nft delete set $SET
	nft add rule $POSTROUTING ip6 saddr @pods_fd00_9__/64 ip6 daddr != fd00:9::/64 masquerade
	refused 104 "10.9.0.2 is not masqueraded" CHECK red "$(conf)"
	cni ADD blue "$(conf)"
	masquerades blue
	cni CHECK blue "$(conf)"
	masquerades red
	cni CHECK red "$(conf)"
}

# listed_first: the records there are come before later ones when their directory is read, as on
# kernels whose tmpfs lists the oldest first: an overlay lists its lower layer first
listed_first() {
	mkdir "$T/new" "$T/work"
	mv /run/edgeway "$T/old"
	mkdir /run/edgeway
	mount -t overlay none -o "lowerdir=$T/old,upperdir=$T/new,workdir=$T/work" /run/edgeway
}

# red died without a DEL, its lease was taken back, the rules flushed: two records claim one address,
# and red's late DEL must not cost blue the masquerading
test_the_late_del_of_an_earlier_holder_after_a_flush() {
	pod red blue
	outside
	cni ADD red "$(conf)"
	listed_first
	rm -rf /var/lib/cni/networks/n
	nft flush ruleset
	cni ADD blue "$(conf)"
	cni CHECK blue "$(conf)"
	nft flush ruleset
	"$BIN/bridge" --resync
	cni CHECK blue "$(conf)"
	ip netns del red
	NETNS="" cni DEL red "$(conf)"
	cni CHECK blue "$(conf)"
	masquerades blue
}

# --- everything at once ---

# meddle: flush rulesets and rename a few links in between, until told to stop; says how often
meddle() {
	local flushes=0 renames=0 port
	while [ ! -e "$T/stop" ]; do
		nft flush ruleset
		flushes=$((flushes + 1))
		: >"$T/flush.$flushes"
		for port in $(cd /sys/class/net && shuf -n 4 -e veth*); do
			if ip link set "$port" name "m$renames" 2>/dev/null; then
				renames=$((renames + 1))
			fi
		done
	done
	echo "$flushes $renames" >"$T/meddled"
}

# stampede: every pod's ADD, eight at a time and a flush for each eight; what failed must have said why
stampede() {
	local i waited flushes=0 pids=()
	for ((i = 0; i < STAMPEDE; i++)); do
		{
			if cni ADD p$i "$(conf)" >"$T/said.$i"; then
				: >"$T/added.$i"
			else
				json '.code >= 11 and (.msg | length) > 0' <"$T/said.$i"
			fi
		} &
		pids+=($!)
		[ $((i % 8)) = 7 ] || continue
		flushes=$((flushes + 1))
		for ((waited = 0; waited < 200; waited++)); do
			[ ! -e "$T/flush.$flushes" ] || break
			sleep 0.05
		done
	done
	for i in "${pids[@]}"; do wait "$i" || fail "an ADD died: $(cat "$T"/said.*)"; done
}

test_a_stampede_while_somebody_meddles() {
	local i meddler flushes renames added=0
	settle "$(conf)"
	outside
	for ((i = 0; i < STAMPEDE; i++)); do pod p$i; done
	meddle &
	meddler=$!
	stampede
	: >"$T/stop"
	wait $meddler
	read -r flushes renames <"$T/meddled"
	[ "$flushes" -ge $((STAMPEDE / 8)) ] || fail "only $flushes flushes"
	"$BIN/bridge" --resync
	for ((i = 0; i < STAMPEDE; i++)); do
		if [ ! -e "$T/added.$i" ]; then
			ip -n p$i -o link show type veth | absent "interface of a failed ADD"
			continue
		fi
		added=$((added + 1))
		masquerades p$i
	done
	echo "$added of $STAMPEDE added, $flushes flushes, $renames renames"
	[ $added -gt $((STAMPEDE / 4)) ] || fail "only $added of $STAMPEDE added"
	for ((i = 0; i < STAMPEDE; i++)); do cni DEL p$i "$(conf)"; done
	clean
	for ((i = 0; i < STAMPEDE; i++)); do ip netns del p$i; done
	ip link del up0 # at once; with its namespace it would go some time later
	ip netns del outside
	unchanged "the stampede"
}

run_tests "$@"
