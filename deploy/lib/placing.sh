# SPDX-License-Identifier: Apache-2.0
# Sourced by deploy/install and deploy/uninstall: puts plugins in place and takes them away, so that
# at any moment, and after being killed at any moment, there is a whole plugin under each name. So it
# does with edgeway, its man page and its completion, whose directories are not those of plugins.
# shellcheck shell=dash
#
# In the directory of plugins, $BIN, there is .edgeway/:
#	manifest    "SHA256  NAME" of each plugin that is ours; while an install is at work also of those
#	            it replaces and of those it brings, so that what is ours is known after a kill too
#	kept/NAME   what had this name before; moved back as it is by uninstall
#	new/NAME    copied, not in place yet
#	made        how many directories, $BIN and those above it, were not there before

exists() { [ -e "$1" ] || [ -L "$1" ]; }

hash_of() { sha256sum <"$1" | cut -d ' ' -f 1; }

# ours NAME: is what $BIN has under this name a plugin that we put there?
ours() {
	[ -f "$BIN/$1" ] && [ ! -L "$BIN/$1" ] && [ -f "$STATE/manifest" ] &&
		grep -qxF "$(hash_of "$BIN/$1")  $1" "$STATE/manifest"
}

# same FILE FILE: links to the same name, or files of the same content
same() {
	if [ -L "$1" ] || [ -L "$2" ]; then
		[ -L "$1" ] && [ -L "$2" ] && [ "$(readlink "$1")" = "$(readlink "$2")" ]
	else
		cmp -s "$1" "$2"
	fi
}

# installed: the names in the manifest
installed() { [ ! -f "$STATE/manifest" ] || sed 's/^[0-9a-f]*  //' "$STATE/manifest" | sort -u; }

# lacking DIRECTORY: how many are to be made for it to be there
lacking() {
	local dir=$1 count=0
	while [ ! -d "$dir" ] && [ "$dir" != / ]; do
		count=$((count + 1))
		dir=$(dirname "$dir")
	done
	echo $count
}

# remedy: what to do about a $BIN that cannot be written
remedy() {
	case $NEWLINE$(command_places) in
	*"$NEWLINE$BIN$TAB"*) echo "name another place for edgeway with --prefix, or do without it with --plugins-only" ;;
	*) echo "name a directory that can be with --bin-dir, and tell the runtime of it" ;;
	esac
}

# open_place: makes $BIN and its .edgeway, and waits for another install there to end
open_place() {
	local said made
	STATE=$BIN/.edgeway
	made=$(lacking "$BIN")
	said=$( (mkdir -p "$STATE/kept" && : >>"$STATE/lock") 2>&1) ||
		die "$BIN: cannot be written: ${said##*: } ($(remedy))"
	[ "$made" -eq 0 ] || echo "$made" >"$STATE/made"
	exec 9>>"$STATE/lock"
	! command -v flock >/dev/null || flock 9
}

# close_place: leaves nothing where nothing is installed, or kept
close_place() {
	local made=0 dir=$BIN
	if [ -f "$STATE/manifest" ] || ! rmdir "$STATE/kept" 2>/dev/null; then return 0; fi
	[ ! -f "$STATE/made" ] || made=$(cat "$STATE/made")
	rm -rf "$STATE"
	while [ "$made" -gt 0 ] && rmdir "$dir" 2>/dev/null; do
		made=$((made - 1))
		dir=$(dirname "$dir")
	done
}

# stage: copies of all plugins beside their places, so that a full disk or a plugin that does not
# run here is noticed before anything has changed
stage() {
	local name
	rm -rf "$STATE/new"
	mkdir "$STATE/new"
	for name in $NAMES; do
		if ! { fits "$name" && cp "$FROM/$name" "$STATE/new/$name" && chmod "$(mode_of "$name")" "$STATE/new/$name" && runs "$name"; }; then
			rm -rf "$STATE/new"
			close_place
			die "$BIN: nothing was changed"
		fi
	done
	# shellcheck disable=SC2086 # names of plugins hold no blank
	(cd "$STATE/new" && sync $NAMES)
}

# is_text NAME: the man page, the completion
is_text() {
	case $1 in
	*.8 | *.bash) return 0 ;;
	*) return 1 ;;
	esac
}

