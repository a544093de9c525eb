# SPDX-License-Identifier: Apache-2.0
"""A node to be cruel to: networks and their calls, kills after a delay, bystanders that are pinged.

What the randomised tests have in common. Everything happens in a world of its own (world.py); the
drivers start themselves again in one with reenter().
"""
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import world

ROOT = Path(__file__).resolve().parents[2]
DEBUG_BIN = os.environ.get("EDGEWAY_BIN", str(ROOT / "build/release/bin"))
RELEASE_BIN = os.environ.get("EDGEWAY_RELEASE_BIN", DEBUG_BIN)
FULL = bool(os.environ.get("FULL"))
SANITIZER_EXIT = 66
ENVIRONMENT = {"PATH": os.environ["PATH"],
               "ASAN_OPTIONS": f"exitcode={SANITIZER_EXIT}:detect_leaks=1",
               "LSAN_OPTIONS": f"exitcode={SANITIZER_EXIT}",
               "UBSAN_OPTIONS": f"exitcode={SANITIZER_EXIT}:halt_on_error=1"}
STATISTICS = re.compile(r"(\d+) packets transmitted, (\d+) received")


class Wrong(Exception):
    """What a test has found."""


def expect(condition, text):
    if not condition:
        raise Wrong(text)


def reenter(driver, *arguments):
    """Run @driver again, in a world of its own. Returns its exit status."""
    return subprocess.run([*world.UNSHARE, driver, "--inside", *map(str, arguments)]).returncode


def seed_of(variable):
    """The seed of this run, which is printed so that the run can be repeated."""
    seed = int(os.environ.get(variable, time.time_ns() % 1_000_000))
    print(f"# {variable}={seed} repeats this run", flush=True)
    return seed


def verdict(name, wrong):
    """One TAP line, and what was found. Returns whether it is good."""
    print(f"{'not ok' if wrong else 'ok'} - {name}")
    for finding in wrong[:20]:
        print("\n".join(f"# {line}" for line in str(finding).splitlines()))
    if len(wrong) > 20:
        print(f"# and {len(wrong) - 20} more")
    sys.stdout.flush()
    return not wrong


def command(text, **options):
    """Run a command that has to succeed; returns what it prints."""
    return subprocess.run(text.split(), check=True, capture_output=True, text=True, **options).stdout


def make_pod(pod):
    command(f"ip netns add {pod}")


def delete_pod(pod):
    if os.path.exists(f"/run/netns/{pod}"):
        command(f"ip netns del {pod}")


@dataclasses.dataclass
class Done:
    """A call that ended: its status as subprocess has it (negative: the signal)."""
    verb: str
    pod: str
    status: int
    out: str
    err: str

    @property
    def code(self):
        """The code of the error it printed; None if it printed none."""
        try:
            return json.loads(self.out).get("code")
        except (ValueError, AttributeError):
            return None

    def __str__(self):
        return f"{self.verb} {self.pod}: status {self.status} {self.out.strip()} {self.err.strip()}"


