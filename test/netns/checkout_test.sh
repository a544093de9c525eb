#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A repository that lies below /run or /var/lib, which the tests' worlds and the private node hide, can
# still be seen there.
. "$(dirname "$0")/lib.sh"

# below DIRECTORY COMMAND...: runs it in this repository as if that were checked out there
below() {
	local checkout=$1/checkout
	shift
	mkdir -p "$checkout"
	mount --bind "$ROOT" "$checkout"
	(cd "$checkout" && "$@") || fail "$checkout is hidden"
}
in_every_hidden_directory() {
	below /run "$@"
	below /var/lib "$@"
}

netns_case() { EDGEWAY_BIN=$PWD/${BIN#"$ROOT/"} test/netns/loopback_test.sh test_another_ifname_still_means_lo; }
test_in_the_world_of_a_netns_test() { in_every_hidden_directory netns_case; }

python_world() {
	unshare --mount --net /usr/bin/python3 -B -c 'import sys; sys.path.insert(0, "test/lib"); import world
world.make_world(); open(sys.argv[1])' "$PWD/README.md"
}
test_in_the_world_of_a_python_test() { in_every_hidden_directory python_world; }

private_node() { deploy/lib/private-node cat "$PWD/README.md" >/dev/null; }
test_in_a_private_node() { in_every_hidden_directory private_node; }

run_tests "$@"
