#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One twin: give a case to the plugins of one directory, and tell what they did.

Runs inside a world of its own; the case comes as JSON on stdin, the observation leaves as JSON on
stdout, with names and MAC addresses that differ by nature replaced by what they stand for.
"""
import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import peers  # noqa: E402
import world  # noqa: E402

ECHO = str(Path(__file__).resolve().parents[1] / "netns/echo.py")
LEASES = "/var/lib/cni/networks"
SAVED = "/var/lib/cni/flannel"
RESOLV_CONF = "nameserver 10.0.0.9\nsearch x y\noptions ndots:3\n"
MAC = re.compile(r"\b(?!ff:ff:ff:ff:ff:ff|00:00:00:00:00:00|02:00:00|01:80:c2)"
                 r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b")
CHECK_SINCE, STATUS_SINCE = "0.4.0", "1.1.0"


def call(plugins, verb, case, attachment, **keys):
    """Call the plugin as libcni does, with @keys added to the configuration.

    Returns {"status": 0 or 1, "said": JSON or text, "log": stderr}.
    """
    conf = dict(case["conf"], **{k: v for k, v in keys.items() if v is not None})
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "CNI_COMMAND": verb, "CNI_PATH": plugins}
    if attachment:
        env |= {"CNI_CONTAINERID": attachment.get("id", attachment["pod"]),
                "CNI_NETNS": attachment.get("netns", f"/run/netns/{attachment['pod']}"),
                "CNI_IFNAME": attachment.get("ifname", "eth0"),
                "CNI_ARGS": attachment.get("args", "")}
    executable = f"{plugins}/{conf['type']}"
    if not os.path.exists(executable):
        executable = peers.flannel()
    done = subprocess.run([executable], input=json.dumps(conf), env=env,
                          capture_output=True, text=True, timeout=100)
    try:
        said = json.loads(done.stdout) if done.stdout else None
    except ValueError:
        said = done.stdout
    return {"status": int(done.returncode != 0), "said": said, "log": done.stderr[-500:]}


def host_ends():
    """{name of the host end: "veth<pod/interface>"}, the bridge's end of a gateway's pair included,
    and the ifbs behind them."""
    links = [link for link in world.ip_batch([], "link show")[0] if link]
    by_index = {link["ifindex"]: link["ifname"] for link in links}
    names = {link["ifname"]: f"veth<{link['link']}>" for link in links
             if link["ifname"].startswith("veth") and "link" in link}
    for pod in world.pods():
        with world.netns(f"/run/netns/{pod}"):
            for link in world.ip_batch([], "link show")[0]:
                if link.get("link_index") in by_index:
                    names[by_index[link["link_index"]]] = f"veth<{pod}/{link['ifname']}>"
    for device, found in world.traffic_control().items():
        for action in (a for f in found["filters"] for a in f.get("options", {}).get("actions", [])):
            if device in names and "to_dev" in action:
                names[action["to_dev"]] = names[device].replace("veth", "ifb")
    return names


def vlans():
    """{port: {"VLAN": its flags}} of all bridges that filter."""
    said = subprocess.run(["bridge", "-j", "vlan", "show"], check=True, capture_output=True,
                          text=True).stdout
    return {port["ifname"]: {str(v["vlan"]): sorted(v.get("flags", [])) for v in spread(port["vlans"])}
            for port in json.loads(said or "[]")}


def spread(found):
    """Ranges of VLANs as single ones."""
    for entry in found:
        for vlan in range(entry["vlan"], entry.get("vlanEnd", entry["vlan"]) + 1):
            yield dict(entry, vlan=vlan)


def neighbours():
    """{"address dev interface": True} of those that somebody set for good."""
    return {f"{n['dst']} dev {n['dev']}": True
            for n in world.ip_batch([], "neigh show nud permanent")[0]}


def network():
    """Links by name, routes, VLANs, neighbours, sysctls and traffic control of the current namespace."""
    links, routes = world.network()
    for link in links.values():
        link["addresses"] = {f"{a['local']}/{a['prefixlen']}": a for a in link["addresses"]}
        link.pop("promiscuity", None)  # a count; the flag says whether somebody asked for it
    return {"links": links, "routes": {r: True for r in routes}, "sysctls": world.sysctls(links),
            "neighbours": neighbours(), "tc": world.traffic_control()}


def lease_files():
    found = {}
    for folder, _, names in os.walk(LEASES):
        found[folder] = {"mode": oct(os.stat(folder).st_mode & 0o777)}
        for name in names:
            path = os.path.join(folder, name)
            with open(path, newline="") as file:
                found[path] = {"mode": oct(os.stat(path).st_mode & 0o777), "content": file.read()}
    return found


def saved_files():
    """{container: the delegate's configuration} of flannel."""
    return {path.name: {"mode": oct(path.stat().st_mode & 0o777), "content": json.loads(path.read_text())}
            for path in Path(SAVED).glob("*")}


def addresses():
    """{address: what it stands for} of the containers' interfaces: IP and MAC addresses."""
    found = {}
    for pod in world.pods():
        with world.netns(f"/run/netns/{pod}"):
            for link in world.ip_batch([], "addr show")[0]:
                if link["ifname"] == "lo":
                    continue
                found[link["address"]] = f"MAC of {pod}/{link['ifname']}"
                found |= {a["local"]: a["local"] for a in link["addr_info"]}
    return found


def ruled(known):
    """Which of @known addresses the node's ruleset names. How it does so is each one's own."""
    text = subprocess.run(["nft", "list", "ruleset"], check=True, capture_output=True, text=True).stdout
    words = set(re.split(r"[\s,{}]+", text))
    return {meaning: True for address, meaning in known.items() if address in words}


def look(known=()):
    """Everything that is compared, as it is now; @known: see ruled()."""
    seen = {"host": dict(network(), vlans=vlans()), "files": lease_files(),
            "saved": saved_files(), "pods": {},
            "rules": ruled(known) if known else {}}
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


def execute(commands, end=""):
    """Run these; {end} stands for the node's end of the first attachment."""
    for command in commands:
        subprocess.run(shlex.split(command.replace("{end}", end)), check=True)


def end_of(attachment, names):
    wanted = f"veth<{attachment['pod']}/{attachment.get('ifname', 'eth0')}>"
    return next((name for name, meaning in names.items() if meaning == wanted), "")


def check(plugins, case, adds):
    """CHECK of all attachments."""
    return [call(plugins, "CHECK", case, attachment, prevResult=add["said"])
            for attachment, add in zip(case["attachments"], adds) if add["status"] == 0]


def statuses(calls):
    return [c["status"] for c in calls]


def answers(calls):
    """For each call 0, or why it failed."""
    return [c["status"] and (c["said"]["msg"] if isinstance(c["said"], dict) else str(c["said"]))
            for c in calls]


def await_ends(names):
    """The kernel deletes a namespace, and the node's ends with it, some time later."""
    alive = tuple(f"veth<{pod}/" for pod in world.pods())
    dying = {name for name, meaning in names.items()
             if "/" in meaning and not meaning.startswith(alive)}
    for _ in range(100):
        if not dying & {link["ifname"] for link in world.ip_batch([], "link show")[0]}:
            return
        time.sleep(0.1)


def status(plugins, case):
    """[STATUS] where the version has it."""
    if case["conf"].get("cniVersion", "0") < STATUS_SINCE:
        return []
    return [call(plugins, "STATUS", case, None)["status"]]


def collect(plugins, case, known):
    """GC, told what is valid, and what is there afterwards."""
    valid = [{"containerID": a["pod"], "ifname": a.get("ifname", "eth0")} for a in case["valid"]]
    keys = {"cni.dev/valid-attachments": valid, "cni.dev/attachments": valid}
    return {"status": call(plugins, "GC", case, None, **keys)["status"], "seen": look(known)}


def attach_before(plugins, case):
    """The results of the plugin that comes before, by pod."""
    results = {}
    for attachment in case["attachments"] + case["others"]:
        done = call(plugins, "ADD", dict(case, conf=case["behind"]), attachment)
        if done["status"]:
            raise RuntimeError(f"the plugin before it failed: {done}")
        results[attachment["pod"]] = done["said"]
    return results


def await_addresses():
    """Addresses of the node that are being checked for duplicates answer nobody."""
    for _ in range(100):
        if not any(world.ip_batch(["-6"], "addr show tentative")[0]):
            return
        time.sleep(0.1)


def serve(case):
    """Start the servers; they end with this world."""
    for pod, port, proto in case["serves"]:
        server = subprocess.Popen(["ip", "netns", "exec", pod, sys.executable, ECHO, "serve",
                                   str(port), proto, pod], stdout=subprocess.PIPE)
        server.stdout.readline()


def ask(case):
    """{"who asks where": answer}: who can connect to whom, and what the server sees of him."""
    found = {}
    for who, port, proto, addresses in case["asks"]:
        if who != "node" and who not in world.pods():
            continue
        inside = [] if who == "node" else ["ip", "netns", "exec", who]
        said = subprocess.run([*inside, sys.executable, ECHO, "ask", str(port), proto, *addresses],
                              check=True, capture_output=True, text=True).stdout.splitlines()
        found |= {f"{who} to {a} {port} {proto}": answer for a, answer in zip(addresses, said)}
    return found


def delete(plugins, case, adds):
    """DEL of all attachments, in their order, and what else the case wants of it."""
    said = []
    for attachment, add in zip(case["attachments"], adds):
        if case["forgetful"]:
            said.append(call(plugins, "DEL", case, dict(attachment, netns="")))
        else:
            prev = add["said"] if add["status"] == 0 else None
            said.append(call(plugins, "DEL", case, attachment, prevResult=prev))
    return said


def play(plugins, case):
    """STATUS, ADD all, look, CHECK all, damage, CHECK again, GC, DEL all, DEL them again, look."""
    for pod in sorted({a["pod"] for a in case["attachments"] + case["others"]}):
        subprocess.run(["ip", "netns", "add", pod], check=True)
    Path("/run/resolv.conf").write_text(RESOLV_CONF)
    execute(case["before"])
    seen = {"status": status(plugins, case)}
    before = attach_before(plugins, case) if case["behind"] else {}
    adds = [call(plugins, "ADD", case, a, prevResult=before.get(a["pod"]))
            for a in case["attachments"]]
    serve(case)
    if case["asks"]:
        await_addresses()
    seen["asked"] = ask(case)
    names, known = host_ends(), addresses()
    checks = []
    if case["conf"].get("cniVersion", "0") >= CHECK_SINCE:
        checks = check(plugins, case, adds)
    seen |= {"adds": statuses(adds), "added": look(known), "checks": answers(checks),
             "results": [tidy_result(a["said"]) if a["status"] == 0 else None for a in adds],
             "errors": [a for a in adds if a["status"] != 0]}
    # What a refused attachment left: everything, but for those before it.
    seen["left"] = [n for n in seen["added"]["host"]["links"] if n.startswith("veth")]
    seen["status"] += status(plugins, case)
    if case["damage"]:
        execute(case["damage"], end_of(case["attachments"][0], names))
        seen["damaged"] = statuses(check(plugins, case, adds))
    if case["valid"] is not None:
        seen["collected"] = collect(plugins, case, known)
    if case["gone"]:
        execute([f"ip netns del {pod}" for pod in world.pods()])
    dels, again = delete(plugins, case, adds), delete(plugins, case, adds)
    await_ends(names)
    seen["asked again"] = ask(case)
    seen |= {"dels": answers(dels), "dels again": answers(again), "deleted": look(known),
             "complaints": [c for c in adds + checks + dels + again if c["status"]]}
    return neutral(seen, names)


if __name__ == "__main__":
    world.make_world()
    print(json.dumps(play(sys.argv[1], json.load(sys.stdin))))
