// SPDX-License-Identifier: Apache-2.0
#include "conf/conf.h"

#include <jansson.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conf/near.h"

/** Where we are in the document; grows on the way down, is cut back on the way up. */
struct cursor {
	char path[192];
	size_t len;
	struct arena *arena;
	struct conf_report *report;
	struct err *e;
};

static int read_object(struct cursor *c, const struct conf_field *object, void *base, json_t *obj);
static int read_value(struct cursor *c, const struct conf_field *f, void *base, json_t *v);

static size_t _printf_(2, 3) enter(struct cursor *c, const char *fmt, ...)
{
	size_t before = c->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(c->path + c->len, sizeof(c->path) - c->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		c->len += (size_t)n;
	if (c->len >= sizeof(c->path))
		c->len = sizeof(c->path) - 1;
	return before;
}

static size_t enter_key(struct cursor *c, const char *key)
{
	return enter(c, "%s%s", c->len ? "." : "", key);
}

static void leave(struct cursor *c, size_t before)
{
	c->len = before;
	c->path[before] = '\0';
}

static int _printf_(3, 4) fail(struct cursor *c, int code, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (c->len == 0)
		return err_set(c->e, code, "%s", what);
	return err_set(c->e, code, "%s: %s", c->path, what);
}

static const char *kind_name(enum conf_kind kind)
{
	static const char *const names[] = {
		[CONF_BOOL] = "true or false",
		[CONF_FLAG] = "true or false",
		[CONF_INT] = "an integer",
		[CONF_STR] = "a string",
		[CONF_IP] = "a string with an address",
		[CONF_PREFIX] = "a string with address and prefix length",
		[CONF_MAC] = "a string with a MAC address",
		[CONF_OBJ] = "an object",
		[CONF_MAP] = "an object",
		[CONF_LIST] = "a list",
		[CONF_JSON] = "anything",
	};
	return names[kind];
}

static bool kind_fits(enum conf_kind kind, json_t *v)
{
	switch (kind) {
	case CONF_BOOL:
	case CONF_FLAG:
		return json_is_boolean(v);
	case CONF_INT:
		return json_is_integer(v);
	case CONF_STR:
	case CONF_IP:
	case CONF_PREFIX:
	case CONF_MAC:
		return json_is_string(v);
	case CONF_OBJ:
	case CONF_MAP:
		return json_is_object(v);
	case CONF_LIST:
		return json_is_array(v);
	case CONF_JSON:
		return true;
	}
	return false;
}

/** The value as it stands in the document, cut to a readable length; for messages only. */
static const char *spell(const json_t *v, char *buf, size_t size)
{
	_cleanup_(freep) char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);

	if (!text)
		(void)snprintf(buf, size, "?");
	else if (strlen(text) < size)
		(void)snprintf(buf, size, "%s", text);
	else
		(void)snprintf(buf, size, "%.*s...", (int)(size - sizeof("...")), text);
	return buf;
}

/** Turn the error into a warning. */
static int warn(struct cursor *c)
{
	struct conf_report *r = c->report;
	const char *line;

	r->warnings =
		arena_grow(c->arena, (void *)r->warnings, r->n_warnings, sizeof(*r->warnings));
	line = r->warnings ? arena_strdup(c->arena, c->e->msg) : NULL;
	if (!line)
		return fail(c, ERR_TRY_AGAIN, "out of memory");
	r->warnings[r->n_warnings++] = line;
	*c->e = (struct err){};
	return 0;
}

/** The specification wants the key and the value of what we do not support. */
static int unknown_key(struct cursor *c, const struct conf_field *fields, json_t *v)
{
	const char *key = strrchr(c->path, '.') ? strrchr(c->path, '.') + 1 : c->path;
	const struct conf_field *near = conf_nearest(fields, key);
	char value[64];

	(void)spell(v, value, sizeof(value));
	if (near)
		(void)fail(c, ERR_UNKNOWN_FIELD, "%s: unknown key (did you mean \"%s\"?)", value,
			   near->key);
	else
		(void)fail(c, ERR_UNKNOWN_FIELD, "%s: unknown key", value);
	return c->report->strict ? -1 : warn(c);
}

