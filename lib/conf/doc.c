// SPDX-License-Identifier: Apache-2.0
#include "conf/doc.h"

#include <string.h>

typedef void print_fn(FILE *out, const char *path, const struct conf_field *f);

static const char *type_name(const struct conf_field *f)
{
	static const char *const names[] = {
		[CONF_BOOL] = "boolean",       [CONF_INT] = "integer", [CONF_STR] = "string",
		[CONF_IP] = "address",         [CONF_MAC] = "MAC",     [CONF_OBJ] = "object",
		[CONF_PREFIX] = "address/len", [CONF_LIST] = "list",   [CONF_JSON] = "any",
		[CONF_FLAG] = "boolean",       [CONF_MAP] = "object",
	};
	return names[f->kind];
}

/** Whether the limits say something to a reader, and not just how wide the kernel's field is. */
static bool has_range(const struct conf_field *f)
{
	return f->kind == CONF_INT && f->max && f->max < UINT32_MAX;
}

/** What holds when the key is absent, as a reader would write it. */
static const char *default_text(const struct conf_field *f, char *buf, size_t size)
{
	if (f->required)
		return "required";
	if (f->kind == CONF_BOOL)
		return f->num ? "true" : "false";
	if (f->kind == CONF_STR && f->str && *f->str)
		(void)snprintf(buf, size, "\"%s\"", f->str);
	else if (has_range(f) && (f->num > 0 || (f->num == 0 && f->min == 0)))
		(void)snprintf(buf, size, "%lld", (long long)f->num);
	else
		(void)snprintf(buf, size, "-");
	return buf;
}

static void range_text(const struct conf_field *f, char *buf, size_t size)
{
	buf[0] = '\0';
	if (has_range(f))
		(void)snprintf(buf, size, " (%lld..%lld)", (long long)f->min, (long long)f->max);
}

/** Lists show their element: what it holds stands below "key[]", "key[][]". */
static void walk(FILE *out, const char *at, const struct conf_field *f, print_fn *print)
{
	for (; f && f->key; f++) {
		const struct conf_field *elem = f;
		char path[128];

		if (!f->help)
			continue;
		(void)snprintf(path, sizeof(path), "%s%s%s", at, *at ? "." : "", f->key);
		print(out, path, f);
		while (elem->kind == CONF_LIST && strlen(path) + 3 < sizeof(path)) {
			strcat(path, "[]");
			elem = elem->sub;
		}
		if (elem->kind == CONF_OBJ || elem->kind == CONF_JSON)
			walk(out, path, elem->sub, print);
	}
}

static void print_text(FILE *out, const char *path, const struct conf_field *f)
{
	char buf[128], range[64];

	range_text(f, range, sizeof(range));
	(void)fprintf(out, "  %-30s %s%s, default %s\n      %s\n", path, type_name(f), range,
		      default_text(f, buf, sizeof(buf)), f->help);
}

static void print_row(FILE *out, const char *path, const struct conf_field *f)
{
	char buf[128], range[64];

	range_text(f, range, sizeof(range));
	(void)fprintf(out, "| `%s` | %s%s | %s | %s |\n", path, type_name(f), range,
		      default_text(f, buf, sizeof(buf)), f->help);
}

void conf_print_text(FILE *out, const struct conf_field fields[])
{
	walk(out, "", fields, print_text);
}

void conf_print_markdown(FILE *out, const struct conf_field fields[])
{
	(void)fprintf(out, "| key | type | default | meaning |\n|---|---|---|---|\n");
	walk(out, "", fields, print_row);
}
