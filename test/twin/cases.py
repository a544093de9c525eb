# SPDX-License-Identifier: Apache-2.0
"""All cases, in the order they are played."""
import bandwidth_cases
import bridge_cases
import flannel_cases
import ipam_cases
import portmap_cases
import ptp_cases
import tuning_cases
import version_cases
import vlan_cases

CASES = [*bridge_cases.CASES, *ipam_cases.CASES, *ptp_cases.CASES, *bandwidth_cases.CASES,
         *tuning_cases.CASES, *flannel_cases.CASES, *portmap_cases.CASES,
         *version_cases.CASES, *vlan_cases.CASES]

_names = [case.name for case in CASES]
if len(set(_names)) != len(_names):
    raise ValueError(f"cases of one name: {sorted(n for n in _names if _names.count(n) > 1)}")