class Network:
    """A network, whose plugin is called as a runtime does it."""

    def __init__(self, conf, binaries):
        self.conf, self.binaries = conf, binaries
        self.results = {}
        self.scratch = tempfile.mkdtemp(dir="/run")

    @property
    def name(self):
        return self.conf["name"]

    @property
    def leases(self):
        return Path("/var/lib/cni/networks") / self.name

    def spawn(self, verb, pod, *, netns=True, prev=True, args="", **changes):
        """Start the plugin, once at a time for each pod. Returns its pid; it runs the plugin's code."""
        conf = {**self.conf, **changes}
        if prev and verb in ("DEL", "CHECK") and pod in self.results:
            conf["prevResult"] = self.results[pod]
        env = {"CNI_COMMAND": verb, "CNI_CONTAINERID": pod,
               "CNI_NETNS": f"/run/netns/{pod}" if netns else "", "CNI_IFNAME": "eth0", "CNI_ARGS": args}
        return self.start(pod, [f"{self.binaries}/{conf['type']}"], env, json.dumps(conf))

    def start(self, pod, argv, env, stdin=""):
        """Start a program on @pod's behalf, where wait() finds what it prints. Returns its pid."""
        where = Path(self.scratch, pod)
        where.mkdir(exist_ok=True)
        (where / "in").write_text(stdin)
        writing = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        return os.posix_spawn(argv[0], argv, {**ENVIRONMENT, "CNI_PATH": self.binaries, **env},
                              file_actions=[
                                  (os.POSIX_SPAWN_OPEN, 0, where / "in", os.O_RDONLY, 0),
                                  (os.POSIX_SPAWN_OPEN, 1, where / "out", writing, 0o600),
                                  (os.POSIX_SPAWN_OPEN, 2, where / "err", writing, 0o600)])

    def wait(self, pid, verb, pod):
        """The end of what spawn() started; the result of an ADD is kept as a runtime would."""
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        where = Path(self.scratch, pod)
        done = Done(verb, pod, status, (where / "out").read_text(errors="replace"),
                    (where / "err").read_text(errors="replace"))
        expect(status != SANITIZER_EXIT, f"a sanitizer stopped {done}")
        if status == 0 and verb == "ADD":
            self.results[pod] = json.loads(done.out)
        if status == 0 and verb == "DEL":
            self.results.pop(pod, None)
        return done

    def call(self, verb, pod, **options):
        return self.wait(self.spawn(verb, pod, **options), verb, pod)

    def must(self, verb, pod, **options):
        """The same, where it has to succeed."""
        done = self.call(verb, pod, **options)
        expect(done.status == 0, str(done))
        return done

    def refused(self, code, verb, pod, **options):
        """The same, where it has to fail with this code."""
        done = self.call(verb, pod, **options)
        expect(done.status == 1 and done.code == code, f"wanted code {code}: {done}")
        return done

    def kill(self, verb, pod, delay, **options):
        """The call, killed @delay seconds after it has started. Returns whether it lived until then."""
        pid = self.spawn(verb, pod, **options)
        end = time.perf_counter() + delay
        while time.perf_counter() < end:
            pass  # sleeping is not exact enough
        os.kill(pid, signal.SIGKILL)
        return self.wait(pid, verb, pod).status == -signal.SIGKILL

    def collect(self, *valid):
        """GC which keeps the pods @valid."""
        return self.must("GC", "none", **{"cni.dev/valid-attachments": [
            {"containerID": pod, "ifname": "eth0"} for pod in valid]})

    def addresses(self, pod):
        """What the last ADD of @pod said, without prefix lengths."""
        return [ip["address"].split("/")[0] for ip in self.results[pod]["ips"]]

    def duration(self, verb, pod):
        """How long a call takes, in seconds."""
        start = time.perf_counter()
        self.must(verb, pod)
        return time.perf_counter() - start


class Pings(threading.Thread):
    """Echo requests to an address, all the time; each has to be answered."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.address, self.over = address, threading.Event()
        self.sent = self.lost = 0
        self.start()

    def run(self):
        # A few at a time, for ping gives the last one of each run its time to be answered.
        while not self.over.is_set():
            done = subprocess.run(["ping", "-n", "-q", "-i", "0.01", "-c", "50", "-W", "3",
                                   self.address], capture_output=True, text=True)
            sent, received = map(int, STATISTICS.search(done.stdout).groups())
            self.sent += sent
            self.lost += sent - received

    def finish(self):
        """Stop; what was lost, in words."""
        self.over.set()
        self.join()
        if self.lost or not self.sent:
            return [f"{self.address}: {self.lost} of {self.sent} echo requests were not answered"]
        return []


def snapshot():
    """world.snapshot(); the order of the addresses in an index entry means nothing."""
    facts = world.snapshot()
    for i, fact in enumerate(facts):
        if fact.startswith("file /run/edgeway/leases/") and " -> " in fact:
            name, _, addresses = fact.partition(" -> ")
            facts[i] = f"{name} -> {','.join(sorted(addresses.split(',')))}"
    return facts


def missing_or_left(before):
    """What differs from the snapshot @before, the many sysctls of one interface last."""
    after = snapshot()
    known, now = set(before), set(after)
    found = ([f"missing: {fact}" for fact in before if fact not in now] +
             [f"left: {fact}" for fact in after if fact not in known])
    return sorted(found, key=lambda fact: " sysctl " in fact)


def empty_pool(network, free, pods="q"):
    """As many ADDs as @free addresses succeed, all with other addresses; one more is refused."""
    held, names = {}, [f"{pods}{i}" for i in range(free + 1)]
    try:
        for name in names:
            make_pod(name)
        for name in names[:-1]:
            network.must("ADD", name)
            for address in network.addresses(name):
                expect(address not in held, f"{address} given to {held.get(address)} and {name}")
                held[address] = name
        network.refused(102, "ADD", names[-1])
    finally:
        for name in names:
            network.call("DEL", name)
            delete_pod(name)
    return held
