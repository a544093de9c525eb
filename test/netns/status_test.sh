#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# STATUS: silent when an ADD could succeed, code 50 when it could not.
. "$(dirname "$0")/lib.sh"

# delegate CODE: an IPAM plugin "fake" whose STATUS fails with CODE, or succeeds if CODE is empty
delegate() {
	mkdir -p "$T/bin"
	cat >"$T/bin/fake" <<-SCRIPT
		#!/bin/sh
		[ "\$CNI_COMMAND" = STATUS ] || exit 9
		[ -z "$1" ] && exit 0
		echo '{"cniVersion":"1.1.0","code":$1,"msg":"fake is not ready"}'
		exit 1
	SCRIPT
	chmod +x "$T/bin/fake"
}

test_ready() {
	local name
	cni STATUS none "$(net .)" | absent "output of STATUS"
	cni STATUS none "$(net 'del(.ipam)')" | absent "output of STATUS"
	cni STATUS none "$(pool .)" | absent "output of STATUS"
	cni STATUS none '{"cniVersion":"1.1.0","name":"lo","type":"loopback"}' | absent "output of STATUS"
}

test_a_configuration_that_every_add_would_refuse() {
	refused 7 "hairpinMode" STATUS none "$(net '.hairpinMode = true | .promiscMode = true')"
	refused 7 "ipMasq: true: needs ipam" STATUS none "$(net '.ipMasq = true | del(.ipam)')"
}

test_addresses_of_static_may_come_with_each_add() {
	local conf type
	pod red
	for type in bridge ptp ebpf; do
		conf=$(net ".type = \"$type\" | .ipam = {\"type\": \"static\"}")
		cni STATUS none "$conf" | absent "output of STATUS"
		refused 7 "ipam.addresses: required, but missing" ADD red "$conf"
		ARGS="IP=10.9.0.7/24;GATEWAY=10.9.0.1" cni ADD red "$conf"
		equal 10.9.0.7 "$(address red)" "address"
		cni DEL red "$conf"
	done
}

test_ranges_may_come_with_each_add() {
	local conf type
	pod red
	for type in bridge ptp ebpf; do
		conf=$(net ".type = \"$type\" | .ipam = {\"type\": \"host-local\"} | .capabilities = {\"ipRanges\": true}")
		cni STATUS none "$conf" | absent "output of STATUS"
		refused 7 "ipam.ranges: no IP ranges specified" ADD red "$conf"
		conf=$(jq -c '.runtimeConfig.ipRanges = [[{"subnet": "10.9.0.0/24"}]]' <<<"$conf")
		cni ADD red "$conf"
		cni DEL red "$conf"
	done
}

test_status_changes_nothing() {
	world >"$T/before"
	cni STATUS none "$(net '.ipMasq = true | .isGateway = true')"
	unchanged "STATUS"
}

test_the_pool_is_exhausted() {
	local tiny
	tiny='.ipam.ranges = [[{"subnet": "10.9.0.0/30"}]]'
	pod red
	cni STATUS none "$(net "$tiny")"
	cni ADD red "$(net "$tiny")"
	refused 50 "10.9.0" STATUS none "$(net "$tiny")"
	refused 50 "10.9.0" STATUS none "$(net ".type = \"host-local\" | $tiny")"
	cni DEL red "$(net "$tiny")"
	cni STATUS none "$(net "$tiny")"
}

test_one_of_two_pools_is_exhausted() {
	local tiny
	tiny=$(net '.ipam.ranges += [[{"subnet": "fd00:9::/126"}]]')
	pod p1 p2
	cni ADD p1 "$tiny"
	cni ADD p2 "$tiny"
	refused 50 "fd00:9::" STATUS none "$tiny"
}

test_a_delegate_that_is_not_ready() {
	delegate 50
	CNIPATH=$T/bin refused 50 "fake is not ready" STATUS none "$(net '.ipam = {"type": "fake"}')"
	delegate 51
	CNIPATH=$T/bin refused 51 "fake is not ready" STATUS none "$(net '.ipam = {"type": "fake"}')"
	delegate ""
	CNIPATH=$T/bin cni STATUS none "$(net '.ipam = {"type": "fake"}')"
}

test_a_delegate_that_is_missing() {
	CNIPATH=$T refused 103 "nosuch" STATUS none "$(net '.ipam = {"type": "nosuch"}')"
}

test_an_impossible_configuration() {
	refused 6 "mtu" STATUS none "$(net '.mtu = "x"')"
}

run_tests "$@"
