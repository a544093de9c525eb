# SPDX-License-Identifier: Apache-2.0
"""The configurations that both twins are given, and the differences we accept, each with its reason."""
import copy
import re

BASE = {"cniVersion": "1.0.0", "name": "n", "type": "bridge", "bridge": "br0",
        "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.9.0.0/24"}]]}}
V6 = [{"subnet": "fd00:9::/64"}]
RED, BLUE = {"pod": "red"}, {"pod": "blue"}


def conf(ipam=None, without=(), **changes):
    """BASE with these keys changed; @ipam changes keys of the ipam section."""
    made = copy.deepcopy(BASE)
    made.update(changes)
    if ipam is not None:
        made["ipam"].update(ipam)
    for key in without:
        made.pop(key, None)
    return made


def dual(**changes):
    return conf(ipam={"ranges": [[{"subnet": "10.9.0.0/24"}], V6]}, **changes)


def alone(**ipam):
    """host-local without bridge."""
    return conf(ipam=ipam, type="host-local")


# name: (configuration, attachments). An attachment may say ifname and args (CNI_ARGS). Both twins
# must accept each of these and do the same.
ACCEPTED = {
    "layer 2": (conf(without=["ipam"]), [RED, BLUE]),
    "IPv4": (conf(), [RED, BLUE]),
    "IPv6": (conf(ipam={"ranges": [V6]}), [RED, BLUE]),
    "dual stack": (dual(), [RED, BLUE]),
    "gateway": (conf(isGateway=True), [RED, BLUE]),
    "gateway, dual stack": (dual(isGateway=True), [RED]),
    "default gateway": (conf(isDefaultGateway=True), [RED]),
    "default gateway, dual stack": (dual(isDefaultGateway=True), [RED, BLUE]),
    "default route by gateway": (conf(isDefaultGateway=True, ipam={
        "routes": [{"dst": "0.0.0.0/0", "gw": "10.9.0.7"}]}), [RED]),
    "routes": (conf(isGateway=True, ipam={"routes": [
        {"dst": "172.20.0.0/16"}, {"dst": "172.21.0.0/16", "gw": "10.9.0.9"}]}), [RED]),
    "masquerade": (conf(isGateway=True, ipMasq=True), [RED]),
    "masquerade, dual stack": (dual(isDefaultGateway=True, ipMasq=True), [RED, BLUE]),
    "mtu": (conf(mtu=1400), [RED]),
    "hairpin": (conf(hairpinMode=True), [RED]),
    "promiscuous": (conf(promiscMode=True), [RED]),
    "two interfaces": (conf(), [RED, {"pod": "red", "ifname": "net1"}]),
    "force address": (conf(isGateway=True, forceAddress=True), [RED]),
    "default bridge": (conf(without=["bridge"]), [RED]),
    "enable duplicate detection": (conf(enabledad=True, ipam={"ranges": [V6]}), [RED]),
    "requested MAC by CNI_ARGS": (conf(without=["ipam"]), [
        {"pod": "red", "args": "MAC=02:00:00:00:00:01"}]),
    "requested MAC by args.cni": (conf(args={"cni": {"mac": "02:00:00:00:00:02"}}), [RED]),
    "requested MAC by runtimeConfig": (conf(runtimeConfig={"mac": "02:00:00:00:00:03"}), [RED]),
    "requested IP by CNI_ARGS": (conf(), [{"pod": "red", "args": "IgnoreUnknown=1;IP=10.9.0.77"}]),
    "requested IP by args.cni": (conf(args={"cni": {"ips": ["10.9.0.78"]}}), [RED]),
    "requested IPs by runtimeConfig": (dual(runtimeConfig={"ips": ["10.9.0.79", "fd00:9::79"]}), [RED]),
    "ranges by runtimeConfig": (conf(runtimeConfig={"ipRanges": [[{"subnet": "10.7.0.0/24"}]]}), [RED]),
    "rangeStart, rangeEnd, gateway": (conf(isGateway=True, ipam={"ranges": [[{
        "subnet": "10.9.0.0/24", "rangeStart": "10.9.0.10", "rangeEnd": "10.9.0.20",
        "gateway": "10.9.0.254"}]]}), [RED, BLUE]),
    "two ranges in a set": (conf(ipam={"ranges": [[{"subnet": "10.9.0.0/30"},
                                                  {"subnet": "10.8.0.0/30"}]]}), [RED, BLUE]),
    "two sets of one family": (conf(ipam={"ranges": [
        [{"subnet": "10.9.0.0/24"}], [{"subnet": "10.8.0.0/24"}]]}), [RED]),
    "legacy subnet": (conf(ipam={"ranges": [], "subnet": "10.6.0.0/16"}), [RED]),
    "another dataDir": (conf(ipam={"dataDir": "/var/lib/cni/networks/elsewhere"}), [RED]),
    "dns": (conf(dns={"nameservers": ["10.0.0.1"], "search": ["a", "b"], "domain": "d",
                      "options": ["o"]}), [RED]),
    "resolvConf": (conf(ipam={"resolvConf": "/run/resolv.conf"}), [RED]),
    "keys in another case": (conf(ISGATEWAY=True, HairpinMODE=True), [RED]),
    "null and unknown keys": (conf(mtu=None, dns=None, nonsense={"a": 1}), [RED]),
    "ignored arguments": (conf(), [{"pod": "red", "args": "IgnoreUnknown=1;K8S_POD_NAME=x;A=b"}]),
    "version 0.1.0": (dual(cniVersion="0.1.0", isDefaultGateway=True), [RED]),
    "version 0.2.0": (dual(cniVersion="0.2.0", isDefaultGateway=True), [RED]),
    "version 0.3.0": (dual(cniVersion="0.3.0", isDefaultGateway=True), [RED]),
    "version 0.3.1": (dual(cniVersion="0.3.1", isDefaultGateway=True), [RED]),
    "version 0.4.0": (dual(cniVersion="0.4.0", isDefaultGateway=True), [RED]),
    "no version": (conf(without=["cniVersion"], isGateway=True), [RED]),
    "host-local": (alone(routes=[{"dst": "0.0.0.0/0"}]), [RED, BLUE]),
    "host-local, dual stack": (alone(ranges=[[{"subnet": "10.9.0.0/24"}], V6]), [RED, BLUE]),
    "host-local, version 0.2.0": (dict(alone(), cniVersion="0.2.0"), [RED]),
    "loopback": ({"cniVersion": "1.0.0", "name": "lo", "type": "loopback"}, [
        {"pod": "red", "ifname": "lo"}]),
    "loopback, version 0.3.1": ({"cniVersion": "0.3.1", "name": "lo", "type": "loopback"}, [
        {"pod": "red", "ifname": "lo"}]),
}

