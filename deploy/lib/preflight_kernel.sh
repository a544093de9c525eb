# SPDX-License-Identifier: Apache-2.0
# Sourced by deploy/lib/preflight.sh: what the plugins need of the kernel, by the name of its CONFIG.
# shellcheck shell=dash

# kernel_config: the configuration this kernel was built with, if it tells
kernel_config() {
	if [ -r /proc/config.gz ]; then
		zcat /proc/config.gz
	elif [ -r "/boot/config-$(uname -r)" ]; then
		cat "/boot/config-$(uname -r)"
	fi
}

# lacking CONFIG...: which of these the kernel was built without; all, if it does not tell
lacking() {
	local config name
	config=$(kernel_config)
	for name; do
		say "$config" | grep -q "^$name=[ym]" || say "$name"
	done | tr '\n' ' ' | sed 's/ $//'
}

# configs FEATURE: what it takes
configs() {
	case $1 in
	veth) echo CONFIG_VETH CONFIG_NET_NS ;;
	bridge) echo CONFIG_BRIDGE ;;
	ipv6) echo CONFIG_IPV6 ;;
	masquerade) echo CONFIG_NF_TABLES CONFIG_NF_TABLES_INET CONFIG_NF_CONNTRACK CONFIG_NF_NAT CONFIG_NFT_NAT CONFIG_NFT_MASQ ;;
	macspoofchk) echo CONFIG_NF_TABLES CONFIG_NF_TABLES_BRIDGE ;;
	vlan) echo CONFIG_BRIDGE_VLAN_FILTERING ;;
	vlan-gw) echo CONFIG_BRIDGE_VLAN_FILTERING CONFIG_VLAN_8021Q ;;
	bandwidth) echo CONFIG_NET_SCHED CONFIG_NET_SCH_TBF CONFIG_NET_SCH_INGRESS CONFIG_NET_CLS_U32 CONFIG_NET_ACT_MIRRED CONFIG_IFB ;;
	esac
}

# needed FEATURE: by a configuration of this node
needed() {
	case $1 in
	veth) return 0 ;;
	bridge) uses type '(bridge|flannel)' ;;
	ipv6) uses subnet '.*:.*' ;;
	masquerade) uses ipMasq true || uses type '(portmap|firewall)' ;;
	macspoofchk) uses macspoofchk true ;;
	vlan) uses vlan '[1-9][0-9]*' || uses 'vlanTrunk.*' '.*' ;;
	vlan-gw) uses vlan '[1-9][0-9]*' && uses 'is(Default)?Gateway' true ;;
	bandwidth) uses type bandwidth ;;
	esac
}

# uses KEY VALUE: as regular expressions
uses() { say "$CONF_LINES" | grep -qE "\.$1$TAB$2\$"; }

check_kernel() {
	local feature said names probed
	if ! probed=$(unshare -n -m "$HERE/lib/preflight_probe.sh" "$FROM" 2>/dev/null); then
		probed=$(unshare -n -m true 2>&1 || :)
		fail kernel "cannot be tried${probed:+: $probed}" "without network namespaces there are no containers" \
			"run this as root, on the machine itself; the kernel needs CONFIG_NET_NS"
		return
	fi
	say "$probed" | while IFS=$TAB read -r feature said; do
		# shellcheck disable=SC2046 # a word each
		names=$(lacking $(configs "$feature"))
		if [ -z "$said" ]; then
			ok "kernel, $feature" "works"
		else
			kernel_lacks "$feature" "${names:-$(configs "$feature")}" "$(plugins_words "$said")"
		fi
	done
}

# kernel_lacks FEATURE CONFIGS SAID
kernel_lacks() {
	if needed "$1"; then
		fail "kernel, $1" "$3" "the node's configuration uses it" "use a kernel with $2"
	else
		warn "kernel, $1" "$3" "nothing configured here uses it" \
			"before it is used: a kernel with $2"
	fi
}
