# SPDX-License-Identifier: Apache-2.0
"""What the tests of edgeway-deviceplugin have: a card, a kubelet, and the daemon."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile

import lab
from kubelet import Card, Daemon, Kubelet, Plugin, until

RESOURCE = "intel.com/vf"
PLAIN = {"resourceList": [{"resourceName": "vf", "selectors": {"drivers": ["igbvf"], "pfNames": ["p0"]}}]}


class Node:
    """What a test has: a card, a kubelet, and the daemon."""

    def __init__(self, config, *options, registry=True, vfs=3, programs=lab.BIN):
        self.directory = tempfile.mkdtemp(prefix="dp")
        self.sysfs = self.directory + "/sys"
        self.card = Card(self.sysfs, vfs=vfs)
        self.daemon = Daemon(programs + "/edgeway-deviceplugin", self.directory, self.sysfs, *options)
        self.kubelet = Kubelet(self.daemon.kubelet)
        self.sockets = self.daemon.kubelet + ("/plugins_registry" if registry else "/device-plugins")
        os.makedirs(self.sockets)
        self.configure(config)
        self.plugins = []

    def configure(self, config):
        path = self.daemon.config + ".new"
        with open(path, "w", encoding="utf-8") as file:
            file.write(config if isinstance(config, str) else json.dumps(config))
        os.rename(path, self.daemon.config)

    def path(self, name="intel.com_vf"):
        return f"{self.sockets}/{name}.sock"

    def plugin(self, name="intel.com_vf", authority="localhost"):
        until(lambda: os.path.exists(self.path(name)))
        self.plugins.append(Plugin(self.path(name), authority))
        return self.plugins[-1]

    def device(self, i):
        return f"{self.card.devices}/{self.card.vfs[i]}"

    def close(self):
        """Returns how the daemon ended, and what it said that a healthy one does not."""
        for plugin in self.plugins:
            plugin.close()
        status = self.daemon.stop() if self.daemon.process else None
        self.kubelet.stop()
        subprocess.run(["ip", "link", "del", "p0"], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree("/var/lib/edgeway", ignore_errors=True)
        left = os.listdir(self.sockets)
        said = self.daemon.said() if os.path.exists(self.daemon.log) else ""
        shutil.rmtree(self.directory)
        return status, left, said


@contextlib.contextmanager
def node(tap, name, config, *options, **more):
    """A node for the scope; at its end the daemon must end well."""
    n = Node(config, *options, **more)
    try:
        yield n
    finally:
        status, left, said = n.close()
        tap.check(f"{name}: it ends well", status in (0, None), said)
        tap.equal(f"{name}: its sockets are gone", left, [])
