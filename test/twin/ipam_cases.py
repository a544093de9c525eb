# SPDX-License-Identifier: Apache-2.0
"""Cases of host-local and static, alone and under bridge."""
from case import BLUE, DEFAULT4, RED, V4, V6, alone, conf, dual, fixed, rarely, refused, same, theirs

HOST_LOCAL = [
    same("requested IP by CNI_ARGS", conf(), {"pod": "red", "args": "IgnoreUnknown=1;IP=10.9.0.77"}),
    same("requested IP by args.cni", conf(args={"cni": {"ips": ["10.9.0.78"]}})),
    same("requested IPs by runtimeConfig", dual(runtimeConfig={"ips": ["10.9.0.79", "fd00:9::79"]})),
    same("ranges by runtimeConfig", conf(runtimeConfig={"ipRanges": [[{"subnet": "10.7.0.0/24"}]]})),
    same("rangeStart, rangeEnd, gateway", conf(isGateway=True, ipam={"ranges": [[{
        "subnet": "10.9.0.0/24", "rangeStart": "10.9.0.10", "rangeEnd": "10.9.0.20",
        "gateway": "10.9.0.254"}]]}), RED, BLUE),
    same("two ranges in a set", conf(ipam={"ranges": [[{"subnet": "10.9.0.0/30"},
                                                      {"subnet": "10.8.0.0/30"}]]}), RED, BLUE),
    same("two sets of one family", conf(ipam={"ranges": [V4, [{"subnet": "10.8.0.0/24"}]]})),
    same("legacy subnet", conf(ipam={"ranges": [], "subnet": "10.6.0.0/16"})),
    same("legacy subnet beside ranges", dual(ipam={"subnet": "10.6.0.0/16"})),
    same("another dataDir", conf(ipam={"dataDir": "/var/lib/cni/networks/elsewhere"})),
    same("host-local", alone(routes=[DEFAULT4]), RED, BLUE),
    same("host-local, dual stack", alone(ranges=[V4, V6]), RED, BLUE),
    same("host-local, resolvConf", alone(resolvConf="/run/resolv.conf")),
    same("host-local, small subnet", alone(ranges=[[{"subnet": "10.9.0.0/30"}]])),
    same("host-local, DEL without namespace", alone(), RED, BLUE, gone=True),
    same("host-local, DEL that was told little", alone(), forgetful=True),
    same("CHECK: host-local, the lease was removed", alone(),
         damage=["rm /var/lib/cni/networks/n/10.9.0.2"]),
    same("CHECK: host-local, another's lease", alone(),
         damage=["sh -c 'printf other > /var/lib/cni/networks/n/10.9.0.2'"]),
    same("host-local, GC, all valid", alone("1.1.0"), RED, BLUE, newer=True, valid=[RED, BLUE]),
    same("host-local, GC, one is not valid", alone("1.1.0"), RED, BLUE, newer=True, valid=[RED]),
    same("host-local, STATUS, the pool is full", alone("1.1.0", ranges=[[{"subnet": "10.9.0.0/30"}]]),
         newer=True),
]

HOST_LOCAL_REFUSED = [
    refused("host bits in subnet", conf(ipam={"ranges": [[{"subnet": "10.9.0.5/24"}]]})),
    refused("subnet too small", conf(ipam={"ranges": [[{"subnet": "10.9.0.0/31"}]]})),
    refused("no subnet", conf(ipam={"ranges": [[{}]]})),
    refused("overlapping sets", conf(ipam={"ranges": [V4, [{"subnet": "10.9.0.0/25"}]]})),
    refused("rangeStart outside", conf(ipam={"ranges": [[{"subnet": "10.9.0.0/24",
                                                          "rangeStart": "10.8.0.1"}]]})),
    refused("rangeEnd outside", conf(ipam={"ranges": [[{"subnet": "10.9.0.0/24",
                                                        "rangeEnd": "10.10.0.1"}]]})),
    refused("families mixed in a set", conf(ipam={"ranges": [[*V4, *V6]]})),
    refused("pool exhausted", conf(ipam={"ranges": [[{"subnet": "10.9.0.0/30"}]]}), RED, BLUE),
    refused("requested IP outside", conf(runtimeConfig={"ips": ["10.1.2.3"]})),
    refused("requested IP taken", conf(runtimeConfig={"ips": ["10.9.0.7"]}), RED, BLUE),
    refused("requested gateway", conf(runtimeConfig={"ips": ["10.9.0.1"]})),
    refused("host-local without ranges", alone(ranges=[])),
    refused("host-local without ipam", conf(without=["ipam"], type="host-local")),
    refused("host-local, two addresses of one family in 0.2.0",
            alone("0.2.0", ranges=[V4, [{"subnet": "10.8.0.0/24"}]])),
]

FOUR = {"address": "10.9.0.5/24", "gateway": "10.9.0.1"}
SIX = {"address": "fd00:9::5/64", "gateway": "fd00:9::1"}


