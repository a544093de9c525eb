# SPDX-License-Identifier: Apache-2.0
"""Differences between the twins that we accept, each with its reason."""
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """@paths: a regular expression for where the value stands in what was observed (observe.py);
    @cases: one for the case's name; @said: one for the reference's value, if it must be this; @peer:
    "older" or "newer" reference plugins, or both."""
    topic: str
    why: str
    paths: str
    cases: str = ".*"
    said: str = ""
    peer: str = "both"
    vlan: bool = False  # only seen where bridges filter VLANs

    def covers(self, case, path, age, said):
        return (self.peer in ("both", age) and re.fullmatch(self.paths, path)
                and re.fullmatch(self.cases, case)
                and (not self.said or re.fullmatch(self.said, str(said), re.DOTALL)))


LOOKS = "(added|deleted|collected/seen)"
POD = r"pods/\w+"
END = r"veth<\w+/\w+>"
IFB = r"ifb<\w+/\w+>"
ENDS = rf"{LOOKS}/(host/links/{END}|{POD}/links/\w+)"

DIFFERENCES = [
    # leases
    Difference("IPAM", "leases have the mode 0600; the reference's had 0644 before 1.4",
               rf"{LOOKS}/files/.*/mode", peer="older"),

    # the pair
    Difference("Interfaces", "the node's end carries the name of its attachment as `ifalias`, so that "
               "an operator can tell whose it is", rf"{LOOKS}/host/links/{END}/ifalias"),
    Difference("Interfaces", "a veth has the one queue that it uses; the reference's has one per "
               "processor, all but one unused", rf"{ENDS}/num_[rt]x_queues"),
    Difference("Interfaces", "`txqueuelen` is the kernel's; the reference sets 0, with which a qdisc "
               "that is added later drops", rf"{ENDS}/txqlen"),
    Difference("Interfaces", "a port of a bridge has no IPv6 address of its own, so it announces none "
               "into the container", rf"{LOOKS}/host/sysctls/net/ipv6/conf/{END}/addr_gen_mode"),
    Difference("Interfaces", "`accept_ra` of a bridge port is left alone, since the bridge takes every "
               "frame before the port's own IPv6 sees it",
               rf"{LOOKS}/host/sysctls/net/ipv6/conf/{END}/accept_ra"),
    Difference("Interfaces", "with `macspoofchk` frames to the bridge's own addresses "
               "`01:80:c2:00:00:0X` are filtered too, hence a port's `group_fwd_mask`; through the "
               "reference's filter they pass, and the bridge learns from them",
               rf"{LOOKS}/host/links/{END}/linkinfo/info_slave_data/group_fwd_mask(_str)?",
               cases=".*(MAC filter|DEL without namespace, layer 2).*"),
    Difference("Interfaces", "a bridge keeps its MAC address when the last port leaves; the "
               "reference's falls back to zeros", rf"{LOOKS}/host/links/\w+/address"),

    # addresses
    Difference("Addresses and routes", "IPv6 addresses stay when the link goes down, as with newer "
               "reference plugins", rf"{LOOKS}/pods/.*/keep_addr_on_down", peer="older"),
    Difference("Addresses and routes", "without `enabledad` IPv6 addresses skip duplicate detection "
               "and are usable at once", rf"{LOOKS}/.*/addresses/.*/nodad"),
    Difference("Addresses and routes", "the routes of a gateway's IPv6 address are there at once; the "
               "reference gateway is unreachable for a second",
               rf'{LOOKS}/host/routes/.*"type": "(local|anycast)".*'),

    Difference("Addresses and routes", "`mtu` and `advmss` of a route are applied; the reference "
               "reports them only", rf'{LOOKS}/{POD}/routes/.*"dst": "172.22.0.0/16".*',
               cases="route attributes", peer="newer"),

    # results
    Difference("Results", "loopback speaks 0.1.0 and 0.2.0; the reference answers in the format of "
               "later ones", r"results/0/(interfaces|ips|ip4|ip6)/.*",
               cases="loopback, version 0[.][12].0"),
    Difference("Results", "loopback reports `ips[].version`, which the specification requires up to "
               "0.4.0; the reference forgets it", r"results/0/ips/\d/version",
               cases="loopback, version 0[.][34].[01]"),
    Difference("Results", "the `dns` of IPAM is passed on, as by newer reference plugins; bridge 1.1.1 "
               "drops it", r"results/0/dns/.*", cases="(bridge and )?static.*|resolvConf",
               peer="older"),
    Difference("Results", "`interfaces[].mtu` of 1.1.0 is reported; the reference leaves it out",
               r"results/\d/interfaces/\d/mtu", peer="newer"),

    # VLANs
    Difference("VLANs", "the port is in the default VLAN only if `preserveDefaultVlan` says so, as with "
               "newer reference plugins; with 1.1.1 it always is",
               rf"{LOOKS}/host/vlans/{END}/1/0", peer="older", vlan=True),

    Difference("VLANs", "the gateway of a VLAN is a VLAN interface `BRIDGE.N`; the reference's is a veth "
               "pair, one end of which has this name while the other is a port of the bridge",
               rf"{LOOKS}/host/(links/br0[.]100/(?!addresses/|flags/|mtu|ifname).*|vlans/br0/.*|"
               r"(links|vlans|sysctls/net/ipv[46]/conf)/veth<br0[.]100>/.*)",
               vlan=True),
    Difference("VLANs", "the gateway of a VLAN takes no router advertisements, so that no container "
               "becomes the node's router; the reference's does",
               rf"{LOOKS}/host/sysctls/net/ipv6/conf/br0[.]100/accept_ra", vlan=True),

    # verbs
    Difference("Verbs", "CHECK works on a network without IPAM; the reference's always fails",
               r"checks/\d", said="no plugin name provided"),
    Difference("Verbs", "CHECK of bridge succeeds when another container has come, for a bridge keeps its MAC "
               "address; the reference's changes, and its CHECK fails", r"checks/\d",
               said="Bridge interface .* Mac doesn't match: .*"),
    Difference("Verbs", "CHECK finds routes whose gateway IPAM left out; that of 1.1.1 does not",
               r"checks/\d", said="Expected Route .* not found in routing table",
               cases="(.*routes|flannel, .*)", peer="older"),
    Difference("Verbs", "CHECK finds routes in other tables; the reference's looks into the main one",
               r"checks/\d", said="Expected Route .* not found in routing table",
               cases="route attributes", peer="newer"),
    Difference("Verbs", "CHECK of bridge notices a node's end that is down, lost hairpin mode, a lost "
               "gateway address, lost masquerading and a lost MAC filter; the reference's does not",
               "damaged/0", cases="CHECK: (the node's end is down|hairpin mode was switched off|the "
               "gateway's address was removed|the masquerading was flushed|the MAC filter was flushed)"),
    Difference("Verbs", "CHECK of bridge notices a VLAN that was taken from the port or from the "
               "gateway; the reference's does not", "damaged/0", cases="CHECK: vlan, .*", vlan=True),
    Difference("Verbs", "CHECK of ptp looks at the node's side and at masquerading too",
               "damaged/0", cases="CHECK: ptp, (the node's route was removed|the node's end is down|the "
               "gateway's address was removed|the masquerading was flushed)"),
    Difference("Verbs", "STATUS fails with code 50 when a pool is full; the reference's never does",
               "status/1", cases=".*STATUS, the pool is full"),
    Difference("Verbs", "GC deletes interfaces, leases and rules of attachments that are not valid; the "
               "reference's does nothing", "collected/seen/.*", cases=".*GC, one is not valid"),
    Difference("Verbs", "DEL succeeds and removes masquerading after somebody flushed the ruleset; the "
               "reference's fails as long as iptables is there", r"dels/\d", said="running .*iptables.*",
               cases="CHECK: .*the masquerading was flushed"),
    Difference("Verbs", "DEL succeeds whatever `ipMasqBackend` says; that of the packaged reference "
               "plugins fails with `nftables`", r"dels/\d", said="running .*iptables.*",
               cases=".*masquerade by nftables", peer="newer"),
    Difference("Verbs", "DEL removes masquerading and MAC filter when the namespace is gone; the "
               "reference leaves the rules behind", "deleted/rules/.*",
               cases=".*DEL (without namespace|that was told little).*"),
    Difference("Verbs", "DEL without `CNI_NETNS` deletes the interfaces; the reference leaves them",
               f"deleted/(host|{POD})/.*", cases=".*DEL that was told little"),

    # ptp
    Difference("ptp", "neighbours on both sides are permanent, so there is no ARP or ND on the link",
               rf"{LOOKS}/(host|{POD})/neighbours/.*", cases=".*ptp.*"),
    Difference("ptp", "a route by another address of the subnet is marked `onlink`, since the subnet's "
               "route goes by the gateway",
               rf'{LOOKS}/{POD}/routes/.*"gateway": "10.9.0.9".*', cases="ptp, routes"),
    Difference("ptp", "the node's route to the container has the scope `link`; the reference's `host`",
               rf'{LOOKS}/host/routes/route -4 .*"dev": "{END}".*"scope": "(host|link)".*',
               cases=".*ptp.*"),
    Difference("ptp", "the container's addresses are `noprefixroute`: the subnet's route never exists, "
               "while the reference adds and deletes it",
               rf"{LOOKS}/{POD}/links/\w+/addresses/.*/noprefixroute", cases=".*ptp.*"),
    Difference("ptp", "the container announces its address when its link comes up (`arp_notify`), as "
               "with bridge", rf"{LOOKS}/{POD}/sysctls/net/ipv4/conf/\w+/arp_notify", cases=".*ptp.*"),
    Difference("ptp", "the container detects no duplicate IPv6 addresses (`accept_dad`), as with "
               "bridge", rf"{LOOKS}/{POD}/sysctls/net/ipv6/conf/\w+/accept_dad", cases=".*ptp.*"),

    # bandwidth
    Difference("bandwidth", "an ifb carries the name of its attachment as `ifalias`",
               rf"{LOOKS}/host/links/{IFB}/ifalias"),
    Difference("bandwidth", "an ifb has no IPv6 address, so it announces none into its own queue",
               rf"{LOOKS}/host/sysctls/net/ipv6/conf/{IFB}/addr_gen_mode"),
    Difference("bandwidth", "the `txqueuelen` of an ifb is the kernel's; the reference's is 0",
               rf"{LOOKS}/host/links/{IFB}/txqlen"),
    Difference("bandwidth", "what comes in is redirected once; the reference's filter has a second "
               "redirection that is never reached",
               rf"{LOOKS}/host/tc/{END}/filters/\d/options/actions/1/.*"),
    Difference("bandwidth", "of the burst 100 ms of the rate at most count for the queue; with the "
               "reference as much may wait as container runtimes ask for as burst, 512 MB",
               rf"{LOOKS}/host/tc/({END}|{IFB})/qdiscs/0/options/(lat|limit)",
               cases="bandwidth, as container runtimes wish"),
    Difference("bandwidth", "DEL removes buckets and redirection; the reference leaves them, and what a "
               "pair that stays sends is dropped", rf"deleted/host/tc/{END}/.*"),
    Difference("bandwidth", "bursts are exact; the reference's are whole microseconds of the rate, as is "
               "what `tc` shows", rf"{LOOKS}/host/tc/({END}|{IFB})/qdiscs/0/options/(burst|lat)",
               cases="bandwidth, (40 Gbit/s|odd numbers)"),
    Difference("bandwidth", "CHECK notices a lost bucket, a lost redirection and an ifb that is down; the "
               "reference's does not", "damaged/0",
               cases="CHECK: bandwidth, (the (ifb's )?bucket was removed|the redirection was removed|the "
               "ifb is down)"),
    Difference("bandwidth", "CHECK without limits succeeds; the reference plugin crashes",
               r"checks/\d", said="None", cases="bandwidth, no limits"),

    # tuning
    Difference("tuning", "DEL puts back the sysctls of the interface too; the reference leaves them",
               rf"deleted/{POD}/sysctls/net/ipv4/conf/eth0/arp_notify", cases="tuning, .*"),
    Difference("tuning", "CHECK takes values as the kernel does, in any base and with any blanks; the "
               "reference compares text", r"checks/\d", said="Error: Tuning configured value of .*",
               cases="tuning, values as the kernel shows them"),
    Difference("tuning", "a MAC address is reported in lower case, as the kernel shows it; the "
               "reference reports what was written", r"results/0/interfaces/1/mac",
               cases="tuning, values as the kernel shows them"),
    Difference("tuning", "CHECK looks at `promisc` only where it is configured; the reference's fails "
               "while somebody listens", r"checks/\d", said="Error: Tuning link .* promisc .*",
               cases="tuning, somebody listens", peer="newer"),
    Difference("tuning", "after a GC that found the attachment invalid there is nothing that DEL could "
               "put back", rf"deleted/{POD}/(links|sysctls)/.*",
               cases="tuning, GC, none is valid", peer="newer"),

    # flannel
    Difference("flannel", "the node's subnet is passed to IPAM as `ipam.ranges`, as by the present "
               "original; 0.9.0 passes `ipam.subnet`",
               r"added/saved/\w+/content/ipam/(subnet|ranges/0/0/subnet)", cases="flannel, .*"),

    # portmap
    Difference("portmap", "mappings are elements of maps in `inet edgeway_portmap`, where `nft` shows "
               "the containers' addresses", r"added/rules/.*", cases=".*portmap.*"),
    Difference("portmap", "CHECK looks at the families that the container has; that of 1.1.1 fails for "
               "want of the other, or of the right address", r"checks/\d",
               said="could not check ipv6 dnat: .*", cases=".*portmap.*", peer="older"),
    Difference("portmap", "what comes from the container's subnet is masqueraded, as with iptables; with "
               "the reference's nftables only what comes from the container itself",
               r"asked/blue to .*", cases="portmap by nftables.*", peer="newer"),
    Difference("portmap", "`route_localnet` is set if there is an IPv4 mapping; by the reference also if "
               "the only one is for an IPv6 address of the node", rf"{LOOKS}/host/.*/route_localnet",
               cases="portmap, an address of another family"),
]


def reason(case, path, age, said):
    """The Difference that covers this one, where theirs was @said, or None."""
    return next((d for d in DIFFERENCES if d.covers(case, path, age, said)), None)
