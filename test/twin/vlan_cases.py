# SPDX-License-Identifier: Apache-2.0
"""Cases of bridge that need a kernel whose bridges filter VLANs."""
from case import BLUE, RED, Case, conf, dual, refused, same


def trunk(*vlans, **changes):
    return conf(vlanTrunk=list(vlans), cniVersion="1.1.0", **changes)


OLD_AND_NEW = [
    same("vlan", conf(vlan=100), RED, BLUE),
    same("vlan, layer 2", conf(vlan=100, without=["ipam"])),
    same("vlan, gateway", conf(vlan=100, isGateway=True), RED, BLUE),
    same("vlan, default gateway, dual stack", dual(vlan=100, isDefaultGateway=True)),
    same("vlan, masquerade", conf(vlan=100, isDefaultGateway=True, ipMasq=True)),
    same("vlan, hairpin", conf(vlan=100, hairpinMode=True)),
    same("vlan 0", conf(vlan=0)),
    same("vlan, MAC filter", conf(vlan=100, macspoofchk=True)),
    same("vlan 4094", conf(vlan=4094)),
    same("vlan, DEL without namespace", conf(vlan=100, isGateway=True), gone=True),
    refused("vlan out of range", conf(vlan=4095)),
    refused("negative vlan", conf(vlan=-1)),
]

NEWER = [
    same("vlan, preserveDefaultVlan", conf(vlan=100, preserveDefaultVlan=True), newer=True),
    same("vlan, no preserveDefaultVlan", conf(vlan=100, preserveDefaultVlan=False), newer=True),
    same("vlanTrunk", trunk({"id": 101}, {"minID": 200, "maxID": 203}), RED, BLUE, newer=True),
    same("vlanTrunk, native VLAN", trunk({"id": 101}, vlan=100), newer=True),
    same("vlanTrunk, preserveDefaultVlan", trunk({"id": 101}, preserveDefaultVlan=True), newer=True),
    same("vlanTrunk, isolated", trunk({"id": 101}, portIsolation=True), newer=True),
    refused("vlanTrunk, no end", trunk({"minID": 200}), newer=True),
    refused("vlanTrunk, backwards", trunk({"minID": 203, "maxID": 200}), newer=True),
    refused("vlanTrunk, out of range", trunk({"id": 4095}), newer=True),
    same("vlan, gateway of 1.1.0", conf(cniVersion="1.1.0", vlan=100, isGateway=True), newer=True),
    same("vlan, GC, one is not valid", conf(cniVersion="1.1.0", vlan=100, isGateway=True), RED, BLUE,
         newer=True, valid=[RED]),
]

CHECKED = [
    same("CHECK: vlan, the port left it", conf(vlan=100), damage=["bridge vlan del vid 100 dev {end}"]),
    same("CHECK: vlan, the gateway's interface was deleted", conf(vlan=100, isGateway=True),
         damage=["ip link del br0.100"]),
]

CASES: list[Case] = OLD_AND_NEW + NEWER + CHECKED
for case in CASES:
    case.vlan = True
