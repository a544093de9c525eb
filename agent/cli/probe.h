/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "node/netns.h"

/**
 * What the data path needs of the kernel, found out by doing it: with objects of a few bytes that
 * nobody else sees and that are gone at once. 0, or -1 with the errno in e->os.
 */
int probe_map(struct err *e) _must_check_;
int probe_ring_buffer(struct err *e) _must_check_;

/** A program for clsact that calls bpf_redirect_peer(), never run. The caller's descriptor, or -1.
 */
int probe_program(struct err *e) _must_check_;

/** Whether the kernel has compiled program @fd, instead of interpreting it. */
int probe_is_compiled(int fd, bool *out, struct err *e) _must_check_;

/** Attach it at both sides of an interface, in a namespace of its own. */
int probe_clsact(struct err *e) _must_check_;

/** A veth pair, in a namespace of its own. */
int probe_veth(struct err *e) _must_check_;

/** A rule of nf_tables that masquerades IPv4 and one that masquerades IPv6, the same. */
int probe_masquerade(struct err *e) _must_check_;

/** A socket for `edgeway capture`. */
int probe_packet_socket(struct err *e) _must_check_;

/** How many tcx programs there are at an interface, which run before ours; 0 before Linux 6.6. */
enum probe_tcx { PROBE_TCX_INGRESS = 46, PROBE_TCX_EGRESS = 47 }; ///< enum bpf_attach_type
int probe_tcx_count(int ifindex, enum probe_tcx side, uint32_t *n, struct err *e) _must_check_;
