#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A flannel network as K3s has it: the subnet file becomes bridge's configuration, bridge runs in this
# very process, and what is saved for DEL is the original's.
#
# What the original makes of an input is recorded here from its own unit tests (flannel-io/cni-plugin,
# flannel_linux_test.go, version 1.9): that version is in no distribution. An older one of it, where
# there is one, plays the twin cases, and deletes what ours has added, below.
. "$(dirname "$0")/lib.sh"

SAVED=/var/lib/cni/flannel
V4='FLANNEL_NETWORK=10.1.0.0/16
FLANNEL_SUBNET=10.1.17.1/24'
V6='FLANNEL_IPV6_NETWORK=fc00::/48
FLANNEL_IPV6_SUBNET=fc00::1/64'
REST='FLANNEL_MTU=1472
FLANNEL_IPMASQ=true'

# subnet LINE...: what flannel's daemon has written
subnet() {
	mkdir -p /run/flannel
	printf '%s\n' "$@" >/run/flannel/subnet.env
}
v4() { subnet "$V4" "$REST"; }
dual() { subnet "$V4" "$V6" "$REST"; }

# flannel [FILTER]: K3s' configuration, changed by a jq filter
flannel() {
	jq -c "${1:-.}" <<-'JSON'
		{"cniVersion": "1.1.0", "name": "cbr0", "type": "flannel",
		 "delegate": {"hairpinMode": true, "forceAddress": true, "isDefaultGateway": true}}
	JSON
}
plain() { flannel "del(.delegate, .cniVersion) | .name = \"cni-flannel\" | ${1:-.}"; }

# saves WANT CONF: what ADD of a pod saves is this JSON
saves() {
	local got
	pod red
	cni ADD red "$2" >"$T/added"
	got=$(cat $SAVED/red)
	jq -en --argjson want "$1" --argjson got "$got" '$want == $got' >/dev/null ||
		fail "saved: want $(jq -cS . <<<"$1"), got $got"
	cni DEL red "$2"
	[ ! -e $SAVED/red ] || fail "$SAVED/red is left"
	cni DEL red "$2"
	ip netns del red
}

# delegate FILTER: what all of the recorded delegates have in common, with the rest
delegate() {
	jq -c "$1" <<-'JSON'
		{"ipMasq": false, "isGateway": true, "mtu": 1472, "name": "cni-flannel", "type": "bridge",
		 "ipam": {"type": "host-local", "routes": [{"dst": "10.1.0.0/16"}], "ranges": [[{"subnet": "10.1.17.0/24"}]]}}
	JSON
}

# --- the delegate's configuration, as the original makes it ---

test_one_family() {
	v4
	saves "$(delegate .)" "$(plain)"
	subnet "$V6" "$REST"
	saves "$(delegate '.ipam.routes = [{"dst": "fc00::/48"}] | .ipam.ranges = [[{"subnet": "fc00::/64"}]]')" "$(plain)"
}

test_both_families_and_several_networks() {
	dual
	saves "$(delegate '.ipam.routes += [{"dst": "fc00::/48"}] | .ipam.ranges += [[{"subnet": "fc00::/64"}]]')" "$(plain)"
	json '.ip4.ip == "10.1.17.2/24" and .ip6.ip == "fc00::2/64"' <"$T/added"
	subnet "FLANNEL_NETWORK=10.1.0.0/16,192.168.7.7/16,10.1.2.3/16" FLANNEL_SUBNET=10.1.17.1/24 "$REST"
	saves "$(delegate '.ipam.routes += [{"dst": "192.168.0.0/16"}]')" "$(plain)"
}

