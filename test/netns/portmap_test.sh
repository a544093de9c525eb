#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# portmap: ports of the node lead to containers, whoever asks and by whichever protocol.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/portmap_lib.sh"

PORTS='[{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
        {"hostPort": 8080, "containerPort": 80, "protocol": "udp"},
        {"hostPort": 8080, "containerPort": 80, "protocol": "sctp"}]'
ONE='[{"hostPort": 8080, "containerPort": 80}]'


# elements POD: how many POD has in sets and maps
elements() { nft list table inet edgeway_portmap | awk -v who="edgeway n/$1/" '{ n += gsub(who, "") } END { print n + 0 }'; }
records() { [ ! -d /run/edgeway ] || find /run/edgeway -path '*/portmap*/*' -type f; }

# everybody PROTO: all who may ask, over both families, and what the server sees of them
everybody() {
	answers outside 8080 "$1" "192.0.2.1=red 192.0.2.9" "2001:db8::1=red 2001:db8::9"
	answers node 8080 "$1" "192.0.2.1=red 192.0.2.1" "2001:db8::1=red 2001:db8::1" \
		"10.9.0.1=red 10.9.0.1" "127.0.0.1=red 10.9.0.1" "::1=-"
	answers red 8080 "$1" "192.0.2.1=red 10.9.0.1" "2001:db8::1=red fd00:9::1"
	answers blue 8080 "$1" "192.0.2.1=red 10.9.0.1" "2001:db8::1=red fd00:9::1"
	answers blue 80 "$1" "10.9.0.2=red 10.9.0.3" # not by the node's port: as it was
}
matrix() {
	attach red blue
	outside
	map ADD red "$PORTS" >"$T/out"
	serve red 80 "$1"
	everybody "$1"
	map CHECK red "$PORTS"
	map DEL red "$PORTS"
	answers outside 8080 "$1" "192.0.2.1=-" "2001:db8::1=-"
	equal 0 "$(elements red)" "elements"
	records | absent "records"
}
test_tcp_from_everywhere() { matrix tcp; }
test_udp_from_everywhere() { matrix udp; }
test_sctp_from_everywhere() {
	python3 -c 'import socket; socket.socket(2, 1, 132)' 2>"$T/no-sctp" || {
		echo "SKIP: no SCTP in this kernel"
		return 0
	}
	matrix sctp
}

test_bridged_packets_that_pass_no_rules() {
	local sysctl
	attach red blue
	for sysctl in /proc/sys/net/bridge/bridge-nf-call-ip{,6}tables; do
		[ ! -e $sysctl ] || echo 0 >$sysctl # without br_netfilter they never do
	done
	outside
	map ADD red "$ONE" >"$T/out"
	serve red 80 tcp
	everybody tcp
}

