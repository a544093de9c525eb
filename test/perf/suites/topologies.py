# SPDX-License-Identifier: Apache-2.0
"""
The topologies that suite datapath compares, each with a node of its own so that none pays for
another's rules: the network namespaces NAME-node, NAME-out (behind the node's uplink), NAME-a and
NAME-b (pods). The addresses are the same everywhere.
"""
import json
import os
import subprocess

HERE = os.path.dirname(os.path.realpath(__file__))

NODE, OUTSIDE = "192.0.2.1", "192.0.2.2"  # at the ends of the uplink
PODS = {"a": "10.9.0.2", "b": "10.9.0.3"}
POD_SUBNET = "10.9.0.0/24"
GATEWAY = "169.254.1.1"
NODE_MAC, POD_MAC = "ee:ee:ee:ee:ee:ee", "0a:00:00:00:00:0{}"


def command(*words, **options):
    subprocess.run(words, check=True, **options)


def netns(name):
    return f"/run/netns/{name}"


def inside(name, *words, **options):
    command("nsenter", f"--net={netns(name)}", *words, **options)


def batch(name, text):
    """Commands of ip, one a line, in a namespace."""
    command("ip", "-n", name, "-batch", "-", input=text, text=True)


def sysctl(name, key, value):
    inside(name, "sh", "-c", 'echo "$1" >"/proc/sys/$2"', "sh", str(value), key.replace(".", "/"))


def make_namespace(name):
    command("ip", "netns", "add", name)
    batch(name, "link set lo up")
    # A minute's worth of closed connections is not to run out of ports.
    sysctl(name, "net.ipv4.ip_local_port_range", "8192 65535")
    sysctl(name, "net.ipv4.tcp_tw_reuse", 1)


def pair(left, right, left_dev, right_dev, left_address, right_address):
    """A veth pair, with addresses at both ends."""
    batch(left, f"link add {left_dev} type veth peer name {right_dev} netns {right}")
    for name, dev, address in ((left, left_dev, left_address), (right, right_dev, right_address)):
        batch(name, f"addr add {address} dev {dev}\nlink set {dev} up")


def make_node(name):
    """A node with two namespaces for pods, and an uplink to one outside, which knows the way back."""
    for part in ("node", "out", "a", "b"):
        make_namespace(f"{name}-{part}")
    pair(f"{name}-node", f"{name}-out", "up0", "eth0", f"{NODE}/24", f"{OUTSIDE}/24")
    batch(f"{name}-node", f"route add default via {OUTSIDE}")
    batch(f"{name}-out", f"route add {POD_SUBNET} via {NODE}")
    sysctl(f"{name}-node", "net.ipv4.ip_forward", 1)


def paths_of(name, addresses):
    """Of each path the client's namespace, the server's, and the server's address."""
    client, server, node, out = (f"{name}-{part}" for part in ("a", "b", "node", "out"))
    return {"pod": (client, server, addresses["b"]), "host": (client, node, NODE),
            "outside": (client, out, OUTSIDE), "from_outside": (out, server, addresses["b"])}


def loopback(name):
    make_namespace(f"{name}-a")
    return {"pod": (f"{name}-a", f"{name}-a", "127.0.0.1")}


def direct(name):
    """Nothing but a veth pair, whatever is at its ends."""
    for part in ("a", "b", "node", "out"):
        make_namespace(f"{name}-{part}")
    paths = {}
    ends = {"pod": ("a", "b"), "host": ("a", "node"), "outside": ("a", "out"),
            "from_outside": ("out", "b")}
    for i, (path, (left, right)) in enumerate(ends.items()):
        left, right = f"{name}-{left}", f"{name}-{right}"
        pair(left, right, f"left{i}", f"right{i}", f"10.9.{i}.2/24", f"10.9.{i}.3/24")
        paths[path] = left, right, f"10.9.{i}.3"
    return paths


def add(name, part, conf, plugins):
    """ADD as a runtime does; returns the pod's address."""
    env = {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": f"{name}-{part}",
           "CNI_NETNS": netns(f"{name}-{part}"), "CNI_IFNAME": "eth0", "CNI_PATH": plugins,
           "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    done = subprocess.run(["nsenter", f"--net={netns(name + '-node')}",
                           os.path.join(plugins, conf["type"])],
                          env=env, input=json.dumps(conf), capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise SystemExit(f"{name}: ADD failed: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)["ips"][0]["address"].split("/")[0]


def with_plugin(name, plugins, **keys):
    make_node(name)
    ipam = {"type": "host-local", "ranges": [[{"subnet": POD_SUBNET}]],
            "routes": [{"dst": "0.0.0.0/0"}]}
    conf = {"cniVersion": "1.0.0", "name": name, "ipam": ipam, **keys}
    return paths_of(name, {part: add(name, part, conf, plugins) for part in PODS})


def ebpf(name, plugins):
    return with_plugin(name, plugins, type="ebpf")


def bridge(name, plugins):
    return with_plugin(name, plugins, type="bridge", bridge="br0", isGateway=True)


def nft200(name):
    make_node(name)
    for i, (part, address) in enumerate(PODS.items()):
        mac = POD_MAC.format(i)
        batch(f"{name}-node", f"""
            link add pod{part} address {NODE_MAC} type veth peer name eth0 address {mac} netns {name}-{part}
            link set pod{part} up
            route add {address} dev pod{part} scope link
            neigh add {address} dev pod{part} lladdr {mac} nud permanent""")
        batch(f"{name}-{part}", f"""
            addr add {address}/32 dev eth0
            link set eth0 up
            route add {GATEWAY} dev eth0 scope link
            neigh add {GATEWAY} dev eth0 lladdr {NODE_MAC} nud permanent
            route add default via {GATEWAY}""")
    inside(f"{name}-node", "nft", "-f", os.path.join(HERE, "../nft200.nft"))
    return paths_of(name, PODS)


def build(ours, peer):
    """Make them all; returns the paths of each."""
    return {"direct": direct("direct"), "loopback": loopback("loopback"),
            "ebpf": ebpf("ebpf", ours), "bridge": bridge("bridge", ours),
            "reference": bridge("reference", peer), "nft200": nft200("nft200")}
