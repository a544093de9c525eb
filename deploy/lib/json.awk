# SPDX-License-Identifier: Apache-2.0
# Prints what a JSON document holds, one scalar a line: PATH <tab> VALUE, as in
#
#	plugins[0].ipam.ranges[0][0].subnet	10.1.0.0/16
#
# and each member of the top-level list "plugins" as it is, on a line of its own. For the awk of a
# node without jq; what it does not take for JSON no plugin would either.

{ text = text $0 "\n" }

END {
	at = 1
	value("")
	blank()
	if (at <= length(text))
		broken("nothing more")
}

function broken(wanted,   before, rest) {
	before = substr(text, 1, at - 1)
	rest = substr(text, at, 20)
	sub(/\n.*/, "", rest)
	printf "line %d: expected %s, found: %s\n", gsub(/\n/, "", before) + 1, wanted, \
		rest == "" ? "the end" : rest > "/dev/stderr"
	exit 1
}

function blank() {
	while (substr(text, at, 1) ~ /[ \t\r\n]/)
		at++
}

# next_is(C): is C what follows? Then it is taken.
function next_is(c) {
	blank()
	if (substr(text, at, 1) != c)
		return 0
	at++
	return 1
}

function value(path,   from, raw) {
	blank()
	from = at
	if (next_is("{"))
		object(path)
	else if (next_is("["))
		list(path)
	else if (substr(text, at, 1) == "\"")
		print path "\t" string()
	else if (match(substr(text, at, 64), /^(true|false|null|-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?)/)) {
		print path "\t" substr(text, at, RLENGTH)
		at += RLENGTH
	} else
		broken("a value")
	if (path ~ /^plugins\[[0-9]+\]$/) {
		raw = substr(text, from, at - from)
		gsub(/[\t\r\n]/, " ", raw)
		print path "\t" raw
	}
}

function object(path,   key) {
	if (next_is("}"))
		return
	do {
		blank()
		key = string()
		if (!next_is(":"))
			broken("a colon")
		value(path == "" ? key : path "." key)
	} while (next_is(","))
	if (!next_is("}"))
		broken("a comma or a brace")
}

function list(path,   i) {
	if (next_is("]"))
		return
	i = 0
	do
		value(path "[" i++ "]")
	while (next_is(","))
	if (!next_is("]"))
		broken("a comma or a bracket")
}

function string(   found) {
	if (!match(substr(text, at), /^"([^"\\\n\t]|\\.)*"/))
		broken("a string")
	found = substr(text, at + 1, RLENGTH - 2)
	at += RLENGTH
	gsub(/\\"/, "\"", found)
	gsub(/\\\//, "/", found)
	return found
}
