#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# firewall beside others' firewalls: Docker, ufw, iptables-legacy, those that flush.
. "$(dirname "$0")/lib.sh"
. "$HERE/chain.sh"

OPT='.iptablesForward = true'
CUT="same bridge yes, other bridge no, node yes, out no, in no, from node yes"
# What the reference plugin gives: a container may begin, and nobody else.
LET_OUT="same bridge yes, other bridge yes, node yes, out yes, in no, from node yes"

# As the frames within a bridge would meet FORWARD too, it is about what is routed. Without br_netfilter
# they do not.
unbridged() {
	[ ! -d /proc/sys/net/bridge ] ||
		sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0
}

# docker COMMAND: FORWARD as Docker leaves it
docker() {
	unbridged
	"$1" -P FORWARD DROP
	"$1" -N DOCKER-USER
	"$1" -A DOCKER-USER -j RETURN
	"$1" -A FORWARD -j DOCKER-USER
	"$1" -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
}

test_docker_cuts_containers_off_unless_asked_for() {
	docker iptables
	docker ip6tables
	two_bridges .
	equal "$CUT" "$(matrix)" "not asked for"
	equal "$CUT" "$(matrix 6)" "not asked for, IPv6"
	iptables -S | sed -n /CNI/p | absent "rules of ours"
}

test_containers_get_through_docker() {
	docker iptables
	docker ip6tables
	two_bridges "$OPT"
	equal "$LET_OUT" "$(matrix)" "asked for"
	equal "$LET_OUT" "$(matrix 6)" "asked for, IPv6"
	verb CHECK red br0 "$OPT"
	verb DEL red br0 "$OPT"
	equal "no yes" "$(hears red 192.0.2.9) $(hears blue 192.0.2.9)" "after DEL of one"
}

test_isolation_holds_where_iptables_accepts() {
	docker iptables
	two_bridges "$OPT | .ingressPolicy = \"same-bridge\""
	equal "${LET_OUT/other bridge yes/other bridge no}" "$(matrix)" "same-bridge"
}

# As the reference plugin does: its rules and ours stand beside each other.
test_the_reference_plugin_and_we_share_the_chain() {
	[ -x "$PEER/firewall" ] || { echo "SKIP: no reference plugin" && return; }
	docker iptables
	pod red blue
	attach red br0 10.9.0.0/24 "$OPT"
	cni ADD blue "$(on br0 br0 10.9.0.0/24)" >"$T/blue.before"
	chained "$(fw br0 '.cniVersion = "0.4.0" | .backend = "iptables"')" \
		"$(jq -c '.cniVersion = "0.4.0" | .ips[] |= del(.interface) | .ips = [.ips[0] + {version: "4"}]' "$T/blue.before")" |
		CNI_COMMAND=ADD CNI_CONTAINERID=blue CNI_NETNS=/run/netns/blue CNI_IFNAME=eth0 \
			CNI_PATH=$PEER "$PEER/firewall" >"$T/peer"
	equal 1 "$(iptables -S FORWARD | grep -c 'j CNI-FORWARD')" jumps
	equal 4 "$(iptables -S CNI-FORWARD | grep -c ACCEPT)" rules
	verb DEL red br0 "$OPT"
	equal 2 "$(iptables -S CNI-FORWARD | grep -c "$(address blue)/32")" "rules of the other"
}

test_ufw_is_passed() {
	unbridged
	iptables-restore <<-'RULES'
		*filter
		:INPUT ACCEPT
		:FORWARD DROP
		:OUTPUT ACCEPT
		:ufw-before-forward -
		:ufw-reject-forward -
		-A FORWARD -j ufw-before-forward
		-A FORWARD -j ufw-reject-forward
		-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-A ufw-reject-forward -j REJECT
		COMMIT
	RULES
	two_bridges "$OPT"
	equal "$LET_OUT" "$(matrix)" ufw
}

