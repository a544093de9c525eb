# SPDX-License-Identifier: Apache-2.0
"""Cases of tuning, on an interface as another plugin leaves it."""
from case import RED, VERSIONS, ours, rarely, refused, same, theirs

NOTIFY, OURS = "net.ipv4.conf.IFNAME.arp_notify", "net.ipv4.conf.eth0.arp_notify"
ADDRESSES = {"ips": [{"address": "10.9.0.2/24", "interface": 1}], "dns": {"domain": "d"}}
INTERFACES = {"interfaces": [{"name": "br0", "mac": "02:00:00:00:00:09"},
                             {"name": "eth0", "mac": "02:00:00:00:00:01", "sandbox": "/run/netns/red"}]}
LEGACY = {"ip4": {"ip": "10.9.0.2/24"}, "dns": {"domain": "d"}}
MAKE = ["ip -n red link add eth0 address 02:00:00:00:00:01 type veth peer name other",
        "ip -n red link set other up", "ip -n red link set eth0 up",
        "ip -n red addr add 10.9.0.2/24 dev eth0"]
ALL = {"mac": "02:00:00:00:00:aa", "mtu": 1400, "promisc": True, "allmulti": True}


def conf(version="1.0.0", **keys):
    """tuning behind a plugin that made eth0; in the shape of @version."""
    before = LEGACY if version < "0.3.0" else {**INTERFACES, **ADDRESSES}
    if "0.3.0" <= version < "1.0.0":
        before = {**before, "ips": [{**ip, "version": "4"} for ip in before["ips"]]}
    return {"cniVersion": version, "name": "n", "type": "tuning",
            "prevResult": {"cniVersion": version, **before}, **keys}


def case(make, name, made, *why, before=(), **options):
    """A case of one of the kinds of case.py."""
    return make(f"tuning, {name}", *why, made, before=[*MAKE, *before], **options)


def asked(name, variable, expect="same", **keys):
    """The same with CNI_ARGS."""
    return same(f"tuning, {name}", conf(**keys), {**RED, "args": variable}, before=MAKE, expect=expect)


def allowed(*lines):
    """Commands that make these the administrator's list."""
    text = "\\n".join(lines)
    return ["mount -t tmpfs tmpfs /etc", "mkdir -p /etc/cni/tuning",
            f"sh -c 'printf \"{text}\\n\" >/etc/cni/tuning/allowlist.conf'"]


BASIC = [
    case(same, "nothing", conf()),
    case(same, "mac", conf(mac="02:00:00:00:00:aa")),
    case(same, "mtu", conf(mtu=1400)),
    case(same, "promisc", conf(promisc=True)),
    case(same, "no promisc", conf(promisc=False)),
    case(same, "allmulti", conf(allmulti=True)),
    case(same, "no allmulti", conf(allmulti=False), before=["ip -n red link set eth0 allmulticast on"]),
    case(same, "txQLen", conf("1.1.0", txQLen=77), newer=True),
    case(same, "sysctl", conf(sysctl={OURS: "1", "net.ipv4.ip_forward": "1"})),
    case(same, "sysctl with slashes", conf(sysctl={"net/ipv4/conf/eth0/arp_notify": "1"})),
    case(same, "sysctl of this interface", conf("1.1.0", sysctl={NOTIFY: "1"}), newer=True),
    case(same, "everything", conf(sysctl={OURS: "1"}, **ALL)),
    asked("MAC in CNI_ARGS", "IgnoreUnknown=1;MAC=02:00:00:00:00:a2", mac="02:00:00:00:00:a1"),
    asked("MAC of the runtime", "MAC=02:00:00:00:00:a2", runtimeConfig={"mac": "02:00:00:00:00:a3"}),
    asked("MAC in args", "MAC=02:00:00:00:00:a2", runtimeConfig={"mac": "02:00:00:00:00:a3"},
             args={"cni": {"mac": "02:00:00:00:00:a4"}}),
    case(same, "args", conf(mtu=1400, promisc=True, sysctl={OURS: "0"}, args={
        "cni": {"mtu": 1300, "promisc": False, "allmulti": True,
                "sysctl": {OURS: "1"}}})),
    case(same, "allowed", conf("1.1.0", sysctl={NOTIFY: "1"}), newer=True,
         before=allowed("^net.ipv4.conf.IFNAME.[a-z_]*$")),
    case(same, "keys in another case", conf(MTU=1400, Promisc=True)),
]

