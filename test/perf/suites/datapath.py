# SPDX-License-Identifier: Apache-2.0
"""Suite datapath: what a packet costs on its way, by topology."""
import os
import sys

from suites import world
from suites.rows import Matrix, Pair

ROUNDS_QUICK, ROUNDS_FULL = 6, 48  # below 6 there are no bounds
SECONDS_QUICK, SECONDS_FULL = 0.05, 0.1

PROGRAMS = ("perf_netbench", "perf_progtime")
BENCH = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../datapath_bench")

# By measurement: the mode of perf_netbench, and which of its figures.
MEASURES = {"rr_p50": ("rr", "p50_us"), "crr_p50": ("crr", "p50_us"), "stream1": ("stream", "gbps"),
            "udp": ("udp", "pps")}
UNITS = {"p50_us": "us", "gbps": "Gb/s", "pps": "/s"}

# By path: client and server on one core, or on two.
PATHS = {"pod": ("one", "two"), "host": ("one",), "outside": ("one",), "from_outside": ("one",)}

# Bars are on pod to pod on one core, where the path is nearly all of the time. A bar on a ratio must
# be met by the end of its confidence interval that is further away.
ROWS = [
    Pair("rr_p50.ebpf", "us", "pod", "rr_p50", "one", side="ebpf", peer="direct", bar=1.15),
    Pair("crr_p50.ebpf", "us", "pod", "crr_p50", "one", side="ebpf", peer="direct", bar=1.2),
    Pair("stream1.ebpf", "Gb/s", "pod", "stream1", "one", side="ebpf", peer="direct", bar=0.95,
        sense=">="),
    Pair("udp.ebpf", "/s", "pod", "udp", "one", side="ebpf", peer="direct"),
    Pair("rr_p50.ebpf_vs_bridge", "us", "pod", "rr_p50", "one", side="ebpf", peer="reference",
        bar=1, sense="<"),
    Pair("crr_p50.ebpf_vs_bridge", "us", "pod", "crr_p50", "one", side="ebpf", peer="reference",
        bar=1, sense="<"),
    Pair("rr_p50.ebpf_vs_nft200", "us", "pod", "rr_p50", "one", side="ebpf", peer="nft200",
        bar=0.88),
    Pair("crr_p50.ebpf_vs_nft200", "us", "pod", "crr_p50", "one", side="ebpf", peer="nft200"),
    Pair("bpf_ns.established", "ns", "program", "rr", "one", side="ebpf", peer="empty", bar=150,
        bar_on="difference"),
    Pair("bpf_ns.crr", "ns", "program", "crr", "one", side="ebpf", peer="empty",
        bar_on="difference"),
    Pair("bpf_ns.udp", "ns", "program", "udp", "one", side="ebpf", peer="empty",
        bar_on="difference"),
]

PATH_NAMES = {"pod": "pod to pod", "host": "pod to node", "outside": "pod to outside",
              "from_outside": "outside to pod"}

MATRIX = Matrix(
    sides=("direct", "loopback", "ebpf", "bridge", "reference", "nft200"), base="direct",
    lines=[(f"{PATH_NAMES[path]}, {placement} core{'s' if placement == 'two' else ''}: {measure}",
            UNITS[figure], path, measure, placement)
           for path, placements in PATHS.items() for placement in placements
           for measure, (_, figure) in MEASURES.items()])


def needs():
    """Commands without which the suite cannot run, and the Debian package of each."""
    return world.NEEDS | {"nft": "nftables", "nsenter": "util-linux"}


def bpf_jit():
    with open("/proc/sys/net/core/bpf_jit_enable", encoding="ascii") as file:
        return "on" if file.read().strip() != "0" else "off"


def run(where, quick, rounds):
    rounds = rounds or (ROUNDS_QUICK if quick else ROUNDS_FULL)
    seconds = SECONDS_QUICK if quick else SECONDS_FULL
    cpus = sorted(os.sched_getaffinity(0), reverse=True)[:2]
    command = [sys.executable, BENCH, "--ours", where.ours, "--peer", where.peer, "--perf",
               where.perf, "--rounds", str(rounds), "--seconds", str(seconds), "--cpus",
               ",".join(map(str, cpus))]
    _, series = world.run(command, own_processes=True)
    return ROWS, series, {"rounds": rounds, "seconds_each": seconds, "cpus_used": cpus,
                          "bpf_jit": bpf_jit()}
