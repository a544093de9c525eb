#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# deploy/install and deploy/uninstall: every layout is found, nothing of another's is lost, no moment
# without a whole plugin, and whatever a kill leaves is mended by the next run.
. "$(dirname "$0")/lib.sh"

BIN=$RELEASE_BIN # what is installed; other builds are slower, and tested elsewhere
INSTALL=$ROOT/deploy/install
UNINSTALL=$ROOT/deploy/uninstall
R=$T/root # the node's file system, made up
NAMES=$(ls "$BIN")
K3S=$R/var/lib/rancher/k3s/data

# release DIRECTORY MARK: our plugins as another release would have them: the same, but other bytes
release() {
	local name
	mkdir -p "$1"
	for name in $NAMES; do
		cp "$BIN/$name" "$1/$name"
		echo "$2" >>"$1/$name"
	done
}

# reference DIRECTORY: another's plugins, each with something about it that may get lost
reference() {
	mkdir -p "$1"
	echo "#!/bin/sh" >"$1/bridge"
	chmod 750 "$1/bridge"
	echo portmap >"$1/portmap"
	echo host-local >"$1/host-local"
	chown 1234:5678 "$1/host-local"
	touch -d 2001-02-03 "$1/host-local"
	ln -s /nowhere/loopback "$1/loopback"
}

# tree DIRECTORY: all that could differ
tree() {
	(cd "$1" && find . -printf '%p %M %U:%G %s %l ' \( -type d -printf '\n' -o -printf '%T@\n' \) | sort)
	(cd "$1" && find . -type f -exec sha256sum {} + | sort)
}

# is_ours DIRECTORY RELEASE: every plugin of the release is there, and nothing is at work any more
is_ours() {
	local name
	for name in $NAMES; do cmp "$1/$name" "$2/$name"; done
	(cd "$1" && sha256sum --quiet -c .edgeway/manifest)
	find "$1/.edgeway" -mindepth 1 -maxdepth 1 ! -name manifest ! -name lock ! -name kept ! -name made | absent "left by an install"
}

install_quietly() { "$INSTALL" --root "$R" --from "$BIN" "$@" >"$T/said"; }
uninstall_quietly() { "$UNINSTALL" --root "$R" "$@" >"$T/said"; }

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

# --- killed ---

# shims: every tool that changes something counts its uses in $T/uses, and kills the install just
# before the one in $KILL_BEFORE
shims() {
	local tool
	mkdir "$T/shims"
	for tool in cp mv ln rm rmdir mkdir chmod touch sync; do
		cat >"$T/shims/$tool" <<-SHIM
			#!/bin/sh
			n=\$((\$(cat $T/uses) + 1))
			echo \$n >$T/uses
			[ \$n -ne "\${KILL_BEFORE:-0}" ] || kill -9 -\$(cat $T/group)
			exec $(command -v $tool) "\$@"
		SHIM
		chmod 755 "$T/shims/$tool"
	done
}

# killed N COMMAND...: runs it in a group of its own, and kills all of it before its Nth change;
# succeeds if it was killed
killed() {
	local n=$1 rc=0
	shift
	echo 0 >"$T/uses"
	KILL_BEFORE=$n PATH=$T/shims:$PATH setsid -w sh -c 'echo $$ >'"$T/group"'; exec "$@"' sh "$@" \
		>"$T/said" 2>&1 || rc=$?
	[ $rc -eq 137 ] || [ $rc -eq 0 ] || fail "status $rc: $(cat "$T/said")"
	[ $rc -eq 137 ]
}

# whole: under each name that another had is its file or all of ours
whole() {
	local name
	for name in bridge host-local loopback portmap; do
		cmp -s "$R/opt/cni/bin/$name" "$T/pristine/$name" || cmp -s "$R/opt/cni/bin/$name" "$BIN/$name" ||
			cmp -s "$R/opt/cni/bin/$name" "$T/v2/$name" ||
			[ "$(readlink "$R/opt/cni/bin/$name")" = /nowhere/loopback ] ||
			fail "killed before change $1: $name is neither the old one nor ours"
	done
}

