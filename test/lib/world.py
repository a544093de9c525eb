#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Write down everything a CNI plugin could change in this world, one fact a line.

Two snapshots of an unchanged node are equal, so a test compares before and after with a plain
diff. What changes by itself (counters, timers, carrier, lifetimes, interface numbers) is left
out, and so is what is meant to move on: the position of host-local's round robin and the lease
index, which is a hint that is checked whenever it is used.
"""
import contextlib
import ctypes
import hashlib
import ipaddress
import json
import os
import socket
import struct
import subprocess
import sys

STATE_DIRS = ("/run/edgeway", "/run/cni", "/var/lib/edgeway", "/var/lib/cni")
HINTS = ("/run/edgeway/leases/",)
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)

# Keys of `ip -j -d` that change although nobody changed anything.
VOLATILE = {
    "ifindex", "link_index", "link_netnsid", "operstate", "valid_life_time", "preferred_life_time",
    "tentative", "optimistic", "qdisc", "topology_change", "topology_change_detected", "root_port",
    "root_path_cost", "bridge_id", "root_id", "designated_port", "designated_cost", "state",
    "designated_bridge", "designated_root", "priority", "no", "id", "config_pending",
    "topology_change_ack", "expires", "linkmode", "used", "refcnt",
}


# How a process gets a world of its own; make_world() then furnishes it.
UNSHARE = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
           "--propagation", "private")

CARRIER = {"NO-CARRIER", "LOWER_UP", "M-DOWN", "linkdown"}  # flags which follow the carrier


@contextlib.contextmanager
def netns(path):
    """Work inside the network namespace at @path; None stays where we are."""
    if path is None:
        yield
        return
    with open("/proc/self/ns/net") as home, open(path) as there:
        _setns(there.fileno())
        try:
            yield
        finally:
            _setns(home.fileno())


def _setns(fd):
    if LIBC.setns(fd, CLONE_NEWNET) != 0:
        errno = ctypes.get_errno()
        raise OSError(errno, os.strerror(errno))


def make_world():
    """An empty /run and /var/lib, /sys of this namespace, lo up; see test/netns/lib.sh."""
    root = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
    repository = os.open(root, os.O_PATH)
    for hidden in ("/run", "/var/lib"):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", hidden], check=True)
        if root.startswith(hidden + "/"):
            os.makedirs(root)
            subprocess.run(["mount", "--no-canonicalize", "--rbind",
                            f"/proc/{os.getpid()}/fd/{repository}", root], check=True)
    subprocess.run(["mount", "-t", "sysfs", "sysfs", "/sys"], check=True)
    subprocess.run(["mount", "-t", "bpf", "bpf", "/sys/fs/bpf"], check=True)
    os.mkdir("/run/netns")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def pods():
    """The named network namespaces of this world."""
    try:
        return sorted(os.listdir("/run/netns"))
    except FileNotFoundError:
        return []


def make_outside():
    """A namespace on the far side of an uplink, as in test/netns/lib.sh."""
    for command in ("ip netns add outside", "ip link add up0 type veth peer name eth0 netns outside",
                    "sysctl -qw net.ipv6.conf.up0.accept_dad=0",
                    "ip addr add 192.0.2.1/24 dev up0", "ip addr add 2001:db8::1/64 dev up0 nodad",
                    "ip link set up0 up", "ip -n outside addr add 192.0.2.9/24 dev eth0",
                    "ip -n outside addr add 2001:db8::9/64 dev eth0 nodad",
                    "ip -n outside link set eth0 up"):
        subprocess.run(command.split(), check=True)


def ip_batch(family, *commands):
    """What `ip -j` answers to each of @commands, in one process."""
    out = subprocess.run(["ip", *family, "-j", "-d", "-batch", "-"], input="\n".join(commands),
                         check=True, capture_output=True, text=True).stdout
    answers, decoder = [], json.JSONDecoder()
    while out := out.strip():
        answer, end = decoder.raw_decode(out)
        answers.append(answer)
        out = out[end:]
    if len(answers) != len(commands):
        raise RuntimeError(f"ip answered {len(answers)} of {len(commands)} commands")
    return answers


def tidy(value):
    """@value without what changes by itself."""
    if isinstance(value, list):
        return [tidy(v) for v in value]
    if not isinstance(value, dict):
        return value
    kept = {k: tidy(v) for k, v in value.items()
            if k not in VOLATILE and not k.endswith("_timer")}
    if "flags" in kept:
        kept["flags"] = [f for f in kept["flags"] if f not in CARRIER]
    return kept


def links_of(answer):
    """Interfaces with their addresses: {name: {...}}."""
    found = {}
    for link in answer:
        if "ifname" in link:
            addrs = link.pop("addr_info", [])
            kept = tidy(link)
            # The kernel makes link-local addresses some time after it has seen a carrier.
            kept["addresses"] = sorted((tidy(a) for a in addrs
                                        if a and not a["local"].startswith("fe80:")), key=json.dumps)
            found[link["ifname"]] = kept
    return found


def network():
    """The current network namespace: its links by name, and its routes and rules as facts."""
    facts = []
    for family in ("-4", "-6"):
        routes, rules = ip_batch([family], "route show table all", "rule show")
        # The kernel makes the routes of link-local addresses when their detection is over.
        facts += [f"route {family} {json.dumps(tidy(r), sort_keys=True)}" for r in routes
                  if not r["dst"].startswith(("fe80:", "ff00:"))]
        facts += [f"rule {family} {json.dumps(r, sort_keys=True)}" for r in rules]
    return links_of(ip_batch([], "addr show")[0]), facts


def sysctls(interfaces):
    """The per-interface sysctls of @interfaces, and forwarding: {name: value}."""
    files = ["/proc/sys/net/ipv4/ip_forward"]
    for family in ("ipv4", "ipv6"):
        for name in ("all", "default", *interfaces):
            folder = f"/proc/sys/net/{family}/conf/{name}"
            with contextlib.suppress(FileNotFoundError):
                files += [f"{folder}/{key}" for key in sorted(os.listdir(folder))]
    found = {}
    for path in files:
        with contextlib.suppress(OSError):  # stable_secret cannot be read before it is set
            with open(path) as file:
                found[path[len("/proc/sys/"):]] = file.read().strip()
    return found


def _file_fact(path):
    status = os.lstat(path)
    mode = oct(status.st_mode & 0o7777)[2:]
    if os.path.islink(path):
        return f"file {path} -> {os.readlink(path)}"
    if os.path.isdir(path):
        return f"dir {path} {mode}"
    if path.startswith(HINTS) or os.path.basename(path).startswith("last_reserved_ip."):
        return f"file {path} {mode}"
    with open(path, "rb") as file:
        content = file.read()
    text = repr(content) if len(content) < 200 else hashlib.sha256(content).hexdigest()
    return f"file {path} {mode} {len(content)} {text}"


def files(roots=STATE_DIRS):
    """Every file and directory below @roots with its mode and content."""
    found = []
    for root in roots:
        for folder, folders, names in os.walk(root):
            folders.sort()
            found.append(_file_fact(folder))
            found += [_file_fact(os.path.join(folder, name)) for name in sorted(names)]
    return found


def ruleset():
    """The node's nftables ruleset, sets ordered, each line with the tables and chains around it."""
    out = subprocess.run(["nft", "-s", "list", "ruleset"], check=True, capture_output=True,
                         text=True).stdout
    found, path = [], []
    for line in join_sets(out):
        line = line.strip()
        if line.endswith("{"):
            path.append(line[:-1].strip())
            found.append("nft " + " / ".join(path))
        elif line == "}":
            path.pop()
        elif line:
            found.append("nft " + " / ".join([*path, line]))
    return found


