# SPDX-License-Identifier: Apache-2.0
# Sourced by deploy/install for --check: what of this node would keep the plugins from working. Only
# reads, but for what deploy/lib/preflight_probe.sh tries in namespaces of its own.
# shellcheck shell=dash

# shellcheck source=deploy/lib/preflight_conf.sh
. "$HERE/lib/preflight_conf.sh"
# shellcheck source=deploy/lib/preflight_kernel.sh
. "$HERE/lib/preflight_kernel.sh"
# shellcheck source=deploy/lib/preflight_managers.sh
. "$HERE/lib/preflight_managers.sh"
# shellcheck source=deploy/lib/preflight_net.sh
. "$HERE/lib/preflight_net.sh"

# say TEXT: as it is; dash's echo takes backslashes, which JSON has, for escapes
say() { printf '%s\n' "$1"; }

# ok WHAT FOUND / warn, fail WHAT FOUND WHY DO: a finding, on one line
ok() { printf 'ok    %s: %s\n' "$1" "$2"; }
warn() { printf 'warn  %s: %s; %s; %s\n' "$@"; }
fail() { printf 'fail  %s: %s; %s; %s\n' "$@"; }

# preflight: every finding; fails if one of them is a "fail"
preflight() {
	local report
	report=$(set +e && findings) # what cannot be found out hides nothing else
	say "$report"
	say "$report" | awk '{ n[$1]++ } END { printf "%d ok, %d warn, %d fail\n", n["ok"], n["warn"], n["fail"] }'
	! say "$report" | grep -q '^fail '
}

findings() {
	check_plugins
	places | while IFS=$TAB read -r BIN CONF _; do check_place; done
	command_places | while IFS=$TAB read -r BIN NAMES; do check_command_place; done
	check_attached
	CONF_LINES=$(all_conf_lines)
	check_kernel
	check_managers
	check_net
}

# check_plugins: the ones to install run on this machine, and say what they are
check_plugins() {
	local name said
	for name in $NAMES; do
		if ! said=$(answers "$FROM/$name" 2>&1); then
			fail "plugin $name" "does not run here: $said" \
				"no pod would start" "install the plugins that were built for $(uname -m)"
			return
		fi
	done
	# shellcheck disable=SC2086 # one word each
	ok plugins "they run here: $(say "$NAMES" | tr "\n" " " | sed "s/ \$//")"
}

# check_place: BIN and CONF
check_place() {
	if [ ! -d "$BIN" ]; then
		warn "$BIN" "does not exist" "it is made by an install, but no runtime may look there" \
			"install the runtime first, or name its directory with --bin-dir"
	else
		check_installed "Edgeway's plugins are as they were installed"
	fi
	check_writable
	check_conf
}

# check_command_place: BIN, which people are to find NAMES in
check_command_place() {
	check_installed "$NAMES is as it was installed"
	check_writable
}

# check_installed TEXT: what an install has put into BIN; TEXT if it is still there
check_installed() {
	local name changed=
	STATE=$BIN/.edgeway
	for name in $(installed); do ours "$name" || changed="$changed $name"; done
	if [ -n "$changed" ]; then
		warn "$BIN" "not Edgeway's any more:$changed" \
			"a package or somebody has replaced or removed what was installed" "run deploy/install again"
	elif [ -f "$STATE/manifest" ]; then
		ok "$BIN" "$1"
	else
		ok "$BIN" "to be installed to"
	fi
}

check_writable() {
	! read_only "$BIN" || fail "$BIN" "is mounted read-only" "nothing can be installed there" "$(remedy)"
}

# check_attached: containers that other plugins attached, by the results that the runtime keeps
check_attached() {
	local count
	places | while IFS=$TAB read -r BIN _; do ! [ -f "$BIN/.edgeway/manifest" ] || say "$BIN"; done | grep -q . && return
	count=$(find "$ROOT/var/lib/cni/results" -type f 2>/dev/null | wc -l)
	[ "$count" -eq 0 ] || warn containers "$count attachments were made by other plugins" \
		"their iptables rules are not Edgeway's to delete" "drain the node before the install, or reboot after it"
}

# read_only DIRECTORY: by the options of the mount that holds it or what there is of its path
read_only() {
	local dir=$1
	while [ ! -d "$dir" ]; do dir=$(dirname "$dir"); done
	dir=$(cd "$dir" && pwd -P)
	awk -v dir="$dir/" '
		{ at = $2 == "/" ? "/" : $2 "/" }
		index(dir, at) == 1 && length(at) >= longest { longest = length(at); options = "," $4 "," }
		END { exit options !~ /,ro,/ }' /proc/self/mounts
}
