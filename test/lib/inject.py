# SPDX-License-Identifier: Apache-2.0
"""Make each system call of a plugin fail, or kill the plugin there, and look at what is left.

The node already has what stays on purpose: bridge, forwarding, an empty table, lock files and the
recorded boot. Then, for every system call of an ADD and of a DEL in turn, strace injects the fault.
Afterwards a failed ADD must have left the world as it was; a succeeded one is undone by DEL; and a
killed one is mended by DEL.

A run is split over workers, each in a world of its own. Without FULL=1 calls which look the same
(same name, same arguments but for numbers) are tried once.
"""
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import world

ROOT = Path(__file__).resolve().parents[2]
BIN = os.environ.get("EDGEWAY_RELEASE_BIN", os.environ.get("EDGEWAY_BIN",
                                                           str(ROOT / "build/release/bin")))
CALL = re.compile(r"^\d+ +(\w+)\((.*)")
# strace cannot fail these, or nothing comes after them.
UNTOUCHABLE = {"execve", "exit_group", "exit", "rt_sigreturn", "restart_syscall"}
ERRORS = {
    "openat": "EMFILE", "open": "EMFILE", "socket": "EMFILE", "mmap": "ENOMEM", "brk": "ENOMEM",
    "mprotect": "ENOMEM", "sendto": "ENOBUFS", "sendmsg": "ENOBUFS", "recvmsg": "ENOMEM",
    "recvfrom": "ENOMEM", "setns": "EPERM", "write": "ENOSPC", "pwrite64": "ENOSPC",
    "linkat": "ENOSPC", "link": "ENOSPC", "mkdirat": "ENOSPC", "mkdir": "ENOSPC",
    "renameat": "ENOSPC", "renameat2": "ENOSPC", "rename": "ENOSPC", "flock": "ENOLCK",
}
ANSWERS = {"recvfrom", "recvmsg", "close", "read", "mmap", "brk"}
# With FULL=1 these too. Not ENOENT or EEXIST: they would be lies about what is there.
MORE_ERRORS = ("EIO", "EPERM", "EINTR", "EBUSY", "ENOMEM")


@dataclasses.dataclass
class Scenario:
    """A plugin and its configuration. @before makes what a chained plugin finds for a {pod}."""
    name: str
    conf: dict
    ifname: str = "eth0"
    before: tuple = ()
    files: dict = dataclasses.field(default_factory=dict)  # {path: content} that it reads

    @property
    def plugin(self):
        return self.conf["type"]


