/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netlink/nl.h"

/**
 * Alternative names of an interface (`ip link property`): it has any number of them beside its
 * name. They go with it into another namespace, which refuses it (EEXIST) if somebody is called so
 * there.
 *
 * Source: linux/if_link.h, IFLA_PROP_LIST.
 */

/** Take all of them away; an interface without any is fine. */
int altname_remove_all(struct nl *nl, int index, struct err *e) _must_check_;
