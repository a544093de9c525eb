# SPDX-License-Identifier: Apache-2.0
"""A small client of the Container Runtime Interface: does to containerd what a kubelet does."""

import os
import subprocess
import sys
import tempfile

# Debian's generated code and its C++ back end do not always match; the pure one always works
os.environ.setdefault("PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "python")
import grpc  # noqa: E402 (must follow the line above)

HERE = os.path.dirname(os.path.abspath(__file__))
BUSYBOX = "docker.io/library/busybox:edgeway"


def _messages():
    """Compiles cri.proto and imports what comes of it."""
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(
            ["protoc", "-I", HERE, "--python_out", directory, HERE + "/cri.proto"], check=True
        )
        sys.path.insert(0, directory)
        try:
            import cri_pb2  # pylint: disable=import-error,import-outside-toplevel
        finally:
            sys.path.remove(directory)
    return cri_pb2


pb = _messages()


class Error(Exception):
    """What the runtime said when it refused a call."""


class Cri:
    """One connection; every method may be called from several threads."""

    def __init__(self, socket, timeout=120):
        self.channel = grpc.insecure_channel("unix://" + socket)
        self.timeout = timeout

    def call(self, method, **fields):
        response = getattr(pb, method + "Response")
        call = self.channel.unary_unary(
            "/runtime.v1.RuntimeService/" + method,
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=response.FromString,
        )
        try:
            return call(getattr(pb, method + "Request")(**fields), timeout=self.timeout)
        except grpc.RpcError as error:
            raise Error(f"{method}: {error.details()}") from None

    def network_trouble(self):
        """Returns why the runtime's network is not ready, or None."""
        for condition in self.call("Status").status.conditions:
            if condition.type == "NetworkReady" and not condition.status:
                return condition.message
        return None

    def run_pod(self, name, **more):
        """Starts a pod sandbox (namespaces and network), returns its id; more: of PodSandboxConfig."""
        return self.call("RunPodSandbox", config=pod_config(name, **more)).pod_sandbox_id

    def pod_ips(self, pod):
        network = self.call("PodSandboxStatus", pod_sandbox_id=pod).status.network
        return [network.ip] + [more.ip for more in network.additional_ips]

    def pods(self):
        """Returns {name: sandbox id}."""
        return {pod.metadata.name: pod.id for pod in self.call("ListPodSandbox").items}

    def run_container(self, pod, name, command):
        """Starts a busybox container in the pod, returns its id."""
        config = pb.ContainerConfig(
            metadata=pb.ContainerMetadata(name=name),
            image=pb.ImageSpec(image=BUSYBOX),
            command=command,
            log_path=name + ".log",
        )
        container = self.call(
            "CreateContainer", pod_sandbox_id=pod, config=config, sandbox_config=pod_config(name)
        ).container_id
        self.call("StartContainer", container_id=container)
        return container

    def container_of(self, pod):
        """Returns the id of the pod's first container, or None."""
        for container in self.call("ListContainers").containers:
            if container.pod_sandbox_id == pod:
                return container.id
        return None

    def execute(self, container, command, timeout=30):
        """Returns (exit code, output) of a command run in the container."""
        done = self.call("ExecSync", container_id=container, cmd=command, timeout=timeout)
        return done.exit_code, (done.stdout + done.stderr).decode()

    def stop_pod(self, pod):
        self.call("StopPodSandbox", pod_sandbox_id=pod)

    def remove_pod(self, pod):
        self.call("RemovePodSandbox", pod_sandbox_id=pod)


def pod_config(name, **more):
    return pb.PodSandboxConfig(
        metadata=pb.PodSandboxMetadata(name=name, uid="uid-" + name, namespace="default"),
        hostname=name,
        log_directory="/run/pod-logs/" + name,
        linux=pb.LinuxPodSandboxConfig(cgroup_parent=os.environ.get("EDGEWAY_CGROUP", "/edgeway")),
        **more,
    )
