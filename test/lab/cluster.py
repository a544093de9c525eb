# SPDX-License-Identifier: Apache-2.0
"""A cluster of this one node: what test/lab/kubernetes has built, with the containerd of containerd.py.

For a node of its own (deploy/lib/private-node), where the kubelet may do to interfaces and iptables what it
wants. What it would do beyond that is kept from it: see shield()."""

import base64
import contextlib
import glob
import json
import os
import ssl
import subprocess
import time
import urllib.error
import urllib.request

NODE = "lab"
ADDRESS = "10.77.0.1"  # of the node: the kubelet takes no address of lo
API = "https://127.0.0.1:6443"
ETCD = "http://127.0.0.1:2379"
TOKEN = "lab"
KUBELET = "/var/lib/kubelet"  # in 1.20 the device plugins' directory is there whatever --root-dir says
PATIENCE = 120  # seconds

# What a kubelet sets on the machine (pkg/kubelet/cm/container_manager_linux.go), which is not its own here
TUNABLES = {"vm/overcommit_memory": 1, "vm/panic_on_oom": 0, "kernel/panic": 10, "kernel/panic_on_oops": 1,
            "kernel/keys/root_maxkeys": 1000000, "kernel/keys/root_maxbytes": 25000000}


def until(condition, seconds=PATIENCE):
    """Waits until the condition holds; returns what it is in the end. Who cannot be asked says no."""
    end = time.monotonic() + seconds
    while True:
        value = None
        with contextlib.suppress(OSError, KeyError):
            value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.1)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        file.write(text if isinstance(text, str) else json.dumps(text))
    return path


