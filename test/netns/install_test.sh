#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# deploy/install and deploy/uninstall: every layout is found, and nothing of another's is lost.
. "$(dirname "$0")/install_lib.sh"

test_uninstall_puts_back_what_was_there() {
	reference "$R/opt/cni/bin"
	tree "$R" >"$T/before"
	release "$T/v2" two
	install_quietly
	is_ours "$R/opt/cni/bin" "$BIN"
	install_quietly
	install_quietly --from "$T/v2"
	is_ours "$R/opt/cni/bin" "$T/v2"
	uninstall_quietly
	tree "$R" | diff "$T/before" -
	uninstall_quietly
	grep -q "nothing of Edgeway's" "$T/said"
	tree "$R" | diff "$T/before" -
}

test_a_plugin_that_the_new_release_has_no_more_is_taken_away() {
	reference "$R/opt/cni/bin"
	echo dhcp | tee "$R/opt/cni/bin/dhcp" >"$T/dhcp"
	release "$T/v2" two
	cp "$BIN/loopback" "$T/v2/dhcp"
	cp "$BIN/loopback" "$T/v2/fast"
	install_quietly --from "$T/v2"
	cmp "$R/opt/cni/bin/dhcp" "$BIN/loopback"
	install_quietly
	cmp "$R/opt/cni/bin/dhcp" "$T/dhcp"
	[ ! -e "$R/opt/cni/bin/fast" ] || fail "a plugin of the release before was left"
	is_ours "$R/opt/cni/bin" "$BIN"
}

test_a_package_that_replaces_ours_is_noticed() {
	reference "$R/opt/cni/bin"
	install_quietly
	echo upgraded >"$T/upgraded"
	cp --remove-destination "$T/upgraded" "$R/opt/cni/bin/bridge"
	install_quietly
	grep -q "bridge: another's was put over ours" "$T/said"
	uninstall_quietly
	cmp "$R/opt/cni/bin/bridge" "$T/upgraded"
}

test_uninstall_leaves_what_came_after_ours() {
	reference "$R/opt/cni/bin"
	cp -a "$R/opt/cni/bin/bridge" "$T/first"
	install_quietly
	echo upgraded >"$T/upgraded"
	cp --remove-destination "$T/upgraded" "$R/opt/cni/bin/bridge"
	uninstall_quietly
	cmp "$R/opt/cni/bin/bridge" "$T/upgraded"
	grep -q "bridge: is another's now, left alone; what was there before ours is .*/kept/bridge" "$T/said"
	cmp "$R/opt/cni/bin/.edgeway/kept/bridge" "$T/first"
	[ ! -e "$R/opt/cni/bin/ptp" ] || fail "ours was left"
}

