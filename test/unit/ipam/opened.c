// SPDX-License-Identifier: Apache-2.0
#include "ipam/opened.h"

/** The call; returns its "ipam". */
static struct json_t *begin(struct opened *o, enum cni_version version, const char *args,
			    const char *json)
{
	*o = (struct opened){};
	test_call_init(&o->c, json);
	o->c.call.version = version;
	o->c.call.args = args;
	return conf_lookup(o->c.call.doc, "ipam");
}

void open_host_local(struct opened *o, enum cni_version version, const char *args, const char *json)
{
	struct json_t *ipam = begin(o, version, args, json);

	o->rc = host_local_open(&o->hl, &o->c.call, ipam, &o->e);
}

void open_static(struct opened *o, enum cni_version version, const char *args, const char *json)
{
	struct json_t *ipam = begin(o, version, args, json);

	o->rc = static_open(&o->s, &o->c.call, ipam, &o->e);
}

void opened_done(struct opened *o)
{
	test_call_done(&o->c);
}
