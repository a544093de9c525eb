// SPDX-License-Identifier: Apache-2.0
#include "cni/args.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct pair {
	const char *key, *value;
	size_t key_len, value_len, len; ///< of the key, of the value, of all
};

/** Cut the next pair off *@at; false at the end. A pair without just one '=' has a NULL value. */
static bool next(const char **at, struct pair *p)
{
	const char *eq, *end;

	if (!**at)
		return false;
	end = *at + strcspn(*at, ";");
	eq = memchr(*at, '=', (size_t)(end - *at));
	*p = (struct pair){
		.key = *at, .key_len = (size_t)((eq ? eq : end) - *at), .len = (size_t)(end - *at)};
	if (eq && !memchr(eq + 1, '=', (size_t)(end - eq - 1))) {
		p->value = eq + 1;
		p->value_len = (size_t)(end - eq - 1);
	}
	*at = *end ? end + 1 : end;
	return true;
}

static bool is(const struct pair *p, const char *key)
{
	return strlen(key) == p->key_len && !memcmp(p->key, key, p->key_len);
}

static bool is_known(const struct pair *p, const char *const known[])
{
	for (; *known; known++)
		if (is(p, *known))
			return true;
	return is(p, "IgnoreUnknown");
}

static int ignore_unknown(const struct cni_call *call, bool *out, struct err *e)
{
	char *value;

	if (cni_args_get(call, "IgnoreUnknown", &value, e) < 0)
		return -1;
	*out = value && (!strcmp(value, "1") || !strcasecmp(value, "true"));
	if (!value || *out || !strcmp(value, "0") || !strcasecmp(value, "false"))
		return 0;
	return err_set(e, ERR_ENV, "CNI_ARGS: IgnoreUnknown=%.32s: must be 1, 0, true or false",
		       value);
}

int cni_args_check(const struct cni_call *call, const char *const known[], struct err *e)
{
	const char *at = call->args;
	bool ignore = false;
	struct pair p;

	if (ignore_unknown(call, &ignore, e) < 0)
		return -1;
	while (next(&at, &p)) {
		if (!p.value)
			return err_set(e, ERR_ENV,
				       "CNI_ARGS: invalid pair \"%.*s\": must be KEY=VALUE",
				       (int)(p.len < 64 ? p.len : 64), p.key);
		if (!ignore && !is_known(&p, known))
			return err_set(e, ERR_ENV,
				       "CNI_ARGS: unknown args [\"%.*s\"] and no IgnoreUnknown=1",
				       (int)(p.len < 64 ? p.len : 64), p.key);
	}
	return 0;
}

int cni_args_get(const struct cni_call *call, const char *key, char **value, struct err *e)
{
	struct pair p, found = {};
	const char *at = call->args;

	*value = NULL;
	while (next(&at, &p))
		if (p.value && is(&p, key))
			found = p;
	if (!found.value)
		return 0;
	*value = arena_strndup(call->arena, found.value, found.value_len);
	return *value ? 0 : err_set(e, ERR_TRY_AGAIN, "CNI_ARGS: out of memory");
}
