# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# bash completion for edgeway: source it, or put it into /usr/share/bash-completion/completions/edgeway

# _edgeway_pods: what may stand for a pod
_edgeway_pods() {
	edgeway endpoints 2>/dev/null | awk 'NR > 1 { print $1; print $3; n = split($4, ip, ","); for (i = 1; i <= n; i++) print ip[i] }'
}

_edgeway() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words=""
	COMPREPLY=()
	case $before in
	--pod)
		mapfile -t COMPREPLY < <(compgen -W "$(_edgeway_pods)" -- "$word")
		return
		;;
	-w | --write | --config)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	-c | --count) return ;;
	esac
	case $COMP_CWORD:${COMP_WORDS[1]} in
	1:*) words="status endpoints flows conntrack drops capture devices doctor --help --version" ;;
	*:devices) words="--config --json --help" ;;
	*:status | *:doctor) words="--json --help" ;;
	*:endpoints | *:conntrack) words="--json --pod --help" ;;
	*:flows) words="--count --drops --follow --json --pod --help" ;;
	*:drops) words="--json --pod --reasons --help" ;;
	*:capture)
		words="--count --json --write --help"
		[[ $word == -* ]] || words=$(_edgeway_pods)
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _edgeway edgeway
