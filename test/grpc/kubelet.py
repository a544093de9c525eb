# SPDX-License-Identifier: Apache-2.0
"""A scripted kubelet: what the real one does with a device plugin, and a node with a made-up card.

Messages are compiled from the project's own descriptions; a number that is wrong there would be wrong on
both sides. So deviceplugin_test also compares bytes that were written by hand from the published API."""

import concurrent.futures
import contextlib
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import time

os.environ.setdefault("PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "python")
import grpc  # noqa: E402 (must follow the line above)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
API = ROOT + "/lib/grpc/api"
PATIENCE = 30  # seconds
DP = "/v1beta1.DevicePlugin/"
REGISTRY = "/pluginregistration.Registration/"


def _messages():
    names = ("deviceplugin", "podresources", "registration")
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["protoc", "-I", API, "--python_out", directory,
                        *(f"{API}/{name}.proto" for name in names)], check=True)
        sys.path.insert(0, directory)
        try:
            return [__import__(name + "_pb2") for name in names]
        finally:
            sys.path.remove(directory)


dp, pods, registration = _messages()


def until(condition, seconds=PATIENCE):
    """Waits until the condition holds; returns what it is in the end."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.005)
    return value


class Plugin:
    """The kubelet's connection to a plugin's socket. @authority: as this kubelet writes it."""

    def __init__(self, path, authority=None):
        options = [("grpc.use_local_subchannel_pool", 1)]
        if authority:
            options.append(("grpc.default_authority", authority))
        self.channel = grpc.insecure_channel("unix:" + path, options=options)
        self.lists = queue.Queue()
        self.stream = None

    def call(self, method, request, reply):
        """Returns the answer, or the code and the text of a refusal."""
        send = self.channel.unary_unary(method, type(request).SerializeToString, reply.FromString)
        try:
            return send(request, timeout=PATIENCE)
        except grpc.RpcError as error:
            return error.code().name, error.details()

    def info(self):
        return self.call(REGISTRY + "GetInfo", registration.InfoRequest(), registration.Info)

    def notify(self, registered=True):
        return self.call(REGISTRY + "NotifyRegistrationStatus",
                         registration.Status(registered=registered, error="" if registered else "no"),
                         registration.StatusResponse)

    def options(self):
        return self.call(DP + "GetDevicePluginOptions", dp.Empty(), dp.Options)

    def allocate(self, *ids):
        """What a container is given with these devices."""
        request = dp.AllocateRequest(containers=[dp.ContainerAllocateRequest(ids=ids)])
        answer = self.call(DP + "Allocate", request, dp.AllocateResponse)
        return answer if isinstance(answer, tuple) else answer.containers[0]

    def prefer(self, available, size, must=()):
        one = dp.ContainerPreferredAllocationRequest(available=available, must_include=must, size=size)
        answer = self.call(DP + "GetPreferredAllocation", dp.PreferredAllocationRequest(containers=[one]),
                           dp.PreferredAllocationResponse)
        return answer if isinstance(answer, tuple) else sorted(answer.containers[0].ids)

    def watch(self):
        """Begins ListAndWatch; lists come by next_list()."""
        call = self.channel.unary_stream(DP + "ListAndWatch", dp.Empty.SerializeToString,
                                         dp.ListAndWatchResponse.FromString)
        self.stream = call(dp.Empty())

        def read():
            with contextlib.suppress(grpc.RpcError):
                for message in self.stream:
                    self.lists.put(message)
            self.lists.put(None)

        threading.Thread(target=read, daemon=True).start()
        return self

    def next_list(self, seconds=PATIENCE):
        """The next list as {id: healthy}; None: the stream has ended; "" none came in time."""
        try:
            message = self.lists.get(timeout=seconds)
        except queue.Empty:
            return ""
        return message and {d.id: d.health == "Healthy" for d in message.devices}

    def reaches(self, want):
        """Reads lists until one is @want, and returns it; else the last that came."""
        last = None
        while (got := self.next_list(15)) not in (want, None, ""):
            last = got
        return got or last

    def close(self):
        if self.stream:
            self.stream.cancel()
        self.channel.close()


class Kubelet:
    """Sockets that a kubelet serves: Register (which it answers after it has called the plugin), and
    who has which device."""

    def __init__(self, directory):
        self.directory = directory
        self.registered = queue.Queue()
        self.pods = pods.ListResponse()
        self.asked = 0
        self.servers = []

    def serve(self, name, service, methods):
        path = f"{self.directory}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        handlers = {name: grpc.unary_unary_rpc_method_handler(
            function, request_deserializer=kind.FromString, response_serializer=lambda m: m.SerializeToString())
            for name, (function, kind) in methods.items()}
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, handlers)])
        server.add_insecure_port("unix:" + path)
        server.start()
        self.servers.append(server)
        return self

    def serve_registration(self):
        return self.serve("device-plugins/kubelet.sock", "v1beta1.Registration",
                          {"Register": (self.register, dp.RegisterRequest)})

    def serve_pods(self):
        return self.serve("pod-resources/kubelet.sock", "v1.PodResourcesLister",
                          {"List": (self.list, pods.ListRequest)})

    def register(self, request, _):
        plugin = Plugin(f"{self.directory}/device-plugins/{request.endpoint}", "localhost")
        options = plugin.options()  # before it answers: the plugin must serve meanwhile
        plugin.close()
        self.registered.put((request, options))
        return dp.Empty()

    def list(self, _request, _context):
        self.asked += 1
        return self.pods

    def give(self, resource, *ids, pod="p"):
        """From now on a pod has these devices, and nobody any other."""
        devices = [pods.Devices(resource_name=resource, ids=ids)] if ids else []
        self.pods = pods.ListResponse(pods=[pods.Pod(
            name=pod, namespace_name="default", containers=[pods.Container(name="c", devices=devices)])])

    def stop(self):
        for server in self.servers:
            server.stop(None).wait()
        self.servers = []


def put(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        file.write(f"{text}\n")


class Card:
    """A card with VFs, as sysfs shows an 82576, whose interface is a pair of the node's own."""

    def __init__(self, sysfs, bus="01", name="p0", vfs=3, numa=0):
        self.sysfs, self.name, self.numa = sysfs, name, numa
        self.devices = sysfs + "/bus/pci/devices"
        self.pf = f"0000:{bus}:00.0"
        self.vfs = [f"0000:{bus}:10.{i}" for i in range(vfs)]
        subprocess.run(["ip", "link", "add", name, "type", "veth", "peer", "name", name + "peer"], check=True)
        for link in name, name + "peer":
            subprocess.run(["ip", "link", "set", link, "up"], check=True)
        self.function(self.pf, "10c9", "igb")
        put(f"{self.devices}/{self.pf}/net/{name}/type", 1)
        put(f"{self.devices}/{self.pf}/sriov_numvfs", vfs)
        for i in range(vfs):
            self.make(i)

    def function(self, address, device, driver):
        at = f"{self.devices}/{address}"
        for name, value in {"class": "0x020000", "vendor": "0x8086", "device": "0x" + device,
                            "numa_node": self.numa}.items():
            put(f"{at}/{name}", value)
        os.makedirs(f"{self.sysfs}/bus/pci/drivers/{driver}", exist_ok=True)
        os.symlink(f"../../drivers/{driver}", f"{at}/driver")

    def make(self, i):
        """The i-th VF, with an interface."""
        at = f"{self.devices}/{self.vfs[i]}"
        self.function(self.vfs[i], "10ca", "igbvf")
        put(f"{at}/net/{self.name}v{i}/type", 1)
        os.symlink(f"../{self.pf}", at + "/physfn")
        os.symlink(f"../{self.vfs[i]}", f"{self.devices}/{self.pf}/virtfn{i}")

    def remove(self, i):
        os.unlink(f"{self.devices}/{self.pf}/virtfn{i}")
        subprocess.run(["rm", "-r", f"{self.devices}/{self.vfs[i]}"], check=True)

    def bind(self, i, driver, group=None):
        """To a driver for programs: the interface goes, a group of the IOMMU may come."""
        at = f"{self.devices}/{self.vfs[i]}"
        subprocess.run(["rm", "-rf", at + "/net", at + "/driver"], check=True)
        os.makedirs(f"{self.sysfs}/bus/pci/drivers/{driver}", exist_ok=True)
        os.symlink(f"../../drivers/{driver}", at + "/driver")
        if group is not None:
            os.makedirs(f"{self.sysfs}/kernel/iommu_groups/{group}", exist_ok=True)
            os.symlink(f"../../../../kernel/iommu_groups/{group}", at + "/iommu_group")

    def tell(self):
        """The kernel says that something about the card has changed."""
        subprocess.run(["ip", "link", "set", self.name, "mtu", str(1400 + int(time.monotonic()) % 90)], check=True)
        subprocess.run(["ip", "link", "set", self.name, "mtu", "1500"], check=True)


