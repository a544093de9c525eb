// SPDX-License-Identifier: Apache-2.0
/** The delegate's configuration, as JSON: from ours and the subnet file, and saved ones read again.
 */
#include <jansson.h>
#include <string.h>

#include "cni/json.h"
#include "flannel.h"

/** A copy of the object under @key in the configuration; an empty one if there is none. */
static json_t *object_at(const struct cni_call *call, const char *key)
{
	json_t *there = conf_lookup(call->doc, key);

	return json_is_object(there) ? json_copy(there) : json_object();
}

static void set_default(json_t *object, const char *key, json_t *value)
{
	if (conf_lookup(object, key))
		json_decref(value);
	else
		(void)json_object_set_new(object, key, value);
}

static json_t *prefix_text(const struct prefix *p)
{
	return json_string(prefix_format(p, (char[PREFIX_TEXT]){}));
}

/** A range set for each of the node's subnets. */
static json_t *ranges_of(const struct subnet *s)
{
	json_t *sets = json_array();

	for (size_t family = 0; family < 2; family++)
		if (s->own[family].n)
			(void)json_array_append_new(
				sets,
				json_pack("[{s:o}]", "subnet", prefix_text(s->own[family].list)));
	return sets;
}

/** The routes asked for, and those to every network of the cluster. */
static json_t *routes_of(json_t *ipam, const struct subnet *s)
{
	json_t *given = conf_lookup(ipam, "routes");
	json_t *routes = json_is_array(given) ? json_copy(given) : json_array();

	for (size_t family = 0; family < 2; family++)
		for (size_t i = 0; i < s->networks[family].n; i++)
			(void)json_array_append_new(
				routes, json_pack("{s:o}", "dst",
						  prefix_text(&s->networks[family].list[i])));
	return routes;
}

static json_t *make_ipam(const struct cni_call *call, const struct subnet *subnet)
{
	json_t *ipam = object_at(call, "ipam");

	set_default(ipam, "type", json_string("host-local"));
	if (subnet) {
		(void)json_object_set_new(ipam, "routes", routes_of(ipam, subnet));
		(void)json_object_set_new(ipam, "ranges", ranges_of(subnet));
	}
	return ipam;
}

struct json_t *delegate_make(const struct cni_call *call, const struct subnet *subnet,
			     struct err *e)
{
	const struct flannel_conf *conf = call->conf;
	json_t *made = object_at(call, "delegate");
	json_t *runtime = conf_lookup(call->doc, "runtimeConfig");

	if (json_is_object(runtime))
		(void)json_object_set(made, "runtimeConfig", runtime);
	(void)json_object_set_new(made, "name", json_string(call->at.network));
	(void)json_object_set_new(made, "type", json_string(conf->delegate.type));
	if (subnet) {
		set_default(made, "ipMasq", json_boolean(!subnet->masq));
		set_default(made, "mtu", json_integer(subnet->mtu));
	}
	if (!strcmp(conf->delegate.type, "bridge"))
		set_default(made, "isGateway", json_true());
	if (conf->common.version && *conf->common.version)
		(void)json_object_set_new(made, "cniVersion", json_string(conf->common.version));
	(void)json_object_set_new(made, "ipam", make_ipam(call, subnet));
	if (cni_call_keep(call, made, e) < 0)
		return NULL;
	if (!json_out_of_memory())
		return made;
	err_set(e, ERR_TRY_AGAIN, "delegate: out of memory");
	return NULL;
}

struct json_t *delegate_read(const struct cni_call *call, const char *text)
{
	json_t *doc = json_loads(text, 0, NULL);
	struct err ignored;

	if (!doc || cni_call_keep(call, doc, &ignored) < 0)
		return NULL;
	return delegate_name(doc) && delegate_type(doc) ? doc : NULL;
}

const char *delegate_text(const struct cni_call *call, struct json_t *delegate, struct err *e)
{
	// Sorted and compact, as the original writes it.
	_cleanup_(freep) char *text = json_dumps(delegate, JSON_COMPACT | JSON_SORT_KEYS);
	const char *copy = text ? arena_strdup(call->arena, text) : NULL;

	if (!copy)
		err_set(e, ERR_TRY_AGAIN, "delegate: out of memory");
	return copy;
}

const char *delegate_name(struct json_t *delegate)
{
	return json_string_value(conf_lookup(delegate, "name"));
}

const char *delegate_type(struct json_t *delegate)
{
	return json_string_value(conf_lookup(delegate, "type"));
}

bool delegate_moved(const struct cni_call *call, struct json_t *old, struct json_t *now,
		    const char **was, const char **is)
{
	json_t *before = json_object_get(json_object_get(old, "ipam"), "ranges");
	json_t *after = json_object_get(json_object_get(now, "ipam"), "ranges");
	struct err ignored;

	if (!before || json_equal(before, after))
		return false;
	*was = delegate_text(call, before, &ignored);
	*is = delegate_text(call, after, &ignored);
	return *was && *is;
}

bool delegate_is_same(struct json_t *a, struct json_t *b)
{
	return !strcmp(delegate_type(a), delegate_type(b)) &&
	       json_equal(json_object_get(a, "ipam"), json_object_get(b, "ipam"));
}

int delegate_set(struct json_t *delegate, const char *key, const char *value, struct err *e)
{
	return json_object_set_new(delegate, key, json_string(value)) < 0
		       ? err_set(e, ERR_TRY_AGAIN, "delegate: out of memory")
		       : 0;
}
