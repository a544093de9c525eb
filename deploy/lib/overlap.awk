# SPDX-License-Identifier: Apache-2.0
# Which subnets meet which routes: from lines
#
#	subnet 10.1.0.0/16
#	route4 LINK DESTINATION MASK       as /proc/net/route has them (little-endian hexadecimal)
#	route6 LINK DESTINATION LENGTH     as /proc/net/ipv6_route has them (hexadecimal)
#
# it prints "SUBNET PREFIX LINK" for each that overlaps. Prefixes are compared as strings of bits:
# two overlap if one begins with the other.

BEGIN {
	for (i = 0; i < 16; i++)
		nibble[substr("0123456789abcdef", i + 1, 1)] = bit(i, 8) bit(i, 4) bit(i, 2) bit(i, 1)
}

$1 == "subnet" {
	split($2, part, "/")
	subnets[$2] = (part[1] ~ /:/ ? "6" : "4") substr(part[1] ~ /:/ ? bits6(part[1]) : bits4(part[1]), 1, part[2])
}

$1 == "route4" {
	mask = bits(swapped($4))
	len = index(mask "0", "0") - 1
	compare("4" substr(bits(swapped($3)), 1, len), dotted(swapped($3)) "/" len)
}

$1 == "route6" {
	len = number(substr($4, 1, 1)) * 16 + number(substr($4, 2, 1))
	if ($3 !~ /^(fe80|ff)/) # each link has those
		compare("6" substr(bits($3), 1, len), colons($3) "/" len)
}

function compare(prefix, name,   subnet) {
	for (subnet in subnets)
		if (index(subnets[subnet], prefix) == 1 || index(prefix, subnets[subnet]) == 1)
			print subnet, name, $2
}

function bit(n, value) { return int(n / value) % 2 }

function number(digit) { return index("0123456789abcdef", tolower(digit)) - 1 }

# bits(HEX): four for each digit
function bits(hex,   out, i) {
	hex = tolower(hex)
	for (i = 1; i <= length(hex); i++)
		out = out nibble[substr(hex, i, 1)]
	return out
}

# swapped(HEX): the four bytes in the other order
function swapped(hex) { return substr(hex, 7, 2) substr(hex, 5, 2) substr(hex, 3, 2) substr(hex, 1, 2) }

function dotted(hex,   i, out) {
	for (i = 1; i <= 7; i += 2)
		out = out (i > 1 ? "." : "") (number(substr(hex, i, 1)) * 16 + number(substr(hex, i + 1, 1)))
	return out
}

function colons(hex,   i, out) {
	for (i = 1; i <= 29; i += 4)
		out = out (i > 1 ? ":" : "") substr(hex, i, 4)
	return out
}

function bits4(address,   part, i, out) {
	split(address, part, ".")
	for (i = 1; i <= 4; i++)
		out = out bits(sprintf("%02x", part[i]))
	return out
}

# bits6(ADDRESS): with :: filled up (no dotted tail, which no configuration has)
function bits6(address,   half, head, tail, n, m, i, out) {
	n = split(address, half, "::")
	m = split(half[1], head, ":")
	for (i = 1; i <= m; i++)
		out = out bits(substr("0000" head[i], length(head[i]) + 1))
	m = n > 1 ? split(half[2], tail, ":") : 0
	if (n > 1)
		while (length(out) < 128 - 16 * m)
			out = out "0"
	for (i = 1; i <= m; i++)
		out = out bits(substr("0000" tail[i], length(tail[i]) + 1))
	return out
}
