#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Leases on disk: host-local's files exactly, and what survives a reboot, a crash, a broom.
. "$(dirname "$0")/lib.sh"

DIR=/var/lib/cni/networks/n

lease() { cni ADD "$1" "$(pool "${2:-.}")" | jq -r '[.ips[].address] | join(" ")'; }
TINY='.ranges = [[{"subnet": "10.9.0.0/29"}]]' # five addresses: .2 to .6

# reboot: what a reboot does to the node, as far as a lease can tell
reboot() {
	local record boot=/proc/sys/kernel/random/boot_id
	rm -rf /run/edgeway
	ip -o link show type veth | awk -F'[ :@]+' '{ print $2 }' | xargs -r -n1 ip link del
	record=$(grep -rlF "$(cat $boot)" /var/lib/edgeway)
	[ -n "$record" ] || fail "no boot id recorded below /var/lib/edgeway"
	sed -i 's/[0-9a-f]\{8\}-[0-9a-f-]\{27\}/00000000-1111-2222-3333-444444444444/' $record
	find /var/lib/cni/networks -name '10*' -exec touch -d @1000000000 {} +
}

test_names_modes_and_content() {
	lease red '.ranges += [[{"subnet": "fd00:9::/64"}]]'
	equal "10.9.0.2 fd00:9::2 last_reserved_ip.0 last_reserved_ip.1 lock" \
		"$(find $DIR -type f -printf '%f\n' | sort | paste -sd' ')" "files"
	printf 'red\r\neth0' | cmp - $DIR/10.9.0.2
	equal 600 "$(stat -c %a $DIR/10.9.0.2)" "mode of a lease"
	equal 600 "$(stat -c %a $DIR/last_reserved_ip.0)" "mode of last_reserved_ip.0"
	equal 755 "$(stat -c %a $DIR)" "mode of the directory"
	equal 10.9.0.2 "$(cat $DIR/last_reserved_ip.0)" "last reserved"
	equal fd00:9::2 "$(cat $DIR/last_reserved_ip.1)" "last reserved"
}

test_another_data_dir() {
	lease red ".dataDir = \"$T/data\""
	equal "red" "$(head -n1 "$T/data/n/10.9.0.2" | tr -d '\r')" "container"
	cni DEL red "$(pool ".dataDir = \"$T/data\"")"
	[ ! -e "$T/data/n/10.9.0.2" ] || fail "lease left"
}

test_somebody_empties_the_directory() {
	lease red
	lease blue
	rm -rf /var/lib/cni/networks
	equal 10.9.0.2/24 "$(lease green)" "the first address again"
	cni DEL red "$(pool .)"
	equal 10.9.0.2 "$(leases n)" "leases"
}

test_somebody_removes_one_lease() {
	lease red "$TINY"
	rm $DIR/10.9.0.2
	cni DEL red "$(pool "$TINY")"
	for p in 3 4 5 6 2; do equal "10.9.0.$p/29" "$(lease p$p "$TINY")" "pod $p"; done
}

test_a_zero_byte_lease_blocks_nothing() {
	local p
	mkdir -p $DIR
	: >$DIR/10.9.0.2
	: >$DIR/10.9.0.4
	for p in 1 2 3 4 5; do lease p$p "$TINY"; done
	equal 5 "$(leases n | wc -l)" "leases"
	find $DIR -name '10*' -empty | absent "empty lease"
}

test_garbage_in_last_reserved_ip_starts_over() {
	lease red
	echo nonsense >$DIR/last_reserved_ip.0
	equal 10.9.0.3/24 "$(lease blue)" "address"
	rm $DIR/last_reserved_ip.0
	equal 10.9.0.4/24 "$(lease green)" "address"
}

test_leases_of_an_earlier_boot_are_dead() {
	local p
	for p in 1 2 3 4 5; do lease p$p "$TINY"; done
	reboot
	lease new "$TINY"
	equal 1 "$(leases n | wc -l)" "leases"
	equal new "$(head -n1 "$DIR/$(leases n)" | tr -d '\r')" "holder"
	cni DEL p1 "$(pool "$TINY")"
}

test_what_others_leased_in_this_boot_stays() {
	lease red
	reboot
	printf 'blue\r\neth0' >$DIR/10.9.0.9 # by the reference plugin, before we were first called
	lease green
	equal "10.9.0.3 10.9.0.9" "$(leases n | paste -sd' ')" "leases"
}

test_without_a_record_of_the_boot_nothing_is_purged() {
	lease red
	rm -rf /var/lib/edgeway /run/edgeway
	equal 10.9.0.3/24 "$(lease blue)" "address"
	equal "10.9.0.2 10.9.0.3" "$(leases n | paste -sd' ')" "leases"
}

test_a_reboot_of_one_network_is_noticed_by_each() {
	lease red
	cni ADD red "$(pool . | jq -c '.name = "m"')"
	reboot
	lease blue
	cni ADD blue "$(pool . | jq -c '.name = "m"')"
	equal 1 "$(leases n | wc -l)" "leases of n"
	equal 1 "$(leases m | wc -l)" "leases of m"
}

# age: leases younger than an ADD may take are never judged dead; make all of them older
age() { find $DIR -name '10*' -exec touch -d '-1 hour' {} +; }

