#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The library is built in floors: a file includes only what is on its own module or on a floor
# below, so any part can be understood, tested and moved without what stands on it.
. "$(dirname "$0")/../lib/tap.sh"

# includes: "file:line from to" for every project include below lib/, plugins/ and agent/
includes() {
	sources 'lib/**.[ch]' 'plugins/**.[ch]' 'agent/**.[ch]' | xargs -r awk '
		match($0, /^#[ \t]*include[ \t]+"[^"]+"/) {
			target = $0
			sub(/^[^"]*"/, "", target); sub(/".*/, "", target)
			split(FILENAME, from, "/"); n = split(target, to, "/")
			module = from[1] == "lib" ? from[2] : from[1]
			print FILENAME ":" FNR, module, (n > 1 ? to[1] : "(bare)"), target
		}'
}

# upward: every include that does not point downward
upward() {
	includes | awk '
		BEGIN {
			floor["base"] = 1; floor["conf"] = 2; floor["netlink"] = 2; floor["bpf"] = 2
			floor["grpc"] = 2 # beside the others, see below
			floor["node"] = 3; floor["cni"] = 4; floor["ipam"] = 5
			floor["plugins"] = 6; floor["agent"] = 6 # neither on top of the other
		}
		$4 ~ /^\.\.\/bpf\/shared\// { next } # what the programs in the kernel share with us
		$3 == "(bare)" && $2 != "plugins" { print $1 ": write \"" $4 "\" from lib/, with its module"; next }
		$2 == $3 || ($2 == "plugins" && $3 == "(bare)") { next }
		!($2 in floor) { print $1 ": module " $2 " has no floor in test/check/floors.sh"; next }
		!($3 in floor) && floor[$2] == 6 { next } # a directory of its own
		!($3 in floor) { print $1 ": " $4 " is in no module"; next }
		$2 == "grpc" && $3 != "base" || $3 == "grpc" && $2 != "agent" {
			print $1 ": " $2 " includes " $4 ", but grpc is between base and agent"; next }
		floor[$3] >= floor[$2] { print $1 ": " $2 " includes " $4 ", which is not below it" }'
}

# only_in HEADER ALLOWED: includes of HEADER in files that do not match ALLOWED (a regex)
only_in() {
	sources 'lib/**.[ch]' 'plugins/**.[ch]' 'agent/**.[ch]' | none xargs -r grep -nE "^#[ \t]*include[ \t]+<$1" /dev/null |
		none grep -vE "^($2):"
}

verdict "includes point only downward" upward
verdict "only conf, cni and ipam speak jansson, flannel where it writes a configuration, and the agent for people and plugins" \
	only_in jansson.h 'lib/(conf|cni|ipam)/[a-z_0-9]*\.[ch]|plugins/meta/flannel/delegate\.c|agent/cli/[a-z_]*\.[ch]|agent/deviceplugin/(config|describe|repair)\.c'
verdict "only grpc speaks HTTP/2" only_in nghttp2/ 'lib/grpc/[a-z_]*\.[ch]'
exit $failed