REFUSED = [
    case(refused, "no prevResult", {**conf(mtu=1400), "prevResult": None}),
    case(refused, "a sysctl that is not the network's", conf(sysctl={"kernel.hostname": "x"})),
    case(refused, "a sysctl that is not there", conf(sysctl={"net.ipv4.nonsense": "1"})),
    case(refused, "a path that leads out", conf(sysctl={"net/../kernel/hostname": "x"})),
    case(refused, "a value that the kernel refuses", conf(sysctl={"net.ipv4.ip_default_ttl": "0"})),
    case(refused, "a number for a sysctl", conf(sysctl={"net.ipv4.ip_forward": 1})),
    case(refused, "mtu too small", conf(mtu=20)),
    case(refused, "not a MAC address", conf(mac="nonsense")),
    asked("an unknown argument", "X=1", expect="refused"),
    case(refused, "not allowed", conf(sysctl={"net.ipv4.ip_forward": "1"}), newer=True,
         before=allowed("^net.core")),
    same("tuning, no interface", conf(mtu=1400), expect="refused"),
]

ASYMMETRIC = [
    case(ours, "requests for sysctls alone", conf(args={"cni": {"sysctl": {
        OURS: "1"}}}),
         "`args.cni.sysctl` of `tuning` works without `sysctl`, where the reference crashes"),
    case(theirs, "one sysctl written twice", conf(sysctl={
        OURS: "1", "net/ipv4/conf/eth0/arp_notify": "0"}),
         "one sysctl written in two ways is a mistake; which of them wins there is chance"),
    case(theirs, "an mtu that is not for IPv6", {
        **conf(mtu=1000), "prevResult": {"cniVersion": "1.0.0", **INTERFACES,
                                         "ips": [{"address": "fd00:9::2/64", "interface": 1}]}},
         "an `mtu` below 1280 would cost an interface its IPv6 addresses"),
    case(theirs, "a relative dataDir", conf(mtu=1400, dataDir="tmp/x"),
         "a relative `dataDir` is somewhere else for each runtime", before=["mkdir -p /run/cni"]),
]


def damaged(what, *commands, **keys):
    return same(f"CHECK: tuning, {what}", conf(**keys), before=MAKE, damage=list(commands))


VERBS = [
    damaged("another MAC address", "ip -n red link set eth0 address 02:00:00:00:00:77", mac=ALL["mac"]),
    damaged("another MTU", "ip -n red link set eth0 mtu 1300", mtu=1400),
    damaged("no longer promiscuous", "ip -n red link set eth0 promisc off", promisc=True),
    damaged("no longer allmulti", "ip -n red link set eth0 allmulticast off", allmulti=True),
    damaged("another value", "ip netns exec red sysctl -qw net.ipv4.conf.eth0.arp_notify=0",
            sysctl={OURS: "1"}),
    damaged("the link was deleted", "ip -n red link del eth0", mtu=1400),
    case(same, "values as the kernel shows them", conf(mac="02:00:00:00:00:AA", sysctl={
        OURS: "0x1", "net.ipv4.tcp_rmem": "4096 131072 6291456"})),
    case(same, "somebody listens", conf(mtu=1400),
         before=["ip -n red link add listener link eth0 type macvlan mode passthru",
                 "ip -n red link set listener up"]),
    case(same, "DEL without namespace", conf(**ALL), gone=True),
    case(same, "DEL that was told little", conf(**ALL), forgetful=True),
    case(same, "GC, all valid", conf("1.1.0", **ALL), newer=True, valid=[RED]),
    case(same, "GC, none is valid", conf("1.1.0", **ALL), newer=True, valid=[]),
]


def each(version):
    return case(same, f"version {version}", conf(version, **ALL), newer=version == "1.1.0")


OFTEN = ("0.2.0", "0.4.0", "1.1.0")
CASES = [*BASIC, *[each(v) for v in OFTEN],
         *rarely([*REFUSED, *VERBS, *[each(v) for v in VERSIONS if v not in OFTEN]]), *ASYMMETRIC]