# What bandwidth makes for a container is no container.
test_uninstall_counts_containers() {
	local result
	pod red
	result=$(cni ADD red "$(net .)")
	result=$(cni ADD red "$(net "del(.bridge, .ipam) | . + {\"type\": \"bandwidth\", \"egressRate\": 8000000,
		\"egressBurst\": 8000000, \"prevResult\": $result}")")
	"$UNINSTALL" --bin-dir "$R/opt/cni/bin" >"$T/said"
	grep -q "^1 interfaces of running containers" "$T/said" || fail "counted: $(cat "$T/said")"
	ip link del "$(jq -r '.interfaces[1].name' <<<"$result")"
	"$UNINSTALL" --bin-dir "$R/opt/cni/bin" >"$T/said"
	! grep "running containers" "$T/said"
}

# Called as a runtime calls a plugin, it would load the data path.
test_the_loader_is_installed_and_not_run() {
	"$INSTALL" --from "$BIN" --bin-dir "$R/opt/cni/bin" >"$T/said"
	cmp "$R/opt/cni/bin/edgeway-loader" "$BIN/edgeway-loader"
	"$INSTALL" --check --from "$BIN" --bin-dir "$R/opt/cni/bin" >"$T/said"
	grep -q "they run here: .*edgeway-loader" "$T/said" || fail "said: $(cat "$T/said")"
	[ ! -e /sys/fs/bpf/edgeway ] || fail "it has loaded the data path"
}

test_uninstall_unloads_the_data_path_unless_a_pod_uses_it() {
	local loader=$R/opt/cni/bin/edgeway-loader helper=$EDGEWAY_BIN/../test/netns/datapath
	"$INSTALL" --from "$BIN" --bin-dir "$R/opt/cni/bin" >"$T/said"
	ip link add v0 type veth peer name v1
	"$helper" attach "$loader" v0 10.9.0.2 02:00:00:00:00:02
	"$UNINSTALL" --bin-dir "$R/opt/cni/bin" >"$T/said"
	grep -q "pods use the eBPF data path: it stays" "$T/said" || fail "said: $(cat "$T/said")"
	"$helper" attached v0
	"$helper" detach v0
	"$INSTALL" --from "$BIN" --bin-dir "$R/opt/cni/bin" >"$T/said"
	"$UNINSTALL" --bin-dir "$R/opt/cni/bin" >"$T/said"
	grep -q "the eBPF data path is unloaded" "$T/said" || fail "said: $(cat "$T/said")"
	[ ! -e /sys/fs/bpf/edgeway ] || fail "pins were left"
	[ ! -e "$loader" ] || fail "the loader was left"
}

# --- where ---

# found: the directories of plugins that an install chose
found() {
	find "$R" -name .edgeway ! -path "$R/usr/local/*" -printf '%h\n' | sed "s|^$R||" | sort | tr '\n' ' '
}

# k3s_bundle HASH: a release of K3s as it unpacks itself
k3s_bundle() {
	local name
	mkdir -p "$K3S/$1/bin"
	echo "cni of $1" >"$K3S/$1/bin/cni"
	for name in bridge host-local loopback portmap flannel; do ln -s cni "$K3S/$1/bin/$name"; done
	[ ! -L "$K3S/current" ] || mv -T "$K3S/current" "$K3S/previous"
	ln -s "/var/lib/rancher/k3s/data/$1" "$K3S/current"
}

# k3s_links HASH: what newer releases do then: all links, but no files, of data/cni lead to the bundle
k3s_links() {
	local name
	mkdir -p "$K3S/cni"
	for name in cni bridge host-local loopback portmap flannel other; do
		[ ! -e "$K3S/cni/$name" ] || [ -L "$K3S/cni/$name" ] || continue
		ln -sfT "/var/lib/rancher/k3s/data/$1/bin/cni" "$K3S/cni/$name"
	done
}

test_nothing_is_there_yet() {
	mkdir "$R"
	install_quietly
	equal "/opt/cni/bin " "$(found)" "places"
}

test_k3s_since_october_2024() {
	k3s_bundle abc
	k3s_links abc
	tree "$R" >"$T/before"
	install_quietly
	equal "/var/lib/rancher/k3s/data/cni " "$(found)" "places"
	equal /var/lib/rancher/k3s/data/abc/bin/cni "$(readlink "$K3S/cni/other")" "a plugin that is not ours"
	uninstall_quietly
	tree "$R" | diff "$T/before" -
}

test_an_upgrade_of_k3s_meanwhile() {
	k3s_bundle abc
	k3s_links abc
	install_quietly
	k3s_bundle def
	k3s_links def
	is_ours "$K3S/cni" "$BIN"
	uninstall_quietly
	equal /var/lib/rancher/k3s/data/def/bin/cni "$(readlink "$K3S/cni/bridge")" "link after uninstall"
	find "$K3S/cni" -mindepth 1 ! -type l | absent "no link"
}

test_k3s_before() {
	k3s_bundle abc
	k3s_bundle def
	tree "$R" >"$T/before"
	install_quietly
	equal "/var/lib/rancher/k3s/data/def/bin " "$(found)" "places"
	uninstall_quietly
	tree "$R" | diff "$T/before" -
	rm "$K3S/current"
	install_quietly
	equal "/var/lib/rancher/k3s/data/abc/bin /var/lib/rancher/k3s/data/def/bin " "$(found)" "places without current"
}

test_all_runtimes_of_a_node() {
	mkdir -p "$R"/{opt/cni/bin,usr/lib/cni,etc/containerd}
	cat >"$R/etc/containerd/config.toml" <<-'TOML'
		[plugins."io.containerd.grpc.v1.cri".cni]
		  bin_dir = "/opt/cni/bin"
		[plugins.'io.containerd.cri.v1.runtime'.cni]
		  bin_dirs = ["/srv/one", "/srv/two"]
		  # bin_dir = "/srv/three"
	TOML
	install_quietly
	equal "/opt/cni/bin /srv/one /srv/two /usr/lib/cni " "$(found)" "places"
	uninstall_quietly
	equal "" "$(found)" "places after uninstall"
	install_quietly --bin-dir /srv/mine
	equal "/srv/mine " "$(found)" "the place that was named"
}

# As `containerd config default` of 2.x writes it, and as people do
test_what_containerd_2_writes() {
	mkdir -p "$R/etc/containerd"
	cat >"$R/etc/containerd/config.toml" <<-'TOML'
		version = 3
		[plugins.'io.containerd.cri.v1.runtime'.cni]
		  bin_dir = ''
		  bin_dirs = ['/srv/one', "/srv/two"] # not '/srv/three'
		  conf_dir = '/srv/net.d'
		[plugins.'io.containerd.cri.v1.other'.cni]
		  bin_dirs = [
		    # '/srv/four',
		    '/srv/five',
		  ]
		  comment = '/srv/six'
	TOML
	install_quietly
	equal "/srv/five /srv/one /srv/two " "$(found)" "places"
	"$INSTALL" --check --root "$R" --from "$BIN" >"$T/said" 2>&1 || fail "the check failed: $(cat "$T/said")"
	grep -qF "$R/srv/net.d: no configuration" "$T/said" || fail "another conf_dir: $(cat "$T/said")"
}

# --- the command ---

# is_whole PREFIX: edgeway, its man page and its completion are there, as they should be
is_whole() {
	local bin=$1/bin/edgeway man=$1/share/man/man8/edgeway.8
	local completion=$1/share/bash-completion/completions/edgeway.bash
	cmp "$bin" "$BIN/edgeway"
	cmp "$man" "$ROOT/docs/man/edgeway.8"
	cmp "$completion" "$ROOT/deploy/completion/edgeway.bash"
	equal "755 644 644" "$(stat -c %a "$bin" "$man" "$completion" | paste -sd' ')" modes
}

test_edgeway_is_where_people_find_it() {
	mkdir -p "$R/opt/cni/bin" "$R/usr/local/bin" "$R/usr/local/share/man"
	echo another >"$R/usr/local/bin/edgeway"
	chmod 700 "$R/usr/local/bin/edgeway"
	tree "$R" >"$T/before"
	install_quietly
	is_whole "$R/usr/local"
	grep -q "edgeway: another's was there, it is kept" "$T/said"
	install_quietly
	"$INSTALL" --check --root "$R" --from "$BIN" >"$T/said"
	grep -qxF "ok    $R/usr/local/bin: edgeway is as it was installed" "$T/said" || fail "$(cat "$T/said")"
	grep -qxF "ok    $R/usr/local/share/man/man8: edgeway.8 is as it was installed" "$T/said" || fail "$(cat "$T/said")"
	echo upgraded >"$R/usr/local/bin/edgeway"
	"$INSTALL" --check --root "$R" --from "$BIN" >"$T/said"
	grep -q "^warn  $R/usr/local/bin: not Edgeway's any more: edgeway;" "$T/said" || fail "$(cat "$T/said")"
	cp "$BIN/edgeway" "$R/usr/local/bin/edgeway"
	uninstall_quietly
	tree "$R" | diff "$T/before" -
}

test_another_prefix_or_none() {
	mkdir -p "$R/opt/cni/bin"
	tree "$R" >"$T/before"
	install_quietly --prefix /opt/edgeway
	is_whole "$R/opt/edgeway"
	uninstall_quietly --prefix /opt/edgeway
	tree "$R" | diff "$T/before" -
	install_quietly --plugins-only
	install_quietly --bin-dir /opt/cni/bin
	[ ! -e "$R/usr" ] || fail "not asked for: $(find "$R/usr")"
	uninstall_quietly --bin-dir /opt/cni/bin --prefix /opt/edgeway
	grep -q "$R/opt/edgeway/bin: nothing of Edgeway's" "$T/said" || fail "$(cat "$T/said")"
	"$INSTALL" --from "$BIN" --bin-dir "$R/opt/cni/bin" --prefix "$R/mine" >"$T/said"
	"$R/mine/bin/edgeway" --version >"$T/said"
	grep -q '^edgeway [0-9]' "$T/said"
}

test_a_prefix_that_cannot_be_written() {
	reference "$R/opt/cni/bin"
	mkdir -p "$R/usr/local"
	mount -t tmpfs -o ro tmpfs "$R/usr/local"
	refuses "$R/usr/local/bin: cannot be written: Read-only file system (name another place for edgeway with --prefix" \
		--from "$BIN" --root "$R"
	refuses "fail  $R/usr/local/bin: is mounted read-only; nothing can be installed there; name another place" \
		--check --from "$BIN" --root "$R"
	install_quietly --plugins-only
	is_ours "$R/opt/cni/bin" "$BIN"
}

# --- what goes wrong ---

# refuses TEXT ARGUMENT...: the install fails, says so and changes nothing
refuses() {
	local text=$1
	shift
	tree "$R" >"$T/before"
	if "$INSTALL" "$@" >"$T/said" 2>&1; then fail "installed nevertheless: $*"; fi
	grep -qF -e "$text" "$T/said" || fail "want \"$text\", got: $(cat "$T/said")"
	tree "$R" | diff "$T/before" -
}

test_a_directory_that_cannot_be_written() {
	reference "$R/opt/cni/bin"
	mkdir -p "$R/usr/lib/cni"
	mount --bind "$R/usr/lib/cni" "$R/usr/lib/cni"
	mount -o remount,bind,ro "$R/usr/lib/cni"
	refuses "$R/usr/lib/cni: cannot be written: Read-only file system" --from "$BIN" \
		--bin-dir "$R/opt/cni/bin" --bin-dir "$R/usr/lib/cni"
	umount "$R/usr/lib/cni"
	: >"$R/file"
	refuses "$R/file: cannot be written: Not a directory" --from "$BIN" --bin-dir "$R/file"
}

test_a_full_disk() {
	mkdir -p "$R/small"
	mount -t tmpfs -o size=1m tmpfs "$R/small"
	reference "$R/small"
	refuses "$R/small: nothing was changed" --from "$BIN" --bin-dir "$R/small"
}

test_plugins_that_do_not_run_here() {
	reference "$R/noexec"
	mkdir "$T/foreign"
	printf '\177ELF of another machine' >"$T/foreign/bridge"
	chmod 755 "$T/foreign/bridge"
	refuses "does not run here" --from "$T/foreign" --bin-dir "$R/noexec"
	mount -t tmpfs -o noexec tmpfs "$R/noexec"
	refuses "mounted noexec" --from "$BIN" --bin-dir "$R/noexec"
}

test_a_directory_in_a_plugins_place() {
	mkdir -p "$R/opt/cni/bin/bridge"
	refuses "$R/opt/cni/bin/bridge: is a directory" --from "$BIN" --bin-dir "$R/opt/cni/bin"
	mkdir -p "$T/empty"
	refuses "no executable in $T/empty" --from "$T/empty" --bin-dir "$R/opt/cni/bin"
	refuses "no directory $T/none" --from "$T/none" --bin-dir "$R/opt/cni/bin"
	refuses "--bin-dir: needs a directory" --bin-dir
	refuses "deploy/install --check" --unknown
}

# Another node may have nothing but busybox.
test_busybox_is_all_it_takes() {
	reference "$R/opt/cni/bin"
	tree "$R" >"$T/before"
	mkdir "$T/busybox"
	busybox --install -s "$T/busybox"
	env -i PATH="$T/busybox" "$T/busybox/sh" "$INSTALL" --root "$R" --from "$BIN" >"$T/said"
	is_ours "$R/opt/cni/bin" "$BIN"
	env -i PATH="$T/busybox" "$T/busybox/sh" "$UNINSTALL" --root "$R" >"$T/said"
	tree "$R" | diff "$T/before" -
}

run_tests "$@"
