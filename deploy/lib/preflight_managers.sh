# SPDX-License-Identifier: Apache-2.0
# Sourced by deploy/lib/preflight.sh: daemons that manage links, addresses or firewalls, by what they
# leave in /run, and whether their configuration leaves containers' networks alone.
# shellcheck shell=dash

# runs_unit UNIT FILE...: does systemd run it, or is one of these files in /run there?
runs_unit() {
	local file
	exists "$ROOT/run/systemd/units/invocation:$1.service" && return
	shift
	for file; do
		exists "$ROOT/run/$file" && return
	done
	return 1
}

# settings GLOB...: the lines of these files that are not comments
settings() {
	local file
	for file; do
		[ ! -f "$file" ] || sed 's/^[[:space:]]*//; /^[#;]/d' "$file"
	done
}

# bridges: the node's ends of the configured networks, on which managers must keep their hands off;
# cni0 where a configuration names none
bridges() {
	say "$CONF_LINES" | awk -F '\t' '
		$1 ~ /\]\.type$/ && $2 ~ /^(bridge|flannel)$/ { unnamed++ }
		$1 ~ /\]\.(delegate\.)?bridge$/ { unnamed--; print $2 }
		END { if (unnamed > 0) print "cni0" }' | awk '!seen[$0]++'
}

# matched NAME PATTERN...: by a shell pattern
matched() {
	local name=$1 pattern
	shift
	for pattern; do
		# shellcheck disable=SC2254 # a pattern it is
		case $name in $pattern) return 0 ;; esac
	done
	return 1
}

check_managers() {
	check_networkmanager
	check_networkd
	check_dhcpcd
	check_firewalld
	check_ufw
	check_docker
}

check_networkmanager() {
	local unmanaged bridge name
	runs_unit NetworkManager NetworkManager/NetworkManager.pid NetworkManager.pid || return 0
	unmanaged=$(settings "$ROOT"/etc/NetworkManager/NetworkManager.conf "$ROOT"/etc/NetworkManager/conf.d/*.conf \
		"$ROOT"/run/NetworkManager/conf.d/*.conf "$ROOT"/usr/lib/NetworkManager/conf.d/*.conf |
		sed -n 's/^unmanaged-devices[[:space:]]*+\{0,1\}=//p' | tr ',' ';' | tr ';' '\n' |
		sed -n 's/^interface-name:=\{0,1\}//p')
	! grep -qs veth "$ROOT"/usr/lib/udev/rules.d/85-nm-unmanaged.rules || unmanaged="$unmanaged veth*"
	name=
	set -f # the words are patterns, not files
	for bridge in veth0 $(bridges); do
		# shellcheck disable=SC2086 # a pattern each
		matched "$bridge" $unmanaged || name="$name $bridge"
	done
	set +f
	if [ -z "$name" ]; then
		ok NetworkManager "runs, and leaves containers' links alone"
	else
		warn NetworkManager "runs, and is not told to leave these alone:$(say "$name" | sed 's/veth0/veth*/')" \
			"it may ask for addresses on them, or take theirs away" \
			"in a file of /etc/NetworkManager/conf.d: [keyfile] unmanaged-devices=$(echo "veth* $(bridges)" |
				tr '\n' ' ' | sed 's/ *$//; s/ \{1,\}/;/g; s/[^;]*/interface-name:&/g')"
	fi
}

# networkd takes a link if a .network file matches it; the conditions of [Match] all have to hold
check_networkd() {
	local file names kinds link
	runs_unit systemd-networkd systemd/netif/state || return 0
	for file in "$ROOT"/etc/systemd/network/*.network "$ROOT"/run/systemd/network/*.network \
		"$ROOT"/usr/lib/systemd/network/*.network; do
		! settings "$file" | grep -qiE '^Unmanaged[[:space:]]*=[[:space:]]*(yes|true|1)' || continue
		names=$(in_match Name "$file")
		kinds=$(in_match '(Type|Kind|Driver)' "$file")
		[ -n "$names$kinds" ] || continue
		set -f
		for link in veth0 $(bridges); do
			# shellcheck disable=SC2086 # patterns
			matched "$link" ${names:-*} && of_kind "$link" $kinds || continue
			warn systemd-networkd "$file matches $(say "$link" | sed 's/veth0/veth*/')" \
				"it would take over links of containers and remove their addresses and routes" \
				"name the links that are meant in its [Match], or give these a file of their own with Unmanaged=yes"
		done
		set +f
	done | grep . || ok systemd-networkd "runs, and leaves containers' links alone"
}

