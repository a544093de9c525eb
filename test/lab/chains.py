# SPDX-License-Identifier: Apache-2.0
"""Chains of plugins as nodes have them, driven by libcni, whose runtime and plugins can be killed.

A chain is a chaos.Network, so what is there for one plugin is there for a chain too.
"""
import contextlib
import dataclasses
import json
import os
import signal
import time
from pathlib import Path

import chaos

HOME = Path("/run/chains")  # conflists, and plugins that are made to fail
BYSTANDERS = ("one", "two")
VICTIM = "victim"
HOST_PORT = 8001  # of the first pod; each next one has the next
TCP, UDP = 80, 53  # ports of a container behind its one host port
K3S_POOL = 13  # of a /28, without the gateway
FULL_POOL = 10

SUBNET_ENV = """FLANNEL_NETWORK=10.42.0.0/16
FLANNEL_SUBNET=10.42.0.1/28
FLANNEL_MTU=1450
FLANNEL_IPMASQ=true
"""


@dataclasses.dataclass
class Setup:
    """A conflist, how many pods it has addresses for, and where the node is reached."""
    conflist: dict
    pool: int
    node: tuple

    @property
    def plugins(self):
        return [plugin["type"] for plugin in self.conflist["plugins"]]


def k3s():
    """What K3s writes, but for the version, which is one with GC."""
    conflist = json.loads((chaos.ROOT / "deploy/examples/k3s-flannel.conflist").read_text())
    Path("/run/flannel").mkdir()
    Path("/run/flannel/subnet.env").write_text(SUBNET_ENV)
    return Setup({**conflist, "cniVersion": "1.1.0"}, K3S_POOL, ("127.0.0.1", "10.42.0.1"))


def full():
    """Every chained plugin there is, behind a bridge of both families."""
    bridge = {"type": "bridge", "bridge": "br0", "isDefaultGateway": True, "ipMasq": True,
              "hairpinMode": True, "ipam": {"type": "host-local", "ranges": [
                  [{"subnet": "10.9.0.0/24", "rangeEnd": f"10.9.0.{FULL_POOL + 1}"}],
                  [{"subnet": "fd00:9::/64", "rangeEnd": f"fd00:9::{FULL_POOL + 1:x}"}]]}}
    return Setup({"cniVersion": "1.1.0", "name": "full", "plugins": [
        bridge,
        {"type": "tuning", "capabilities": {"mac": True}, "txQLen": 77,
         "sysctl": {"net.ipv4.conf.IFNAME.arp_notify": "1"}},
        {"type": "portmap", "capabilities": {"portMappings": True}},
        {"type": "bandwidth", "capabilities": {"bandwidth": True}},
        {"type": "firewall", "ingressPolicy": "same-bridge"},
    ]}, FULL_POOL, ("127.0.0.1", "10.9.0.1", "fd00:9::1"))


SETUPS = {"k3s": k3s, "full": full}


def number(pod):
    """The place of a pod among all: bystanders, the victim, and "q0" which comes in its stead."""
    known = (*BYSTANDERS, VICTIM)
    return known.index(pod) if pod in known else len(BYSTANDERS) + int(pod[1:])


def host_port(pod):
    return HOST_PORT + number(pod)


def asked_for(pod):
    """What a runtime asks for @pod, by capability."""
    limit = {"ingressRate": 10 ** 8, "ingressBurst": 10 ** 7, "egressRate": 10 ** 8, "egressBurst": 10 ** 7}
    return {"mac": f"02:00:00:00:00:{number(pod) + 1:02x}", "bandwidth": limit, "portMappings": [
        {"hostPort": host_port(pod), "containerPort": TCP, "protocol": "tcp"},
        {"hostPort": host_port(pod), "containerPort": UDP, "protocol": "udp"}]}


def children(pid):
    """The processes that threads of @pid have started."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, path.read_text().split())
    return found


def plugin_call(pid):
    """What a process is at: "bridge ADD". None if it is no plugin yet, or none any more."""
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    verbs = [e.partition(b"=")[2].decode() for e in environment if e.startswith(b"CNI_COMMAND=")]
    return f"{name} {verbs[0]}" if verbs else None


def tell(pid, which):
    """Send a signal; who is gone already does not get it."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, which)


