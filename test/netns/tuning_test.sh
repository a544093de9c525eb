#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The tuning plugin: the interface as wanted, all or nothing, and as it was after DEL.
. "$(dirname "$0")/lib.sh"

FILES=/run/cni/tuning

# furnish POD...: a pod with an interface eth0, as an earlier plugin of the chain leaves it
furnish() {
	local name
	for name; do
		pod "$name"
		ip link add "end-$name" type veth peer name eth0 netns "$name"
		ip -n "$name" link set eth0 address 02:00:00:00:00:01 txqueuelen 500 up
		ip link set "end-$name" up
		ip -n "$name" addr add 10.9.0.2/24 dev eth0
	done
}

# conf FILTER: a configuration, changed by a jq filter
conf() {
	jq -c "$1" <<-'JSON'
		{"cniVersion": "1.1.0", "name": "n", "type": "tuning", "prevResult": {"cniVersion": "1.1.0",
		 "interfaces": [{"name": "eth0", "mac": "02:00:00:00:00:09"},
		                {"name": "eth0", "mac": "02:00:00:00:00:01", "sandbox": "/run/netns/red"}],
		 "ips": [{"address": "10.9.0.2/24", "interface": 1}]}}
	JSON
}

# everything: a configuration with every key
everything() {
	conf '.mac = "02:00:00:00:00:AA" | .mtu = 1400 | .promisc = true | .allmulti = true |
	      .txQLen = 77 | .sysctl = {"net.ipv4.conf.IFNAME.arp_notify": "1", "net.core.somaxconn": "77"}'
}

# setting POD PATH: a sysctl of the pod
setting() { inside "$1" cat "/proc/sys/net/$2"; }

# state POD: what tuning can change there
state() {
	link eth0 "$1" | jq -c '[.address, .mtu, .txqlen, (.flags - ["LOWER_UP"])]'
	setting "$1" ipv4/conf/eth0/arp_notify
}

# is_untouched: pod red is as it was in $T/was, and no file is left
remember() { state red >"$T/was"; }
is_untouched() {
	equal "$(cat "$T/was")" "$(state red)" "$1"
	[ ! -d $FILES ] || find $FILES -mindepth 1 | absent "left by $1"
}

test_add_changes_everything_and_del_puts_it_back() {
	local out
	furnish red
	remember
	out=$(cni ADD red "$(everything)")
	link eth0 red | json '.address == "02:00:00:00:00:aa" and .mtu == 1400 and .txqlen == 77'
	link eth0 red | json '.flags | index("PROMISC") and index("ALLMULTI")'
	equal 1 "$(setting red ipv4/conf/eth0/arp_notify)" arp_notify
	equal 77 "$(setting red core/somaxconn)" somaxconn
	json '.interfaces[1] | .mac == "02:00:00:00:00:aa" and .mtu == 1400' "$out"
	json '.interfaces[0] | .mac == "02:00:00:00:00:09" and (has("mtu") | not)' "$out"
	json '.ips[0].address == "10.9.0.2/24"' "$out"
	cni CHECK red "$(everything)" | absent "output of CHECK"
	cni DEL red "$(everything)"
	is_untouched DEL
	equal 77 "$(setting red core/somaxconn)" "a setting of the namespace, which others may rely on,"
	cni DEL red "$(everything)"
}

test_an_empty_data_dir_is_the_usual_one() {
	furnish red
	cni ADD red "$(conf '.mtu = 1400 | .dataDir = ""')"
	[ -f $FILES/red_eth0.json ] || fail "no file in $FILES"
	cni DEL red "$(conf '.dataDir = ""')"
	find $FILES -mindepth 1 | absent "left by DEL"
}

test_without_keys_nothing_is_touched() {
	furnish red
	remember
	json '.interfaces | length == 2' "$(cni ADD red "$(conf .)")"
	is_untouched ADD
	cni CHECK red "$(conf .)"
	cni DEL red "$(conf .)"
}