# All that SONiC does when an operator changes a control-plane ACL.
test_what_sonic_flushes_comes_back() {
	docker iptables
	two_bridges "$OPT | .ingressPolicy = \"same-bridge\""
	iptables -P INPUT ACCEPT && iptables -P FORWARD ACCEPT && iptables -P OUTPUT ACCEPT
	iptables -F && iptables -X
	ip6tables -F && ip6tables -X
	equal no "$(hears red "$green")" "bridges are apart all the time"
	iptables -P FORWARD DROP
	equal no "$(hears red 192.0.2.9)" "Docker has restarted"
	refused 104 "the rules of containers are missing in iptables' FORWARD, table ip filter" \
		CHECK red "$(chained "$(fw br0 "$OPT")" "$(cat "$T/red.result")")"
	pod pink
	attach pink br0 10.9.0.0/24 "$OPT"
	equal "yes yes" "$(hears red 192.0.2.9) $(hears pink 192.0.2.9)" "after the next ADD"
	iptables -F
	"$BIN/firewall" --resync
	equal yes "$(hears red 192.0.2.9)" "after --resync"
}

test_iptables_deletes_what_it_lists() {
	local rule
	docker iptables
	pod red
	attach red br0 10.9.0.0/24 "$OPT"
	iptables-save | iptables-restore
	verb CHECK red br0 "$OPT"
	while read -r rule; do
		eval "iptables -D ${rule#-A }"
	done < <(iptables -S CNI-FORWARD | grep '^-A')
	iptables -S CNI-FORWARD | sed 1d | absent "rules"
	verb DEL red br0 "$OPT"
}

# Rules of iptables-legacy are no nf_tables: they cannot be seen, and nothing is done about them.
test_legacy_iptables_is_not_touched() {
	iptables-legacy -P FORWARD DROP || { echo "SKIP: this kernel has no iptables-legacy" && return; }
	unbridged
	two_bridges "$OPT"
	grep -q "iptables-legacy" "$T/err"
	equal "$CUT" "$(matrix)" legacy
	nft list tables | sed -n /filter/p | absent "tables that nobody made"
	iptables-legacy -I FORWARD -s 10.9.0.0/24 -j ACCEPT
	iptables-legacy -I FORWARD -d 10.9.0.0/24 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	equal yes "$(hears red 192.0.2.9)" "as the documentation advises"
}

test_nothing_is_made_where_there_is_no_iptables() {
	two_bridges "$OPT"
	equal yes "$(hears red 192.0.2.9)" out
	nft list tables | sed -n /filter/p | absent "tables that nobody asked for"
	verb CHECK red br0 "$OPT"
	verb DEL red br0 "$OPT"
}

test_gc_cleans_iptables() {
	docker iptables
	two_bridges "$OPT"
	cni GC red "$(fw br0 '."cni.dev/valid-attachments" = [{containerID: "red", ifname: "eth0"}]')"
	equal "edgeway br0/red/eth0 edgeway br1/green/eth0" \
		"$(iptables -S CNI-FORWARD | grep -o 'edgeway [^"]*' | uniq | paste -sd' ')" "whose rules are left"
}

test_many_at_once_make_one_jump() {
	local i
	docker iptables
	pod one
	cni ADD one "$(on br0 br0 10.9.0.0/24)" >"$T/one.before"
	for i in $(seq 2 13); do
		jq -c --arg ip "10.9.0.$i/24" '.ips[0].address = $ip | .ips |= .[0:1]' "$T/one.before" >"$T/c$i.before"
		CID=c$i NETNS=/run/netns/one attach_again "c$i" br0 "$OPT | .ingressPolicy = \"same-bridge\"" &
	done
	wait
	equal 1 "$(iptables -S FORWARD | grep -c 'j CNI-FORWARD')" jumps
	equal 24 "$(iptables -S CNI-FORWARD | grep -c ACCEPT)" rules
	equal 12 "$(pods_in_table | wc -w)" elements
	for i in $(seq 2 13); do
		CID=c$i NETNS='' PREV='' cni DEL "c$i" "$(fw br0 "$OPT")" &
	done
	wait
	iptables -S CNI-FORWARD | sed 1d | absent "rules"
	nft list ruleset | sed -n /comment.*edgeway/p | absent "elements"
}
run_tests "$@"