def ended(pid):
    """Whether a child of ours has; who waits for it still learns how."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)


class Chain(chaos.Network):
    """A chain, called by a driver on libcni. Verbs and pods are as with one plugin."""

    def __init__(self, driver, setup, binaries):
        super().__init__(setup.conflist, binaries)
        self.driver, self.setup = driver, setup
        self.path = HOME / "conflist"
        HOME.mkdir(exist_ok=True)
        self.path.write_text(json.dumps(setup.conflist))

    def spawn(self, verb, pod, *, netns=True, asked=True, valid=(), cni_path=None):
        """Start the runtime. It keeps the attachments of the pods @valid when it collects."""
        env = {"CNI_PATH": cni_path or self.binaries, "VALID": " ".join(f"{v}/eth0" for v in valid)}
        if asked and verb in ("ADD", "DEL"):
            env["CAP_ARGS"] = json.dumps(asked_for(pod))
        where = f"/run/netns/{pod}" if netns else ""
        return self.start(pod, [self.driver, verb.lower(), str(self.path), pod, where, "eth0"], env)

    def kill(self, verb, pod, aim, delay, *, whom=("plugin",), **options):
        """The call; @whom is killed: the plugin, the runtime or both.

        This happens @delay seconds after the plugin @aim has started. Both are stopped first, so that
        the one killed is the one looked at. Between two plugins the runtime dies in any case. Without
        it nobody reads what a plugin says; that runs to its end. Returns who died: "bridge ADD",
        "libcni", "libcni during bridge ADD", None.
        """
        runtime = self.spawn(verb, pod, **options)
        while not ended(runtime) and aim not in map(plugin_call, children(runtime)):
            time.sleep(0.0001)
        time.sleep(delay)
        tell(runtime, signal.SIGSTOP)
        plugins = children(runtime)
        for plugin in plugins:
            tell(plugin, signal.SIGSTOP)
        at = next(filter(None, map(plugin_call, plugins)), None)
        dying = whom if at else ("runtime",)
        for plugin in plugins:
            tell(plugin, signal.SIGKILL if "plugin" in dying else signal.SIGCONT)
        tell(runtime, signal.SIGKILL if "runtime" in dying else signal.SIGCONT)
        done = self.wait(runtime, verb, pod)
        if "runtime" in dying:
            for plugin in plugins:  # ours now, as the first process; unless libcni has seen its end
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(plugin, 0)
        if done.status == 0:
            return None
        chaos.expect(at or done.status < 0, f"nothing was killed, and yet: {done}")
        if "plugin" in dying:
            return at
        return f"libcni during {at}" if at else "libcni"

    def timetable(self, verb, pod, **options):
        """When which plugin of a call runs: {"bridge ADD": [from, to]} in seconds from its start."""
        runtime, start, seen = self.spawn(verb, pod, **options), time.perf_counter(), {}
        while not ended(runtime):
            now = time.perf_counter() - start
            for at in filter(None, map(plugin_call, children(runtime))):
                seen.setdefault(at, [now, now])[1] = now
            time.sleep(0.0001)
        done = self.wait(runtime, verb, pod)
        chaos.expect(done.status == 0, str(done))
        return seen

    def traced(self, plugin, options):
        """A CNI_PATH on which @plugin's ADD runs under strace."""
        wrapper = HOME / f"traced-{plugin}" / plugin
        wrapper.parent.mkdir(exist_ok=True)
        wrapper.write_text(f'#!/bin/sh\n[ "$CNI_COMMAND" != ADD ] || set -- strace {options}\n'
                           f'exec "$@" {self.binaries}/{plugin}\n')
        wrapper.chmod(0o755)
        return f"{wrapper.parent}:{self.binaries}"

    def fail(self, plugin, syscall, fault):
        """An ADD which fails because @plugin meets @fault at a @syscall, the last one that matters.

        A plugin may do without what the very last is for, and may need one more or less each time.
        """
        log = HOME / "trace"
        done = self.must("ADD", VICTIM, cni_path=self.traced(plugin, f"-o {log} -e trace={syscall}"))
        nth = sum(line.startswith(f"{syscall}(") for line in log.read_text().splitlines())
        while done.status == 0 and nth > 0:
            self.must("DEL", VICTIM)
            done = self.call("ADD", VICTIM, cni_path=self.traced(
                plugin, f"-o /dev/null -e inject={syscall}:{fault}:when={nth}"))
            nth -= 1
        return done
