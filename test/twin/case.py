# SPDX-License-Identifier: Apache-2.0
"""What a case is: a configuration, who is attached, what happens in between, what both twins must do."""
import copy
from dataclasses import asdict, dataclass, field, replace

VERSIONS = ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")
BASE = {"cniVersion": "1.0.0", "name": "n", "type": "bridge", "bridge": "br0",
        "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.9.0.0/24"}]]}}
V4, V6 = [{"subnet": "10.9.0.0/24"}], [{"subnet": "fd00:9::/64"}]
DEFAULT4, DEFAULT6 = {"dst": "0.0.0.0/0"}, {"dst": "::/0"}
# An attachment may say ifname, id, netns and args (CNI_ARGS).
RED, BLUE, LO = {"pod": "red"}, {"pod": "blue"}, {"pod": "red", "ifname": "lo"}


@dataclass
class Case:
    """One configuration that is played to both twins.

    @expect: "same": both accept all attachments and do the same. "refused": both refuse the last one,
    and ours leaves nothing of it. "ours": only ours accepts, @why says why. "theirs": only the
    reference accepts, @why says why.
    """
    name: str
    conf: dict
    attachments: list
    expect: str = "same"
    why: str = ""
    newer: bool = False  # needs reference plugins that speak CNI 1.1.0
    vlan: bool = False  # needs a kernel whose bridges filter VLANs
    full: bool = False  # with FULL=1 only
    before: list = field(default_factory=list)  # commands before the first ADD
    damage: list = field(default_factory=list)  # commands after which CHECK must fail
    valid: list | None = None  # GC is called and told that these attachments are valid
    gone: bool = False  # the namespaces are deleted before DEL
    original: bool = False  # flannel's: needs its original, which speaks 0.4.0 and older
    theirs: dict | None = None  # what the reference is given instead of @conf
    forgetful: bool = False  # DEL is given neither prevResult nor CNI_NETNS
    behind: dict | None = None  # for a chained plugin: what attaches the pods before, and has no DEL
    others: list = field(default_factory=list)  # attached by that one only
    serves: list = field(default_factory=list)  # [pod, port, protocol] of servers (netns/echo.py)
    asks: list = field(default_factory=list)  # [pod or "node", port, protocol, [address, ...]]

    def to_json(self):
        return asdict(self)


def same(name, conf, *attachments, **more):
    return Case(name, conf, list(attachments) or [RED], **more)


def refused(name, conf, *attachments, **more):
    return same(name, conf, *attachments, expect="refused", **more)


def ours(name, why, conf, *attachments, **more):
    return same(name, conf, *attachments, expect="ours", why=why, **more)


def theirs(name, why, conf, *attachments, **more):
    return same(name, conf, *attachments, expect="theirs", why=why, **more)


def rarely(cases):
    """These are played with FULL=1 only."""
    return [replace(case, full=True) for case in cases]


def conf(ipam=None, without=(), **changes):
    """A bridge with these keys changed; @ipam changes keys of the ipam section."""
    made = copy.deepcopy(BASE)
    made.update(changes)
    if ipam is not None:
        made["ipam"].update(ipam)
    for key in without:
        made.pop(key, None)
    return made


def dual(ipam=None, **changes):
    return conf(ipam={"ranges": [V4, V6], **(ipam or {})}, **changes)


def ptp(ipam=None, **changes):
    return conf(ipam=ipam, without=["bridge"], type="ptp", **changes)


def ptp_dual(ipam=None, **changes):
    return ptp(ipam={"ranges": [V4, V6], **(ipam or {})}, **changes)


def alone(version="1.0.0", **ipam):
    """host-local without an interface plugin."""
    return conf(ipam=ipam, type="host-local", cniVersion=version)


def fixed(*addresses, ipam=None, **changes):
    """A bridge with these addresses of static; @ipam adds keys to the ipam section."""
    made = dict(copy.deepcopy(BASE), **changes)
    made["ipam"] = dict({"type": "static", "addresses": list(addresses)}, **(ipam or {}))
    return made


def loopback(version):
    return {"cniVersion": version, "name": "lo", "type": "loopback"}
