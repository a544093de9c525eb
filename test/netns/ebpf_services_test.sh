#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Services and ports of the node in front of pods of the eBPF data path: whatever was translated on its
# way to a pod is translated back, whoever does it; what is not goes past the node's stack.
. "$(dirname "$0")/ebpf_lib.sh"
. "$(dirname "$0")/portmap_lib.sh"

SERVED=8080
CLUSTER4=10.96.0.10 CLUSTER6=fd00:96::10

# node_with_pods [FILTER]: red, who serves, and blue
node_with_pods() {
	local pod proto
	uplinked
	pod red blue
	for pod in red blue; do cni ADD $pod "$(masq "${1:-.}")" >"$T/$pod.json"; done
	for proto in tcp udp; do serve red $SERVED $proto; done
}

# --- kube-proxy's rules, for one service with a node port of either traffic policy ---

# kube_iptables FAMILY CLUSTER_IP POD PODS_OF_CLUSTER: as its iptables mode writes them
kube_iptables() {
	local family=$1 ip=$2 pod=$3 cidr=$4 save proto bits=32 loopback=127.0.0.0/8 to
	save=iptables-nft-restore to=$pod:$SERVED
	[ "$family" = 4 ] || { save=ip6tables-nft-restore bits=128 loopback=::1/128 to=[$pod]:$SERVED; }
	{
		cat <<-END
			*filter
			:KUBE-EXTERNAL-SERVICES - [0:0]
			:KUBE-FORWARD - [0:0]
			:KUBE-NODEPORTS - [0:0]
			:KUBE-PROXY-FIREWALL - [0:0]
			:KUBE-SERVICES - [0:0]
			-A INPUT -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL
			-A INPUT -j KUBE-NODEPORTS
			-A INPUT -m conntrack --ctstate NEW -j KUBE-EXTERNAL-SERVICES
			-A FORWARD -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL
			-A FORWARD -j KUBE-FORWARD
			-A FORWARD -m conntrack --ctstate NEW -j KUBE-SERVICES
			-A FORWARD -m conntrack --ctstate NEW -j KUBE-EXTERNAL-SERVICES
			-A OUTPUT -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL
			-A OUTPUT -m conntrack --ctstate NEW -j KUBE-SERVICES
			-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
			-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
			-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
			COMMIT
			*nat
			:KUBE-MARK-MASQ - [0:0]
			:KUBE-NODEPORTS - [0:0]
			:KUBE-POSTROUTING - [0:0]
			:KUBE-SERVICES - [0:0]
		END
		for proto in tcp udp; do
			printf ':KUBE-%s-%s - [0:0]\n' SVC $proto SVL $proto EXT $proto EXTL $proto SEP $proto
		done
		cat <<-END
			-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
			-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
			-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
			-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
			-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
			-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
			-A KUBE-POSTROUTING -j MASQUERADE --random-fully
		END
		for proto in tcp udp; do
			cat <<-END
				-A KUBE-SERVICES -d $ip/$bits -p $proto -m $proto --dport 80 -j KUBE-SVC-$proto
				-A KUBE-NODEPORTS ! -d $loopback -p $proto -m $proto --dport 30080 -j KUBE-EXT-$proto
				-A KUBE-NODEPORTS ! -d $loopback -p $proto -m $proto --dport 30081 -j KUBE-EXTL-$proto
				-A KUBE-EXT-$proto -j KUBE-MARK-MASQ
				-A KUBE-EXT-$proto -j KUBE-SVC-$proto
				-A KUBE-EXTL-$proto -s $cidr -j KUBE-SVC-$proto
				-A KUBE-EXTL-$proto -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ
				-A KUBE-EXTL-$proto -m addrtype --src-type LOCAL -j KUBE-SVC-$proto
				-A KUBE-EXTL-$proto -j KUBE-SVL-$proto
				-A KUBE-SVC-$proto ! -s $cidr -d $ip/$bits -p $proto -m $proto --dport 80 -j KUBE-MARK-MASQ
				-A KUBE-SVC-$proto -m comment --comment "to $to" -m statistic --mode random --probability 0.5 -j KUBE-SEP-$proto
				-A KUBE-SVC-$proto -m comment --comment "to $to" -j KUBE-SEP-$proto
				-A KUBE-SVL-$proto -j KUBE-SEP-$proto
				-A KUBE-SEP-$proto -s $pod/$bits -j KUBE-MARK-MASQ
				-A KUBE-SEP-$proto -p $proto -m $proto -j DNAT --to-destination $to
			END
		done
		echo "-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS"
		echo COMMIT
	} | $save
}