test_behind_ptp() {
	local conf
	conf=$(net "del(.bridge) | .type = \"ptp\" | .ipam.ranges = [$PAIR] | .ipam.routes =
		[{\"dst\": \"0.0.0.0/0\"}, {\"dst\": \"::/0\"}]" | sed 's/"type":"ptp"/"type": "ptp"/; s/"name":"n"/"name": "n"/')
	pod red blue
	outside
	cni ADD red "$conf" >"$T/red.json"
	cni ADD blue "$conf" >"$T/blue.json"
	map ADD red "$ONE" >"$T/out"
	serve red 80 tcp
	everybody tcp
}

test_without_snat_nothing_is_masqueraded() {
	attach red blue
	outside
	map ADD red "$ONE" '.snat = false' >"$T/out"
	serve red 80 tcp
	answers outside 8080 tcp "192.0.2.1=red 192.0.2.9"
	answers node 8080 tcp "192.0.2.1=red 192.0.2.1" "127.0.0.1=-"
	nft list ruleset | grep -v edgeway_masq | awk '/edgeway_portmap/, /^}/' | { ! grep masquerade; }
	equal 0 "$(cat /proc/sys/net/ipv4/conf/br0/route_localnet)" "route_localnet"
}

test_masq_all_hides_every_source() {
	attach red
	outside
	map ADD red "$ONE" '.masqAll = true' >"$T/out"
	serve red 80 tcp
	answers outside 8080 tcp "192.0.2.1=red 10.9.0.1" "2001:db8::1=red fd00:9::1"
	answers node 8080 tcp "127.0.0.1=red 10.9.0.1"
	ip -n outside route add 10.9.0.0/24 via 192.0.2.1
	answers outside 80 tcp "10.9.0.2=red 192.0.2.9" # not by a port of the node
}

test_an_address_of_the_node_comes_before_all_of_them() {
	attach red blue
	outside
	ip addr add 192.0.2.2/24 dev up0
	map ADD red '[{"hostPort": 8080, "containerPort": 80, "hostIP": "192.0.2.2"},
		{"hostPort": 8081, "containerPort": 80, "hostIP": "0.0.0.0"},
		{"hostPort": 8082, "containerPort": 80, "hostIP": "::"},
		{"hostPort": 8083, "containerPort": 80, "hostIP": "2001:db8::1"}]' >"$T/out"
	map ADD blue "$ONE" >"$T/out"
	serve red 80 tcp
	serve blue 80 tcp
	answers outside 8080 tcp "192.0.2.2=red 192.0.2.9" "192.0.2.1=blue 192.0.2.9" \
		"2001:db8::1=blue 2001:db8::9"
	answers outside 8081 tcp "192.0.2.1=red 192.0.2.9" "2001:db8::1=-"
	answers outside 8082 tcp "192.0.2.1=-" "2001:db8::1=red 2001:db8::9"
	answers outside 8083 tcp "192.0.2.1=-" "2001:db8::1=red 2001:db8::9"
}

# As Go reads it, which runtimes and the reference plugin are written in.
test_an_ipv4_address_may_be_written_as_ipv6() {
	local maps='[{"hostPort": 8080, "containerPort": 80, "hostIP": "::ffff:192.0.2.1"},
		{"hostPort": 8081, "containerPort": 80, "hostIP": "::ffff:0.0.0.0"}]'
	attach red
	outside
	map ADD red "$maps" >"$T/out"
	serve red 80 tcp
	answers outside 8080 tcp "192.0.2.1=red 192.0.2.9" "2001:db8::1=-"
	answers outside 8081 tcp "192.0.2.1=red 192.0.2.9" "2001:db8::1=-"
	map CHECK red "$maps"
	map DEL red "$maps"
	equal 0 "$(elements red)" "elements"
}

test_conditions_say_who_may_ask() {
	attach red blue
	outside
	ip -n outside addr add 192.0.2.10/24 dev eth0
	local only='.conditionsV4 = ["ip saddr != { 192.0.2.9, 10.0.0.0/8 }", "iifname", "up*"] |
		.conditionsV6 = ["meta mark 7"]'
	map ADD red "$ONE" "$only" >"$T/out"
	map ADD blue "$ONE" >"$T/out"
	serve red 80 tcp
	serve blue 80 tcp
	answers outside 8080 tcp "192.0.2.1=blue 192.0.2.9" "2001:db8::1=blue 2001:db8::9"
	inside outside ip addr del 192.0.2.9/24 dev eth0
	inside outside ip addr replace 192.0.2.10/24 dev eth0
	answers outside 8080 tcp "192.0.2.1=red 192.0.2.10"
	answers node 8080 tcp "192.0.2.1=blue 192.0.2.1"
	map CHECK red "$ONE" "$only"
}

test_neighbours_do_not_reach_the_loopback_network() {
	attach red
	outside
	map ADD red "$ONE" >"$T/out"
	python3 "$HERE/echo.py" serve 7070 tcp node >"$T/served.node" &
	await "$T/served.node"
	answers node 7070 tcp "127.0.0.1=node 127.0.0.1"
	inside red ip route add 127.0.0.0/8 via 10.9.0.1 table 7
	inside red sysctl -qw net.ipv4.conf.eth0.route_localnet=1
	inside red ip addr flush dev lo
	inside red ip rule add to 127.0.0.0/8 table 7 priority 1
	inside red ip rule add priority 10 table local
	inside red ip rule del priority 0
	answers red 7070 tcp "127.0.0.1=-"
	nft flush chain inet edgeway_portmap guard
	answers red 7070 tcp "127.0.0.1=node 10.9.0.2" # so the way is open but for the guard
}

# pretend: what a server of the node sees of a pod that sends from 127.0.0.2; "-" if nothing
pretend() {
	rm -f "$T/seen" # it is written when the server is ready
	python3 - "$1" >"$T/seen" <<-'END' &
		import socket, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(("10.9.0.1", 7070))
		s.settimeout(int(sys.argv[1]))
		print("ready", flush=True)
		try:
		    print(s.recvfrom(9)[1][0])
		except TimeoutError:
		    print("-")
	END
	await "$T/seen"
	reaches red 10.9.0.1 # so that nobody is asked for its MAC address by 127.0.0.2
	inside red python3 - <<-'END'
		import socket
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(("127.0.0.2", 0))
		s.sendto(b"x", ("10.9.0.1", 7070))
	END
	wait $!
	tail -n1 "$T/seen"
}
test_neighbours_do_not_pretend_to_be_the_node() {
	attach red
	map ADD red "$ONE" >"$T/out"
	inside red sysctl -qw net.ipv4.conf.eth0.route_localnet=1
	inside red ip addr add 127.0.0.2/32 dev eth0
	equal - "$(pretend 3)" "what the node sees"
	nft flush chain inet edgeway_portmap guard
	equal 127.0.0.2 "$(pretend 60)" "what the node sees without the guard"
}