# name: (configuration, attachments). Both twins must refuse the last attachment, and ours must leave
# nothing of it.
REFUSED = {
    "hairpin and promiscuous": (conf(hairpinMode=True, promiscMode=True), [RED]),
    "unsupported version": (conf(cniVersion="9.9.9"), [RED]),
    "no name": (conf(without=["name"]), [RED]),
    "bad name": (conf(name="a/b"), [RED]),
    "host bits in subnet": (conf(ipam={"ranges": [[{"subnet": "10.9.0.5/24"}]]}), [RED]),
    "subnet too small": (conf(ipam={"ranges": [[{"subnet": "10.9.0.0/31"}]]}), [RED]),
    "no subnet": (conf(ipam={"ranges": [[{}]]}), [RED]),
    "overlapping sets": (conf(ipam={"ranges": [[{"subnet": "10.9.0.0/24"}],
                                               [{"subnet": "10.9.0.0/25"}]]}), [RED]),
    "rangeStart outside": (conf(ipam={"ranges": [[{"subnet": "10.9.0.0/24",
                                                   "rangeStart": "10.8.0.1"}]]}), [RED]),
    "families mixed in a set": (conf(ipam={"ranges": [[{"subnet": "10.9.0.0/24"}, V6[0]]]}), [RED]),
    "pool exhausted": (conf(ipam={"ranges": [[{"subnet": "10.9.0.0/30"}]]}), [RED, BLUE]),
    "requested IP outside": (conf(runtimeConfig={"ips": ["10.1.2.3"]}), [RED]),
    "requested IP taken": (conf(runtimeConfig={"ips": ["10.9.0.7"]}), [RED, BLUE]),
    "requested gateway": (conf(runtimeConfig={"ips": ["10.9.0.1"]}), [RED]),
    "unknown argument": (conf(), [{"pod": "red", "args": "COLOUR=red"}]),
    "bad interface name": (conf(), [{"pod": "red", "ifname": "a/b"}]),
    "bad container id": (conf(), [{"pod": "red", "id": "a b"}]),
    "attached twice": (conf(), [RED, RED]),
    "ipam plugin missing": (conf(ipam={"type": "nosuch"}), [RED]),
    "unreachable gateway in a route": (conf(ipam={"routes": [
        {"dst": "172.20.0.0/16", "gw": "192.168.7.7"}]}), [RED]),
    "layer 2 in 0.2.0": (conf(cniVersion="0.2.0", without=["ipam"]), [RED]),
    "wrong type": (conf(mtu="big"), [RED]),
    "bad MAC": (conf(runtimeConfig={"mac": "nonsense"}), [RED]),
    "host-local without ranges": (alone(ranges=[]), [RED]),
    "host-local, two addresses of one family in 0.2.0": (dict(alone(ranges=[
        [{"subnet": "10.9.0.0/24"}], [{"subnet": "10.8.0.0/24"}]]), cniVersion="0.2.0"), [RED]),
}