def static(*addresses, version="1.0.0", **ipam):
    """static without an interface plugin."""
    return fixed(*addresses, type="static", cniVersion=version, ipam=ipam)


STATIC = [
    same("static", fixed(FOUR)),
    same("static, dual stack", fixed(FOUR, SIX, isDefaultGateway=True, ipMasq=True)),
    same("static, gateways left to bridge", fixed({"address": "10.9.0.5/24"},
                                                  {"address": "fd00:9::5/64"}, isGateway=True)),
    same("static, two addresses of a subnet", fixed(FOUR, {"address": "10.9.0.6/24"}, isGateway=True)),
    same("static, routes and dns", fixed(FOUR, isGateway=True, ipam={
        "routes": [DEFAULT4, {"dst": "172.20.0.0/16", "gw": "10.9.0.9"}],
        "dns": {"nameservers": ["10.9.0.1"], "domain": "d", "search": ["s"], "options": ["o"]}})),
    same("static, dns of bridge wins", fixed(FOUR, dns={"domain": "outer"},
                                             ipam={"dns": {"domain": "inner"}})),
    same("static, requested by CNI_ARGS", fixed(isGateway=True), {
        "pod": "red", "args": "IgnoreUnknown=1;IP=10.9.0.7/24, fd00:9::7/64;GATEWAY=10.9.0.9"}),
    same("static, CNI_ARGS beside addresses", fixed(FOUR), {
        "pod": "red", "args": "IgnoreUnknown=1;IP=10.8.0.7/24;GATEWAY=10.9.0.9,10.8.0.1"}),
    same("static, requested by args.cni", fixed(FOUR, isGateway=True,
                                                args={"cni": {"ips": ["10.9.0.7/24"]}})),
    same("static, requested by runtimeConfig", fixed(
        FOUR, args={"cni": {"ips": ["10.9.0.7/24"]}},
        runtimeConfig={"ips": ["10.9.0.8/24", "fd00:9::8/64"]}),
        {"pod": "red", "args": "IgnoreUnknown=1;IP=10.8.0.7/24"}),
    same("static, a gateway outside of the subnet", fixed({"address": "10.9.0.5/24",
                                                           "gateway": "10.1.0.1"})),
    same("static, a whole network's first address", fixed({"address": "10.9.0.0/24"})),
    same("static alone", static(FOUR, SIX, routes=[DEFAULT4]), RED, BLUE),
    same("static alone, no addresses", static()),
    same("static alone, dns", static(FOUR, dns={"nameservers": ["10.9.0.1"], "domain": "d"})),
    same("static, GC", static(FOUR, version="1.1.0"), newer=True, valid=[]),
    same("static, DEL without namespace", static(FOUR), gone=True),
]

STATIC_REFUSED = [
    refused("static without addresses", fixed()),
    refused("static, no prefix length", fixed({"address": "10.9.0.5"})),
    refused("static, no address", fixed({})),
    refused("static, an address given twice", fixed(FOUR, FOUR)),
    refused("static, multicast6", fixed({"address": "ff02::5/64"})),
    refused("static, requested IP without prefix length",
            fixed(FOUR, runtimeConfig={"ips": ["10.9.0.7"]})),
    refused("static, requested argument", fixed(FOUR),
            {"pod": "red", "args": "IgnoreUnknown=1;IP=10.9.0.7"}),
    refused("static, bad GATEWAY", fixed(FOUR), {"pod": "red", "args": "IgnoreUnknown=1;GATEWAY=x"}),
    refused("static, two addresses of one family in 0.2.0",
            fixed(FOUR, {"address": "10.8.0.5/24"}, cniVersion="0.2.0")),
    refused("static alone, no addresses, 0.2.0", static(version="0.2.0")),
]

OTHER_FAMILY = {"address": "10.9.0.5/24", "gateway": "fd00:9::1"}
UNUSABLE = "an address that no container can have is refused: "
STATIC_ASYMMETRIC = [
    theirs("static, a gateway of another family",
           "a gateway of another family than its address cannot be used",
           fixed(OTHER_FAMILY, isGateway=True)),
    theirs("static, a gateway of another family, no isGateway",
           "a gateway of another family than its address cannot be used", fixed(OTHER_FAMILY)),
    theirs("static, the gateway itself", "the container's own address cannot be its gateway",
           fixed({"address": "10.9.0.5/24", "gateway": "10.9.0.5"}, isGateway=True)),
    theirs("static, multicast", UNUSABLE + "multicast", fixed({"address": "224.0.0.5/24"})),
    theirs("static, zero", UNUSABLE + "unspecified", fixed({"address": "0.0.0.0/24"})),
    theirs("static, mapped", UNUSABLE + "IPv4-mapped", fixed({"address": "::ffff:10.9.0.5/120"})),
]

CASES = (rarely(HOST_LOCAL + HOST_LOCAL_REFUSED) + STATIC[:5] + rarely(STATIC[5:])
         + rarely(STATIC_REFUSED) + STATIC_ASYMMETRIC)