static const struct conf_field *find_field(const struct conf_field *f, const char *key)
{
	const struct conf_field *other_case = NULL;

	for (; f && f->key; f++) {
		if (!strcmp(f->key, key))
			return f;
		if (!strcasecmp(f->key, key))
			other_case = f;
	}
	return other_case;
}

/** What an absent key means. Nested objects have defaults of their own. */
static int set_default(struct cursor *c, const struct conf_field *f, void *base)
{
	char *at = (char *)base + f->offset;

	if (f->required && !c->report->lenient) {
		(void)enter_key(c, f->key);
		return fail(c, ERR_CONFIG, "required, but missing");
	}
	if (f->kind == CONF_OBJ) {
		size_t mark = f->key ? enter_key(c, f->key) : c->len;

		if (read_object(c, f, base, NULL) < 0)
			return -1;
		leave(c, mark);
	}
	if (f->kind == CONF_BOOL)
		*(bool *)at = f->num != 0;
	else if (f->kind == CONF_INT)
		*(int64_t *)at = f->num;
	else if (f->kind == CONF_FLAG)
		*(int64_t *)at = -1;
	else if (f->kind == CONF_STR || f->kind == CONF_MAC)
		*(const char **)at = f->str;
	return 0;
}

/** The value of a known key; if it is wrong and that may be, the default instead. */
static int read_member(struct cursor *c, const struct conf_field *f, void *base, json_t *v)
{
	size_t mark = c->len;

	if (read_value(c, f, base, v) == 0)
		return 0;
	leave(c, mark);
	if (!c->report->lenient || c->e->code == ERR_TRY_AGAIN || warn(c) < 0)
		return -1;
	return set_default(c, f, base);
}

static int read_object(struct cursor *c, const struct conf_field *object, void *base, json_t *obj)
{
	void *at = (char *)base + object->offset;
	const char *key;
	json_t *v;

	for (const struct conf_field *f = object->sub; f && f->key; f++) {
		json_t *there = conf_lookup(obj, f->key);

		if ((!there || json_is_null(there)) && set_default(c, f, at) < 0)
			return -1;
	}
	json_object_foreach(obj, key, v) {
		const struct conf_field *f = find_field(object->sub, key);
		size_t mark;

		if (!f && (object->open || strchr(key, '/')))
			continue;
		if (f && (json_is_null(v) || conf_lookup(obj, f->key) != v))
			continue;
		mark = enter_key(c, key);
		if ((f ? read_member(c, f, at, v) : unknown_key(c, object->sub, v)) < 0)
			return -1;
		leave(c, mark);
	}
	return 0;
}

static int read_list(struct cursor *c, const struct conf_field *f, void *base, json_t *list)
{
	size_t n = json_array_size(list);
	char *elems = arena_array(c->arena, n, f->elem_size);

	if (!elems)
		return fail(c, ERR_TRY_AGAIN, "out of memory");
	for (size_t i = 0; i < n; i++) {
		size_t mark = enter(c, "[%zu]", i);

		if (read_value(c, f->sub, elems + i * f->elem_size, json_array_get(list, i)) < 0)
			return -1;
		leave(c, mark);
	}
	*(void **)((char *)base + f->offset) = elems;
	*(size_t *)((char *)base + f->count_offset) = n;
	return 0;
}

static int read_map(struct cursor *c, const struct conf_field *f, void *base, json_t *obj)
{
	struct conf_pair *pairs = arena_array(c->arena, json_object_size(obj), sizeof(*pairs));
	const char *key;
	size_t n = 0;
	json_t *v;

	if (!pairs)
		return fail(c, ERR_TRY_AGAIN, "out of memory");
	json_object_foreach(obj, key, v) {
		size_t mark = enter_key(c, key);
		char value[96];

		if (!json_is_string(v) && !json_is_null(v))
			return fail(c, ERR_DECODE, "%s: must be a string",
				    spell(v, value, sizeof(value)));
		if (json_is_string(v))
			pairs[n++] = (struct conf_pair){key, json_string_value(v)};
		leave(c, mark);
	}
	*(struct conf_pair **)((char *)base + f->offset) = pairs;
	*(size_t *)((char *)base + f->count_offset) = n;
	return 0;
}

