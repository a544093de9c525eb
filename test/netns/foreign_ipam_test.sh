#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Any IPAM plugin other than host-local and static is executed through CNI_PATH; its failure is ours,
# and ours undoes its success.
. "$(dirname "$0")/lib.sh"

# foreign FILTER: a network whose addresses come from the reference plugin `static`, under a name that
# we do not serve ourselves (it speaks nothing newer than 1.0.0 on older distributions)
foreign() {
	[ -x "$T/bin/foreign" ] || install -D "$PEER/static" "$T/bin/foreign"
	net ".cniVersion = \"1.0.0\" | .isGateway = true | .ipam = {\"type\": \"foreign\", \"addresses\":
		[{\"address\": \"10.9.0.50/24\", \"gateway\": \"10.9.0.1\"}, {\"address\": \"fd00:9::50/64\"}],
		\"routes\": [{\"dst\": \"172.20.0.0/16\"}], \"dns\": {\"nameservers\": [\"10.9.0.9\"]}} | ${1:-.}"
}

# fake SCRIPT: an IPAM plugin which logs its commands and then does this
fake() {
	mkdir -p "$T/bin"
	printf '#!/bin/sh\necho "$CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME" >>%s/calls\ncat >%s/stdin\n%s\n' \
		"$T" "$T" "$1" >"$T/bin/fake"
	chmod +x "$T/bin/fake"
	: >"$T/calls"
}
FAKE='.cniVersion = "1.0.0" | .isGateway = true | .ipam = {"type": "fake", "colour": "red"}'

test_static_addresses() {
	local out
	[ -x "$PEER/static" ] || { echo "SKIP: no $PEER/static" && return; }
	pod red
	out=$(CNIPATH=/nonexistent:$T/bin cni ADD red "$(foreign)")
	equal 10.9.0.50 "$(address red)" "IPv4 address"
	equal fd00:9::50 "$(address red -6)" "IPv6 address"
	json '.dns.nameservers == ["10.9.0.9"] and [.ips[].interface] == [2, 2]' "$out"
	ip -n red -j route show 172.20.0.0/16 | json '.[0].gateway == "10.9.0.1"'
	reaches red 10.9.0.1
	CNIPATH=$T/bin cni CHECK red "$(foreign)"
	CNIPATH=$T/bin cni DEL red "$(foreign)"
	ip -o link show type veth | absent "veth left behind"
}

test_its_refusal_is_ours_and_nothing_is_left() {
	[ -x "$PEER/static" ] || { echo "SKIP: no $PEER/static" && return; }
	CNIPATH=$T/bin settle "$(foreign)"
	pod red
	world >"$T/before"
	CNIPATH=$T/bin refused 999 "nonsense" ADD red "$(foreign '.ipam.addresses[0].address = "nonsense"')"
	unchanged "the failed ADD"
}

test_ipv6_addresses_need_an_mtu_of_1280() {
	local type conf
	fake 'echo "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"fd00:9::9/64\",\"gateway\":\"fd00:9::1\"}]}"'
	# with an MTU of its own it does not take that of its lowest port
	ip link add br0 type bridge
	ip link set br0 mtu 1400
	for type in bridge ptp ebpf; do
		pod $type
		conf=$(net "$FAKE | .type = \"$type\" | .isGateway = false")
		CNIPATH=$T/bin settle "$conf"
		CNIPATH=$T/bin refused 7 "mtu: 1279: IPv6 needs 1280 or more" ADD $type "$(jq -c '.mtu = 1279' <<<"$conf")"
		unchanged "the failed ADD"
		CNIPATH=$T/bin cni ADD $type "$(jq -c '.mtu = 1280' <<<"$conf")"
		CNIPATH=$T/bin cni DEL $type "$(jq -c '.mtu = 1280' <<<"$conf")"
	done
}

test_its_code_and_details_are_passed_on() {
	fake 'echo "{\"cniVersion\":\"1.0.0\",\"code\":123,\"msg\":\"no luck\",\"details\":\"today\"}"; exit 1'
	pod red
	CNIPATH=$T/bin refused 123 "no luck" ADD red "$(net "$FAKE")"
	CNIPATH=$T/bin refused 123 "today" ADD red "$(net "$FAKE")"
	ip -o link show type veth | absent "veth left behind"
}

test_it_gets_our_standard_input_and_environment() {
	fake 'echo "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.9.0.9/24\"}]}"'
	pod red
	CNIPATH=$T/bin cni ADD red "$(net "$FAKE")"
	equal "ADD red eth0" "$(cat "$T/calls")" "calls"
	json '.ipam.colour == "red" and .type == "bridge"' "$(cat "$T/stdin")"
}

# as the plugins that make an interface themselves do; addresses are for the pod's end of ours
test_interfaces_in_its_result_are_not_taken_over() {
	local out
	fake 'echo "{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"macvlan7\",\"mac\":\"02:00:00:00:00:07\"}],
		\"ips\":[{\"address\":\"10.9.0.9/24\",\"interface\":0},{\"address\":\"fd00:9::9/64\"}]}"'
	pod red
	out=$(CNIPATH=$T/bin cni ADD red "$(net "$FAKE")")
	json '(.interfaces | length) == 3 and ([.interfaces[].name] | index("macvlan7")) == null' "$out"
	json '.interfaces[2].name == "eth0" and .interfaces[2].sandbox == "/run/netns/red"' "$out"
	json '[.ips[].interface] == [2, 2]' "$out"
	CNIPATH=$T/bin cni CHECK red "$(net "$FAKE")"
}

test_a_later_failure_of_ours_undoes_its_success() {
	fake '[ $CNI_COMMAND != ADD ] || echo "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.9.0.9/24\"}],
		\"routes\":[{\"dst\":\"172.20.0.0/16\",\"gw\":\"192.168.7.7\"}]}"'
	pod red
	CNIPATH=$T/bin refused 100 "172.20.0.0/16" ADD red "$(net "$FAKE")"
	equal "ADD red eth0 DEL red eth0" "$(paste -sd' ' "$T/calls")" "calls"
	ip -o link show type veth | absent "veth left behind"
}

test_a_result_without_addresses_is_an_error() {
	fake '[ $CNI_COMMAND != ADD ] || echo "{\"cniVersion\":\"1.0.0\"}"'
	pod red
	CNIPATH=$T/bin refused 103 "fake" ADD red "$(net "$FAKE")"
	equal "ADD red eth0 DEL red eth0" "$(paste -sd' ' "$T/calls")" "calls"
}

test_a_result_that_is_no_json() {
	fake '[ $CNI_COMMAND != ADD ] || echo nonsense'
	pod red
	CNIPATH=$T/bin refused 103 "fake" ADD red "$(net "$FAKE")"
	ip -o link show type veth | absent "veth left behind"
}

test_death_by_signal_is_told() {
	fake 'kill -9 $$'
	pod red
	CNIPATH=$T/bin refused 103 "signal 9" ADD red "$(net "$FAKE")"
}

test_it_is_called_on_del_even_with_the_netns_gone() {
	fake 'echo "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.9.0.9/24\"}]}"'
	pod red
	CNIPATH=$T/bin cni ADD red "$(net "$FAKE")"
	ip netns del red
	CNIPATH=$T/bin cni DEL red "$(net "$FAKE")"
	equal "DEL red eth0" "$(tail -n1 "$T/calls")" "last call"
}

test_a_plugin_that_is_missing_names_where_it_was_looked_for() {
	pod red
	CNIPATH=/a:/b refused 103 "nosuch" ADD red "$(net '.ipam.type = "nosuch"')"
	CNIPATH=/a:/b refused 103 "/a:/b" ADD red "$(net '.ipam.type = "nosuch"')"
	refused 7 "../x" ADD red "$(net '.ipam.type = "../x"')"
}

run_tests "$@"
