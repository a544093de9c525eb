# SPDX-License-Identifier: Apache-2.0
"""Suite sriov: what giving a container a virtual function costs, in a guest with an emulated card; and what
setting all attributes costs, with the kernel's simulated one."""
import os
import subprocess

from suites import world
from suites.rows import Row

ROUNDS_QUICK, ROUNDS_FULL = 10, 60
SERIES = "6.12"

HERE = os.path.dirname(os.path.realpath(__file__))
LANE = os.path.join(HERE, "../../lab/guest")
PROGRAMS = ("perf_vf_bench", "perf_floor_vf", "perf_attrs_bench")

# Only the plugin that does no more than the floor is held against it; what attributes, an address and
# the container's interface cost on top is the card's and the kernel's for the most part.
ROWS = [
    Row("attach.floor", "ms", "attach", "bare", "ADD", peer="floor", bar=1.5),
    Row("attach.floor_up", "ms", "attach", "bare", "ADD", peer="floor_up"),
    Row("detach.floor", "ms", "attach", "bare", "DEL", peer="floor"),
    Row("detach.floor_up", "ms", "attach", "bare", "DEL", peer="floor_up"),
    Row("attach.attributes", "ms", "attach", "attributes", "ADD", peer="floor_up"),
    Row("detach.attributes", "ms", "attach", "attributes", "DEL", peer="floor_up"),
    Row("attrs.floor", "ms", "attrs", "all", "SET", peer="floor", bar=1.5),
]
MATRIX = None


def needs():
    """Commands without which the suite cannot run, and the Debian package of each."""
    return {"mkfs.ext4": "e2fsprogs", "ip": "iproute2", "qemu-system-x86_64": "qemu-system-x86"}


def run(where, quick, rounds):
    rounds = rounds or (ROUNDS_QUICK if quick else ROUNDS_FULL)
    simulated = subprocess.run([os.path.join(LANE, "netdevsim")], stdin=subprocess.DEVNULL, text=True,
                               stdout=subprocess.PIPE, check=True).stdout.strip()
    command = [os.path.join(LANE, "run"), "--timeout", "3000", "--igb", "1", SERIES,
               os.path.join(HERE, "../vf_guest"), str(rounds), where.ours, where.perf, simulated]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          check=False)
    if done.returncode:
        raise SystemExit(f"test/perf/run: the guest ended with status {done.returncode}")
    series = world.read_series(done.stdout.splitlines())
    for verb in ("ADD", "DEL"):
        series["attach", "attributes", verb, "floor_up"] = series["attach", "bare", verb, "floor_up"]
    return ROWS, series, {"rounds": rounds, "guest": f"Linux {SERIES}, without KVM, 82576 (igb)",
                          "records_on": "ext4 on a loop device in memory"}
