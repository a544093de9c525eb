#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# static: addresses named one by one, on its own and inside of bridge.
. "$(dirname "$0")/lib.sh"

# fixed FILTER: the usual network with two addresses of static, changed by a jq filter
fixed() {
	net ".isGateway = true | .ipam = {\"type\": \"static\", \"addresses\": [
		{\"address\": \"10.9.0.5/24\", \"gateway\": \"10.9.0.1\"},
		{\"address\": \"fd00:9::5/64\", \"gateway\": \"fd00:9::1\"}]} | ${1:-.}"
}

# alone FILTER: static called by its own name, its ipam section changed by a jq filter
alone() { fixed ".type = \"static\" | .ipam |= (${1:-.})"; }

# gives TEXT CONF: the addresses that an ADD of CONF reports, with their gateways
gives() {
	equal "$1" "$(cni ADD red "$2" | jq -r '[.ips[]? | .address + (if .gateway then ">" + .gateway else "" end)] | join(" ")')" "$2"
}

# --- alone ---

test_the_result() {
	local out
	out=$(cni ADD red "$(alone '.routes = [{"dst": "0.0.0.0/0"}, {"dst": "172.20.0.0/16", "gw": "10.9.0.9"}]
		| .dns = {"nameservers": ["10.9.0.1"], "domain": "d", "search": ["s"], "options": ["o"]}')")
	json '.ips == [{"address": "10.9.0.5/24", "gateway": "10.9.0.1"},
		{"address": "fd00:9::5/64", "gateway": "fd00:9::1"}]' "$out"
	json '.routes == [{"dst": "0.0.0.0/0"}, {"dst": "172.20.0.0/16", "gw": "10.9.0.9"}]' "$out"
	json '.dns == {"nameservers": ["10.9.0.1"], "domain": "d", "search": ["s"], "options": ["o"]}' "$out"
	json '(.interfaces // []) == []' "$out"
}

test_the_reference_reports_the_same() {
	local conf theirs
	[ -x "$PEER/static" ] || { echo "SKIP: no $PEER/static" && return; }
	conf=$(alone '.addresses += [{"address": "192.0.2.5/32", "gateway": "169.254.1.1"}, {"address": "192.0.2.6/24"}]
		| .routes = [{"dst": "0.0.0.0/0"}] | .dns.search = ["s"]' | jq -c '.cniVersion = "1.0.0"')
	theirs=$(CNI_COMMAND=ADD CNI_CONTAINERID=red CNI_NETNS=/run/netns/red CNI_IFNAME=eth0 CNI_PATH=$PEER \
		CNI_ARGS="IP=10.8.0.5/24,fd00:8::5/64;GATEWAY=10.8.0.1,10.9.0.9" "$PEER/static" <<<"$conf")
	equal "$(jq -S . <<<"$theirs")" \
		"$(ARGS="IP=10.8.0.5/24,fd00:8::5/64;GATEWAY=10.8.0.1,10.9.0.9" cni ADD red "$conf" | jq -S .)" result
}

test_an_add_changes_nothing_on_the_node() {
	pod red
	world >"$T/before"
	cni ADD red "$(alone)"
	cni CHECK red "$(alone)"
	cni DEL red "$(alone)"
	unchanged "static"
}

test_no_address_is_no_error_for_whoever_asks_static_itself() {
	gives "" "$(alone 'del(.addresses)')"
	gives "" "$(alone '.addresses = []')"
}

test_requests() {
	local two='.addresses |= .[:1] | .addresses[0] = {"address": "10.9.0.5/24", "gateway": "10.9.0.1"}'
	ARGS="IP=10.8.0.5/24, fd00:8::5/64;GATEWAY=fd00:8::1,10.8.0.1" \
		gives "10.9.0.5/24>10.9.0.1 10.8.0.5/24>10.8.0.1 fd00:8::5/64>fd00:8::1" "$(alone "$two")"
	ARGS="IgnoreUnknown=1;K8S_POD_NAME=p;IP=10.8.0.5/24" \
		gives "10.8.0.5/24" "$(alone '.addresses = []')"
	ARGS="IP=10.8.0.5/24;GATEWAY=10.7.0.1" \
		gives "10.7.0.5/24" "$(alone "$two" | jq -c '.args.cni.ips = ["10.7.0.5/24"]')"
	ARGS="IP=10.8.0.5/24" gives "10.6.0.5/24 fd00:6::5/64" "$(alone "$two" |
		jq -c '.args.cni.ips = ["10.7.0.5/24"] | .runtimeConfig.ips = ["10.6.0.5/24", "fd00:6::5/64"]')"
	ARGS="IP=;GATEWAY=" gives "10.9.0.5/24>10.9.0.1" "$(alone "$two" |
		jq -c '.args.cni.ips = [] | .runtimeConfig.ips = []')"
}

test_a_requested_gateway_that_nothing_needs_is_warned_of() {
	ARGS="GATEWAY=10.9.0.9" gives "10.9.0.5/24>10.9.0.1 fd00:9::5/64>fd00:9::1" "$(alone)"
	grep -q 'CNI_ARGS: GATEWAY: .*10\.9\.0\.9.*ignored' "$T/err" || fail "no warning: $(cat "$T/err")"
}

# the library's tests have every message; here is one of each kind
test_what_is_refused() {
	while IFS='|' read -r code filter text; do
		refused "$code" "$text" ADD red "$(alone "$filter")"
		refused "$code" "$text" STATUS none "$(alone "$filter")"
	done <<-'TABLE'
		6|.addresses = ["10.9.0.5/24"]|ipam.addresses[0]: "10.9.0.5/24": must be an object
		7|.addresses[1].address = "fd00:9::5"|ipam.addresses[1].address: "fd00:9::5": prefix length missing
		7|.addresses[1].address = "ff02::5/64"|ipam.addresses[1].address: "ff02::5/64": not an address that a container can have
		7|.addresses[1].gateway = "10.9.0.1"|ipam.addresses[1].gateway: "10.9.0.1": of another family than
	TABLE
	refused 7 "ipam: required, but missing" ADD red "$(alone | jq -c 'del(.ipam)')"
	refused 2 'ipam.addreses: []: unknown key (did you mean "addresses"?)' \
		ADD red "$(alone '.addreses = []' | jq -c '.strict = true')"
}

test_requests_that_are_refused() {
	ARGS="IP=10.8.0.5" refused 7 'CNI_ARGS: IP: "10.8.0.5": prefix length missing' ADD red "$(alone)"
	ARGS="IP=10.9.0.5/24" refused 7 'given already by ipam.addresses[0].address' ADD red "$(alone)"
	ARGS="GATEWAY=x" refused 7 'CNI_ARGS: GATEWAY: "x": not an IP address' ADD red "$(alone)"
	ARGS="MAC=02:00:00:00:00:01" refused 4 "CNI_ARGS: unknown args" ADD red "$(alone)"
	refused 7 'args.cni.ips[0]: "10.7.0.5"' ADD red "$(alone | jq -c '.args.cni.ips = ["10.7.0.5"]')"
	refused 7 'runtimeConfig.ips[0]: ""' ADD red "$(alone | jq -c '.runtimeConfig.ips = [""]')"
}

test_check() {
	local prev='{"cniVersion": "1.1.0", "ips": [{"address": "10.9.0.5/24", "gateway": "10.9.0.1"}, {"address": "fd00:9::5/64", "gateway": "fd00:9::1"}]}'
	PREV=$prev cni CHECK red "$(alone)" | absent "output of CHECK"
	PREV=$prev cni CHECK red "$(alone 'del(.addresses[].gateway)')"
	PREV=$(jq -c 'del(.ips[1])' <<<"$prev") refused 104 "prevResult lacks address fd00:9::5/64" CHECK red "$(alone)"
	PREV=$(jq -c '.ips[0].gateway = "10.9.0.2"' <<<"$prev") \
		refused 104 "prevResult's gateway of 10.9.0.5/24 is not the 10.9.0.1" CHECK red "$(alone)"
	PREV='' refused 7 prevResult CHECK red "$(alone)"
	ARGS="IP=10.8.0.5/24" PREV=$prev refused 104 "lacks address 10.8.0.5/24 of CNI_ARGS: IP" CHECK red "$(alone)"
}

test_the_verbs_that_need_nothing() {
	local broken
	broken=$(alone '.addresses = [{"address": "x"}]')
	cni STATUS none "$(alone)" | absent "output of STATUS"
	cni STATUS none "$(alone 'del(.addresses)')" | absent "output of STATUS"
	cni DEL red "$broken" | absent "output of DEL"
	NETNS='' cni DEL red "$broken"
	cni GC none "$(alone | jq -c '.["cni.dev/valid-attachments"] = []')" | absent "output of GC"
	cni VERSION none "$(alone)" | json '.supportedVersions | index("0.1.0") != null and index("1.1.0") != null'
}

test_every_version() {
	local version out
	for version in 0.1.0 0.2.0; do
		out=$(cni ADD red "$(alone '.routes = [{"dst": "0.0.0.0/0"}]' | jq -c ".cniVersion = \"$version\"")")
		json '.ip4 == {"ip": "10.9.0.5/24", "gateway": "10.9.0.1", "routes": [{"dst": "0.0.0.0/0"}]}' "$out"
		json '.ip6.ip == "fd00:9::5/64" and (has("ips") | not)' "$out"
		refused 7 "no valid IP addresses" ADD red "$(alone '.addresses = []' | jq -c ".cniVersion = \"$version\"")"
		refused 7 "ipam.addresses[2].address: \"10.8.0.5/24\": CNI version $version does not support" ADD red \
			"$(alone '.addresses += [{"address": "10.8.0.5/24"}]' | jq -c ".cniVersion = \"$version\"")"
	done
	for version in 0.3.0 0.3.1 0.4.0; do
		cni ADD red "$(alone | jq -c ".cniVersion = \"$version\"")" | json '[.ips[].version] == ["4", "6"]'
	done
	for version in 1.0.0 1.1.0; do
		cni ADD red "$(alone | jq -c ".cniVersion = \"$version\"")" |
			json ".cniVersion == \"$version\" and ([.ips[] | has(\"version\")] | any | not)"
	done
}