def network(**changes):
    return {"cniVersion": "1.1.0", "name": "n", "type": "bridge", "bridge": "br0",
            "isGateway": True, "ipMasq": True,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.9.0.0/24"}]]}, **changes}


SCENARIOS = [
    Scenario("bridge with masquerade", network()),
    Scenario("bridge with two families", network(isDefaultGateway=True, ipam={
        "type": "host-local", "ranges": [[{"subnet": "10.9.0.0/24"}], [{"subnet": "fd00:9::/64"}]],
        "routes": [{"dst": "172.20.0.0/16"}]})),
    Scenario("ptp with two families", {
        "cniVersion": "1.1.0", "name": "n", "type": "ptp", "ipMasq": True, "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": "10.9.0.0/24"}], [{"subnet": "fd00:9::/64"}]],
            "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}}),
    Scenario("ebpf with two families", {
        "cniVersion": "1.1.0", "name": "n", "type": "ebpf", "ipMasq": True, "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": "10.9.0.0/24"}], [{"subnet": "fd00:9::/64"}]]}}),
    Scenario("ebpf behind another plugin", {
        "cniVersion": "1.1.0", "name": "n", "type": "ebpf", "policy": "enforce", "prevResult": {
            "cniVersion": "1.1.0",
            "interfaces": [{"name": "vred"},
                           {"name": "eth0", "mac": "02:00:00:00:00:05", "sandbox": "/run/netns/red"}],
            "ips": [{"address": "10.9.0.2/24", "interface": 1},
                    {"address": "fd00:9::2/64", "interface": 1}]}},
             before=("ip link add v{pod} type veth peer name eth0 address 02:00:00:00:00:05 netns {pod}",
                     "ip link set v{pod} up", "ip -n {pod} link set eth0 up")),
    Scenario("flannel", {"cniVersion": "1.1.0", "name": "n", "type": "flannel", "delegate": {
        "bridge": "br0", "isDefaultGateway": True}}, files={"/run/flannel/subnet.env": (
            "FLANNEL_NETWORK=10.9.0.0/16\nFLANNEL_SUBNET=10.9.0.1/24\n"
            "FLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n")}),
    Scenario("firewall", {
        "cniVersion": "1.1.0", "name": "n", "type": "firewall", "ingressPolicy": "isolated",
        "iptablesForward": True, "iptablesAdminChainName": "MINE", "prevResult": {
            "cniVersion": "1.1.0",
            "interfaces": [{"name": "br0"}, {"name": "port0"},
                           {"name": "eth0", "sandbox": "/run/netns/red"}],
            "ips": [{"address": "10.9.0.2/24", "interface": 2},
                    {"address": "fd00:9::2/64", "interface": 2}]}}, before=(
        "ip link add br0 type bridge", "ip link add port0 type veth peer name far0",
        "ip link set port0 master br0", "iptables -P FORWARD DROP", "ip6tables -P FORWARD DROP")),
    Scenario("host-local", network(type="host-local")),
    Scenario("portmap with two families", {
        "cniVersion": "1.1.0", "name": "n", "type": "portmap",
        "runtimeConfig": {"portMappings": [{"hostPort": 8080, "containerPort": 80},
                                           {"hostPort": 53, "containerPort": 53, "protocol": "udp"}]},
        "prevResult": {"interfaces": [{"name": "lo"}, {"name": "eth0", "sandbox": "x"}],
                       "ips": [{"address": "127.9.0.5/24", "interface": 1},
                               {"address": "fd00:9::5/64", "interface": 1}]}}),
    Scenario("bandwidth in both directions", {
        "cniVersion": "1.1.0", "name": "n", "type": "bandwidth",
        "ingressRate": 10000000, "ingressBurst": 400000,
        "egressRate": 20000000, "egressBurst": 800000,
        "prevResult": {"interfaces": [{"name": "vred"},
                                      {"name": "eth0", "sandbox": "/run/netns/red"}]}},
             before=("ip link add v{pod} type veth peer name eth0 netns {pod}", "ip link set v{pod} up",
                     "ip -n {pod} link set eth0 up")),
    Scenario("tuning", {
        "cniVersion": "1.1.0", "name": "n", "type": "tuning", "mac": "02:00:00:00:00:aa", "mtu": 1400,
        "promisc": True, "allmulti": True, "txQLen": 7, "sysctl": {
            "net.ipv4.conf.IFNAME.arp_notify": "1", "net.ipv6.conf.IFNAME.accept_ra": "0"},
        "prevResult": {"cniVersion": "1.1.0", "interfaces": [{"name": "eth0", "sandbox": "x"}],
                       "ips": [{"address": "fd00:9::5/64", "interface": 0}]}},
        before=("ip -n {pod} link add eth0 address 02:00:00:00:00:01 type veth peer name other",)),
    Scenario("loopback", {"cniVersion": "1.1.0", "name": "lo", "type": "loopback"}, "lo"),
]


@dataclasses.dataclass
class Site:
    """One system call of a traced run: the nth of its name, and what it looks like."""
    syscall: str
    nth: int
    looks: str
    startup: bool

    def __str__(self):
        return f"{self.syscall} #{self.nth} {self.looks[:90]}"


def run(scenario, verb, *, pod="red", prev=None, strace=(), **changes):
    """Call the plugin as a runtime does, with changes to its configuration."""
    conf = dict(scenario.conf, **({"prevResult": prev} if prev else {}), **changes)
    env = {"PATH": os.environ["PATH"], "CNI_COMMAND": verb, "CNI_CONTAINERID": pod,
           "CNI_NETNS": f"/run/netns/{pod}", "CNI_IFNAME": scenario.ifname, "CNI_PATH": BIN}
    return subprocess.run([*strace, f"{BIN}/{scenario.plugin}"], input=json.dumps(conf),
                          env=env, capture_output=True, text=True, timeout=60)


