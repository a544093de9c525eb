#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# deploy/install --check: each thing that would keep the plugins from working is provoked and found,
# a good node is found good, and looking changes nothing.
. "$(dirname "$0")/lib.sh"

R=$T/root # the node's file system, made up; its kernel and network are this world's
NET_D=$R/etc/cni/net.d
MASQUERADE='"isGateway": true, "ipMasq": true, '

# node: a runtime's directories
node() { mkdir -p "$R/opt/cni/bin" "$NET_D" "$R/run"; }

# conflist KEYS [SUBNET]: a bridge with these keys, as the node's configuration
conflist() {
	cat >"$NET_D/10-net.conflist" <<-JSON
		{"cniVersion": "1.0.0", "name": "n", "plugins": [
		  {"type": "bridge", "bridge": "br0", $1
		   "ipam": {"type": "host-local", "ranges": [[{"subnet": "${2:-10.9.0.0/24}"}]]}}]}
	JSON
}

# look [ARGUMENT...]: the report goes to $T/report; the status is that of the check
look() { "${CHECK_WITH[@]}" "$ROOT/deploy/install" --check --from "${FROM:-$BIN}" --root "$R" "$@" >"$T/report" 2>&1; }

# says LEVEL TEXT: there is a finding of this level that has this text
says() { grep "^$1 " "$T/report" | grep -qF -e "$2" || fail "no $1 with \"$2\" in: $(cat "$T/report")"; }

# silent TEXT: there is no warning and no failure with this text
silent() { awk '/^(warn|fail) /' "$T/report" | none_of "$1"; }
none_of() { ! grep -F -e "$1" || fail "should not be said: $1"; }

# bad TEXT / doubtful TEXT / good TEXT: what the check must find, and what its status must be
bad() {
	! look || fail "the check succeeded: $(cat "$T/report")"
	says fail "$1"
	grep -qE '^[0-9]+ ok, [0-9]+ warn, [1-9][0-9]* fail$' "$T/report"
}
doubtful() {
	look || fail "the check failed: $(cat "$T/report")"
	says warn "$1"
}
good() {
	look || fail "the check failed: $(cat "$T/report")"
	says ok "$1"
}

CHECK_WITH=()

# files: when what a runtime and plugins keep was changed
files() { find "$R" /run/netns /var/lib -printf '%p %T@\n' | sort; }

test_a_good_node_and_nothing_is_changed() {
	node
	conflist "$MASQUERADE"
	pod red
	cni ADD red "$(net '.')" # there are leases to look at
	rm -rf /run/edgeway /var/lib/edgeway
	world >"$T/before"
	files >"$T/files"
	good "10-net.conflist: would work: bridge host-local"
	world | diff "$T/before" -
	files | diff "$T/files" -
	[ ! -e /run/edgeway ] || fail "looking made /run/edgeway"
}

# Another node may have nothing but busybox; what is found is the same.
test_busybox_is_all_it_takes() {
	node
	conflist "$MASQUERADE" 192.0.2.0/25
	outside
	touch "$R/run/dhcpcd.pid"
	bad "subnet 192.0.2.0/25: overlaps 192.0.2.0/24 of up0"
	mv "$T/report" "$T/expected"
	mount -t tmpfs tmpfs /mnt # where no look into the node hides it
	busybox --install -s /mnt
	CHECK_WITH=(env -i PATH=/mnt /mnt/sh)
	bad "subnet 192.0.2.0/25: overlaps 192.0.2.0/24 of up0"
	diff "$T/expected" "$T/report"
}

# --- the configuration ---

test_no_configuration() {
	node
	doubtful "$NET_D: no configuration"
}

test_what_is_not_json() {
	node
	printf '{"name": "n",\n "plugins": [,]}\n' >"$NET_D/10-net.conflist"
	bad "10-net.conflist: is not JSON: line 2: expected a value, found: ,]}"
}

test_a_configuration_without_a_name() {
	node
	echo '{"cniVersion": "1.0.0", "plugins": [{"type": "loopback"}]}' >"$NET_D/10-net.conflist"
	bad "has no name"
}

test_a_plugin_that_is_not_there() {
	node
	echo '{"cniVersion": "1.0.0", "name": "n", "plugins": [{"type": "bridge", "ipam": {"type": "whereabouts"}}]}' \
		>"$NET_D/10-net.conflist"
	bad "needs the plugin whereabouts, which is neither Edgeway's nor in $R/opt/cni/bin"
	cp "$BIN/host-local" "$R/opt/cni/bin/whereabouts"
	look
	silent whereabouts
}

