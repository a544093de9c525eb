#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How forgiving the configuration is: unknown keys, case, null, duplicates, and wrong types.
. "$(dirname "$0")/lib.sh"

test_an_unknown_key_warns_with_a_hint() {
	pod red
	cni ADD red "$(net '.isGatway = true')"
	grep -q isGatway "$T/err" || fail "no warning: $(cat "$T/err")"
	grep -q isGateway "$T/err" || fail "no hint: $(cat "$T/err")"
}

test_strict_refuses_it() {
	pod red
	refused 2 "isGatway" ADD red "$(net '.strict = true | .isGatway = true')"
	refused 2 "isGateway" ADD red "$(net '.strict = true | .isGatway = true')"
	refused 2 "ipam.rnages" ADD red "$(net '.strict = true | .ipam.rnages = []')"
	ip -o link show type bridge | absent "bridge left behind"
}

test_what_a_runtime_injects_is_not_unknown() {
	local conf
	conf=$(net '.strict = true | .capabilities = {"mac": true, "portMappings": true}
		| .runtimeConfig = {"portMappings": [{"HostPort": 1, "ContainerPort": 2, "Protocol": "tcp"}],
			"io.kubernetes.cri.pod-annotations": {"a": "b"}} | .args = {"cni": {"labels": []}}
		| ."cni.dev/something" = 1')
	pod red
	cni ADD red "$conf"
	absent "warnings" <"$T/err"
	cni CHECK red "$conf"
	cni DEL red "$conf"
}

test_keys_match_in_any_case() {
	pod red
	cni ADD red "$(net '.ISGATEWAY = true | .Mtu = 1400 | .ipam.RANGES = .ipam.ranges | del(.ipam.ranges)')"
	link br0 | json '[.addr_info[].local] | index("10.9.0.1")'
	link eth0 red | json '.mtu == 1400'
	absent "warnings" <"$T/err"
}

test_null_is_unset() {
	pod red
	cni ADD red "$(net '.mtu = null | .isGateway = null | .dns = null | .runtimeConfig = null')"
}

test_the_last_of_two_equal_keys_wins() {
	pod red
	cni ADD red '{"cniVersion":"1.1.0","name":"n","type":"bridge","bridge":"br1","mtu":1300,"bridge":"br0","mtu":1400}'
	link br0 | json '.mtu == 1400'
}

test_wrong_types_name_the_path_and_the_value() {
	pod red
	while IFS='|' read -r code filter path value; do
		refused "$code" "$path: " ADD red "$(net "$filter")"
		refused "$code" "$value" ADD red "$(net "$filter")"
	done <<-'TABLE'
		6|.mtu = "big"|mtu|big
		6|.mtu = 1.5|mtu|1.5
		6|.isGateway = "yes"|isGateway|yes
		6|.bridge = 7|bridge|7
		7|.bridge = "sixteenletters01"|bridge|sixteenletters01
		7|.bridge = "a/b"|bridge|a/b
		6|.ipam = "host-local"|ipam|must be an object
		7|.ipam.ranges[0][0].subnet = "10.9.0.5/24"|ipam.ranges[0][0].subnet|10.9.0.5/24
		7|.ipam.ranges[0][0].subnet = "ten"|ipam.ranges[0][0].subnet|ten
		7|.ipam.ranges[0][0].gateway = "10.1.0.1.1"|ipam.ranges[0][0].gateway|10.1.0.1.1
		7|.ipam.routes = [{"dst": "x"}]|ipam.routes[0].dst|x
	TABLE
	ip -o link show type bridge | absent "bridge left behind"
}

test_ip_masq_needs_ipam() {
	pod red
	refused 7 "ipMasq" ADD red "$(net 'del(.ipam) | .ipMasq = true')"
}

test_help_prints_the_keys() {
	local name key
	for name in bridge host-local loopback; do "$BIN/$name" --help >"$T/$name"; done
	for key in bridge isGateway isDefaultGateway forceAddress ipMasq mtu hairpinMode promiscMode enabledad \
		disableContainerInterface portIsolation; do
		grep -qw $key "$T/bridge" || fail "bridge --help does not tell of $key"
	done
	for key in ranges subnet rangeStart rangeEnd gateway routes dataDir resolvConf; do
		grep -qw $key "$T/host-local" || fail "host-local --help does not tell of $key"
	done
}

run_tests "$@"