test_each_version() {
	local version
	furnish red
	for version in 0.1.0 0.2.0; do
		cni ADD red "$(everything | jq -c ".cniVersion = \"$version\" | .prevResult =
			{ip4: {ip: \"10.9.0.2/24\"}}")" |
			json ".cniVersion == \"$version\" and .ip4.ip == \"10.9.0.2/24\""
		cni DEL red "$(everything)"
	done
	for version in 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		cni ADD red "$(everything | jq -c ".cniVersion = \"$version\" | .prevResult.cniVersion = \"$version\"")" |
			json ".cniVersion == \"$version\" and .interfaces[1].mac == \"02:00:00:00:00:aa\""
		cni DEL red "$(everything)"
	done
}

test_who_asks_for_a_mac_address() {
	local keys='.mac = "02:00:00:00:00:a1"'
	# asked ADDRESS KEYS [CNI_ARGS]
	asked() {
		ARGS=${3:-} cni ADD red "$(conf "$2")" | json ".interfaces[1].mac == \"$1\""
		cni DEL red "$(conf "$2")"
	}
	furnish red
	asked 02:00:00:00:00:a1 "$keys"
	asked 02:00:00:00:00:a2 "$keys" "IgnoreUnknown=1;K8S_POD_NAME=p;MAC=02:00:00:00:00:a2"
	keys+=' | .runtimeConfig.mac = "02:00:00:00:00:a3"'
	asked 02:00:00:00:00:a3 "$keys" MAC=02:00:00:00:00:a2
	keys+=' | .args.cni.mac = "02:00:00:00:00:a4"'
	asked 02:00:00:00:00:a4 "$keys" MAC=02:00:00:00:00:a2
}

test_args_win_over_the_configuration() {
	local keys='.mtu = 1400 | .promisc = true | .txQLen = 7 | .allmulti = true |
		.sysctl = {"net.ipv4.conf.IFNAME.arp_notify": "0", "net.ipv4.conf.IFNAME.forwarding": "1"} |
		.args.cni = {"mtu": 1300, "promisc": false, "txQLen": 0, "allmulti": false,
		             "sysctl": {"net/ipv4/conf/eth0/arp_notify": "1"}}'
	furnish red
	cni ADD red "$(conf "$keys")"
	link eth0 red | json '.mtu == 1300 and .txqlen == null and (.flags | index("PROMISC") == null)'
	link eth0 red | json '.flags | index("ALLMULTI") == null'
	equal 1 "$(setting red ipv4/conf/eth0/arp_notify)" "arp_notify"
	equal 1 "$(setting red ipv4/conf/eth0/forwarding)" "forwarding"
	cni CHECK red "$(conf "$keys")"
}

test_names_with_dots_are_written_with_slashes() {
	local keys
	pod red
	ip -n red link add eth0.7 type veth peer name other
	keys='.sysctl = {"net/ipv4/conf/eth0.7/arp_notify": "1", "net.ipv4.neigh.IFNAME.gc_stale_time": "5"}'
	IFNAME=eth0.7 cni ADD red "$(conf "$keys")"
	equal 1 "$(setting red ipv4/conf/eth0.7/arp_notify)" arp_notify
	equal 5 "$(setting red ipv4/neigh/eth0.7/gc_stale_time)" gc_stale_time
	IFNAME=eth0.7 cni CHECK red "$(conf "$keys")"
	IFNAME=eth0.7 cni DEL red "$(conf "$keys")"
	equal 0 "$(setting red ipv4/conf/eth0.7/arp_notify)" "arp_notify after DEL"
}

# In the order of the changes: what is refused comes after something that was granted.
test_what_is_refused_takes_all_with_it() {
	local granted='.mac = "02:00:00:00:00:aa" | .mtu = 1400 | .promisc = true | .allmulti = true |' somaxconn
	furnish red
	remember
	somaxconn=$(setting red core/somaxconn)
	refused 100 "mtu: set eth0 to 67" ADD red "$(conf '.mac = "02:00:00:00:00:aa" | .mtu = 67')"
	is_untouched "a refused MTU"
	refused 100 "sysctl.net.ipv4.conf.IFNAME.nonsense: open net/ipv4/conf/eth0/nonsense: No such file" \
		ADD red "$(conf "$granted .sysctl = {\"net.ipv4.conf.IFNAME.nonsense\": \"1\"}")"
	is_untouched "a missing sysctl"
	refused 100 "sysctl.net.ipv4.ip_default_ttl: set net/ipv4/ip_default_ttl to 0: Invalid argument" \
		ADD red "$(conf "$granted .sysctl = {\"net.ipv4.conf.IFNAME.arp_notify\": \"1\",
			\"net.core.somaxconn\": \"78\", \"net.ipv4.ip_default_ttl\": \"0\"}")"
	is_untouched "a refused sysctl"
	equal "$somaxconn" "$(setting red core/somaxconn)" somaxconn
	cni DEL red "$(conf .)"
}

