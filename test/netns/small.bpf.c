// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/**
 * Programs that let everything pass, with the maps of the real ones: for tests of loading them,
 * which the verifier is through with at once. EDITION makes one build differ from another.
 */
#include "lib/carry.h"

#define PASS(name)                                                                                 \
	SEC("tc") int name(struct __sk_buff *skb)                                                  \
	{                                                                                          \
		return skb->mark == EDITION ? TC_ACT_OK : TC_ACT_UNSPEC;                           \
	}

PASS(from_pod)
PASS(to_pod)
PASS(from_uplink)
PASS(to_uplink)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
