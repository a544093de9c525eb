/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

#include <linux/pkt_cls.h>

#include "lib/conntrack.h"

/**
 * Not attached anywhere: the loader runs it to take a connection over from a table of another
 * layout. The frame is an Ethernet header and a struct ct_entry.
 */
SEC("tc")
int carry(struct __sk_buff *skb)
{
	struct ct_entry old = {};
	struct ct_key key = {};

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &old, sizeof(old)) < 0)
		return TC_ACT_SHOT;
	key.tuple = old.tuple;
	key.hash = ct_hash(&key.tuple, ct_seed);
	ct_key_now(&key);
	return ct_find(&key) || ct_insert(&key, &old) ? TC_ACT_OK : TC_ACT_SHOT;
}