test_the_file_that_cannot_be_written_takes_all_with_it() {
	furnish red
	remember
	echo text >"$T/file"
	refused 5 "dataDir: write $T/file/red_eth0.json: Not a directory" \
		ADD red "$(conf ".mtu = 1400 | .dataDir = \"$T/file\"")"
	is_untouched "an impossible dataDir"
	cni DEL red "$(conf ".dataDir = \"$T/file\"")"
}

test_no_mtu_that_would_cost_the_ipv6_addresses() {
	local six='.prevResult.ips += [{"address": "fd00:9::2/64", "interface": 1}]'
	furnish red
	refused 7 "mtu: 1279: must be 1280 or more: eth0 would lose its IPv6 address fd00:9::2/64" \
		ADD red "$(conf "$six | .mtu = 1279")"
	cni ADD red "$(conf "$six | .mtu = 1280")"
	cni ADD red "$(conf ".mtu = 1000")"
}

test_the_setting_of_the_ipv6_mtu_outlives_that_of_the_link() {
	local keys='.mtu = 9000 | .sysctl = {"net.ipv6.conf.IFNAME.mtu": "1400"}'
	furnish red
	cni ADD red "$(conf "$keys")"
	equal 1400 "$(setting red ipv6/conf/eth0/mtu)" "IPv6 MTU"
	cni DEL red "$(conf "$keys")"
	equal 1500 "$(setting red ipv6/conf/eth0/mtu)" "IPv6 MTU after DEL"
}

test_bad_keys() {
	# sysctl_refused KEYS TEXT
	sysctl_refused() { refused 7 "$2" ADD red "$(conf ".sysctl = $1")"; }
	furnish red
	remember
	sysctl_refused '{"kernel.hostname": "x"}' "sysctl.kernel.hostname: only settings below net"
	sysctl_refused '{"network.x": "x"}' "sysctl.network.x: only settings below net"
	sysctl_refused '{"net/../kernel/hostname": "x"}' "sysctl.net/../kernel/hostname: not a path of names"
	sysctl_refused '{"net..ipv4": "x"}' "sysctl.net..ipv4: not a path of names"
	sysctl_refused '{"net/./ipv4": "x"}' "sysctl.net/./ipv4: not a path of names"
	sysctl_refused '{"net/ipv4/": "x"}' "sysctl.net/ipv4/: not a path of names"
	sysctl_refused '{"net.core.somaxconn": "1", "net/core/somaxconn": "2"}' \
		"sysctl.net/core/somaxconn: the same setting as net.core.somaxconn"
	sysctl_refused '{"net.ipv4.conf.eth0.forwarding": "1", "net.ipv4.conf.IFNAME.forwarding": "0"}' \
		"sysctl.net.ipv4.conf.IFNAME.forwarding: the same setting as net.ipv4.conf.eth0.forwarding"
	refused 7 "dataDir: \"x\": must be an absolute path" ADD red "$(conf '.dataDir = "x"')"
	is_untouched "what was refused"
}

test_a_missing_interface_is_told() {
	pod red
	refused 100 "find interface eth0: No such device list tuning after" ADD red "$(conf '.mtu = 1400')"
	refused 104 "interface eth0 is missing" CHECK red "$(conf '.mtu = 1400')"
}

test_prevresult_is_required() {
	furnish red
	refused 7 "prevResult: required for ADD" ADD red "$(conf 'del(.prevResult)')"
}

