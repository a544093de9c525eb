# SPDX-License-Identifier: Apache-2.0
"""Which reference plugins there are to compare with, and what they and the kernel can do."""
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NEWER_SINCE = "1.1.0"  # the version of the specification that newer reference plugins speak


@dataclass(frozen=True)
class Peer:
    """A directory of reference plugins."""
    folder: str
    version: str
    newer: bool

    @property
    def age(self):
        """As accepted differences name it."""
        return "newer" if self.newer else "older"


def speaks(folder):
    """The versions of the specification that its bridge knows."""
    said = subprocess.run([f"{folder}/bridge"], input='{"cniVersion": "1.0.0"}', check=True,
                          env={"CNI_COMMAND": "VERSION"}, capture_output=True, text=True).stdout
    return json.loads(said)["supportedVersions"]


def version_of(folder):
    """As the directory's name or the package says; the plugins themselves do not know."""
    if named := re.search(r"cni-([\d.]+)$", folder):
        return named[1]
    packaged = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "containernetworking-plugins"],
                              check=False, capture_output=True, text=True).stdout
    return re.split(r"[+-]", packaged)[0] or "packaged"


def peer(folder):
    folder = str(folder)
    return Peer(folder, version_of(folder), NEWER_SINCE in speaks(folder))


def available():
    """The distribution's, and those that deploy/packages fetched if these are newer."""
    installed = os.environ.get("EDGEWAY_PEER", "/usr/lib/cni")
    folders = [installed, *sorted(ROOT.glob("build/deps/cni-*"))]
    found = [peer(folder) for folder in folders if os.access(f"{folder}/bridge", os.X_OK)]
    return found[:1] if found and found[0].newer else found[:2]


def flannel():
    """The original of flannel, which has left the reference plugins; None if it was not fetched."""
    found = sorted(ROOT.glob("build/deps/flannel-*/flannel"))
    return str(found[-1]) if found else None


def why_no_vlans():
    """None, or why bridges of this kernel cannot filter VLANs."""
    command = ("ip link add probe type bridge vlan_filtering 1 && "
               "ip -d link show probe | grep -q 'vlan_filtering 1'")
    done = subprocess.run(["unshare", "--net", "sh", "-c", command], check=False, capture_output=True)
    if done.returncode == 0:
        return None
    return f"bridges of Linux {os.uname().release} cannot filter VLANs (CONFIG_BRIDGE_VLAN_FILTERING)"
