/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netlink/nl.h"

/** For nl*.c alone. */

/** The request that is being written. */
struct nlmsghdr *nl_current(const struct nl_msg *m);

/** Index the attributes in @len bytes at @at; stops at the first that does not fit. */
void nl_index(const void *at, size_t len, const struct nlattr *attrs[], uint16_t max);