# allowlist LINE...: the administrator's, in an /etc of this world
allowlist() {
	mountpoint -q /etc || mount -t tmpfs tmpfs /etc
	mkdir -p /etc/cni/tuning
	printf '%s\n' "$@" >/etc/cni/tuning/allowlist.conf
}

test_only_what_the_administrator_allows() {
	local keys='.sysctl = {"net.ipv4.conf.IFNAME.arp_notify": "1"}'
	furnish red
	allowlist ' ^net\.ipv4\.conf\.IFNAME\.[a-z_]*$ ' '' '^net\.core\.'
	cni ADD red "$(conf "$keys")"
	cni STATUS red "$(conf "$keys")"
	cni ADD red "$(conf '.sysctl = {"net.core.somaxconn": "9"}')"
	for keys in '{"net.ipv4.conf.eth0.arp_notify": "1"}' '{"net.ipv4.ip_forward": "1"}' \
		'{"net.core.somaxconn": "9", "net.ipv4.ip_forward": "1"}'; do
		refused 7 "not allowed on this node no expression in /etc/cni/tuning/allowlist.conf matches it" \
			ADD red "$(conf ".sysctl = $keys")"
	done
	refused 7 "args.cni.sysctl.net.ipv4.ip_forward: not allowed" \
		ADD red "$(conf '.args.cni.sysctl = {"net.ipv4.ip_forward": "1"}')"
	refused 7 "sysctl.net.ipv4.ip_forward: not allowed" \
		STATUS red "$(conf '.sysctl = {"net.ipv4.ip_forward": "1"}')"
	cni ADD red "$(conf '.mtu = 1400')"
	cni DEL red "$(conf '.sysctl = {"net.ipv4.ip_forward": "1"}')"
	allowlist '^net' '('
	refused 7 "/etc/cni/tuning/allowlist.conf:2: \"(\"" ADD red "$(conf ".sysctl = $keys")"
	allowlist
	refused 7 "not allowed" ADD red "$(conf ".sysctl = $keys")"
}

test_check_names_every_difference() {
	furnish red
	cni ADD red "$(everything)"
	ip -n red link set eth0 address 02:00:00:00:00:bb mtu 1300 promisc off allmulticast off txqueuelen 78
	inside red bash -c 'echo 0 >/proc/sys/net/ipv4/conf/eth0/arp_notify; echo 1 >/proc/sys/net/core/somaxconn'
	refused 104 "eth0: mac is 02:00:00:00:00:bb, not 02:00:00:00:00:AA; mtu is 1300, not 1400; \
promisc is false, not true; allmulti is false, not true; txQLen is 78, not 77; \
net/ipv4/conf/eth0/arp_notify is 0, not 1; net/core/somaxconn is 1, not 77" CHECK red "$(everything)"
}

test_check_leaves_what_is_not_configured_alone() {
	furnish red
	cni ADD red "$(conf '.mtu = 1400')"
	ip -n red link set eth0 promisc on allmulticast on txqueuelen 5 address 02:00:00:00:00:bb
	cni CHECK red "$(conf '.mtu = 1400 | .promisc = false')"
}

test_check_reads_values_as_the_kernel_does() {
	local keys='.sysctl = {"net.ipv4.tcp_rmem": "4096 131072  6291456", "net.core.somaxconn": "0x10",
		"net.ipv4.ping_group_range": "0\t5\n"}'
	furnish red
	cni ADD red "$(conf "$keys")"
	cni CHECK red "$(conf "$keys")"
	inside red bash -c 'echo 4096 131072 6291457 >/proc/sys/net/ipv4/tcp_rmem'
	refused 104 "net/ipv4/tcp_rmem is 4096	131072	6291457, not 4096 131072  6291456" CHECK red "$(conf "$keys")"
}

test_somebody_who_listens_changes_nothing() {
	local keys='.promisc = true'
	furnish red
	ip -n red link add macvtap0 link eth0 type macvlan mode passthru
	ip -n red link set macvtap0 up
	link eth0 red | json '.promiscuity > 0 and (.flags | index("PROMISC") == null)'
	cni ADD red "$(conf "$keys")"
	cni DEL red "$(conf "$keys")"
	link eth0 red | json '.flags | index("PROMISC") == null'
}