# --- inside of bridge ---

test_bridge_starts_no_process_for_it() {
	pod red blue
	CNIPATH=/nonexistent cni ADD red "$(fixed)" | json '[.ips[].interface] == [2, 2]'
	CNIPATH=/nonexistent cni CHECK red "$(fixed)"
	CNIPATH=/nonexistent cni STATUS none "$(fixed)"
	cni ADD blue "$(fixed '.ipam.addresses[0].address = "10.9.0.6/24" | .ipam.addresses[1].address = "fd00:9::6/64"')"
	equal "10.9.0.5 fd00:9::5" "$(address red) $(address red -6)" addresses
	reaches red 10.9.0.1
	reaches red fd00:9::1
	reaches red 10.9.0.6
	reaches red fd00:9::6
	CNIPATH=/nonexistent cni GC none "$(fixed | jq -c '.["cni.dev/valid-attachments"] = [{"containerID": "blue", "ifname": "eth0"}]')"
	ip -n red -o link show type veth | absent "what GC should have deleted"
	CNIPATH=/nonexistent cni DEL blue "$(fixed)"
	ip -o link show type veth | absent "veth left behind"
}

test_bridge_leaves_nothing_of_it() {
	local conf
	conf=$(fixed '.ipMasq = true | .isDefaultGateway = true')
	settle "$conf"
	pod red
	cni ADD red "$conf"
	cni CHECK red "$conf"
	cni DEL red "$conf"
	cni DEL red "$conf"
	ip netns del red
	unchanged "ADD and DEL"
	[ ! -e /var/lib/cni/networks ] || fail "static has made a lease directory"
}

