/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/undo.h"
#include "cni/call.h"
#include "node/masq.h"

/** The key ipMasq of the plugins that have it: node/masq.h applied to a call and its result. */

/** A check for ipMasqBackend, which is accepted but changes nothing; @value: const char **. */
const char *ipmasq_check_backend(const void *value);

/** Masquerade the addresses of @result; the step that takes it back is in @undo. */
int ipmasq_add(struct ruleset *masq, const struct cni_call *call, const struct cni_result *result,
	       struct undo *undo, struct err *e) _must_check_;

/**
 * Stop it, for the one or for all that are not valid, whether or not it is configured any more.
 * Those whose record is lost are searched for, provided that it is @configured.
 */
int ipmasq_del(struct ruleset *masq, const struct cni_call *call, bool configured,
	       struct err *e) _must_check_;
int ipmasq_gc(struct ruleset *masq, const struct cni_call *call, bool configured,
	      struct err *e) _must_check_;
int ipmasq_check(struct ruleset *masq, const struct cni_call *call, struct err *e) _must_check_;

/** The option --resync: rebuild what is in nf_tables from the records. */
int ipmasq_resync(struct arena *arena, struct err *e) _must_check_;