test_keys_for_ipam_are_kept_and_routes_come_first() {
	local mine='.ipam = {"unknown-param": "unknown-value", "routes": [{"dst": "10.96.0.0/12"},
		{"dst": "192.168.244.0/24", "gw": "10.1.17.20"}]}'
	dual
	saves "$(delegate ".ipam.ranges += [[{\"subnet\": \"fc00::/64\"}]] | .ipam.\"unknown-param\" = \"unknown-value\" |
		.ipam.routes = [{\"dst\": \"10.96.0.0/12\"}, {\"dst\": \"192.168.244.0/24\", \"gw\": \"10.1.17.20\"},
		{\"dst\": \"10.1.0.0/16\"}, {\"dst\": \"fc00::/48\"}]")" "$(plain "$mine")"
}

# README of the original: what is in delegate goes before what flannel sets
test_what_the_delegate_says_itself() {
	subnet "$V4" FLANNEL_MTU=1472 FLANNEL_IPMASQ=false
	saves "$(delegate '.ipMasq = true')" "$(plain)"
	saves "$(delegate '.bridge = "mynet0" | .mtu = 1400 | .isGateway = false')" \
		"$(plain '.delegate = {"bridge": "mynet0", "mtu": 1400, "ipMasq": false, "isGateway": false}')"
	saves "$(delegate '.ipMasq = true | .cniVersion = "1.0.0" | .runtimeConfig = {"mac": "02:00:00:00:00:07", "other": [1]}')" \
		"$(plain '.cniVersion = "1.0.0" | .runtimeConfig = {"mac": "02:00:00:00:00:07", "other": [1]}')"
}

# --- the network ---

test_k3s() {
	local out
	dual
	pod red blue
	out=$(cni ADD red "$(flannel '.cniVersion = "1.0.0"')")
	cni ADD blue "$(flannel)"
	json '[.ips[].address] == ["10.1.17.2/24", "fc00::2/64"] and .interfaces[0].name == "cni0"' "$out"
	equal "1472 1472" "$(link cni0 | jq .mtu) $(link eth0 red | jq .mtu)" "MTU"
	json '[.routes[].dst] == ["10.1.0.0/16", "fc00::/48", "0.0.0.0/0", "::/0"]' "$out"
	equal "10.1.17.2 10.1.17.3 fc00::2 fc00::3" "$(leases cbr0 | paste -sd' ')" "leases, under the original's name"
	reaches red 10.1.17.1
	reaches red 10.1.17.3
	reaches blue fc00::2
	ip -n red -j route show default | json '.[0].gateway == "10.1.17.1"'
	ip -j -d link show type veth | json 'all(.[]; .linkinfo.info_slave_data.hairpin == true)'
	nft list ruleset | absent "rules, although flannel's daemon masquerades"
	equal "600 700" "$(stat -c %a $SAVED/red) $(stat -c %a $SAVED)" "modes"
	cni CHECK red "$(flannel '.cniVersion = "1.0.0"')"
}

test_masquerading_is_ours_where_the_daemon_does_none() {
	outside
	subnet "$V4" FLANNEL_MTU=1450 FLANNEL_IPMASQ=false
	pod red
	cni ADD red "$(flannel)"
	reaches red 192.0.2.9
	nft flush ruleset
	unreachable red 192.0.2.9
	"$BIN/flannel" --resync
	reaches red 192.0.2.9
}

test_what_the_runtime_asks_for_is_passed_on() {
	v4
	pod red
	cni ADD red "$(flannel '.runtimeConfig = {"mac": "02:00:00:00:00:07", "ips": ["10.1.17.99"]}')"
	equal "02:00:00:00:00:07 10.1.17.99" "$(link eth0 red | jq -r '"\(.address) \(.addr_info[0].local)"')" "MAC and address"
	pod blue
	ARGS="IgnoreUnknown=1;K8S_POD_NAME=b;IP=10.1.17.77" cni ADD blue "$(flannel)"
	equal 10.1.17.77 "$(address blue)" "address"
}

test_every_version() {
	local version
	dual
	for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		pod red
		json ".cniVersion == \"$version\"" "$(cni ADD red "$(flannel ".cniVersion = \"$version\"")")"
		reaches red 10.1.17.1
		cni DEL red "$(flannel ".cniVersion = \"$version\"")"
		ip netns del red
	done
}

test_another_delegate_runs_in_its_own_process() {
	local conf
	conf=$(flannel '.delegate = {"type": "ptp", "mtu": 1300} | .ipam.routes = [{"dst": "0.0.0.0/0"}]')
	v4
	settle "$conf"
	pod red
	json '[.interfaces[].mtu] == [1300, 1300]' "$(cni ADD red "$conf")"
	reaches red 10.1.17.1
	json '.type == "ptp" and (has("isGateway") | not)' "$(cat $SAVED/red)"
	cni CHECK red "$conf"
	ip -n red link set eth0 down
	refused 104 "ptp: eth0 in the container is down" CHECK red "$conf"
	cni STATUS none "$conf"
	cni DEL red "$conf"
	ip netns del red
	unchanged "ADD and DEL"
	CNIPATH=/nonexistent cni DEL red "$conf" # nothing is saved, so most likely nothing is there
}

# An operator has removed it, so no DEL would ever find it again.
test_a_delegate_that_is_no_longer_installed() {
	local conf
	conf=$(flannel '.delegate = {"type": "ptp", "ipMasq": true} | .ipam.routes = [{"dst": "0.0.0.0/0"}]')
	v4
	settle "$conf"
	pod red blue green
	cni ADD red "$conf"
	CNIPATH=/nonexistent cni DEL red "$conf"
	grep -q 'delegate.type: failed to find plugin \\"ptp\\" .*: deleted without it' "$T/err" ||
		fail "not said: $(cat "$T/err")"
	CNIPATH=/nonexistent cni DEL red "$conf"
	ip netns del red
	cni ADD blue "$conf"
	ip netns del blue
	NETNS="" PREV="" CNIPATH=/nonexistent cni DEL blue "$conf"
	cni ADD green "$conf"
	CNIPATH=/nonexistent cni GC none "$(flannel '."cni.dev/valid-attachments" = []')"
	ip netns del green
	unchanged "DEL and GC without the delegate"
}

# --- what is wrong is named ---

# wrong TEXT CONF: ADD is refused like this, and leaves nothing; STATUS says the same with code 50
wrong() {
	local code=$1
	refused "$code" "$2" ADD red "$(flannel "${3:-.}")"
	refused 50 "$2" STATUS none "$(flannel "${3:-.}")"
}

test_a_subnet_file_that_is_wrong() {
	local at="subnetFile: /run/flannel/subnet.env"
	pod red
	world >"$T/before"
	wrong 11 "subnetFile: open /run/flannel/subnet.env: No such file or directory"
	wrong 11 "k3s itself"
	wrong 11 "subnetFile: open /run/x: No such" '.subnetFile = "/run/x"'
	wrong 5 "subnetFile: open /run: not a file" '.subnetFile = "/run"'
	mkfifo /run/fifo
	wrong 5 "subnetFile: open /run/fifo: not a file" '.subnetFile = "/run/fifo"'
	subnet
	wrong 7 "$at: lacks FLANNEL_NETWORK or FLANNEL_IPV6_NETWORK, FLANNEL_SUBNET or FLANNEL_IPV6_SUBNET, FLANNEL_MTU, FLANNEL_IPMASQ"
	subnet "$V4" FLANNEL_IPMASQ=true
	wrong 7 "$at: lacks FLANNEL_MTU"
	subnet FLANNEL_NETWORK=10.1.0.0/16 "$REST"
	wrong 7 "$at: lacks FLANNEL_SUBNET or FLANNEL_IPV6_SUBNET"
	subnet "# comment" FLANNEL_NETWORK "$REST"
	wrong 7 "$at, line 2: FLANNEL_NETWORK: must be followed by = and a value"
	subnet FLANNEL_NETWORK=10.1.0.0/16,10.2.0.0/33 "$REST"
	wrong 7 "$at, line 1: FLANNEL_NETWORK=10.1.0.0/16,10.2.0.0/33: prefix length must be 0..32"
	subnet "$V4" FLANNEL_IPV6_SUBNET=fd00::1 "$REST"
	wrong 7 "$at, line 3: FLANNEL_IPV6_SUBNET=fd00::1: "
	for mtu in "" 67 65536 -1 1e3 +9 99999999999999999999; do
		subnet "$V4" "FLANNEL_MTU=$mtu"
		wrong 7 "$at, line 3: FLANNEL_MTU=$mtu: must be 0 or 68..65535"
	done
	subnet "$V4" FLANNEL_MTU=0 FLANNEL_IPMASQ=yes
	wrong 7 "$at, line 4: FLANNEL_IPMASQ=yes: must be true or false"
	unchanged "what was refused"
	subnet $'FLANNEL_NETWORK=10.1.0.0/16\r' "other line" "FLANNEL_SUBNETS=5" FLANNEL_SUBNET=10.9.9.9/30 "$V4" "$REST" FLANNEL_MTU=0
	cni ADD red "$(flannel)"
	equal 10.1.17.2 "$(address red)" "address by the last of two lines"
}

test_a_full_subnet_is_told_by_status() {
	subnet FLANNEL_NETWORK=10.1.0.0/16 FLANNEL_SUBNET=10.1.17.1/30 "$REST"
	pod red
	cni STATUS none "$(flannel)" | absent "output of STATUS"
	cni ADD red "$(flannel)"
	refused 50 "10.1.17" STATUS none "$(flannel)"
}

test_an_add_that_fails_leaves_nothing() {
	local masq
	masq=$(flannel '.delegate.ipMasq = true')
	v4
	settle "$masq"
	pod red
	world >"$T/before"
	refused 100 "bridge: " ADD red "$(flannel '.ipam.routes = [{"dst": "172.20.0.0/16", "gw": "192.168.7.7"}]')"
	unchanged "the failed ADD"
	if CNI_COMMAND=ADD CNI_CONTAINERID=red CNI_NETNS=/run/netns/red CNI_IFNAME=eth0 CNI_PATH="$BIN" \
		"$BIN/flannel" <<<"$masq" >/dev/full; then fail "ADD said it succeeded"; fi
	unchanged "the ADD nobody heard of"
	refused 5 "dataDir: open /proc/none" ADD red "$(jq -c '.dataDir = "/proc/none"' <<<"$masq")"
	unchanged "the ADD that could not save"
}

test_an_add_that_fails_leaves_what_is_saved_for_another_interface() {
	v4
	pod red
	cni ADD red "$(flannel)"
	cp $SAVED/red "$T/saved"
	refused 101 "10.1.17.2 has been allocated to red" ADD red "$(flannel '.delegate.mtu = 1200')"
	cmp $SAVED/red "$T/saved"
	cni CHECK red "$(flannel)"
}

# --- the end of it ---

test_two_networks_of_a_container_share_a_name() {
	local other
	v4
	other=$(flannel '.name = "other" | .delegate = {"bridge": "br9", "ipMasq": true} | .subnetFile = "/run/other.env"')
	printf '%s\n' FLANNEL_NETWORK=10.2.0.0/16 FLANNEL_SUBNET=10.2.5.1/24 "$REST" >/run/other.env
	pod red
	cni ADD red "$(flannel)"
	IFNAME=net1 cni ADD red "$other"
	IFNAME=net2 cni ADD red "$(flannel)" # over the other network's
	json '.name == "cbr0"' "$(cat $SAVED/red)"
	IFNAME=net1 cni CHECK red "$other"
	IFNAME=net1 cni DEL red "$other"
	json '.name == "cbr0"' "$(cat $SAVED/red)"
	leases other | absent "leases"
	nft -j list ruleset | json '[.nftables[].set.elem // empty] == []'
	cni DEL red "$(flannel)"
	reaches red 10.1.17.1
	IFNAME=net2 cni DEL red "$(flannel)"
	ip -o link show type veth | absent "pairs"
	leases cbr0 | absent "leases"
}

# forgotten COMMAND...: DEL after this, without namespace and prevResult, must leave nothing
forgotten() {
	local masq
	masq=$(flannel '.delegate.ipMasq = true')
	dual
	settle "$masq"
	pod red
	cni ADD red "$masq"
	"$@"
	NETNS="" PREV="" cni DEL red "$masq"
	if [ -e /run/netns/red ]; then ip netns del red; fi
	unchanged "DEL"
	NETNS="" PREV="" cni DEL red "$masq"
	unchanged "the second DEL"
}
test_the_runtime_forgot_everything() { forgotten true; }
test_the_netns_is_gone() { forgotten ip netns del red; }
test_what_was_saved_is_gone() { forgotten rm $SAVED/red; }
test_what_was_saved_is_empty() { forgotten truncate -s 0 $SAVED/red; }
test_what_was_saved_is_cut_off() { forgotten truncate -s 40 $SAVED/red; }
test_what_was_saved_is_not_its_own() { forgotten cp /etc/hostname $SAVED/red; }
test_the_subnet_file_is_gone_too() { forgotten rm $SAVED/red /run/flannel/subnet.env; }
moved() { subnet FLANNEL_NETWORK=10.7.0.0/16 FLANNEL_SUBNET=10.7.3.1/24 "$REST" && rm $SAVED/red; }
test_the_node_has_another_subnet() { forgotten moved; }

test_a_configuration_that_is_wrong_by_now() {
	v4
	pod red
	cni ADD red "$(flannel)"
	cni DEL red "$(flannel '.delegate = {"type": 5, "name": "x", "mtu": "big"} | .ipam = 7 | .runtimeConfig = []')"
	ip -o link show type veth | absent "veth left"
	leases cbr0 | absent "leases"
	cni DEL red "$(flannel '.delegate = 5 | .ipam.type = [] | .dataDir = false')"
}

test_check_notices_what_is_gone() {
	dual
	pod red
	cni ADD red "$(flannel)"
	cni CHECK red "$(flannel)"
	rm $SAVED/red
	cni CHECK red "$(flannel)" # ours needs no file
	ip -n red addr flush dev eth0 scope global
	refused 104 "bridge: " CHECK red "$(flannel)"
}

test_check_notices_that_the_node_has_another_subnet() {
	v4
	pod red
	cni ADD red "$(flannel)"
	mv /run/flannel/subnet.env "$T"
	cni CHECK red "$(flannel)" # by what is saved
	subnet FLANNEL_NETWORK=10.1.0.0/16 FLANNEL_SUBNET=10.1.18.1/24 "$REST"
	refused 104 '[[{"subnet":"10.1.18.0/24"}]]' CHECK red "$(flannel)"
	rm /run/flannel/subnet.env $SAVED/red
	refused 11 "subnetFile: open" CHECK red "$(flannel)"
}

# saved by a version that had no GC, for a plugin that is no longer configured
test_gc_by_what_was_saved_long_ago() {
	local ptp
	v4
	pod red
	ptp=$(flannel '.cniVersion = "1.0.0" | .delegate = {"type": "ptp"}')
	cni ADD red "$ptp"
	json '.cniVersion == "1.0.0"' "$(cat $SAVED/red)"
	cni GC none "$(flannel '.cniVersion = "1.1.0" | ."cni.dev/valid-attachments" = []')"
	ip -o link show type veth | absent "pairs"
	find $SAVED -type f | absent "what was saved"
}

test_gc_by_what_was_saved_before_strict() {
	v4
	pod red
	cni ADD red "$(flannel '.delegate.later = 1 | .ipam.then = 1')"
	refused 2 "then: 1: unknown key" STATUS none "$(flannel '.strict = true | .ipam.then = 1')"
	cni GC none "$(flannel '.strict = true | ."cni.dev/valid-attachments" = []')"
	ip -o link show type veth | absent "pairs"
	find $SAVED -type f | absent "what was saved"
}

test_gc_keeps_only_what_is_valid() {
	local masq valid
	masq=$(flannel '.delegate.ipMasq = true')
	valid=$(jq -c '."cni.dev/valid-attachments" = [{"containerID": "red", "ifname": "eth0"}]' <<<"$masq")
	v4
	pod red blue green grey
	cni ADD red "$masq"
	cni ADD blue "$masq"
	ARGS="IP=10.1.17.7" cni ADD green "$(jq -c '.name = "m" | .delegate.bridge = "br9"' <<<"$masq")"
	ARGS="IP=10.1.17.8" cni ADD grey "$(jq -c '.ipam.dataDir = "/var/lib/cni/elsewhere"' <<<"$masq")"
	: >$SAVED/dead
	echo notes >$SAVED/README
	cni GC none "$masq"
	equal 4 "$(ip -o link show type veth | wc -l)" "pairs after a GC without a list"
	cni GC none "$valid"
	equal "edgeway cbr0/red/eth0 edgeway m/green/eth0" "$(ip -j link show type veth | jq -r '[.[].ifalias] | sort | join(" ")')" "pairs"
	equal "README green red" "$(ls $SAVED | sort | paste -sd' ')" "what is saved"
	equal 10.1.17.2 "$(leases cbr0)" "leases"
	find /var/lib/cni/elsewhere -name '10.*' | absent "a lease in a directory that was configured earlier"
	cni CHECK red "$masq"
	rm /run/flannel/subnet.env
	cni GC none "$(jq -c '."cni.dev/valid-attachments" = []' <<<"$masq")"
	leases cbr0 | absent "leases"
	equal "README green" "$(ls $SAVED | sort | paste -sd' ')" "what is saved"
}

# --- exchanged binaries ---

ORIGINAL=$(echo "$ROOT"/build/deps/flannel-*)
no_original() { [ ! -x "$ORIGINAL/flannel" ] && echo "SKIP: no original flannel: deploy/packages test fetches one"; }
# what the old one understands
old() { flannel ".cniVersion = \"0.4.0\" | ${1:-.}"; }

test_the_original_deletes_what_ours_has_added() {
	local conf
	no_original && return
	conf=$(old)
	v4
	pod red
	cni ADD red "$conf"
	BIN=$ORIGINAL CNIPATH=$PEER cni DEL red "$conf"
	ip -o link show type veth | absent "veth left behind"
	leases cbr0 | absent "leases"
	ls $SAVED | absent "what was saved"
}

test_ours_deletes_what_the_original_has_added() {
	local conf
	no_original && return
	conf=$(old)
	v4
	pod red blue
	BIN=$ORIGINAL CNIPATH=$PEER cni ADD red "$conf"
	BIN=$ORIGINAL CNIPATH=$PEER cni ADD blue "$conf"
	cni DEL red "$conf"
	rm $SAVED/blue
	cni DEL blue "$conf"
	ip -o link show type veth | absent "veth left behind"
	leases cbr0 | absent "leases"
	ls $SAVED | absent "what was saved"
}

run_tests "$@"
