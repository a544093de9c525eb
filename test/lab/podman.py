# SPDX-License-Identifier: Apache-2.0
"""A podman of the node's own: its CNI back end on our plugins, and nothing of the host's podman."""

import json
import os
import shutil
import subprocess

import lab

HOME = "/run/lab/podman"
IMAGE = "localhost/busybox:edgeway"
# - cgroupfs: there may be no systemd; nor may the log and the events depend on its journal
# - lock_type: else the locks are in /dev/shm, which the node shares with the host
# - apparmor_profile: else podman loads one into the host's kernel
# - default_ulimits: else podman raises them, which needs CAP_SYS_RESOURCE
# - pids_limit: else it needs a controller that the node's control groups may not have
CONTAINERS_CONF = """
[network]
network_backend = "cni"
cni_plugin_dirs = ["{plugins}"]
network_config_dir = "{home}/net.d"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
runtime = "runc"
tmp_dir = "{home}/tmp"
image_copy_tmp_dir = "{home}"
[containers]
apparmor_profile = "unconfined"
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
log_driver = "k8s-file"
pids_limit = 0
"""
# what podman and runc would lose in a reboot; images and containers are in HOME/root
VOLATILE = [HOME + "/tmp", HOME + "/runroot", "/run/runc"]


class Failed(Exception):
    """Podman refused what must succeed, or complained while it did it."""


class Podman:
    def __init__(self, networks):
        """Configures podman for these networks, {name: bridge configuration}."""
        os.makedirs(HOME + "/net.d")
        with open(HOME + "/containers.conf", "w", encoding="ascii") as file:
            file.write(CONTAINERS_CONF.format(plugins=lab.BIN, home=HOME))
        for name, bridge in networks.items():
            with open(f"{HOME}/net.d/{name}.conflist", "w", encoding="ascii") as file:
                json.dump({"cniVersion": "0.4.0", "name": name, "plugins": [bridge]}, file)
        self.env = {**os.environ, "CONTAINERS_CONF": HOME + "/containers.conf", "HOME": HOME}

    def trouble(self):
        """Returns why there is no podman with CNI here, in its own words, or None."""
        if not shutil.which("podman"):
            return "podman is not installed (deploy/packages test)"
        info = self.call("info", "--format", "{{.Host.NetworkBackend}}")
        refusal = info.stderr.rpartition("Error: ")[2].strip()
        if info.returncode and "network backend" not in refusal:
            raise Failed(f"podman info: {refusal}")
        return refusal if info.returncode else None

    def load_image(self):
        archive = HOME + "/busybox.tar"
        lab.output(lab.ROOT + "/deploy/lib/mkoci", archive, IMAGE, "/bin/sleep", "infinity")
        self("load", "--quiet", "--input", archive)

    def call(self, *arguments):
        """Runs podman, whatever comes of it."""
        storage = ["--root", HOME + "/root", "--runroot", HOME + "/runroot", "--storage-driver", "vfs"]
        return subprocess.run(
            ["podman", *storage, *arguments],
            env=self.env,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments):
        """Runs podman, which must succeed without a complaint; returns what it prints."""
        done = self.call(*arguments)
        if done.returncode or done.stderr:
            raise Failed(f"podman {' '.join(arguments)}: status {done.returncode}\n{done.stderr}")
        return done.stdout.strip()

    def try_to_run(self, name, *options):
        """Starts a container that sleeps, if podman will."""
        cgroup = os.environ["EDGEWAY_CGROUP"]
        return self.call("run", "--detach", "--name", name, "--cgroup-parent", cgroup, *options, IMAGE)

    def run(self, name, *options):
        """Starts a container that sleeps."""
        done = self.try_to_run(name, *options)
        if done.returncode or done.stderr:
            raise Failed(f"podman run {name} {' '.join(options)}: status {done.returncode}\n{done.stderr}")

    def remove(self, *names):
        self("rm", "--force", "--time", "0", *names)

    def answers(self, name, address):
        """Tells whether the address answers a ping out of the container."""
        return self.call("exec", name, "ping", "-c1", "-W2", address).returncode == 0

    def inspect(self, *names):
        """Returns what podman tells of each container."""
        return json.loads(self("container", "inspect", *names)) if names else []

    def networks(self, name):
        """Returns {network: its settings} of a container."""
        return self.inspect(name)[0]["NetworkSettings"].get("Networks") or {}

    def netns(self, name):
        return netns_of(self.inspect(name)[0])

    def state(self, name):
        return self.inspect(name)[0]["State"]

    def running(self):
        """Returns the names of all containers of which podman thinks that they run."""
        return self("ps", "--format", "{{.Names}}").split()


def netns_of(info):
    """Returns the name in /run/netns of an inspected container's network namespace."""
    return os.path.basename(info["NetworkSettings"]["SandboxKey"])