static int read_int(struct cursor *c, const struct conf_field *f, int64_t *out, json_t *v)
{
	int64_t n = json_integer_value(v);

	if (f->max && (n < f->min || n > f->max))
		return fail(c, ERR_CONFIG, "%lld: must be %lld..%lld", (long long)n,
			    (long long)f->min, (long long)f->max);
	if (n < f->min)
		return fail(c, ERR_CONFIG, "%lld: must be %lld or more", (long long)n,
			    (long long)f->min);
	*out = n;
	return 0;
}

/** Fill one member; what is wrong with a well-typed value comes back in @wrong. */
static int read_scalar(struct cursor *c, const struct conf_field *f, void *at, json_t *v,
		       const char **wrong)
{
	struct mac mac;

	switch (f->kind) {
	case CONF_BOOL:
		*(bool *)at = json_is_true(v);
		return 0;
	case CONF_FLAG:
		*(int64_t *)at = json_is_true(v);
		return 0;
	case CONF_INT:
		return read_int(c, f, at, v);
	case CONF_STR:
		*(const char **)at = json_string_value(v);
		return 0;
	case CONF_IP:
		*wrong = ip_parse(at, json_string_value(v));
		return 0;
	case CONF_PREFIX:
		*wrong = prefix_parse(at, json_string_value(v));
		return 0;
	case CONF_MAC:
		*wrong = mac_parse(&mac, json_string_value(v));
		*(const char **)at = json_string_value(v);
		return 0;
	default:
		*(json_t **)at = v;
		return 0;
	}
}

static int read_value(struct cursor *c, const struct conf_field *f, void *base, json_t *v)
{
	char *at = (char *)base + f->offset;
	const char *wrong = NULL;
	char value[96];

	if (!kind_fits(f->kind, v))
		return fail(c, ERR_DECODE, "%s: must be %s", spell(v, value, sizeof(value)),
			    kind_name(f->kind));
	if (f->kind == CONF_OBJ)
		return read_object(c, f, base, v);
	if (f->kind == CONF_LIST)
		return read_list(c, f, base, v);
	if (f->kind == CONF_MAP)
		return read_map(c, f, base, v);
	if ((f->kind == CONF_IP || f->kind == CONF_MAC) && !*json_string_value(v))
		return 0; // "" is the same as absent, as the reference plugins have it
	if (read_scalar(c, f, at, v, &wrong) < 0)
		return -1;
	if (!wrong && f->check)
		wrong = f->check(at);
	if (wrong)
		return fail(c, ERR_CONFIG, "%s: %s", spell(v, value, sizeof(value)), wrong);
	return 0;
}

int conf_read(void *out, const struct conf_field fields[], struct json_t *json, const char *at,
	      struct conf_report *report, struct arena *arena, struct err *e)
{
	const struct conf_field whole = {.kind = CONF_OBJ, .sub = fields, .open = report->open};
	struct cursor c = {.arena = arena, .report = report, .e = e};

	if (*at)
		(void)enter(&c, "%s", at);
	if (!json)
		return fail(&c, ERR_CONFIG, "required, but missing");
	if (!json_is_object(json))
		return fail(&c, ERR_DECODE, "must be an object");
	return read_object(&c, &whole, out, json);
}

struct json_t *conf_lookup(struct json_t *obj, const char *key)
{
	json_t *exact = json_object_get(obj, key), *other_case = NULL, *v;
	const char *k;

	if (exact)
		return exact;
	json_object_foreach(obj, k, v)
		if (!strcasecmp(k, key))
			other_case = v;
	return other_case;
}

const char *conf_ifname(const void *value)
{
	const char *name = *(const char *const *)value;
	size_t n = strlen(name);

	if (n == 0 || n >= IFNAMSIZ)
		return "an interface name has 1..15 characters";
	if (!strcmp(name, ".") || !strcmp(name, "..") || strpbrk(name, "/:%\"\\"))
		return "not an interface name";
	// The kernel takes more, but nobody could print it, in JSON or in nf_tables.
	for (const char *c = name; *c; c++)
		if (*c <= ' ' || *c > '~')
			return "not an interface name: only printable ASCII characters";
	return NULL;
}