# Differences we accept: a regular expression for "case: path", and the reason. A path is where the
# value stands in what was observed; see observe.py.
DIFFERENCES = [
    (r".*: (added|deleted)/files/.*/mode",
     "leases are 0600 as in the reference plugin since 1.4; Debian's is 1.1.1 and writes 0644"),
    (r".*: added/host/links/veth<.*>/ifalias",
     "we name the attachment in the host end's ifalias, so that an operator can tell whose it is"),
    (r".*: deleted/host/links/\w+/address",
     "our bridge keeps its MAC address when the last port leaves; theirs falls back to zeros"),
    (r".*: added/(host/links/veth<.*>|pods/\w+/links/\w+)/num_[rt]x_queues",
     "we ask for the one queue that a veth uses; theirs has one per processor, all but one unused"),
    (r".*: added/host/sysctls/net/ipv6/conf/veth<.*>/addr_gen_mode",
     "our bridge port has no IPv6 address of its own, so it announces none into the container"),
    (r".*: added/(host/links/veth<.*>|pods/\w+/links/\w+)/txqlen",
     "we leave the kernel's queue length; theirs is 0, with which a qdisc added later drops"),
    (r".*: added/host/sysctls/net/ipv6/conf/veth<.*>/accept_ra",
     "a bridge takes every frame of its port before the port's own IPv6 sees it, so nothing to refuse"),
    (r".*: added/pods/.*/keep_addr_on_down",
     "we keep IPv6 addresses when the link goes down, as newer reference plugins do"),
    (r".*: (added|deleted)/.*/addresses/.*/nodad",
     "without enabledad our IPv6 addresses skip duplicate detection and are usable at once"),
    (r'.*: (added|deleted)/host/routes/.*"type": "(local|anycast)".*',
     "so their routes are there at once, while the reference gateway is unreachable for a second"),
    (r"loopback, version 0.3.1: results/0/ips/\d/version",
     "loopback 1.1.1 forgets ips[].version, which these versions of the specification require"),
    (r"resolvConf: results/0/dns/.*",
     "bridge 1.1.1 drops the dns of IPAM; we pass it on, as newer reference plugins do"),
]


def reason(case, path):
    """Why we accept this difference, or None."""
    for pattern, why in DIFFERENCES:
        if re.fullmatch(pattern, f"{case}: {path}"):
            return why
    return None
