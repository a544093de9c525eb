# SPDX-License-Identifier: Apache-2.0
"""Suite cni: one plugin call at a time, and a hundred at once, against the reference plugins."""
import os
import subprocess

from suites import world
from suites.rows import Row

ROUNDS_QUICK, ROUNDS_FULL = 40, 200
BURSTS_QUICK, BURSTS_FULL = 3, 10
BURST_SIZE = 100

MATRIX = None
PROGRAMS = ("perf_bench", "perf_floor", "perf_launch")

# A row without a peer compares with the reference plugins; a bar is on the ratio by default.
ROWS = [
    Row("add.bridge.time", "ms", "single", "bridge", "ADD", bar=1 / 7),
    Row("add.bridge.cpu", "ms", "single", "bridge", "ADD", bar=1 / 5),
    Row("add.bridge.rss", "kB", "memory", "bridge", "ADD", bar=1024, bar_on="ours"),
    Row("add.bridge.floor", "ms", "single", "bridge", "ADD", peer="floor", bar=1.6),
    Row("del.bridge.time", "ms", "single", "bridge", "DEL"),
    Row("del.bridge.cpu", "ms", "single", "bridge", "DEL"),
    Row("del.bridge.floor", "ms", "single", "bridge", "DEL", peer="floor"),
    Row("add.bridge_masq.time", "ms", "single", "bridge_masq", "ADD", bar=1 / 12),
    Row("add.bridge_masq.cpu", "ms", "single", "bridge_masq", "ADD"),
    Row("del.bridge_masq.time", "ms", "single", "bridge_masq", "DEL", bar=1 / 2),
    Row("del.bridge_masq.cpu", "ms", "single", "bridge_masq", "DEL"),
    Row("add100.bridge_masq.wall", "ms", "burst", "bridge_masq", "ADD", bar=1 / 6),
    Row("add100.bridge_masq.cpu", "ms", "burst", "bridge_masq", "ADD"),
    Row("del100.bridge_masq.wall", "ms", "burst", "bridge_masq", "DEL", bar=1 / 15),
    Row("del100.bridge_masq.cpu", "ms", "burst", "bridge_masq", "DEL"),
    Row("add.dualstack.time", "ms", "single", "dualstack", "ADD"),
    Row("add.dualstack.cpu", "ms", "single", "dualstack", "ADD"),
    Row("del.dualstack.time", "ms", "single", "dualstack", "DEL"),
    Row("add.bridge.leases5000", "ms", "single", "leases5000", "ADD", peer="base", bar=1.2),
    Row("del.bridge.leases5000", "ms", "single", "leases5000", "DEL", peer="base"),
    Row("add.bridge.leases5000_each", "ms", "single", "leases5000", "ADD"),
    Row("del.bridge.leases5000_each", "ms", "single", "leases5000", "DEL"),
    # ebpf masquerades, as do both bridges it is compared with; base is ours.
    Row("add.ebpf.time", "ms", "single", "ebpf", "ADD", peer="base", bar=1.5),
    Row("add.ebpf.cpu", "ms", "single", "ebpf", "ADD", peer="base"),
    Row("add.ebpf.reference", "ms", "single", "ebpf", "ADD"),
    Row("del.ebpf.time", "ms", "single", "ebpf", "DEL", peer="base"),
    Row("add100.ebpf.wall", "ms", "burst", "ebpf", "ADD", bar=1 / 4),
    Row("del100.ebpf.wall", "ms", "burst", "ebpf", "DEL"),
    Row("add.k3s_chain.time", "ms", "single", "k3s_chain", "ADD", bar=1 / 10),
    Row("del.k3s_chain.time", "ms", "single", "k3s_chain", "DEL", bar=1 / 2),
    Row("add.k3s_chain.pods100", "ms", "crowd", "k3s_chain", "ADD", peer="base", bar=1.2),
    Row("del.k3s_chain.pods100", "ms", "crowd", "k3s_chain", "DEL", peer="base"),
    Row("add.full_chain.time", "ms", "single", "full_chain", "ADD", bar=1 / 10),
    Row("del.full_chain.time", "ms", "single", "full_chain", "DEL", bar=1 / 2),
    Row("add.portmap_idle.time", "ms", "single", "portmap_idle", "ADD", bar=0.8, bar_on="ours"),
    Row("loopback.add.time", "ms", "single", "loopback", "ADD"),
    Row("loopback.add.cpu", "ms", "single", "loopback", "ADD"),
    Row("version.time", "ms", "single", "version", "VERSION", bar=1 / 3),
]


def needs():
    """Commands without which the suite cannot run, and the Debian package of each."""
    return world.NEEDS | {"iptables": "iptables"}


def plugin_version(directory):
    """What bridge says about itself when called by hand."""
    run = subprocess.run([os.path.join(directory, "bridge")], env={}, stdin=subprocess.DEVNULL,
                         capture_output=True, text=True, check=False)
    lines = run.stderr.strip().splitlines()
    return lines[0] if lines else "unknown"


def measure(where, rounds, bursts):
    """Run the benchmark and return its series by (kind, scenario, verb, side), and conditions."""
    command = [os.path.join(where.perf, "perf_bench"), "--ours", where.ours, "--peer", where.peer,
               "--floor", os.path.join(where.perf, "perf_floor"),
               "--launcher", os.path.join(where.perf, "perf_launch"), "--rounds", str(rounds),
               "--bursts", str(bursts), "--burst-size", str(BURST_SIZE)]
    filesystem, series = world.run(command)
    return series, {"rounds": rounds, "bursts": bursts, "burst_size": BURST_SIZE,
                    "lease_filesystem": filesystem}


def run(where, quick, rounds):
    rounds = rounds or (ROUNDS_QUICK if quick else ROUNDS_FULL)
    series, conditions = measure(where, rounds, BURSTS_QUICK if quick else BURSTS_FULL)
    conditions["ours"] = plugin_version(where.ours)
    conditions["peer"] = plugin_version(where.peer)
    return ROWS, series, conditions