test_flannel_calls_others() {
	node
	echo '{"cniVersion": "1.0.0", "name": "n", "plugins": [{"type": "flannel"}]}' >"$NET_D/10-net.conflist"
	cp "$BIN/loopback" "$R/opt/cni/bin/flannel"
	mkdir "$T/few"
	cp "$BIN"/{ptp,loopback} "$T/few"
	FROM=$T/few bad "needs the plugin bridge"
	says fail "needs the plugin host-local"
}

test_a_version_that_a_plugin_does_not_speak() {
	node
	conflist ""
	sed -i 's/1.0.0/7.0.0/' "$NET_D/10-net.conflist"
	bad "bridge does not speak cniVersion 7.0.0"
}

test_what_a_plugin_says_of_its_part() {
	node
	conflist '"mtu": "big",'
	bad "bridge: mtu: "
	conflist '"isGatway": true,'
	doubtful 'bridge: isGatway: true: unknown key (did you mean'
}

test_backslashes() {
	node
	conflist ""
	jq '.plugins += [{"type": "tuning", "xy": "a\\cb\n"}]' "$NET_D/10-net.conflist" >"$T/conf"
	mv "$T/conf" "$NET_D/10-net.conflist"
	doubtful 'tuning: xy: \"a'
	says warn 'cb\\n\": unknown key'
}

test_a_pool_without_an_address() {
	node
	pod red
	cni ADD red "$(net '.ipam.ranges[0][0].subnet = "10.9.0.0/30"')"
	conflist "" 10.9.0.0/30
	bad "bridge: ipam: no IP addresses available in range set: 10.9.0.1-10.9.0.2"
	cni DEL red "$(net '.ipam.ranges[0][0].subnet = "10.9.0.0/30"')"
	good "would work"
}

test_the_first_by_name_counts_and_may_be_a_single_plugin() {
	node
	conflist ""
	net '.' >"$NET_D/05-single.conf"
	echo nonsense >"$NET_D/20-later.conflist"
	echo nonsense >"$NET_D/01-readme.txt"
	good "05-single.conf: would work: bridge host-local"
	net '.mtu = "big"' >"$NET_D/05-single.conf"
	bad "05-single.conf: bridge: mtu: "
}

# --- the directory of plugins ---

test_what_was_installed_is_another_s_now() {
	node
	"$ROOT/deploy/install" --from "$BIN" --root "$R" >"$T/said"
	good "$R/opt/cni/bin: Edgeway's plugins are as they were installed"
	echo upgraded >"$R/opt/cni/bin/bridge"
	rm "$R/opt/cni/bin/ptp"
	doubtful "$R/opt/cni/bin: not Edgeway's any more: bridge ptp"
}

test_a_directory_that_cannot_be_written_or_is_not_there() {
	node
	mount --bind "$R/opt" "$R/opt"
	mount -o remount,bind,ro "$R/opt"
	bad "$R/opt/cni/bin: is mounted read-only"
	umount "$R/opt"
	look --bin-dir /srv/none
	says warn "$R/srv/none: does not exist"
}

test_containers_that_other_plugins_attached() {
	node
	mkdir -p "$R/var/lib/cni/results"
	touch "$R/var/lib/cni/results"/n-{red,blue}-eth0
	doubtful "containers: 2 attachments were made by other plugins"
	"$ROOT/deploy/install" --from "$BIN" --root "$R" >"$T/said"
	look
	silent attachments
}

test_plugins_for_another_machine() {
	node
	mkdir "$T/foreign"
	printf '\177ELF of another machine' >"$T/foreign/bridge"
	chmod 755 "$T/foreign/bridge"
	FROM=$T/foreign bad "plugin bridge: does not run here"
}

# --- the kernel ---

