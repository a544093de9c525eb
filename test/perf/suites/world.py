# SPDX-License-Identifier: Apache-2.0
"""The world a suite is measured in: namespaces, a /run, a /var/lib and a bpffs of its own."""
import json
import shutil
import subprocess
import tempfile

# The leases get a fresh ext4 as /var/lib, so that they lie on the file system they lie on in most
# nodes, in the same state in every run. (The machine's own may be odd: ext4 without a journal, say,
# searches ever longer for a free inode after many deletions.) Without loop devices the scratch
# directory itself must do. The choice is printed first. $1 is the scratch directory, the rest the
# command.
WORLD = """
set -e
mount -t tmpfs tmpfs /run
mkdir /run/netns
mount -t sysfs sysfs /sys
mount -t bpf bpf /sys/fs/bpf
truncate -s 256M "$1/image"
mkfs.ext4 -q -F "$1/image"
if mount -o loop "$1/image" /var/lib 2>/dev/null; then
	echo "ext4 on a loop device"
else
	rm "$1/image"
	mount --bind "$1" /var/lib
	findmnt -n -o FSTYPE -T /var/lib
fi
mkdir -p /var/lib/cni/networks
ip link set lo up
shift
exec "$@"
"""

# Commands that it takes, and the Debian package of each.
NEEDS = {"unshare": "util-linux", "mount": "mount", "findmnt": "util-linux",
         "mkfs.ext4": "e2fsprogs", "ip": "iproute2"}


def run(command, own_processes=False):
    """
    Run what prints a series per line, as an object of JSON, in a world of its own. With
    own_processes whatever it started ends with it. Returns the file system of the leases, and
    the series by (kind, scenario, verb, side).
    """
    scratch = tempfile.mkdtemp(prefix="edgeway-perf.", dir="/var/tmp")
    unshare = ["unshare", "--mount", "--net", "--propagation", "private"]
    if own_processes:
        unshare += ["--pid", "--fork", "--kill-child", "--mount-proc"]
    try:
        done = subprocess.run([*unshare, "--", "sh", "-c", WORLD, "world", scratch, *command],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              check=False)
    finally:
        shutil.rmtree(scratch)
    if done.returncode != 0:
        raise SystemExit(f"test/perf/run: {command[0]} ended with status {done.returncode}")
    filesystem, *lines = done.stdout.splitlines()
    return filesystem, read_series(lines)


def read_series(lines):
    """Series by (kind, scenario, verb, side), of an object of JSON per line."""
    return {(item["kind"], item["scenario"], item["verb"], item["side"]): item["samples"]
            for item in map(json.loads, lines)}