test_bridge_takes_requests() {
	pod red blue green
	ARGS="IP=10.8.0.5/24;GATEWAY=10.8.0.9" cni ADD red "$(fixed '.ipam.addresses = []')"
	equal 10.8.0.5 "$(address red)" "address from CNI_ARGS"
	ip -j -4 addr show dev br0 | json '[.[].addr_info[]?.local] == ["10.8.0.9"]'
	cni ADD blue "$(fixed '.args.cni.ips = ["10.9.0.6/24"] | .isGateway = false')"
	equal 10.9.0.6 "$(address blue)" "address from args.cni"
	cni ADD green "$(fixed '.runtimeConfig.ips = ["10.9.0.7/24", "fd00:9::7/64"] | .isGateway = false')"
	equal "10.9.0.7 fd00:9::7" "$(address green) $(address green -6)" "addresses from runtimeConfig"
}

test_bridge_with_two_addresses_of_a_subnet() {
	pod red
	cni ADD red "$(fixed '.ipam.addresses = [{"address": "10.9.0.5/24"}, {"address": "10.9.0.6/24"}]')" |
		json '[.ips[].gateway] == ["10.9.0.1", "10.9.0.1"]'
	equal "10.9.0.5 10.9.0.6" "$(address red | paste -sd' ')" addresses
	reaches red 10.9.0.1
	cni CHECK red "$(fixed '.ipam.addresses = [{"address": "10.9.0.5/24"}, {"address": "10.9.0.6/24"}]')"
}

test_bridge_prefers_its_own_dns() {
	pod red blue
	cni ADD red "$(fixed '.ipam.dns.domain = "inner"')" | json '.dns.domain == "inner"'
	cni ADD blue "$(fixed '.ipam.addresses = [{"address": "10.9.0.6/24"}] | .ipam.dns.domain = "inner" | .dns.domain = "outer"')" |
		json '.dns.domain == "outer"'
}

test_bridge_refuses_what_static_refuses_and_has_done_nothing() {
	pod red
	world >"$T/before"
	refused 7 'ipam.addresses[0].address: "10.9.0.5"' ADD red "$(fixed '.ipam.addresses = [{"address": "10.9.0.5"}]')"
	refused 7 'ipam.addresses[1].gateway' ADD red "$(fixed '.ipam.addresses[1].gateway = "10.9.0.1"')"
	refused 7 'ipam.addresses[1].gateway' STATUS none "$(fixed '.ipam.addresses[1].gateway = "10.9.0.1"')"
	refused 7 'runtimeConfig.ips[0]: "10.9.0.7"' ADD red "$(fixed '.runtimeConfig.ips = ["10.9.0.7"]')"
	unchanged "a refused ADD"
	settle "$(fixed)"
	pod blue
	world >"$T/before"
	refused 7 "ipam.addresses: required, but missing" ADD blue "$(fixed '.ipam.addresses = []')"
	unchanged "an ADD without addresses"
}

test_bridge_checks_what_static_checks() {
	pod red
	cni ADD red "$(fixed)"
	refused 104 "ipam: static: prevResult lacks address 10.9.0.6/24" \
		CHECK red "$(fixed '.ipam.addresses += [{"address": "10.9.0.6/24"}]')"
	cni DEL red "$(fixed '.ipam.addresses = "nonsense"')"
	ip -o link show type veth | absent "veth left behind"
}

run_tests "$@"
