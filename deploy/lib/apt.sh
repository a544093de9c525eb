# SPDX-License-Identifier: Apache-2.0
# Sourced by deploy/packages: apt without surprises. Nothing recommended, no question asked, no
# daemon started, and private package lists for what the system's own sources do not offer.
# shellcheck shell=bash

DEBIAN_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

say() { echo "packages: $*" >&2; }
die() { say "$*"; exit 1; }

# debian_or_die: everything here is Debian's apt and Debian's names
debian_or_die() {
	[ "$(. /etc/os-release 2>/dev/null && echo "$ID")" = debian ] ||
		die "this needs Debian (12 or 13); elsewhere install the equivalents of '$*' and build by hand"
}

# missing PACKAGE...: prints those that are not installed
missing() {
	local p
	for p; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || echo "$p"
	done
}

# without_daemons COMMAND...: runs it while a policy-rc.d forbids maintainer scripts to start
# services; what was there before is put back whatever happens.
without_daemons() (
	policy=/usr/sbin/policy-rc.d
	kept=
	if [ -e "$policy" ] || [ -L "$policy" ]; then
		kept=$policy.edgeway-kept
		# an earlier run that was killed has left the true original here already
		if [ -e "$kept" ] || [ -L "$kept" ]; then rm -f "$policy"; else mv "$policy" "$kept"; fi
	fi
	restore() {
		rm -f "$policy"
		[ -z "$kept" ] || mv "$kept" "$policy"
	}
	trap restore EXIT
	trap 'exit 130' INT TERM HUP
	printf '#!/bin/sh\n# temporary: deploy/packages is installing\nexit 101\n' >"$policy"
	chmod 755 "$policy"
	"$@"
)

apt_get() {
	DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=600 \
		-o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "$@"
}

# apt_install PACKAGE...: installs them; package lists are only fetched when they are needed.
apt_install() (
	[ "$(id -u)" = 0 ] || die "missing: $*; run this as root (sudo) to install them"
	debian_or_die "$*"
	say "installing $*"
	log=$(mktemp)
	trap 'rm -f "$log"' EXIT
	# lists may be absent (fresh machine) or name versions that are gone (old lists): then update
	if apt-cache show "$@" >/dev/null 2>&1 && install_only "$@" >"$log" 2>&1; then exit 0; fi
	if ! apt_get update >"$log" 2>&1; then
		cat "$log" >&2
		die "'apt-get update' failed: is there a network, and is /etc/apt in order?"
	fi
	if ! install_only "$@" >"$log" 2>&1; then
		cat "$log" >&2
		die "apt-get could not install $* (its reason is above)"
	fi
)

install_only() { without_daemons apt_get install --no-install-recommends "$@"; }

# private_apt DIR LINE...: package lists of our own below DIR, made of these sources.list lines;
# afterwards `apt_from DIR apt-get|apt-cache ...` works with them. The system's lists stay untouched.
private_apt() {
	local dir=$1
	shift
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	printf '%s\n' "$@" >"$dir/sources.list"
	apt_from "$dir" apt-get -qq update >&2
}

apt_from() {
	local dir=$1 tool=$2
	shift 2
	"$tool" -o "Dir::Etc::sourcelist=$dir/sources.list" -o Dir::Etc::sourceparts=- \
		-o "Dir::State::lists=$dir/lists" -o "Dir::Cache=$dir/cache" \
		-o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=2 "$@"
}

# debian_sources: "URI SUITE COMPONENT" of this Debian release as the system's sources name them,
# third parties' left out.
debian_sources() {
	local codename
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' | awk -v c="$codename" '
		{ suite = $2; sub(/[-\/].*/, "", suite) }
		(suite == c || suite == "stable" || suite == "oldstable") && $3 == "main"' | sort -u
}

# debian_mirror: the URI that serves this release's main archive
debian_mirror() { debian_sources | awk '$2 !~ /-/ { print $1; exit }'; }
