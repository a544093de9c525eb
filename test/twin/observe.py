#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One twin: give a case to the plugins of one directory, and tell what they did.

Runs inside a world of its own; the case comes as JSON on stdin, the observation leaves as JSON on
stdout, with names and MAC addresses that differ by nature replaced by what they stand for.
"""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import world  # noqa: E402

LEASES = "/var/lib/cni/networks"
MAC = re.compile(r"\b(?!ff:ff:ff:ff:ff:ff|00:00:00:00:00:00|02:00:00|01:80:c2)(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b")


def call(plugins, verb, case, attachment, prev=None):
    """Call the plugin as libcni does: {"status": ..., "said": JSON or text}."""
    conf = dict(case["conf"], **({"prevResult": prev} if prev else {}))
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "CNI_COMMAND": verb, "CNI_PATH": plugins,
           "CNI_CONTAINERID": attachment.get("id", attachment["pod"]),
           "CNI_NETNS": f"/run/netns/{attachment['pod']}",
           "CNI_IFNAME": attachment.get("ifname", "eth0"), "CNI_ARGS": attachment.get("args", "")}
    done = subprocess.run([f"{plugins}/{conf['type']}"], input=json.dumps(conf), env=env,
                          capture_output=True, text=True, timeout=60)
    try:
        said = json.loads(done.stdout) if done.stdout else None
    except ValueError:
        said = done.stdout
    return {"status": done.returncode, "said": said, "log": done.stderr[-500:]}


def host_ends():
    """{name of the host end: "veth<pod/interface>"}."""
    by_index = {link["ifindex"]: link["ifname"] for link in world.ip_batch([], "link show")[0] if link}
    names = {}
    for pod in world.pods():
        with world.netns(f"/run/netns/{pod}"):
            for link in world.ip_batch([], "link show")[0]:
                if link.get("link_index") in by_index:
                    names[by_index[link["link_index"]]] = f"veth<{pod}/{link['ifname']}>"
    return names


def network():
    """Links by name, routes and sysctls of the current namespace."""
    links, routes = world.network()
    for link in links.values():
        link["addresses"] = {f"{a['local']}/{a['prefixlen']}": a for a in link["addresses"]
                             if not a["local"].startswith("fe80:")}
        link.pop("promiscuity", None)  # a count; the flag says whether somebody asked for it
    return {"links": links, "routes": {r: True for r in routes}, "sysctls": world.sysctls(links)}


def lease_files():
    found = {}
    for folder, _, names in os.walk(LEASES):
        found[folder] = {"mode": oct(os.stat(folder).st_mode & 0o777)}
        for name in names:
            path = os.path.join(folder, name)
            with open(path, newline="") as file:
                found[path] = {"mode": oct(os.stat(path).st_mode & 0o777), "content": file.read()}
    return found


def look():
    """Everything that is compared, as it is now."""
    seen = {"host": network(), "files": lease_files(), "pods": {}}
    for pod in world.pods():
        with world.netns(f"/run/netns/{pod}"):
            seen["pods"][pod] = network()
    return seen


def neutral(value, names):
    """@value with host ends called by what they serve, and MACs that were not asked for hidden."""
    text = json.dumps(value)
    for name, meaning in names.items():
        text = text.replace(name, meaning)
    return json.loads(MAC.sub("<MAC>", text))


def tidy_result(result):
    """An empty dns or list says the same as none."""
    if not isinstance(result, dict):
        return result
    return {k: v for k, v in result.items() if v not in ({}, [], None)}


def play(plugins, case):
    """ADD all, look, CHECK all, DEL all, look."""
    for pod in sorted({a["pod"] for a in case["attachments"]}):
        subprocess.run(["ip", "netns", "add", pod], check=True)
    Path("/run/resolv.conf").write_text("nameserver 10.0.0.9\nsearch x y\noptions ndots:3\n")
    adds = [call(plugins, "ADD", case, a) for a in case["attachments"]]
    names = host_ends()
    seen = {"adds": [a["status"] for a in adds], "added": look(), "checks": [], "dels": [],
            "results": [tidy_result(a["said"]) if a["status"] == 0 else None for a in adds],
            "errors": [a for a in adds if a["status"] != 0]}
    for attachment, add in zip(case["attachments"], adds):
        if add["status"] == 0 and case["conf"].get("cniVersion", "0") >= "0.4.0":
            seen["checks"].append(call(plugins, "CHECK", case, attachment, add["said"])["status"])
    if case["refused"]:
        # What the refused attachment left: everything, but for those before it.
        seen["left"] = [n for n in seen["added"]["host"]["links"] if n.startswith("veth")]
    for attachment, add in zip(case["attachments"], adds):
        prev = add["said"] if add["status"] == 0 else None
        seen["dels"].append(call(plugins, "DEL", case, attachment, prev)["status"])
    seen["deleted"] = look()
    return neutral(seen, names)


if __name__ == "__main__":
    world.make_world()
    print(json.dumps(play(sys.argv[1], json.load(sys.stdin))))