def join_sets(text):
    """The lines of @text, with each `elements = {...}` on one line, its elements sorted."""
    lines = iter(text.splitlines())
    for line in lines:
        if "elements = {" in line:
            while line.count("{") > line.count("}"):
                line += " " + next(lines).strip()
            head, _, body = line.partition("{")
            elements = sorted(e.strip() for e in body.rsplit("}", 1)[0].split(","))
            line = f"{head}{{ {', '.join(elements)} }}"
        yield line


def without_index(value):
    """@value of `tc -j` without the kernel's numbers for actions and users."""
    if isinstance(value, list):
        return [without_index(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {k: without_index(v) for k, v in value.items() if k not in ("index", "ref", "bind", "refcnt")}


def traffic_control():
    """Qdiscs which somebody has made in the current network namespace, and the filters at either
    side: {device: {"qdiscs": [...], "filters": [...]}}."""
    def tc(*command):
        out = subprocess.run(["tc", "-j", *command], check=True, capture_output=True, text=True).stdout
        return without_index(json.loads(out or "[]"))
    found = {}
    for qdisc in tc("qdisc", "show"):
        if qdisc["handle"] == "0:":
            continue  # the kernel's default
        device = found.setdefault(qdisc["dev"], {"qdiscs": [], "filters": []})
        device["qdiscs"].append(qdisc)
        if qdisc["kind"] in ("ingress", "clsact"):
            for side in ("ingress", "egress")[:1 + (qdisc["kind"] == "clsact")]:
                device["filters"] += tc("filter", "show", "dev", qdisc["dev"], side)
    return found


class PinnedMap:
    """A map that is pinned below /sys/fs/bpf/edgeway, by bpf(2)."""
    NUMBER = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
    LOOKUP, UPDATE, DELETE, NEXT, OPEN = 1, 2, 3, 4, 7

    def __init__(self, name, key_size, value_size):
        path = ctypes.create_string_buffer(f"/sys/fs/bpf/edgeway/{name}".encode())
        self.fd = self._call(self.OPEN, struct.pack("=QI", ctypes.addressof(path), 0))
        self.key_size, self.value_size = key_size, value_size

    def _call(self, command, attr):
        attr = ctypes.create_string_buffer(attr, 128)
        return LIBC.syscall(self.NUMBER, command, attr, len(attr))

    def items(self):
        """All elements; none where nothing is pinned."""
        key, value = ctypes.create_string_buffer(self.key_size), ctypes.create_string_buffer(self.value_size)
        at = ctypes.addressof(key)
        fields = "=IxxxxQQQ"
        found = self.fd >= 0 and self._call(self.NEXT, struct.pack(fields, self.fd, 0, at, 0)) == 0
        while found:
            if self._call(self.LOOKUP, struct.pack(fields, self.fd, at, ctypes.addressof(value), 0)) == 0:
                yield key.raw, value.raw
            found = self._call(self.NEXT, struct.pack(fields, self.fd, at, at, 0)) == 0
        if self.fd >= 0:
            os.close(self.fd)


    def put(self, key, value):
        """Set one element, or with None delete it."""
        key = ctypes.create_string_buffer(key, self.key_size)
        value = value and ctypes.create_string_buffer(value, self.value_size)
        attr = struct.pack("=IxxxxQQQ", self.fd, ctypes.addressof(key), ctypes.addressof(value) if value else 0, 0)
        if self._call(self.UPDATE if value else self.DELETE, attr) != 0:
            raise OSError(ctypes.get_errno(), "bpf")


def data_path():
    """What the programs of the eBPF data path know: interfaces and addresses."""
    def name(index):
        with contextlib.suppress(OSError):
            return socket.if_indextoname(index)
        return "gone"
    found = []
    for key, value in PinnedMap("interfaces_v1", 4, 16).items():
        flags, mac = struct.unpack("=I6s6x", value)
        found.append(f"interface {name(*struct.unpack('=I', key))} flags {flags} mac {mac.hex(':')}")
    for key, value in PinnedMap("endpoints_v1", 16, 24).items():
        index, flags, mac, node = struct.unpack("=II6s6sxxxx", value)
        address = ipaddress.IPv6Address(key)
        found.append(f"address {address.ipv4_mapped or address} by {name(index)} flags {flags} "
                     f"mac {mac.hex(':')} node {node.hex(':')}")
    return [f"bpf {fact}" for fact in found]


def network_facts(label):
    """What `ip` and sysctl show in the current network namespace."""
    links, facts = network()
    facts += [f"link {name} {json.dumps(link, sort_keys=True)}" for name, link in links.items()]
    facts += [f"sysctl {k} = {v}" for k, v in sysctls(links).items()]
    facts += [f"tc {device} {json.dumps(found, sort_keys=True)}"
              for device, found in traffic_control().items()]
    return [f"{label} {fact}" for fact in facts]


def snapshot():
    """All facts of this world, sorted."""
    facts = network_facts("host") + files() + data_path()
    if os.path.exists("/usr/sbin/nft"):
        facts += ruleset()
    for pod in pods():
        facts.append(f"pod {pod}")
        with netns(f"/run/netns/{pod}"):
            facts += network_facts(f"pod {pod}")
    return sorted(facts)


if __name__ == "__main__":
    print("\n".join(snapshot()), file=sys.stdout)