def record(address, device, netns, container="red", boot=None):
    """What the CNI plugin `sriov` remembers of a VF that a container has."""
    if boot is None:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read().strip()
    stat = os.stat(netns)
    path = "/var/lib/edgeway/sriov/" + address
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(f"edgeway sriov 1\nboot {boot}\ndevice {os.stat(device).st_ino}\nnetwork n\n"
                   f"container {container}\ninterface eth0\nnetns {netns}\nnetns.dev {stat.st_dev}\n"
                   f"netns.ino {stat.st_ino}\nend\n")
    os.rename(path + ".new", path)


class Daemon:
    """edgeway-deviceplugin, with everything it reads and writes below one directory."""

    def __init__(self, program, directory, sysfs, *options):
        self.config = directory + "/etc/config.json"
        self.kubelet = directory + "/kubelet"
        self.metrics = directory + "/metrics.sock"
        os.makedirs(os.path.dirname(self.config), exist_ok=True)
        self.command = [program, "--config-file", self.config, "--kubelet-dir", self.kubelet, "--sysfs", sysfs,
                        "--devinfo-dir", directory + "/devinfo", "--metrics", self.metrics,
                        "--cdi-dir", directory + "/cdi", *options]
        self.log = directory + "/log"
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log,
                                            env={**os.environ, "CNI_LOG": "info"})
        return self

    def stop(self):
        """Returns its exit status."""
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def scrape(self):
        """Its metrics."""
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(self.metrics)
            one.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            text = b""
            while piece := one.recv(65536):
                text += piece
        return text.decode()

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()