# nftables_service FAMILY PROTO CLUSTER_IP POD PODS_OF_CLUSTER TO: its chains
nftables_service() {
	cat <<-END
		chain endpoint-$2 {
			$1 saddr $4 jump mark-for-masquerade
			meta l4proto $2 dnat to $6
		}
		chain service-$2 {
			$1 daddr $3 $2 dport 80 $1 saddr != $5 jump mark-for-masquerade
			numgen random mod 2 vmap { 0 : goto endpoint-$2, 1 : goto endpoint-$2 }
		}
		chain local-$2 { numgen random mod 1 vmap { 0 : goto endpoint-$2 }
		}
		chain external-$2 {
			jump mark-for-masquerade
			goto service-$2
		}
		chain external-local-$2 {
			$1 saddr $5 goto service-$2
			fib saddr type local jump mark-for-masquerade
			fib saddr type local goto service-$2
			goto local-$2
		}
	END
}

# kube_nftables FAMILY CLUSTER_IP POD PODS_OF_CLUSTER NODE: as its nftables mode does
kube_nftables() {
	local ip=ip type=ipv4_addr to=$3:$SERVED proto
	[ "$1" = 4 ] || { ip=ip6 type=ipv6_addr to=[$3]:$SERVED; }
	{
		cat <<-END
			table $ip kube-proxy {
				set cluster-ips { type $type; elements = { $2 } }
				set nodeport-ips { type $type; elements = { $5 } }
				map no-endpoint-services { type $type . inet_proto . inet_service : verdict; }
				map service-ips { type $type . inet_proto . inet_service : verdict; }
				map service-nodeports { type inet_proto . inet_service : verdict; }
				chain filter-forward { type filter hook forward priority -110
					ct state new jump service-endpoints-check
					ct state new jump cluster-ips-check
				}
				chain filter-output { type filter hook output priority -110
					ct state new jump service-endpoints-check
				}
				chain filter-output-post-dnat { type filter hook output priority -90
					ct state new jump cluster-ips-check
				}
				chain nat-prerouting { type nat hook prerouting priority dstnat
					jump services
				}
				chain nat-output { type nat hook output priority -100
					jump services
				}
				chain nat-postrouting { type nat hook postrouting priority srcnat
					jump masquerading
				}
				chain cluster-ips-check { $ip daddr @cluster-ips reject
				}
				chain service-endpoints-check {
					$ip daddr . meta l4proto . th dport vmap @no-endpoint-services
				}
				chain mark-for-masquerade { meta mark set meta mark | 0x4000
				}
				chain masquerading {
					meta mark & 0x4000 == 0 return
					meta mark set meta mark ^ 0x4000
					masquerade fully-random
				}
				chain services {
					$ip daddr . meta l4proto . th dport vmap @service-ips
					$ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
				}
		END
		for proto in tcp udp; do nftables_service $ip $proto "$2" "$3" "$4" "$to"; done
		echo "}"
		for proto in tcp udp; do
			cat <<-END
				add element $ip kube-proxy service-ips { $2 . $proto . 80 : goto service-$proto }
				add element $ip kube-proxy service-nodeports { $proto . 30080 : goto external-$proto, $proto . 30081 : goto external-local-$proto }
			END
		done
	} | nft -f -
}

# everybody PROTO: who may ask at the service, at its node's ports, and at the pod; and what the pod sees
everybody() {
	# Who is masqueraded comes from the node's address at the pod's link, if that is for all the world.
	answers blue 80 "$1" "$CLUSTER4=red 10.9.0.3" "$CLUSTER6=red fd00:9::3"
	answers red 80 "$1" "$CLUSTER4=red 169.254.1.1" "$CLUSTER6=red 2001:db8::1"
	answers node 80 "$1" "$CLUSTER4=red 169.254.1.1" "$CLUSTER6=red 2001:db8::1"
	answers outside 80 "$1" "$CLUSTER4=red 169.254.1.1" "$CLUSTER6=red 2001:db8::1"
	answers blue 30080 "$1" "192.0.2.1=red 169.254.1.1" "2001:db8::1=red 2001:db8::1"
	answers red 30080 "$1" "192.0.2.1=red 169.254.1.1" "2001:db8::1=red 2001:db8::1"
	answers node 30080 "$1" "192.0.2.1=red 169.254.1.1" "2001:db8::1=red 2001:db8::1"
	answers outside 30080 "$1" "192.0.2.1=red 169.254.1.1" "2001:db8::1=red 2001:db8::1"
	answers outside 30081 "$1" "192.0.2.1=red 192.0.2.9" "2001:db8::1=red 2001:db8::9"
	answers blue 30081 "$1" "192.0.2.1=red 10.9.0.3" "2001:db8::1=red fd00:9::3"
	by_its_own_address "$1"
}
by_its_own_address() {
	answers blue $SERVED "$1" "10.9.0.2=red 10.9.0.3" "fd00:9::2=red fd00:9::3"
	answers outside $SERVED "$1" "10.9.0.2=red 192.0.2.9" "fd00:9::2=red 2001:db8::9"
	answers node $SERVED "$1" "10.9.0.2=red 169.254.1.1" "fd00:9::2=red 2001:db8::1"
}
services() {
	node_with_pods
	"kube_$1" 4 "$CLUSTER4" 10.9.0.2 10.9.0.0/24 192.0.2.1
	"kube_$1" 6 "$CLUSTER6" fd00:9::2 fd00:9::/64 2001:db8::1
	everybody "$2"
	answers blue 80 "$2" "$CLUSTER4=red 10.9.0.3" "$CLUSTER6=red fd00:9::3" # beside the direct ones
}
test_kube_proxy_with_iptables_tcp() { services iptables tcp; }
test_kube_proxy_with_iptables_udp() { services iptables udp; }
test_kube_proxy_with_nftables_tcp() { services nftables tcp; }
test_kube_proxy_with_nftables_udp() { services nftables udp; }

# --- our own portmap ---

# ports PROTO: a port of the node before red, who is served by portmap
ports() {
	node_with_pods
	map ADD red '[{"hostPort": 8080, "containerPort": 8080, "protocol": "'"$1"'"}]' >"$T/out"
	answers outside 8080 "$1" "192.0.2.1=red 192.0.2.9" "2001:db8::1=red 2001:db8::9"
	answers node 8080 "$1" "192.0.2.1=red 192.0.2.1" "2001:db8::1=red 2001:db8::1" "127.0.0.1=red 169.254.1.1"
	answers blue 8080 "$1" "192.0.2.1=red 10.9.0.3" "2001:db8::1=red fd00:9::3"
	answers red 8080 "$1" "192.0.2.1=red 169.254.1.1" "2001:db8::1=red 2001:db8::1"
	by_its_own_address "$1"
	answers outside 8080 "$1" "192.0.2.1=red 192.0.2.9" "2001:db8::1=red 2001:db8::9"
}
test_a_port_of_the_node_tcp() { ports tcp; }
test_a_port_of_the_node_udp() { ports udp; }

# --- from outside, by the pod's own address ---

# What is forwarded by the stack is counted; what passes it by is not.
test_direct_traffic_does_not_see_the_stack() {
	node_with_pods
	counting node 'forward priority -300; meta l4proto { tcp, udp, icmp, icmpv6 }'
	for _ in 1 2; do
		by_its_own_address tcp
		by_its_own_address udp
		reaches outside 10.9.0.2
		reaches outside fd00:9::2
		reaches blue 10.9.0.2
		reaches blue fd00:9::2
	done
	equal 0 "$(counted node)" "packets forwarded by the stack"
	reaches red 192.0.2.9 # what is to be masqueraded is the stack's
	equal 2 "$(counted node)" "packets forwarded by the stack"
}

test_datagrams_in_fragments_from_outside() {
	local from to size
	node_with_pods
	for from in outside blue node; do
		for size in 2000 9000; do
			for to in 10.9.0.2 fd00:9::2; do
				heard "$from" ping -c2 -i0.2 -W2 -n -q -s $size $to
			done
		done
	done
	for to in 192.0.2.9 2001:db8::9; do heard red ping -c2 -i0.2 -W2 -n -q -s 9000 $to; done
}
# heard FROM PING...: all of them are answered
heard() {
	in_netns "$@" >"$T/ping" || fail "$*: $(cat "$T/ping")"
	grep -q ' 0% packet loss' "$T/ping" || fail "$*: $(cat "$T/ping")"
}

# told FROM TO PORT SIZE: what a sender of datagrams, which may not be fragmented, hears of the first two
told() {
	inside "$1" python3 - "${@:2}" <<-'END'
		import errno, socket, sys
		to, port, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
		v6 = ":" in to
		with socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM) as s:
		    s.settimeout(1)
		    # IPV6_MTU_DISCOVER or IP_MTU_DISCOVER, to IP_PMTUDISC_DO
		    s.setsockopt(*((socket.IPPROTO_IPV6, 23, 2) if v6 else (socket.IPPROTO_IP, 10, 2)))
		    s.connect((to, port))
		    said = "nothing"
		    for _ in range(2):
		        try:
		            s.send(b"x" * size)
		            said = "answered" if len(s.recv(65536)) == size else "another answer"
		        except TimeoutError:
		            pass
		        except OSError as e:
		            said = errno.errorcode[e.errno]
		            break
		print(said)
	END
}

