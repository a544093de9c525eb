# SPDX-License-Identifier: Apache-2.0
"""Cases of firewall: what is configured on two bridges, and who must reach whom alike."""
from dataclasses import asdict, dataclass, field

ONE, OTHER, OPEN = "same-bridge", "isolated", "open"
DROP = ["iptables -P FORWARD DROP", "ip6tables -P FORWARD DROP"]
# Docker's FORWARD: what it does not know is dropped by the policy.
DOCKER = [*DROP, "iptables -N DOCKER-USER", "iptables -A DOCKER-USER -j RETURN",
          "iptables -A FORWARD -j DOCKER-USER",
          "iptables -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"]
UFW = [*DROP, "iptables -N ufw-before-forward", "iptables -N ufw-reject-forward",
       "iptables -A FORWARD -j ufw-before-forward", "iptables -A FORWARD -j ufw-reject-forward",
       "iptables -A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
       "iptables -A ufw-reject-forward -j REJECT"]
LEGACY = ["iptables-legacy -P FORWARD ACCEPT"]
BLIND = ["sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0"]


@dataclass
class Case:
    """@policies of br0 and br1, None for a bridge without firewall; @ours: keys that only our
    configuration has. @differs: {path: why} of accepted differences; a path is "reach FROM TO",
    "deleted FROM TO" or "established FROM TO"."""
    name: str
    policies: tuple
    version: str = "1.0.0"
    keys: dict = field(default_factory=dict)
    ours: dict = field(default_factory=dict)
    before: list = field(default_factory=list)
    differs: dict = field(default_factory=dict)

    def to_json(self):
        return asdict(self)

    @property
    def newer(self):
        """Needs reference plugins that know more than 1.1.1."""
        return OTHER in self.policies or self.version == "1.1.0"


FORWARD = {"iptablesForward": True}
STAYS = ("the policy goes with the last container; the reference's rules for its bridge stay for "
         "ever")
NOT_ASKED = ("iptables' `FORWARD` is touched only if `iptablesForward` asks for it, so where it "
             "drops containers reach nothing without")
HOLDS = "`isolated` holds within a bridge without `br_netfilter` too"

BOTH = "(red blue|blue red)"
CROSSING = "(red|blue) green|green (red|blue)"

CASES = [
    Case("open", (OPEN, OPEN)),
    Case("no policy named", ("", "")),
    *(Case(f"same-bridge, {v}", (ONE, ONE), version=v, differs={f"deleted ({CROSSING})": STAYS})
      for v in ("0.4.0", "1.0.0", "1.1.0")),
    *(Case(f"isolated, {v}", (OTHER, OTHER), version=v, differs={f"deleted ({CROSSING})": STAYS})
      for v in ("0.4.0", "1.1.0")),
    Case("same-bridge and open", (ONE, OPEN)),
    Case("same-bridge and no firewall", (ONE, None)),
    Case("isolated and same-bridge", (OTHER, ONE), differs={f"deleted ({CROSSING})": STAYS}),
    Case("isolated and open", (OTHER, OPEN)),
    Case("same-bridge, br_netfilter off", (ONE, ONE), before=BLIND),
    Case("isolated, br_netfilter off", (OTHER, OTHER), before=BLIND, differs={
        f"(reach|established) {BOTH}": HOLDS}),
    Case("backend iptables, a chain of the operator's", (OPEN, ONE),
         keys={"backend": "iptables", "iptablesAdminChainName": "MY-CHAIN"}),
    Case("beside Docker, asked for", (OPEN, OPEN), before=DOCKER + BLIND, ours=FORWARD),
    Case("beside Docker, same-bridge, asked for", (ONE, ONE), before=DOCKER + BLIND, ours=FORWARD),
    Case("beside Docker, br_netfilter on", (OPEN, OPEN), before=DOCKER, ours=FORWARD),
    Case("beside Docker, isolated, asked for", (OTHER, OTHER), before=DOCKER, ours=FORWARD),
    Case("beside ufw, asked for", (OPEN, OPEN), before=UFW + BLIND, ours=FORWARD),
    Case("beside Docker, not asked for", (OPEN, OPEN), before=DOCKER + BLIND, differs={
        f"(reach|established) ((red|blue|green) out|{CROSSING})": NOT_ASKED}),
    Case("beside iptables-legacy", (ONE, ONE), before=LEGACY, ours=FORWARD),
]