# each_kill FIRST COMMAND...: for each change that COMMAND makes on a node where FIRST was done: kill
# it there, look, install and uninstall
each_kill() {
	local first=$1 n=0
	shift
	shims
	reference "$T/pristine"
	release "$T/v2" two
	mkdir -p "$R/opt/cni" "$R/usr"
	cp -a "$T/pristine" "$R/opt/cni/bin"
	tree "$R/opt/cni/bin" | sed 1d >"$T/before" # but for the directory itself
	while :; do
		n=$((n + 1))
		rm -rf "$R/opt/cni/bin"
		cp -a "$T/pristine" "$R/opt/cni/bin"
		$first
		killed $n "$@" || break
		whole $n
		if [ $((n % 2)) -eq 0 ]; then
			install_quietly
			is_ours "$R/opt/cni/bin" "$BIN"
		fi
		uninstall_quietly
		tree "$R/opt/cni/bin" | sed 1d | diff "$T/before" - || fail "killed before change $n"
		find "$R/usr" ! -type d | absent "below the prefix, killed before change $n"
	done
	[ $n -gt 8 ] || fail "only $n changes seen"
}

test_an_install_that_is_killed() { each_kill true "$INSTALL" --root "$R" --from "$BIN"; }
test_an_upgrade_that_is_killed() { each_kill install_quietly "$INSTALL" --root "$R" --from "$T/v2"; }
test_an_uninstall_that_is_killed() { each_kill install_quietly "$UNINSTALL" --root "$R"; }

# --- pods meanwhile ---

# pods_in_turns FIRST LAST: ADD and DEL of these pods until the file stop is there, by the plugins of
# the directory that is being installed to; what fails goes to the file failed
pods_in_turns() {
	local i conf verb
	conf=$(net '.isGateway = true | .ipMasq = true')
	until [ -e "$T/stop" ]; do
		for i in $(seq "$1" "$2"); do
			for verb in ADD DEL; do
				CNI_COMMAND=$verb CNI_CONTAINERID=pod$i CNI_NETNS=/run/netns/pod$i CNI_IFNAME=eth0 \
					CNI_PATH=$R/opt/cni/bin "$R/opt/cni/bin/bridge" <<<"$conf" >"$T/out.$i" 2>&1 ||
					echo "$verb of pod$i: $(cat "$T/out.$i")" >>"$T/failed"
			done
			echo $i >>"$T/done.$1"
		done
	done
}

test_pods_start_and_stop_while_plugins_are_replaced() {
	local i pids=()
	reference "$R/opt/cni/bin"
	release "$T/v1" one
	release "$T/v2" two
	install_quietly --from "$T/v1"
	for i in $(seq 50); do pod pod$i; done
	for i in 1 11 21 31 41; do
		pods_in_turns $i $((i + 9)) &
		pids+=($!)
	done
	for i in $(seq $((${FULL:-0} ? 60 : 12))); do
		"$INSTALL" --bin-dir "$R/opt/cni/bin" --from "$T/v$((i % 2 + 1))" >"$T/said"
	done
	touch "$T/stop"
	wait "${pids[@]}"
	[ ! -e "$T/failed" ] || fail "$(head -n 3 "$T/failed")"
	[ "$(cat "$T"/done.* | wc -l)" -ge 50 ] || fail "only $(cat "$T"/done.* | wc -l) pods"
}

# --- the way back ---

# What docs/migration.md says how to remove by hand is all there is.
test_what_is_left_of_containers_can_be_removed_by_hand() {
	local chain result
	pod red
	iptables -P FORWARD DROP
	ip6tables -P FORWARD DROP
	result=$(cni ADD red "$(net '.isGateway = true | .ipMasq = true | .macspoofchk = true |
		.ipam.ranges += [[{"subnet": "fd00:9::/64"}]]')")
	for chain in '"type": "portmap", "runtimeConfig": {"portMappings": [{"hostPort": 80, "containerPort": 80, "protocol": "tcp"}]}' \
		'"type": "firewall", "ingressPolicy": "same-bridge", "iptablesForward": true' \
		'"type": "bandwidth", "egressRate": 8000000, "egressBurst": 8000000'; do
		result=$(cni ADD red "$(net "del(.bridge, .ipam) | . + {$chain, \"prevResult\": $result}")")
	done
	ip link del "$(jq -r '.interfaces[1].name' <<<"$result")" # as the reference does
	ip link show type ifb | grep -q edgeway
	sed -n '/^nft list tables/,/^```/{/^```/!p}' "$ROOT/docs/migration.md" >"$T/by_hand"
	grep -q edgeway "$T/by_hand"
	bash -e "$T/by_hand"
	nft list ruleset | sed -n '/edgeway/p' | absent "rules"
	iptables -S FORWARD | grep -q CNI-FORWARD
	ip link show type ifb | absent "links"
	[ ! -e /run/edgeway ] && [ ! -e /var/lib/edgeway ]
}

run_tests "$@"
