/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netlink/nft.h"

/** For nft*.c alone. */

/** The block that follows writes the attributes of expression @name. */
#define expression(m, name)                                                                        \
	nl_nest(m, NFTA_LIST_ELEM | NLA_F_NESTED)                                                  \
		for (bool named = (nl_str(m, NFTA_EXPR_NAME, name), true); named; named = false)   \
			nl_nest(m, NFTA_EXPR_DATA | NLA_F_NESTED)