test_del_needs_neither_interface_nor_namespace() {
	local pod
	furnish red blue green yellow
	for pod in red blue green yellow; do cni ADD $pod "$(everything)"; done
	ip -n red link del eth0
	cni DEL red "$(everything)"
	ip netns del blue
	cni DEL blue "$(everything)"
	NETNS='' cni DEL green "$(everything)"
	PREV='' cni DEL yellow "$(conf 'del(.prevResult)')"
	link eth0 yellow | json '.mtu == 1500'
	find $FILES -mindepth 1 | absent "left by DEL"
}

test_del_survives_a_changed_configuration() {
	furnish red
	remember
	cni ADD red "$(everything)"
	cni DEL red "$(conf '.mac = "nonsense" | .mtu = "big" | .sysctl = {"kernel.x": 1}')"
	is_untouched DEL
}

test_del_with_a_damaged_file() {
	local text
	furnish red
	for text in '' '[]' '{"mtu": "big", "mac": "x"}' '{"mtu": 14' '{"sysctl": {"net/../kernel/hostname": "x"}}'; do
		cni ADD red "$(conf '.mtu = 1400')"
		printf '%s' "$text" >$FILES/red_eth0.json
		cni DEL red "$(conf '.mtu = 1400')"
		find $FILES -mindepth 1 | absent "left by DEL"
	done
}

# What is not virtual stays on the node when the container goes; lo stands in for it.
test_del_that_cannot_restore_says_so_and_tries_again() {
	local conf
	conf=$(conf '.txQLen = 7')
	pod red
	IFNAME=lo cni ADD red "$conf"
	echo '{"sysctl": {"net/ipv4/conf/lo/arp_notify": "x"}, "txQLen": 5}' >$FILES/red_lo.json
	IFNAME=lo refused 100 "restore lo: set net/ipv4/conf/lo/arp_notify to x" DEL red "$conf"
	link lo red | json '.txqlen == 5'
	echo '{"txQLen": 6}' >$FILES/red_lo.json
	IFNAME=lo cni DEL red "$conf"
	link lo red | json '.txqlen == 6'
}

# Plugins before it in the list wait for this DEL to succeed.
test_what_a_container_does_to_its_interface_does_not_keep_it() {
	local conf
	conf=$(conf '.txQLen = 7 | .sysctl = {"net.ipv6.conf.IFNAME.mtu": "1400"}')
	furnish red
	cni ADD red "$conf"
	ip -n red link set eth0 mtu 1300
	cni DEL red "$conf"
	grep -q "restore eth0: set net/ipv6/conf/eth0/mtu to 1500: Invalid argument" "$T/err"
	link eth0 red | json '.txqlen == 500'
	find $FILES -mindepth 1 | absent "left by DEL"
}

test_two_in_a_chain_put_back_what_both_changed() {
	local first='.mac = "02:00:00:00:00:aa" | .mtu = 1400' second
	second='.mac = "02:00:00:00:00:bb" | .txQLen = 9 | .sysctl = {"net.ipv4.conf.IFNAME.arp_notify": "1"}'
	furnish red
	remember
	cni ADD red "$(conf "$first")"
	state red >"$T/between"
	refused 100 "Invalid argument" ADD red "$(conf "$second | .sysctl.\"net.ipv4.ip_default_ttl\" = \"0\"")"
	equal "$(cat "$T/between")" "$(state red)" "a refused second"
	cni ADD red "$(conf "$second")"
	link eth0 red | json '.address == "02:00:00:00:00:bb" and .mtu == 1400'
	cni DEL red "$(conf "$second")"
	cni DEL red "$(conf "$first")"
	is_untouched "DEL of both"
}

