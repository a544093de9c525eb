# SPDX-License-Identifier: Apache-2.0
# Sourced by deploy/lib/preflight.sh: the configuration that the runtime would take.
# shellcheck shell=dash

# active_conf: the file in CONF that a runtime takes, the first by name
active_conf() {
	[ -d "$CONF" ] || return 0
	find "$CONF" -maxdepth 1 \( -name '*.conf' -o -name '*.conflist' -o -name '*.json' \) |
		LC_ALL=C sort | head -n 1
}

# conf_lines FILE: its values as deploy/lib/json.awk prints them; a single plugin as a list of one
conf_lines() {
	local lines
	lines=$(awk -f "$HERE/lib/json.awk" "$1") || return 1
	if say "$lines" | grep -q '^plugins\['; then
		say "$lines"
	else
		say "$lines" | grep -E "^(name|cniVersion)$TAB" || :
		say "$lines" | sed 's/^/plugins[0]./'
		printf 'plugins[0]\t%s\n' "$(tr '\n\t' '  ' <"$1")"
	fi
}

# all_conf_lines: of every place's active configuration
all_conf_lines() {
	local file
	places | while IFS=$TAB read -r _ CONF _; do
		file=$(active_conf)
		[ -z "$file" ] || conf_lines "$file" 2>/dev/null || :
	done
}

# value_of PATH LINES
value_of() { say "$2" | awk -F '\t' -v path="$1" '$1 == path { print $2; exit }'; }

# values PATTERN: of the lines on stdin whose path matches
values() { sed -nE "s/^$1$TAB//p"; }

check_conf() {
	local file lines said
	file=$(active_conf)
	if [ -z "$file" ]; then
		warn "$CONF" "no configuration" "the runtime has no network to attach pods to" \
			"copy one of deploy/examples there, with a subnet of your own"
		return
	fi
	# what is found is on stdout, why not on stderr
	if ! lines=$(conf_lines "$file" 2>/dev/null); then
		said=$(awk -f "$HERE/lib/json.awk" "$file" 2>&1 >/dev/null || :)
		fail "$file" "is not JSON: $said" "the runtime cannot read it" "correct it"
		return
	fi
	if [ -z "$(say "$lines" | values name)" ]; then
		fail "$file" "has no name" "the runtime refuses it" 'add "name": "..."'
	fi
	said=$(check_types "$file" "$lines" && check_status "$file" "$lines")
	if [ -n "$said" ]; then
		say "$said"
	else
		ok "$file" "would work: $(types "$lines" | tr '\n' ' ' | sed 's/ $//')"
	fi
}

# types LINES: the plugins which a configuration needs, those that others call included
types() {
	{
		say "$1" | values 'plugins\[[0-9]+\]\.(ipam\.|delegate\.)?type'
		if say "$1" | values 'plugins\[[0-9]+\]\.type' | grep -qx flannel; then
			say "$1" | grep -q 'delegate\.type' || echo bridge
			echo host-local
		fi
	} | grep . | awk '!seen[$0]++'
}

# check_types FILE LINES: each plugin is there and speaks the version
check_types() {
	local file=$1 lines=$2 type version path from
	version=$(say "$lines" | values cniVersion | tail -n 1)
	version=${version:-0.1.0}
	for type in $(types "$lines"); do
		path=
		for from in "$FROM" "$BIN"; do
			[ -n "$path" ] || [ ! -x "$from/$type" ] || path=$from/$type
		done
		if [ -z "$path" ]; then
			fail "$file" "needs the plugin $type, which is neither Edgeway's nor in $BIN" \
				"no pod would start" "install it there, or take it out of the configuration"
		elif ! CNI_COMMAND=VERSION "$path" </dev/null 2>/dev/null | grep -qF "\"$version\""; then
			fail "$file" "$type does not speak cniVersion $version" \
				"no pod would start" "choose one of those it prints: CNI_COMMAND=VERSION $path </dev/null"
		fi
	done
}

# check_status FILE LINES: each of our plugins reads its part, and would serve an ADD. STATUS exists
# since 1.1.0, and ours can be asked whatever the configuration's version is.
check_status() {
	local file=$1 lines=$2 name key conf type ipam said leases space
	name=$(say "$lines" | values name | tail -n 1)
	leases=$(say "$lines" | values 'plugins\[[0-9]+\]\.ipam\.dataDir' | head -n 1)
	leases=${leases:-/var/lib/cni/networks}
	say "$lines" | grep -E "^plugins\[[0-9]+\]$TAB" | while IFS=$TAB read -r key conf; do
		type=$(value_of "$key.type" "$lines")
		ipam=$(value_of "$key.ipam.type" "$lines")
		[ -x "$FROM/$type" ] && [ -x "$FROM/${ipam:-$type}" ] || continue # another's may not know STATUS
		conf="${conf%\}*}, \"cniVersion\": \"1.1.0\", \"name\": \"$name\"}"
		space=-m
		if [ "$type" = ebpf ]; then # it would attach programs to the node's uplinks
			[ -z "$(value_of "$key.uplink" "$lines")" ] || continue
			space=-mn
		fi
		if said=$(say "$conf" | unshare $space "$HERE/lib/preflight_status.sh" "$FROM/$type" "$leases" 2>&1); then
			say "$said" | sed -n 's/.*level=warn.* msg="\(.*\)"$/\1/p' | while read -r said; do
				warn "$file" "$type: $said" "the plugin takes no notice of it" "correct or remove the key"
			done
		else
			fail "$file" "$type: $(plugins_words "$said")" "no pod would start" "correct what it names"
		fi
	done
}

# plugins_words OUTPUT: what a plugin's error says, with the details; all of it if it is no such error
plugins_words() {
	local words
	words=$(say "$1" | sed '/^level=/d' | awk -f "$HERE/lib/json.awk" 2>/dev/null |
		awk -F '\t' '$1 == "msg" { msg = $2 } $1 == "details" && $2 { why = " (" $2 ")" } END { print msg why }')
	say "${words:-$1}" | tr '\n' ' ' | sed 's/ *$//'
}