test_rules_of_somebody_else_hide_none_that_is_missing() {
	attach red
	map ADD red "$ONE" >"$T/out"
	nft add rule inet edgeway_portmap mapped counter
	nft add rule inet edgeway_portmap mapped counter
	map CHECK red "$ONE"
	nft flush chain inet edgeway_portmap guard
	refused 104 "" CHECK red "$(mapping red "$ONE")"
	map ADD red "$ONE" >"$T/out"
	map CHECK red "$ONE"
}

test_a_port_that_a_living_pod_holds_is_refused() {
	attach red blue
	map ADD red "$ONE" >"$T/out"
	nft list ruleset >"$T/before"
	refused 101 "runtimeConfig.portMappings: hostPort 8080/tcp is held by n/red/eth0" ADD blue "$(mapping blue "$ONE")"
	nft list ruleset | diff "$T/before" -
	equal 1 "$(records | wc -l)" "records"
	map CHECK red "$ONE"
	map DEL red "$ONE"
	map ADD blue "$ONE" >"$T/out"
}

# taken HOW...: red holds a port; after this blue gets it, and red's late DEL takes nothing from it
taken() {
	attach red blue
	ARGS=K8S_POD_UID=77 map ADD red "$PORTS" >"$T/out"
	"$@"
	ARGS=K8S_POD_UID=${UID_OF_BLUE:-} map ADD blue "$ONE" >"$T/out"
	equal 0 "$(elements red)" "what red still has"
	map DEL red "$PORTS"
	map CHECK blue "$ONE"
}
test_a_port_of_a_pod_whose_namespace_is_gone() { taken ip netns del red; }
test_a_port_of_a_pod_whose_link_is_gone() { taken ip -n red link del eth0; }
UID_OF_BLUE="" # of the pod that blue is a sandbox of
same_pod() { UID_OF_BLUE=77; }
test_a_port_of_an_earlier_sandbox_of_the_pod() { taken same_pod; }
# second VERB: portmap for red's other interface, which is on a network of its own
second() { CID=red NETNS=/run/netns/red IFNAME=eth1 map "$1" also "$ONE" '.name = "m"'; }
share() {
	export ARGS=$1
	attach red
	outside
	serve red 80 tcp
	IFNAME=eth1 cni ADD red "$(net '.name = "m" | .bridge = "br1" | .isGateway = true | .ipam.ranges = [[{"subnet": "10.8.0.0/24"}]]')" >"$T/also.json"
	map ADD red "$ONE" >"$T/out"
	second ADD >"$T/out"
	answers outside 8080 tcp "192.0.2.1=red 192.0.2.9" "2001:db8::1=red 2001:db8::9"
	map CHECK red "$ONE"
	second CHECK
	second DEL
	answers outside 8080 tcp "192.0.2.1=red 192.0.2.9" "2001:db8::1=red 2001:db8::9"
	second ADD >"$T/out"
	map DEL red "$ONE"
	"$BIN/portmap" --resync # nobody else had the port meanwhile
	second CHECK
	answers node 8080 tcp "10.8.0.1=red 10.8.0.1"
	second DEL
	records | absent "records"
}
test_networks_of_one_container_share_a_port() { share ""; }
test_networks_of_one_pod_share_a_port() { share "IgnoreUnknown=1;K8S_POD_UID=1-2-3"; }
test_a_port_of_a_pod_without_a_record() {
	attach red blue
	map ADD red "$PORTS" >"$T/out"
	rm /run/edgeway/portmap/*
	map ADD blue "$ONE" >"$T/out"
	map CHECK blue "$ONE"
	map DEL red "$PORTS"
	equal 0 "$(elements red)" "what red still has"
	map CHECK blue "$ONE"
}

test_pods_that_die_without_del_never_brick_a_port() {
	local i
	for ((i = 0; i < ${FULL:+9}4; i++)); do
		attach "p$i"
		map ADD "p$i" "$PORTS" >"$T/out"
		ip netns del "p$i"
	done
	attach last
	map ADD last "$PORTS" >"$T/out"
	map CHECK last "$PORTS"
	equal 1 "$(records | wc -l)" "records"
}

test_a_client_gets_every_answer_while_pods_are_replaced() {
	local i old=p0
	outside
	attach p0
	map ADD p0 "$ONE" >"$T/out"
	serve p0 80 tcp
	for ((i = 1; i <= ${FULL:+10}5; i++)); do
		answers outside 8080 tcp "192.0.2.1=$old 192.0.2.9"
		attach "p$i"
		serve "p$i" 80 tcp
		map DEL "$old" "$ONE"
		map ADD "p$i" "$ONE" >"$T/out"
		answers outside 8080 tcp "192.0.2.1=p$i 192.0.2.9" "2001:db8::1=p$i 2001:db8::9"
		cni DEL "$old" "$BRIDGE"
		old=p$i
	done
}

# succeeds HOW...: a client with one port asks red when that is dead already; then blue gets the port
succeeds() {
	attach red blue
	outside
	inside outside sysctl -qw net.ipv4.ip_local_port_range="40000 40000"
	serve blue 80 tcp
	map ADD red "$ONE" >"$T/out"
	ip netns del red
	answers outside 8080 tcp "192.0.2.1=-" "2001:db8::1=-"
	"$@"
	map ADD blue "$ONE" >"$T/out"
	answers outside 8080 tcp "192.0.2.1=blue 192.0.2.9" "2001:db8::1=blue 2001:db8::9"
}
test_who_asked_a_dead_pod_over_tcp_finds_its_heir() { succeeds :; }
test_and_that_of_one_deleted_late() { succeeds map DEL red "$ONE"; }

# follows ADDRESS SOURCE [MAPPING,...]: a client of UDP that keeps its port follows it to whoever has
# the mapping, one among these
follows() {
	local port="[${3:-}"'{"hostPort": 8080, "containerPort": 80, "protocol": "UDP"}]'
	attach red blue
	outside
	serve red 80 udp
	serve blue 80 udp
	mkfifo "$T/go"
	inside outside python3 "$HERE/echo.py" repeat 8080 "$1" <"$T/go" >>"$T/answers" &
	exec 7>"$T/go"
	said "-" # nobody there: tracked, but not translated
	map ADD red "$port" >"$T/out"
	said "red $2"
	map DEL red "$port"
	said "-"
	map ADD blue "$port" >"$T/out"
	said "blue $2"
}
said() {
	echo >&7
	await "$T/answers"
	equal "$1" "$(tail -1 "$T/answers")" "the answer"
	: >"$T/answers"
}
test_a_udp_client_with_one_port_finds_the_new_pod() { follows 192.0.2.1 192.0.2.9; }
test_a_udp_client_over_ipv6_does_too() { follows 2001:db8::1 2001:db8::9; }
test_so_does_one_of_many_ports() {
	follows 192.0.2.1 192.0.2.9 "$(printf '{"hostPort": %d, "containerPort": 9, "protocol": "udp"},' {8070..8079} {8081..8090})"
}

test_others_flush_and_the_next_add_status_or_resync_repairs() {
	attach red blue
	outside
	serve red 80 tcp
	map ADD red "$ONE" >"$T/out"
	nft list table inet edgeway_portmap >"$T/whole"
	iptables -F && iptables -X && iptables -t nat -F && iptables -t nat -X
	answers outside 8080 tcp "192.0.2.1=red 192.0.2.9"
	nft flush ruleset
	refused 104 "hostPort 8080/tcp is not mapped" CHECK red "$(mapping red "$ONE")"
	"$BIN/portmap" --resync
	nft list table inet edgeway_portmap | diff "$T/whole" -
	nft flush ruleset
	map STATUS red "$ONE" # were it to fail, no ADD would come
	nft list table inet edgeway_portmap | diff "$T/whole" -
	nft flush ruleset
	map ADD blue '[{"hostPort": 8081, "containerPort": 80}]' >"$T/out"
	answers outside 8080 tcp "192.0.2.1=red 192.0.2.9" "2001:db8::1=red 2001:db8::9"
	map CHECK red "$ONE"
	nft list ruleset >"$T/whole"
	nft flush ruleset
	nft -f "$T/whole"
	nft list ruleset | diff "$T/whole" -
}

test_gc_frees_the_ports_of_who_is_not_valid() {
	attach red blue
	map ADD red "$ONE" >"$T/out"
	map ADD blue '[{"hostPort": 8081, "containerPort": 80}]' >"$T/out"
	map GC red "$ONE" '."cni.dev/valid-attachments" = [{"containerID": "blue", "ifname": "eth0"}]'
	equal 0 "$(elements red)" "what red has"
	map CHECK blue '[{"hostPort": 8081, "containerPort": 80}]'
}

# deleted HOW...: whatever DEL is told, nothing of red stays
deleted() {
	attach red
	map ADD red "$PORTS" >"$T/out"
	"$@"
	equal 0 "$(elements red)" "elements"
	records | absent "records"
}
bare() { PREV="" cni DEL red "$(mapping red "$PORTS" 'del(.prevResult, .runtimeConfig)')"; }
test_del_that_is_told_nothing() { deleted bare; }
vanished() { ip netns del red && NETNS="" map DEL red "$PORTS" && map DEL red "$PORTS"; }
test_del_with_the_namespace_gone_and_again() { deleted vanished; }
forgotten() { rm -r /run/edgeway && map DEL red "$PORTS"; }
odd() { map DEL red '[{"hostPort": 8080, "containerPort": 80, "protocol": "icmp"}]'; }
test_del_of_what_no_add_would_accept() { deleted odd; }
test_del_without_a_record() { deleted forgotten; }

test_without_mappings_nothing_is_touched() {
	attach red
	find /run/edgeway >"$T/before"
	map ADD red '[]' >"$T/out"
	json '.ips[0].address == "10.9.0.2/24" and (.interfaces | length) == 3' <"$T/out"
	map CHECK red '[]'
	map DEL red '[]'
	find /run/edgeway | diff "$T/before" -
	CNI_COMMAND=ADD CNI_CONTAINERID=red CNI_NETNS=/run/netns/red CNI_IFNAME=eth0 CNI_PATH=$BIN \
		strace -f -e trace=socket,fork,clone -o "$T/calls" "$RELEASE_BIN/portmap" \
		<<<"$(mapping red '[]')" >"$T/out"
	! grep -E 'socket|fork|clone' "$T/calls"
}

test_more_ports_than_anybody_has() {
	attach red
	local many
	many=$(jq -nc '[range(500) | {hostPort: (20000 + .), containerPort: (. + 1), protocol: "tcp"}]')
	map ADD red "$many" >"$T/out"
	map CHECK red "$many"
	map DEL red "$many"
	equal 0 "$(elements red)" "elements"
}

# Each time the kernel is asked for connections it looks at all: not once for each port.
test_many_ports_of_udp() {
	local verb
	attach red
	mapping red '[]' '.runtimeConfig.portMappings =
		[range(1000) | {hostPort: (1000 + .), containerPort: (. + 1), protocol: "udp"}]' >"$T/conf"
	for verb in ADD DEL; do
		CNI_COMMAND=$verb CNI_CONTAINERID=red CNI_NETNS=/run/netns/red CNI_IFNAME=eth0 CNI_PATH=$BIN \
			strace -f -e trace=sendto,sendmsg -o "$T/calls.$verb" "$RELEASE_BIN/portmap" \
			<"$T/conf" >"$T/out"
		equal 2 "$(grep -c IPCTNL_MSG_CT_GET "$T/calls.$verb")" "$verb: searches, of IPv4 and of IPv6"
	done
	equal 0 "$(elements red)" "elements"
}

# Time that grows with the square of their number would be minutes here.
test_every_port_at_once_is_refused_soon() {
	attach red
	mapping red '[]' '.runtimeConfig.portMappings = [range(1; 30001) |
		{hostPort: ., containerPort: ., protocol: "tcp"}]' >"$T/conf"
	CNI_COMMAND=ADD CNI_CONTAINERID=red CNI_NETNS=/run/netns/red CNI_IFNAME=eth0 CNI_PATH=$BIN \
		prlimit --cpu=60 "$RELEASE_BIN/portmap" <"$T/conf" >"$T/out" && fail "it was not refused"
	grep -qF "runtimeConfig.portMappings: too many" "$T/out" || fail "said: $(cat "$T/out")"
}

# What nobody could read back would stop everybody's DEL.
test_more_than_a_record_holds_is_refused() {
	attach red blue
	local many far
	many=$(jq -nc '[range(500) | {hostPort: (20000 + .), containerPort: 80}]')
	far=$(jq -nc '[range(100) | "ip saddr != 192.0.\(.).0/24"]')
	map ADD blue "$ONE" >"$T/out"
	refused 7 "runtimeConfig.portMappings: too many" ADD red "$(mapping red "$many" ".conditionsV4 = $far")"
	map CHECK blue "$ONE"
	map DEL blue "$ONE"
	records | absent "records"
}

run_tests "$@"