def shield(directory):
    """Keeps the machine's own from the kubelet: it finds its sysctls set, and has logs of its own."""
    for name, value in TUNABLES.items():
        mine = write(f"{directory}/sysctl/{name}", f"{value}\n")
        if os.path.exists("/proc/sys/" + name):
            subprocess.run(["mount", "--bind", mine, "/proc/sys/" + name], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/var/log"], check=True)


def cgroup():
    """Makes the control group below which all pods will be, in each hierarchy; returns its name."""
    name = os.environ["EDGEWAY_CGROUP"]
    unified = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    for root in ["/sys/fs/cgroup"] if unified else glob.glob("/sys/fs/cgroup/*/"):
        os.makedirs(root.rstrip("/") + name, exist_ok=True)
    return name


def signing_key():
    """A private key of P-256 (RFC 5915), for tokens that nobody asks for; the API server wants one."""
    der = (b"\x30\x31\x02\x01\x01\x04\x20" + bytes(range(1, 33)) +
           b"\xa0\x0a\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07")
    return f"-----BEGIN EC PRIVATE KEY-----\n{base64.b64encode(der).decode()}\n-----END EC PRIVATE KEY-----\n"


class Refused(Exception):
    """What the API server said."""


class Cluster:
    """etcd, API server, scheduler and kubelet; all end with the node."""

    def __init__(self, programs, directory="/run/lab/cluster"):
        self.programs, self.directory = programs, directory
        self.running = {}
        self.tls = ssl.create_default_context()
        self.tls.check_hostname = False
        self.tls.verify_mode = ssl.CERT_NONE  # it has made its certificate itself
        shield(directory)
        self.config = write(directory + "/kubeconfig", {
            "apiVersion": "v1", "kind": "Config", "current-context": "lab",
            "clusters": [{"name": "lab", "cluster": {"server": API, "insecure-skip-tls-verify": True}}],
            "users": [{"name": "lab", "user": {"token": TOKEN}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}]})

    def run(self, name, *options):
        with open(f"{self.directory}/{name}.log", "ab") as log:
            self.running[name] = subprocess.Popen(
                [f"{self.programs}/{name}", *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "AWS_EC2_METADATA_DISABLED": "true"})

    def stop(self, name, kill=False):
        process = self.running.pop(name)
        (process.kill if kill else process.terminate)()
        process.wait(PATIENCE)

    def said(self, name):
        """The end of what a program has written."""
        with open(f"{self.directory}/{name}.log", encoding="utf-8", errors="replace") as file:
            return "\n".join(file.read().splitlines()[-30:])

    def start(self):
        """All but the kubelet. Returns whether the API server answers."""
        key = write(self.directory + "/signing.pem", signing_key())
        tokens = write(self.directory + "/tokens", TOKEN + ",lab,1,system:masters\n")
        self.run("etcd", "--data-dir", self.directory + "/etcd", "--unsafe-no-fsync",
                 "--listen-client-urls", ETCD, "--advertise-client-urls", ETCD)
        # Without the controllers of a cluster nobody makes service accounts, or takes taints off.
        self.run("kube-apiserver", "--etcd-servers", ETCD, "--bind-address", "127.0.0.1",
                 "--advertise-address", "127.0.0.1", "--secure-port", "6443",
                 "--cert-dir", self.directory + "/certificates", "--service-cluster-ip-range", "10.96.0.0/24",
                 "--service-account-issuer", "lab", "--service-account-key-file", key,
                 "--service-account-signing-key-file", key, "--token-auth-file", tokens,
                 "--authorization-mode", "AlwaysAllow",
                 "--disable-admission-plugins", "ServiceAccount,TaintNodesByCondition")
        if not until(lambda: self.text("/readyz") == b"ok"):
            return False
        self.run("kube-scheduler", "--kubeconfig", self.config, "--leader-elect=false",
                 "--authentication-skip-lookup", "--bind-address", "127.0.0.1", "--port", "0")
        return True

    def start_kubelet(self, runtime):
        """With the containerd at this socket. It is ready when ready() says so."""
        if not os.path.exists(self.directory + "/kubelet.yaml"):
            subprocess.run(["ip", "link", "add", "node0", "type", "bridge"], check=True)
            subprocess.run(["ip", "address", "add", ADDRESS + "/24", "dev", "node0"], check=True)
            subprocess.run(["ip", "link", "set", "node0", "up"], check=True)
            write(self.directory + "/kubelet.yaml", {
                "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
                "failSwapOn": False, "cgroupDriver": "cgroupfs", "cgroupRoot": cgroup(), "enforceNodeAllocatable": [],
                "oomScoreAdj": 0, "nodeStatusUpdateFrequency": "1s", "syncFrequency": "5s",
                "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
                "authorization": {"mode": "AlwaysAllow"}, "address": "127.0.0.1", "readOnlyPort": 0, "healthzPort": 0,
                "volumePluginDir": KUBELET + "/plugins-of-volumes",
                "evictionHard": {"imagefs.available": "1%", "nodefs.available": "1%", "memory.available": "50Mi"}})
        self.run("kubelet", "--config", self.directory + "/kubelet.yaml", "--kubeconfig", self.config,
                 "--node-ip", ADDRESS, "--hostname-override", NODE, "--container-runtime", "remote",
                 "--container-runtime-endpoint", "unix://" + runtime, "--cert-dir", self.directory + "/kubelet",
                 "-v", "2")

    def call(self, method, path, body=None):
        request = urllib.request.Request(API + path, method=method, data=body and json.dumps(body).encode(),
                                         headers={"Authorization": "Bearer " + TOKEN, "Content-Type": "application/json"})
        return urllib.request.urlopen(request, timeout=30, context=self.tls)

    def text(self, path):
        with self.call("GET", path) as answer:
            return answer.read()

    def get(self, path):
        """An object, or None if there is no such."""
        try:
            return json.loads(self.text(path))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def create(self, path, what):
        try:
            self.call("POST", path, what).close()
        except urllib.error.HTTPError as error:
            raise Refused(error.read().decode()) from None

    def ready(self):
        """Whether the kubelet says that the node is ready."""
        node = self.get("/api/v1/nodes/" + NODE)
        return node and any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])

    def resource(self, name):
        """How many the node has of a resource: (capacity, allocatable)."""
        status = self.get("/api/v1/nodes/" + NODE)["status"]
        return tuple(int(status[kind].get(name, 0)) for kind in ("capacity", "allocatable"))


PODS = "/api/v1/namespaces/default/pods"


def pod(name, image, resources, command=("sleep", "infinity")):
    """A pod of one container that wants these resources."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {
        "terminationGracePeriodSeconds": 1, "automountServiceAccountToken": False, "enableServiceLinks": False,
        "tolerations": [{"operator": "Exists"}],
        "containers": [{"name": "main", "image": image, "imagePullPolicy": "Never", "command": list(command),
                        "resources": {"limits": resources, "requests": resources}}]}}
