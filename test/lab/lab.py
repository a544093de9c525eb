# SPDX-License-Identifier: Apache-2.0
"""What the lab tests share: a node of their own, TAP lines, and a search for what was left behind."""

import glob
import json
import os
import subprocess
import sys
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.abspath(os.environ.get("EDGEWAY_BIN", ROOT + "/build/release/bin"))
PEER = os.path.abspath(os.environ.get("EDGEWAY_PEER", "/usr/lib/cni"))
STATE = "/run/edgeway"


def on_a_node_of_its_own():
    """Starts the test again on a private node, unless it runs on one already."""
    if os.environ.get("EDGEWAY_NODE") != "1":
        node = ROOT + "/deploy/lib/private-node"
        os.execv(node, [node, os.path.abspath(sys.argv[0]), *sys.argv[1:]])


def test(checks, *plugins):
    """Runs checks(tap) on a node of its own, on our plugins; a test that breaks off has failed."""
    on_a_node_of_its_own()
    tap = Tap()
    missing = [name for name in plugins if not os.access(f"{BIN}/{name}", os.X_OK)]
    if missing:
        hint = f"no {', '.join(missing)} in {BIN}: cmake --build --preset release"
        tap.check("our plugins are built", False, hint)
        tap.exit()
    try:
        checks(tap)
    except Exception:  # pylint: disable=broad-except
        tap.check("the test runs to its end", False, traceback.format_exc())
    tap.exit()


def difference(got, want, most=6):
    """Describes how two values differ; of collections only the first few members that do."""
    if isinstance(got, dict) and isinstance(want, dict):
        got, want = sorted(got.items()), sorted(want.items())
    if isinstance(got, list) and isinstance(want, list):
        more = [f"unexpected: {item!r}" for item in got if item not in want]
        less = [f"missing:    {item!r}" for item in want if item not in got]
        return "\n".join(more[:most] + less[:most]) or "the same, in another order or number"
    return f"got:  {got!r}\nwant: {want!r}"


class Tap:
    """Prints the result of each check as a line of the Test Anything Protocol."""

    def __init__(self):
        self.failed = 0

    def check(self, name, passed, detail=""):
        """Reports one check; returns whether it passed. The detail is shown when it did not."""
        print(("ok - " if passed else "not ok - ") + name, flush=True)
        if not passed:
            self.failed += 1
            for line in str(detail).splitlines():
                print("# " + line, flush=True)
        return bool(passed)

    def equal(self, name, got, want):
        return self.check(name, got == want, difference(got, want))

    def skip(self, name, reason):
        print(f"ok - {name} # SKIP {reason}", flush=True)

    def exit(self):
        sys.exit(1 if self.failed else 0)


def output(*command):
    """Runs a command that must succeed, returns its standard output."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def links(*options):
    """Returns the links of the node (or of `-n NETNS`) as `ip` describes them."""
    return json.loads(output("ip", *options, "-json", "-details", "link", "show"))


def addresses(netns, ifname):
    """Returns the global addresses of a link in a named network namespace."""
    shown = json.loads(output("ip", "-n", netns, "-json", "address", "show", "dev", ifname))
    return [a["local"] for a in shown[0]["addr_info"] if a["scope"] == "global"]


def leases(directory):
    """Returns {address: [container id, interface]} as host-local's files have it."""
    found = {}
    for path in glob.glob(glob.escape(directory) + "/*"):
        name = os.path.basename(path)
        if name == "lock" or name.startswith("last_reserved_ip."):
            continue
        with open(path, encoding="ascii", newline="") as file:
            found[name] = file.read().split("\r\n")
    return found


def masqueraded():
    """Returns every element of the sets and maps of Edgeway's nf_tables table."""
    listed = subprocess.run(
        ["nft", "--json", "list", "table", "inet", "edgeway_masq"],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    if listed.returncode:
        return []  # the table does not exist
    found = []
    for entry in json.loads(listed.stdout)["nftables"]:
        for kind in "map", "set":
            found += entry.get(kind, {}).get("elem", [])
    return found


def left_behind(lease_directory):
    """Names all that a removed pod must not leave: an empty list is a clean node."""
    left = ["lease " + address for address in leases(lease_directory)]
    left += ["link " + link["ifname"] for link in links() if link.get("linkinfo", {}).get("info_kind") == "veth"]
    left += ["nft element " + json.dumps(element) for element in masqueraded()]
    for pattern in (STATE + "/masq/*", "/var/lib/cni/results/*", "/run/netns/*"):
        left += ["file " + path for path in glob.glob(pattern)]
    return left


class Pod:
    """A network namespace that stands in for a container."""

    def __init__(self, name):
        self.name = name
        self.netns = "/run/netns/" + name
        output("ip", "netns", "add", name)

    def remove(self):
        output("ip", "netns", "delete", self.name)

    def run(self, *command):
        """Runs a command in the pod, returns whether it succeeded."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.name, *command],
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return done.returncode == 0


def mentions(text):
    """Returns the lines of nft's ruleset and Edgeway's files, of this boot or durable, with the text."""
    found = [line.strip() for line in output("nft", "list", "ruleset").splitlines() if text in line]
    for top in STATE, "/var/lib/edgeway":
        for directory, _, names in os.walk(top):
            for name in names:
                path = os.path.join(directory, name)
                if os.path.islink(path):  # an entry of the index of leases: it names addresses only
                    continue
                with open(path, "rb") as file:
                    if text in name or text.encode() in file.read():
                        found.append(path)
    return found