# As libcni goes about a list: results on the way there, the last one on the way back.
test_behind_bridge() {
	local bridge tuning last
	bridge=$(net '.isGateway = true')
	tuning=$(conf 'del(.prevResult) | .mac = "02:00:00:00:00:aa" | .mtu = 1400 | .capabilities = {"mac": true}')
	mkdir -p $FILES
	pod red
	settle "$bridge"
	last=$(cni ADD red "$bridge")
	last=$(cni ADD red "${tuning%\}},\"prevResult\":$last}")
	json '.interfaces[2] | .mac == "02:00:00:00:00:aa" and .mtu == 1400' "$last"
	reaches red 10.9.0.1
	PREV=$last cni CHECK red "$bridge"
	PREV=$last cni CHECK red "$tuning"
	PREV=$last cni DEL red "$tuning"
	PREV=$last cni DEL red "$bridge"
	unchanged "the list"
}

# bridge has told the node the MAC address it gave
test_neighbours_hear_of_the_new_mac_address() {
	local bridge last
	bridge=$(net '.isGateway = true | .ipam.ranges += [[{"subnet": "fd00:9::/64"}]]')
	pod red
	last=$(cni ADD red "$bridge")
	cni ADD red "$(conf '.mac = "02:00:00:00:00:aa"' | jq -c --argjson prev "$last" '.prevResult = $prev')" |
		json '.interfaces[2].mac == "02:00:00:00:00:aa"'
	ping -c1 -W1 -n -q 10.9.0.2 >"$T/ping" || fail "the node cannot reach the pod: $(cat "$T/ping")"
	ping -c1 -W1 -n -q fd00:9::2 >"$T/ping" || fail "the node cannot reach the pod by IPv6: $(cat "$T/ping")"
	equal 0 "$(setting red ipv6/conf/eth0/ndisc_notify)" ndisc_notify
}

test_gc_forgets_what_is_not_valid() {
	local pod file
	# collect FILTER [NAME]
	collect() { cni GC x "$(conf "${2:+.name = \"$2\" |} .\"cni.dev/valid-attachments\" = $1")"; }
	furnish red blue green
	for pod in red blue; do cni ADD $pod "$(conf '.mtu = 1400')"; done
	cni ADD green "$(conf '.mtu = 1400 | .name = "other"')"
	echo '{"mtu": 1400}' >$FILES/reference_eth0.json # of a network that it does not name
	echo 'damaged' >$FILES/damaged_eth0.json
	cni GC x "$(conf .)"
	equal 5 "$(find $FILES -type f | wc -l)" "files after GC without a list"
	collect '[{"containerID": "red", "ifname": "eth0"}, {"containerID": "blue", "ifname": "eth1"}]'
	for file in red green reference damaged; do [ -f $FILES/${file}_eth0.json ] || fail "lost $file"; done
	[ ! -f $FILES/blue_eth0.json ] || fail "blue is still there"
	collect '[]'
	equal "damaged_eth0.json green_eth0.json reference_eth0.json" "$(cd $FILES && echo *)" "files after GC"
	collect '[]' other
	rm -r $FILES
	collect '[]'
}

# needs_peer: skip the case without reference plugins
needs_peer() {
	[ -x "$PEER/tuning" ] || {
		echo "SKIP: no reference plugin in $PEER"
		exit 0
	}
}

test_the_reference_plugin_restores_what_ours_saved() {
	needs_peer
	furnish red
	inside red sh -c 'echo 1 >/proc/sys/net/ipv4/conf/eth0/arp_notify'
	remember
	cni ADD red "$(conf '.mac = "02:00:00:00:00:AA" | .mtu = 1400 | .promisc = true | .allmulti = true |
		.cniVersion = "1.0.0" | .sysctl = {"net.ipv4.conf.IFNAME.arp_notify": "1"}')"
	BIN=$PEER cni DEL red "$(conf '.cniVersion = "1.0.0"')"
	is_untouched "DEL of the reference plugin"
}

test_ours_restores_what_the_reference_plugin_saved() {
	local keys='.cniVersion = "1.0.0" | .prevResult.cniVersion = "1.0.0" | .mac = "02:00:00:00:00:aa" | .mtu = 1400 | .promisc = true |
		.allmulti = true'
	needs_peer
	furnish red
	remember
	BIN=$PEER cni ADD red "$(conf "$keys")"
	link eth0 red | json '.mtu == 1400'
	cni DEL red "$(conf "$keys")"
	is_untouched "our DEL"
}

run_tests "$@"