# in_match KEY FILE: its values in the section [Match]
in_match() {
	settings "$2" | sed -n '/^\[Match\]/,/^\[[^M]/p' | sed -nE "s/^$1[[:space:]]*=[[:space:]]*//p" | tr '\n' ' '
}

# of_kind LINK KIND...: may a link of ours be of all these kinds? (an Ethernet link it is always)
of_kind() {
	local kind link=$1
	shift
	for kind; do
		case $link:$kind in
		*:ether | veth0:veth | *:'*') ;;
		veth0:*) return 1 ;;
		*:bridge) ;;
		*) return 1 ;;
		esac
	done
}

check_dhcpcd() {
	local config denied allowed link name
	runs_unit dhcpcd dhcpcd.pid dhcpcd/pid || return 0
	config=$(settings "$ROOT"/etc/dhcpcd.conf)
	denied=$(say "$config" | sed -n 's/^denyinterfaces[[:space:]]*//p' | tr ',\n' '  ')
	allowed=$(say "$config" | sed -n 's/^allowinterfaces[[:space:]]*//p' | tr ',\n' '  ')
	name=
	set -f
	for link in veth0 $(bridges); do
		# shellcheck disable=SC2086 # patterns
		matched "$link" $denied || { [ -n "$allowed" ] && ! matched "$link" $allowed; } || name="$name $link"
	done
	set +f
	if [ -z "$name" ]; then
		ok dhcpcd "runs, and leaves containers' links alone"
	else
		warn dhcpcd "runs on every link" "it gives containers' links addresses and the node wrong routes" \
			"in /etc/dhcpcd.conf: denyinterfaces veth* $(bridges | tr '\n' ' ' | sed 's/ $//')"
	fi
}

check_firewalld() {
	local bridge name=
	runs_unit firewalld firewalld.pid firewalld || return 0
	for bridge in $(bridges); do
		grep -qs "name=\"$bridge\"" "$ROOT"/etc/firewalld/zones/trusted.xml || name="$name $bridge"
	done
	if [ -z "$name" ]; then
		ok firewalld "runs, and trusts the bridges"
	else
		warn firewalld "runs, and does not trust:$name" "it rejects what containers forward" \
			"firewall-cmd --permanent --zone=trusted --add-interface=${name##* } && firewall-cmd --reload"
	fi
}

check_ufw() {
	settings "$ROOT"/etc/ufw/ufw.conf | grep -qi '^ENABLED=yes' || return 0
	if settings "$ROOT"/etc/default/ufw | grep -q '^DEFAULT_FORWARD_POLICY="\{0,1\}ACCEPT'; then
		ok ufw "is on, and lets forwarded packets pass"
	else
		warn ufw "is on, and drops what is forwarded" "containers do not reach the outside" \
			"ufw route allow in on $(bridges | head -n 1), or DEFAULT_FORWARD_POLICY=\"ACCEPT\" in /etc/default/ufw"
	fi
}

check_docker() {
	local config=$ROOT/etc/docker/daemon.json
	runs_unit docker docker.pid docker.sock || return 0
	if awk -f "$HERE/lib/json.awk" "$config" 2>/dev/null |
		grep -qE "^(iptables${TAB}false|ip-forward-no-drop${TAB}true)"; then
		ok Docker "runs, and leaves forwarding alone"
	elif uses type firewall; then
		ok Docker "runs; the firewall plugin in the configuration accepts what containers forward"
	else
		warn Docker "runs, and sets the policy of FORWARD to DROP" \
			"containers reach neither the outside nor, with br_netfilter, each other" \
			"add the firewall plugin to the configuration, or \"ip-forward-no-drop\": true to /etc/docker/daemon.json"
	fi
}