test_errors_find_their_way() {
	local from to
	node_with_pods
	for from in outside blue; do
		for to in 10.9.0.2 fd00:9::2; do
			equal answered "$(told $from $to $SERVED 100)" "$from asks an open port of $to"
			equal ECONNREFUSED "$(told $from $to 9999 100)" "$from asks a closed port of $to"
		done
	done
	for to in 192.0.2.9 2001:db8::9; do equal ECONNREFUSED "$(told red $to 9999 100)" "red asks $to"; done
}

# large TO: red answers one from outside with 300 kB at once, in segments as large as both of them can
large() {
	inside red python3 - >"$T/large" <<-'END' &
		import socket
		with socket.socket(socket.AF_INET6) as listener:
		    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		    listener.bind(("::", 7070))
		    listener.listen()
		    print("ready", flush=True)
		    connection, _ = listener.accept()
		    connection.sendall(b"x" * 300000)
		    connection.close()
	END
	await "$T/large"
	inside outside python3 - "$1" <<-'END'
		import socket, sys
		with socket.create_connection((sys.argv[1], 7070), timeout=5) as s:
		    heard = 0
		    while more := s.recv(65536):
		        heard += len(more)
		print(heard)
	END
	wait $!
	rm "$T/large"
}

# A pod whose MTU is more than the uplink's answers one who asks from outside: the stack tells it.
test_an_answer_too_large_for_the_uplink() {
	local to
	node_with_pods '.mtu = 9000'
	# The other side offers more than the uplink carries. No segment may rely on its being lenient.
	ip link set up0 mtu 1400 gso_max_segs 1
	ip -n outside link set eth0 mtu 9000
	counting outside 'prerouting priority -300; meta length > 1400'
	for to in 10.9.0.2 fd00:9::2; do
		equal 300000 "$(large $to)" "octets from $to"
		large $to >"$T/heard"
	done
	equal 0 "$(counted outside)" "packets that are larger than the uplink's MTU"
	for to in 192.0.2.9 2001:db8::9; do
		equal EMSGSIZE "$(told red $to 9 2000)" "red sends too much to $to"
	done
}

run_tests "$@"
