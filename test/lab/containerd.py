# SPDX-License-Identifier: Apache-2.0
"""A containerd of the node's own on our plugins, and what it tells about its pods."""

import concurrent.futures
import json
import os
import subprocess
import sys

import lab

sys.path.insert(0, lab.ROOT + "/deploy/lib")


def start(conflist, directory="/run/lab/containerd"):
    """Starts a containerd that keeps all it knows in the directory; returns a connection to it."""
    import cri  # needs gRPC: only on the node, where the packages are known to be there

    os.makedirs(directory + "/net.d")
    with open(directory + "/net.d/10-lab.conflist", "w", encoding="ascii") as file:
        json.dump(conflist, file)
    subprocess.run(
        [lab.ROOT + "/deploy/lib/start-containerd", directory, lab.BIN, directory + "/net.d"], check=True
    )
    return cri.Cri(directory + "/containerd.sock")


def in_parallel(function, items):
    """Calls function(item) for all at once; returns ([result...], [what went wrong...])."""
    results, errors = [], []
    with concurrent.futures.ThreadPoolExecutor(len(items)) as pool:
        for future in [pool.submit(function, item) for item in items]:
            try:
                results.append(future.result())
            except Exception as error:  # pylint: disable=broad-except
                errors.append(str(error))
    return results, errors


def details(runtime, pod):
    """Returns what containerd tells about a sandbox beyond the CRI."""
    status = runtime.call("PodSandboxStatus", pod_sandbox_id=pod, verbose=True)
    return json.loads(status.info["info"])


def netns_of(runtime, pod):
    for namespace in details(runtime, pod)["runtimeSpec"]["linux"]["namespaces"]:
        if namespace["type"] == "network":
            return namespace["path"].replace("/var/run/", "/run/")
    raise LookupError(f"pod {pod} has no network namespace")