def must(scenario, verb, **options):
    """The same, where it has to succeed."""
    done = run(scenario, verb, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{verb} failed: {done.stdout} {done.stderr}")
    return json.loads(done.stdout) if verb == "ADD" else None


def normal(arguments):
    """@arguments without their numbers; the type of a netlink message says what is done, so it stays."""
    return re.sub(r"(?<!nlmsg_type=)(?<![0-9a-fx])(0x[0-9a-f]+|\d+)", "#", arguments)


def sites(scenario, verb):
    """Every system call of @verb, from a traced run."""
    with tempfile.NamedTemporaryFile("r", dir="/run") as log:
        done = run(scenario, verb, strace=("strace", "-f", "-s", "80", "-o", log.name))
        lines = log.read().splitlines()
    if done.returncode != 0:
        raise RuntimeError(f"traced {verb} failed: {done.stdout} {done.stderr}")
    found, counts, startup = [], {}, True
    for line in lines:
        match = CALL.match(line)
        if not match:
            continue
        name = match[1]
        counts[name] = counts.get(name, 0) + 1
        # The C library's own start ends with the first look at the configuration.
        startup = startup and not (name == "read" and match[2].startswith("0,"))
        if name not in UNTOUCHABLE:
            found.append(Site(name, counts[name], normal(match[2]), startup))
    return found


def thinned(all_sites):
    """Of calls which look the same, the first. What an answer means, the call before it says."""
    seen, kept, before = set(), [], ""
    for site in all_sites:
        key = (site.syscall, site.looks, before if site.syscall in ANSWERS else "")
        before = site.looks
        if key not in seen:
            seen.add(key)
            kept.append(site)
    return kept


class Bench:
    """A world with a settled node, in which one scenario is tried over and over."""

    def __init__(self, scenario):
        self.scenario = scenario
        self.before = None
        for path, content in scenario.files.items():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(content)
        self.reset()

    def reset(self):
        """Start from nothing: also after a fault which left something."""
        for command in ("ip -all netns delete", "nft flush ruleset"):
            subprocess.run(command.split(), check=True)
        for link in world.network()[0]:
            if link != "lo":
                subprocess.run(["ip", "link", "del", link], capture_output=True)
        for folder in world.STATE_DIRS:
            subprocess.run(["rm", "-rf", folder], check=True)
        settling = () if self.scenario.before else ("settle",)
        for pod in (*settling, "red"):
            subprocess.run(["ip", "netns", "add", pod], check=True)
            for command in self.scenario.before:
                subprocess.run(command.format(pod=pod).split(), check=True)
            must(self.scenario, "ADD", pod=pod)
            must(self.scenario, "DEL", pod=pod)
        for pod in settling:
            subprocess.run(["ip", "netns", "del", pod], check=True)
        self.before = self.snapshot()

    @staticmethod
    def snapshot():
        """Everything that a call could leave behind, one fact each."""
        return world.snapshot()

    def mend(self, prev):
        """What a runtime does after a call that was killed, or that failed."""
        return run(self.scenario, "DEL", prev=prev)

    def traces(self):
        """What differs from the settled world."""
        after = self.snapshot()
        found = ([f"missing: {fact}" for fact in self.before if fact not in after] +
                 [f"left: {fact}" for fact in after if fact not in self.before])
        return sorted(found, key=lambda fact: " sysctl " in fact)  # the many of one link come last

    def sites_of(self, verb):
        """The calls of @verb, the node settled before and after."""
        if verb == "ADD":
            found = sites(self.scenario, "ADD")
            must(self.scenario, "DEL")
        else:
            must(self.scenario, "ADD")
            found = sites(self.scenario, "DEL")
        self.reset()
        return found

    def attempt(self, verb, site, fault):
        """Try one fault. Returns (was it reached, what is wrong)."""
        scenario = self.scenario
        prev = must(scenario, "ADD") if verb == "DEL" else None
        with tempfile.NamedTemporaryFile("r", dir="/run") as log:
            done = run(scenario, verb, prev=prev, strace=(
                "strace", "-f", "-o", log.name, "-e", f"trace={site.syscall}",
                "-e", f"inject={site.syscall}:{fault}:when={site.nth}"))
            text = log.read()
        reached = "(INJECTED)" in text or "killed by SIGKILL" in text
        # Unable to leave the container's namespace, a plugin has to stop at once.
        stopped = site.syscall == "setns" and done.returncode == -signal.SIGABRT
        killed = fault.startswith("signal") or stopped
        wrong = [] if killed else self._judge_output(verb, site, done)
        if wrong:
            return reached, wrong
        if verb == "DEL" or killed or done.returncode == 0:
            prev = None if killed or verb == "DEL" else json.loads(done.stdout)
            mend = self.mend(prev)
            if mend.returncode != 0:
                return reached, [f"the call that shall mend it failed: {mend.stdout}"]
        return reached, self.traces()

    @staticmethod
    def _judge_output(verb, site, done):
        """Success must have come with a result, and a failure which could be told with an error."""
        if done.returncode < 0 and not site.startup:
            return [f"died by signal {-done.returncode}"]
        if done.returncode == 0 and verb == "DEL":
            return []
        if done.returncode != 0 and (site.startup or site.syscall in ("write", "writev")):
            return []
        try:
            said = json.loads(done.stdout)
            good = said["cniVersion"] if done.returncode == 0 else said["code"] and said["msg"]
            return [] if good else [f"said nothing useful: {done.stdout}"]
        except (ValueError, KeyError):
            return [f"status {done.returncode}, but on stdout: {done.stdout!r} {done.stderr!r}"]


def faults_for(site, kill, full):
    if kill:
        return ["signal=KILL"]
    first = ERRORS.get(site.syscall, "EIO")
    more = [e for e in MORE_ERRORS if full and e != first]
    return [f"error={e}" for e in (first, *more)]


def try_sites(bench, verb, everything, chosen, kill, full):
    """Try the chosen sites, of those that @verb has; returns what report() wants to know."""
    tried, missed, wrong = 0, 0, []
    for site in chosen:
        for fault in faults_for(site, kill, full):
            reached, findings = bench.attempt(verb, site, fault)
            tried += 1
            missed += not reached
            if findings:
                wrong.append([f"{fault} at {site}", *(f[:160] for f in findings[:4])])
                bench.reset()
    return {"part": f"{bench.scenario.name}, {verb}", "calls": len(everything),
            "tried": tried, "missed": missed, "wrong": wrong}


def work(index, workers, kill, full):
    """One worker: its share of the sites of every scenario; one JSON line for each part."""
    for scenario in SCENARIOS:
        bench = Bench(scenario)
        for verb in ("ADD", "DEL"):
            everything = bench.sites_of(verb)
            chosen = everything if full else thinned(everything)
            part = try_sites(bench, verb, everything, chosen[index::workers], kill, full)
            print(json.dumps(part), flush=True)


def report(parts, kill):
    """TAP: one line for each scenario and verb."""
    failed = False
    for name, share in parts.items():
        tried, missed = sum(p["tried"] for p in share), sum(p["missed"] for p in share)
        wrong = [w for p in share for w in p["wrong"]]
        what = "killed" if kill else "made to fail"
        if missed * 10 > tried:
            wrong.append([f"{missed} of {tried} faults were never reached"])
        good = not wrong and tried > 0
        failed |= not good
        print(f"{'ok' if good else 'not ok'} - {name}: {tried} times {what} at "
              f"{share[0]['calls']} system calls")
        for finding in wrong[:40]:
            print("\n".join(f"# {line}" for line in finding))
        if len(wrong) > 40:
            print(f"# and {len(wrong) - 40} more")
    return failed


def main(driver, kill):
    """Entry of the drivers: start the workers, or be one."""
    full = bool(os.environ.get("FULL"))
    if len(sys.argv) == 4 and sys.argv[1] == "--worker":
        world.make_world()
        work(int(sys.argv[2]), int(sys.argv[3]), kill, full)
        return 0
    jobs = int(os.environ.get("EDGEWAY_JOBS", os.cpu_count()))
    running = [subprocess.Popen([*world.UNSHARE, driver, "--worker", str(i), str(jobs)],
                                stdout=subprocess.PIPE, text=True) for i in range(jobs)]
    parts, failed = {}, False
    for process in running:
        for line in process.communicate()[0].splitlines():
            part = json.loads(line)
            parts.setdefault(part["part"], []).append(part)
        failed |= process.returncode != 0
    if failed or len(parts) != 2 * len(SCENARIOS):
        print(f"not ok - every worker finished: {len(parts)} of {2 * len(SCENARIOS)} parts done")
        failed = True
    return int(report(parts, kill) or failed)
