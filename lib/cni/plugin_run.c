// SPDX-License-Identifier: Apache-2.0
/** A plugin's configuration and its verbs, for whoever runs it: cni_main(), or another plugin. */
#include "cni/plugin.h"

int cni_plugin_read(const struct cni_plugin *p, struct cni_call *call, const char *at,
		    struct err *e)
{
	struct cni_common *conf = arena_calloc(call->arena, 1, p->conf_size);

	if (!conf)
		return err_set(e, ERR_TRY_AGAIN, "out of memory");
	if (cni_read_conf(call, conf, p->fields, call->doc, at, p->open, e) < 0)
		return -1;
	call->conf = conf;
	call->common = conf;
	return 0;
}

/** What the plugins before this one made, for the verbs that cannot do without. */
static int require_prev(const struct cni_plugin *p, const struct cni_call *call, struct err *e)
{
	bool needs = call->verb == CNI_CHECK || (call->verb == CNI_ADD && p->chained);

	if (call->prev || !needs)
		return 0;
	(void)err_set(e, ERR_CONFIG, "prevResult: required for %s, but missing",
		      cni_verb_text(call->verb));
	return p->chained ? err_hint(e,
				     "%s is chained: list it after the plugin that makes the "
				     "interface",
				     p->name)
			  : -1;
}

int cni_plugin_run(const struct cni_plugin *p, const struct cni_call *call,
		   struct cni_result *result, struct err *e)
{
	if (require_prev(p, call, e) < 0)
		return -1;
	switch (call->verb) {
	case CNI_ADD:
		*result = p->chained ? *call->prev : (struct cni_result){};
		return p->add ? p->add(call, result, e) : 0;
	case CNI_DEL:
		return p->del ? p->del(call, e) : 0;
	case CNI_CHECK:
		return p->check ? p->check(call, e) : 0;
	case CNI_STATUS:
		return p->status ? p->status(call, e) : 0;
	case CNI_GC:
		return p->gc && call->gc ? p->gc(call, e) : 0;
	default:
		return 0;
	}
}
