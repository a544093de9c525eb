/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netlink/nl.h"

/** The request that is being written. For nl*.c alone. */
struct nlmsghdr *nl_current(const struct nl_msg *m);