# The kernel of this machine lacks few things; what it has is denied by a stand-in, in its own words.
test_a_kernel_that_lacks_something() {
	local name
	node
	mkdir "$T/lacking"
	cp "$BIN"/* "$T/lacking"
	mv "$T/lacking/bridge" "$T/lacking/.bridge"
	cat >"$T/lacking/bridge" <<-'SH'
		#!/bin/sh
		conf=$(cat)
		case $CNI_COMMAND$conf in
		ADD*ipMasq*) echo '{"code": 100, "msg": "make table", "details": "Protocol not supported"}' && exit 1 ;;
		esac
		echo "$conf" | exec "${0%/*}/.bridge"
	SH
	chmod 755 "$T/lacking/bridge"
	conflist ""
	FROM=$T/lacking doubtful "kernel, masquerade: make table (Protocol not supported); nothing configured here uses it"
	conflist "$MASQUERADE"
	FROM=$T/lacking bad "kernel, masquerade: make table (Protocol not supported); the node's configuration uses it"
}

# What it was built with it need not tell: what counts is what works.
test_a_kernel_that_does_not_tell_its_configuration() {
	node
	conflist ""
	sed -i 's/}]}$/}, {"type": "bandwidth"}]}/' "$NET_D/10-net.conflist"
	gzip </dev/null >"$T/nothing"
	[ ! -e /proc/config.gz ] || mount --bind "$T/nothing" /proc/config.gz
	mount -t tmpfs tmpfs /boot
	good "kernel, bandwidth: works"
	mkdir "$T/lacking"
	cp "$BIN"/* "$T/lacking"
	printf '#!/bin/sh\n[ $CNI_COMMAND != ADD ] || exec false\nexec %s\n' "$BIN/bandwidth" >"$T/lacking/bandwidth"
	FROM=$T/lacking bad "kernel, bandwidth: it failed and said nothing; the node's configuration uses it"
	says fail "CONFIG_NET_CLS_U32"
}

# What keeps one finding from being made keeps no other.
test_a_tool_that_fails_hides_nothing() {
	[ -e /proc/config.gz ] || { echo "SKIP: nothing here that zcat is asked for" && return; }
	node
	conflist ""
	mkdir "$T/broken"
	printf '#!/bin/sh\nexit 1\n' >"$T/broken/zcat"
	chmod 755 "$T/broken/zcat"
	CHECK_WITH=(env "PATH=$T/broken:$PATH")
	good "kernel, veth: works"
	says ok "10-net.conflist: would work"
}

test_a_kernel_whose_bridges_do_not_filter_vlans() {
	if ip link add probe type bridge vlan_filtering 1 2>"$T/why" &&
		bridge vlan show dev probe 2>"$T/why" | grep -q probe; then
		echo "SKIP: this kernel's bridges filter VLANs"
		return
	fi
	node
	conflist ""
	doubtful "before it is used: a kernel with CONFIG_BRIDGE_VLAN_FILTERING"
	conflist '"vlan": 5,'
	bad "use a kernel with CONFIG_BRIDGE_VLAN_FILTERING"
}

test_namespaces_are_forbidden() {
	node
	conflist ""
	CHECK_WITH=(setpriv --bounding-set=-sys_admin)
	bad "kernel: cannot be tried: unshare: unshare failed: Operation not permitted"
}

# --- managers ---

# unit NAME: systemd runs it
unit() {
	mkdir -p "$R/run/systemd/units"
	ln -s 0123456789abcdef "$R/run/systemd/units/invocation:$1.service"
}

test_networkmanager() {
	node
	conflist ""
	look
	silent NetworkManager
	unit NetworkManager
	doubtful "NetworkManager: runs, and is not told to leave these alone: veth* br0;"
	says warn "unmanaged-devices=interface-name:veth*;interface-name:br0"
	mkdir -p "$R/etc/NetworkManager/conf.d"
	printf '[keyfile]\n#unmanaged-devices=interface-name:br0\nunmanaged-devices=interface-name:veth*,interface-name:b*\n' \
		>"$R/etc/NetworkManager/conf.d/edgeway.conf"
	good "NetworkManager: runs, and leaves containers' links alone"
}

test_systemd_networkd() {
	local etc=$R/etc/systemd/network
	node
	conflist ""
	mkdir -p "$etc"
	unit systemd-networkd
	printf '[Match]\nName=eth* en*\n[Network]\nDHCP=yes\n' >"$etc/10-uplink.network"
	printf '[Match]\nName=ve-*\nDriver=veth\n' >"$etc/80-nspawn.network"
	good "systemd-networkd: runs, and leaves containers' links alone"
	printf '[Match]\nType=ether\n[Network]\nDHCP=yes\n' >"$etc/20-all.network"
	doubtful "20-all.network matches veth*"
	printf '[Match]\nName=b*\n[Network]\nName=x\n' >"$etc/20-all.network"
	doubtful "20-all.network matches br0"
	printf '[Match]\nName=b*\n[Link]\nUnmanaged=yes\n' >"$etc/20-all.network"
	good "systemd-networkd: runs, and leaves containers' links alone"
}

test_dhcpcd() {
	node
	conflist ""
	touch "$R/run/dhcpcd.pid"
	doubtful "dhcpcd: runs on every link"
	says warn "denyinterfaces veth* br0"
	echo "denyinterfaces veth* br0" >"$R/etc/dhcpcd.conf"
	good "dhcpcd: runs, and leaves"
	echo "allowinterfaces eth0" >"$R/etc/dhcpcd.conf"
	good "dhcpcd: runs, and leaves"
}

test_firewalld() {
	node
	conflist ""
	unit firewalld
	doubtful "firewalld: runs, and does not trust: br0"
	mkdir -p "$R/etc/firewalld/zones"
	echo '<zone target="ACCEPT"><interface name="br0"/></zone>' >"$R/etc/firewalld/zones/trusted.xml"
	good "firewalld: runs, and trusts the bridges"
}

test_ufw() {
	node
	conflist ""
	mkdir -p "$R/etc/ufw" "$R/etc/default"
	echo ENABLED=no >"$R/etc/ufw/ufw.conf"
	echo 'DEFAULT_FORWARD_POLICY="DROP"' >"$R/etc/default/ufw"
	look
	silent ufw
	echo ENABLED=yes >"$R/etc/ufw/ufw.conf"
	doubtful "ufw: is on, and drops what is forwarded"
	echo 'DEFAULT_FORWARD_POLICY="ACCEPT"' >"$R/etc/default/ufw"
	good "ufw: is on, and lets"
}

test_docker() {
	node
	conflist ""
	touch "$R/run/docker.pid"
	doubtful "Docker: runs, and sets the policy of FORWARD to DROP"
	mkdir -p "$R/etc/docker"
	echo '{"bip": "240.127.1.1/24", "iptables": false}' >"$R/etc/docker/daemon.json"
	good "Docker: runs, and leaves forwarding alone"
	rm "$R/etc/docker/daemon.json"
	jq '.plugins += [{"type": "firewall"}]' "$NET_D/10-net.conflist" >"$T/conflist"
	cp "$T/conflist" "$NET_D/10-net.conflist"
	cp "$BIN/loopback" "$R/opt/cni/bin/firewall"
	good "Docker: runs; the firewall plugin"
}

# --- the network ---

test_forwarding() {
	node
	echo 0 >/proc/sys/net/ipv4/ip_forward
	conflist "$MASQUERADE"
	good "forwarding, ipv4: is off, the first container switches it on"
	conflist ""
	doubtful "forwarding, ipv4: is off, and no configuration here switches it on"
	conflist "" fd00:9::/64
	echo 0 >/proc/sys/net/ipv6/conf/all/forwarding
	doubtful "sysctl -w net.ipv6.conf.all.forwarding=1"
	echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
	echo 1 >/proc/sys/net/ipv4/ip_forward
	good "forwarding, ipv6: is on"
	says ok "forwarding, ipv4: is on"
}

test_forwarding_that_the_uplink_forbids() {
	node
	conflist "$MASQUERADE"
	outside
	ip route add default via 192.0.2.9
	echo 1 >/proc/sys/net/ipv4/ip_forward
	look
	silent up0
	echo 0 >/proc/sys/net/ipv4/conf/up0/forwarding
	doubtful "forwarding, up0: is off on the link that has the default route"
}

test_br_netfilter() {
	local switch=/proc/sys/net/bridge/bridge-nf-call-iptables
	[ -e $switch ] || { echo "SKIP: this kernel has no br_netfilter" && return; }
	mkdir -p "$R/var/lib/rancher/k3s/data/cni"
	node
	conflist ""
	echo 1 >$switch
	good "br_netfilter: is on"
	echo 0 >$switch
	doubtful "br_netfilter: is off; a pod does not reach a Service"
	rm -r "$R/var/lib/rancher"
	good "br_netfilter: is off"
}

test_subnets_that_are_taken() {
	node
	conflist "" 10.9.0.0/24
	outside
	good "subnets: used nowhere else on this node: 10.9.0.0/24"
	conflist "" 192.0.2.128/25
	bad "subnet 192.0.2.128/25: overlaps 192.0.2.0/24 of up0"
	ip addr add 10.9.0.77/32 dev up0
	ip route add 10.9.0.64/28 dev up0
	conflist "" 10.9.0.0/24
	bad "subnet 10.9.0.0/24: overlaps 10.9.0.64/28 of up0"
	conflist "" 2001:db8::/48
	bad "subnet 2001:db8::/48: overlaps 2001:0db8:0000:0000:0000:0000:0000:0000/64 of up0"
	conflist "" 2001:db9::/48
	good "subnets: used nowhere else"
}

test_a_network_does_not_meet_itself() {
	node
	conflist "" 10.9.0.0/24
	pod red blue
	cni ADD red "$(net '.isGateway = true')"
	cni ADD blue "$(net '.type = "ptp" | .ipam.ranges[0][0].rangeStart = "10.9.0.100"')"
	good "subnets: used nowhere else"
}

run_tests "$@"