mode_of() { if is_text "$1"; then echo 644; else echo 755; fi; }

# fits NAME: a rename to it would not end up inside of it
fits() {
	[ ! -d "$BIN/$1" ] || { echo "$BIN/$1: is a directory; a file of that name is to be put there" >&2 && return 1; }
}

# answers FILE: it can be executed here, and says its version. What is not called by a runtime, but
# by its plugins or by people, would take its being called for a request.
answers() {
	case ${1##*/} in
	edgeway | edgeway-*) "$1" --version </dev/null ;;
	*) CNI_COMMAND=VERSION "$1" </dev/null ;;
	esac
}

# runs NAME: the copy can be executed where it is (another machine's image is not asked)
runs() {
	if [ -n "$ROOT" ] || is_text "$1"; then return 0; fi
	answers "$STATE/new/$1" >/dev/null ||
		{ echo "$STATE/new/$1: does not run here: another architecture, or mounted noexec?" >&2 && return 1; }
}

# keep NAME: what is there and not ours gets a second name, under which uninstall finds it
keep() {
	local there=$BIN/$1 kept=$STATE/kept/$1
	if ! exists "$kept"; then
		echo "  $1: another's was there, it is kept in $STATE/kept"
	elif same "$there" "$kept"; then
		return 0 # an install that was killed had got so far
	else
		echo "  $1: another's was put over ours, it is kept in $STATE/kept in place of the one before"
	fi
	rm -f "$kept.new"
	ln "$there" "$kept.new" 2>/dev/null || cp -pP "$there" "$kept.new" # no links on this file system
	mv -f "$kept.new" "$kept"
}

# put_back NAME: ours goes, what was there before comes back; another's that came since stays
put_back() {
	local there=$BIN/$1 kept=$STATE/kept/$1
	if exists "$there" && ! ours "$1"; then
		if ! exists "$kept"; then
			echo "  $1: is another's now, left alone"
		elif same "$there" "$kept"; then
			rm -f "$kept"
		else
			echo "  $1: is another's now, left alone; what was there before ours is $kept"
		fi
	elif exists "$kept"; then
		follow_upgrade "$1"
		mv -f "$kept" "$there"
	else
		rm -f "$there"
	fi
}

# follow_upgrade NAME: an upgrade of K3s points the links to its plugins at the new bundle, but not
# those that we keep
follow_upgrade() {
	local kept=$STATE/kept/$1 now
	[ -L "$kept" ] && [ -L "$BIN/cni" ] || return 0
	now=$(readlink "$BIN/cni")
	case $(readlink "$kept") in
	"$now") ;;
	*/bin/cni) rm -f "$kept.new" && ln -s "$now" "$kept.new" && mv -f "$kept.new" "$kept" ;;
	esac
}

# install_here: $NAMES from $FROM into $BIN
install_here() {
	local name
	open_place
	stage
	# shellcheck disable=SC2086 # names of plugins hold no blank
	(cd "$STATE/new" && sha256sum $NAMES) >"$STATE/manifest.next"
	sync "$STATE/manifest.next"
	touch "$STATE/manifest"
	sort -u "$STATE/manifest" "$STATE/manifest.next" >"$STATE/manifest.both"
	sync "$STATE/manifest.both"
	mv -f "$STATE/manifest.both" "$STATE/manifest"
	for name in $NAMES; do
		! exists "$BIN/$name" || ours "$name" || keep "$name"
		mv -f "$STATE/new/$name" "$BIN/$name"
	done
	for name in $(installed); do
		grep -q "  $name\$" "$STATE/manifest.next" || put_back "$name" # the new release has none
	done
	mv -f "$STATE/manifest.next" "$STATE/manifest"
	rmdir "$STATE/new"
	sync "$BIN" "$STATE"
}

# uninstall_here: the manifest goes last, so that after a kill it can be done again
uninstall_here() {
	local name
	open_place
	for name in $(installed); do put_back "$name"; done
	rm -rf "$STATE/new" "$STATE"/manifest* "$STATE"/kept/*.new
	close_place
	[ ! -d "$BIN" ] || sync "$BIN"
}
