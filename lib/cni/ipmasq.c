// SPDX-License-Identifier: Apache-2.0
#include "cni/ipmasq.h"

#include <string.h>

#include "cni/iface.h"

const char *ipmasq_check_backend(const void *value)
{
	const char *backend = *(const char *const *)value;

	if (!*backend || !strcmp(backend, "iptables") || !strcmp(backend, "nftables"))
		return NULL;
	return "must be \"iptables\" or \"nftables\"";
}

/** What the undo step works with. */
struct step_back {
	struct ruleset *masq;
	const struct attachment *at;
};

static int undo_masq(void *ctx, int arg, struct err *e)
{
	struct step_back *back = ctx;

	(void)arg;
	return ruleset_del(back->masq, back->at, false, e);
}

/** The addresses of @result; NULL when memory is short. */
static struct prefix *addresses_of(const struct cni_result *result, struct arena *arena)
{
	struct prefix *list = arena_calloc(arena, result->n_ips + 1, sizeof(*list));

	for (size_t i = 0; list && i < result->n_ips; i++)
		list[i] = result->ips[i].address;
	return list;
}

int ipmasq_add(struct ruleset *masq, const struct cni_call *call, const struct cni_result *result,
	       struct undo *undo, struct err *e)
{
	struct prefix *addresses = addresses_of(result, call->arena);
	struct step_back *back = arena_calloc(call->arena, 1, sizeof(*back));

	if (!addresses || !back)
		return err_set(e, ERR_TRY_AGAIN, "ipMasq: out of memory");
	*back = (struct step_back){masq, &call->at};
	// Pushed first: it goes by what is there, and the record may be there without its elements.
	if (undo_push(undo, undo_masq, back, 0, e) < 0)
		return -1;
	return masq_add(masq, &call->at, addresses, result->n_ips, e) < 0 ? err_wrap(e, "ipMasq")
									  : 0;
}

int ipmasq_del(struct ruleset *masq, const struct cni_call *call, bool configured, struct err *e)
{
	return ruleset_del(masq, &call->at, configured, e);
}

/** One address; with its full length it says nothing of the subnet that was masqueraded. */
static int check(struct ruleset *masq, const struct cni_call *call, const struct prefix *address,
		 struct err *e)
{
	struct prefix subnet = *address;

	if (address->len == ip_bits(&address->ip) &&
	    masq_subnet(masq, &call->at, &address->ip, &subnet, e) < 0)
		return -1;
	return masq_check(masq, &call->at, &subnet, 1, e);
}

int ipmasq_check(struct ruleset *masq, const struct cni_call *call, struct err *e)
{
	const struct cni_result *prev = call->prev;

	for (size_t i = 0; i < prev->n_ips; i++)
		if (iface_owns(call, &prev->ips[i]) &&
		    check(masq, call, &prev->ips[i].address, e) < 0)
			return err_wrap(e, "ipMasq");
	return 0;
}

int ipmasq_gc(struct ruleset *masq, const struct cni_call *call, bool configured, struct err *e)
{
	return ruleset_gc(masq, call->at.network, cni_call_keeps, call, configured, e);
}

int ipmasq_resync(struct arena *arena, struct err *e)
{
	_cleanup_(ruleset_done) struct ruleset masq = {.kind = &masq_kind, .arena = arena};

	return ruleset_resync(&masq, e);
}