# the pods went away without a DEL (netns gone, links gone with it); somebody needs an address
test_exhaustion_heals_itself_by_looking_at_what_lives() {
	local tiny p
	tiny=$(net '.ipam.ranges = [[{"subnet": "10.9.0.0/29"}]]')
	pod p1 p2 p3 p4 p5 new
	for p in 1 2 3 4 5; do cni ADD p$p "$tiny"; done
	refused 102 "10.9.0" ADD new "$tiny"
	age
	refused 102 "10.9.0" ADD new "$tiny"
	ip netns del p2
	ip netns del p4
	cni ADD new "$tiny"
	equal 4 "$(leases n | wc -l)" "leases"
	for p in 1 3 5; do cni CHECK p$p "$tiny"; done
	cni DEL p2 "$tiny"
	equal 4 "$(leases n | wc -l)" "leases"
}

test_exhaustion_heals_host_local_alone() {
	local p
	for p in 1 2 3 4 5; do
		pod p$p
		lease p$p "$TINY"
		ip -n p$p addr add 10.9.0.$((p + 1))/29 dev lo
	done
	age
	refused 102 "10.9.0" ADD new "$(pool "$TINY")"
	ip netns del p3
	equal 10.9.0.4/29 "$(lease new "$TINY")" "address"
}

# where_hidden: calls from now on are made by plugins that do not see /run/netns as we do, who are process 1
where_hidden() {
	mkdir "$T/hidden"
	printf '#!/bin/sh\nexec unshare --mount --propagation private sh -c "mount -t tmpfs none /run/netns && exec %s"\n' \
		"$BIN/bridge" >"$T/hidden/bridge"
	chmod +x "$T/hidden/bridge"
	BIN=$T/hidden
}

# the runtime mounted the namespaces where the plugin does not see them, and may pass a path through /proc
test_what_lives_out_of_sight_is_not_dead() {
	local tiny p
	tiny=$(net '.ipam.ranges = [[{"subnet": "10.9.0.0/29"}]]')
	pod p1 p2 p3 p4 p5 new
	where_hidden
	refused 3 "/run/netns/new" ADD new "$tiny"
	for p in 1 2 3 4 5; do NETNS=/proc/1/root/run/netns/p$p cni ADD p$p "$tiny"; done
	age
	NETNS=/proc/1/root/run/netns/new refused 102 "10.9.0" ADD new "$tiny"
	equal 5 "$(leases n | wc -l)" "leases"
	ip netns del p3
	NETNS=/proc/1/root/run/netns/new cni ADD new "$tiny"
	equal 10.9.0.4 "$(address new)" "address"
	NETNS=/proc/1/root/run/netns/new cni CHECK new "$tiny"
	NETNS=/proc/1/root/run/netns/new cni DEL new "$tiny"
	equal "10.9.0.2 10.9.0.3 10.9.0.5 10.9.0.6" "$(leases n | paste -sd' ')" "leases"
}

# a runtime's record of the attachment counts too: the address may not be up at the moment
test_what_the_runtime_still_knows_is_not_dead() {
	local p
	for p in 1 2 3 4 5; do
		pod p$p
		lease p$p "$TINY"
		mkdir -p /var/lib/cni/results
		echo "{\"kind\":\"cniCacheV1\",\"netns\":\"/run/netns/p$p\"}" >/var/lib/cni/results/n-p$p-eth0
	done
	age
	refused 102 "10.9.0" ADD new "$(pool "$TINY")"
	ip netns del p5
	equal 10.9.0.6/29 "$(lease new "$TINY")" "address"
}

test_the_index_is_only_a_hint() {
	local p
	for p in 1 2; do lease p$p "$TINY"; done
	find /run/edgeway/leases -type l -exec ln -sfn 10.9.0.77,nonsense {} \;
	for p in 1 2; do cni CHECK p$p "$(pool "$TINY")"; done
	equal 10.9.0.4/29 "$(lease p3 "$TINY")" "address"
	rm -rf /run/edgeway
	equal 10.9.0.5/29 "$(lease p4 "$TINY")" "address"
	for p in 1 2 3 4; do cni DEL p$p "$(pool "$TINY")"; done
	leases n | absent "leases"
}

test_strangers_in_the_directory_are_left_alone() {
	mkdir -p $DIR
	echo hello >$DIR/README
	mkdir $DIR/sub
	lease red
	cni DEL red "$(pool .)"
	equal hello "$(cat $DIR/README)" "a stranger's file"
	[ -d $DIR/sub ] || fail "a stranger's directory is gone"
}

# Before 0.7 the reference plugin wrote no interface into a lease.
test_an_old_lease_without_an_interface_goes_to_whoever_has_no_other() {
	local without
	for without in "" index; do
		if [ -n "$without" ]; then rm -r /run/edgeway/leases && echo >/run/edgeway/leases; fi
		cni ADD red "$(pool .)"
		echo -n red >/var/lib/cni/networks/n/10.9.0.9
		cni DEL red "$(pool .)"
		equal 10.9.0.9 "$(leases n)" "lease of another interface ${without:+without index}"
		IFNAME=eth1 cni DEL red "$(pool .)"
		leases n | absent "lease in the old format ${without:+without index}"
	done
}

run_tests "$@"
