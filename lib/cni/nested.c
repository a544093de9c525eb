// SPDX-License-Identifier: Apache-2.0
#include "cni/nested.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cni/delegate.h"
#include "cni/json.h"

/** What the runtime put into the outer configuration is meant for the nested one too. */
static void inherit(json_t *doc, const struct cni_call *outer)
{
	static const char *const keys[] = {"prevResult", "strict", "cni.dev/valid-attachments",
					   "cni.dev/attachments"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		json_t *value = conf_lookup(outer->doc, keys[i]);

		if (value)
			(void)json_object_set(doc, keys[i], value);
	}
}

int nested_open(struct nested *out, const struct cni_call *outer, const char *type,
		const struct cni_plugin *linked, struct json_t *doc, const char *at, struct err *e)
{
	_cleanup_(freep) char *text = NULL;
	struct cni_call *call = &out->call;

	*out = (struct nested){
		.call = *outer, .type = type, .at = at, .given = conf_lookup(outer->doc, at)};
	inherit(doc, outer);
	text = json_dumps(doc, JSON_COMPACT);
	call->doc = doc;
	call->input = text ? arena_strdup(call->arena, text) : NULL;
	if (!call->input || json_out_of_memory())
		return err_set(e, ERR_TRY_AGAIN, "%s: out of memory", at);
	if (!strcmp(type, linked->name)) {
		out->linked = linked;
		return cni_plugin_read(linked, call, at, e);
	}
	// Before anything is made; but what takes away goes as far as it can.
	if (outer->verb != CNI_DEL && outer->verb != CNI_GC && delegate_check(call, type, e) < 0)
		return err_wrap(e, "%s.type", at);
	return 0;
}

/** Put in front where the error belongs: a key that was given to it, or else its type. */
static int place(const struct nested *nested, struct err *e)
{
	char was[sizeof(e->msg)], key[64];

	(void)snprintf(was, sizeof(was), "%s", e->msg);
	(void)snprintf(key, sizeof(key), "%.*s", (int)strcspn(was, ":.["), was);
	if (!conf_lookup(nested->given, key))
		return err_wrap(e, "%s", nested->type);
	(void)snprintf(e->msg, sizeof(e->msg), "%s.%.400s", nested->at, was);
	return -1;
}

int nested_run(const struct nested *nested, enum cni_verb verb, struct cni_result *result,
	       struct err *e)
{
	struct cni_call call = nested->call;

	if (!nested->linked)
		return delegate_run(&call, nested->type, verb, result, e);
	call.verb = verb;
	return cni_plugin_run(nested->linked, &call, result, e) < 0 ? place(nested, e) : 0;
}
