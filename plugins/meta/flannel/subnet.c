// SPDX-License-Identifier: Apache-2.0
/** The subnet file: lines of KEY=VALUE, written by flannel's daemon (in K3s, by k3s itself). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "flannel.h"

enum { FILE_MAX = 1 << 16, MTU_UNKNOWN = -1 };

/** Where a value goes, and how it is read; all return what is wrong with @value, or NULL. */
struct reader {
	struct subnet *out;
	struct arena *arena;
	bool has_masq;
};

typedef const char *read_fn(struct reader *r, char *value, int family);

/** A prefix without what is behind its length, as the original has it. */
static const char *read_prefix(struct prefix_list *list, const char *value, struct arena *arena)
{
	struct prefix p;
	const char *wrong = prefix_parse(&p, value);

	if (wrong)
		return wrong;
	p.ip = prefix_first(&p);
	for (size_t i = 0; i < list->n; i++)
		if (list->list[i].len == p.len && !ip_cmp(&list->list[i].ip, &p.ip))
			return NULL;
	list->list = arena_grow(arena, list->list, list->n, sizeof(p));
	if (!list->list)
		return "out of memory";
	list->list[list->n++] = p;
	return NULL;
}

static const char *read_networks(struct reader *r, char *value, int family)
{
	struct prefix_list list = {};
	const char *wrong = NULL;

	for (char *one = value, *comma; one && !wrong; one = comma) {
		comma = strchr(one, ',');
		if (comma)
			*comma++ = '\0';
		wrong = read_prefix(&list, one, r->arena);
	}
	r->out->networks[family] = list;
	return wrong;
}

static const char *read_subnet(struct reader *r, char *value, int family)
{
	struct prefix_list list = {};
	const char *wrong = read_prefix(&list, value, r->arena);

	r->out->own[family] = list;
	return wrong;
}

static const char *read_mtu(struct reader *r, char *value, int family)
{
	char *end;
	long mtu = strtol(value, &end, 10);

	(void)family;
	if (!strchr("0123456789", *value) || !*value || *end || mtu > 65535 || (mtu && mtu < 68))
		return "must be 0 or 68..65535";
	r->out->mtu = mtu;
	return NULL;
}

static const char *read_masq(struct reader *r, char *value, int family)
{
	(void)family;
	r->out->masq = !strcmp(value, "true");
	r->has_masq = true;
	return r->out->masq || !strcmp(value, "false") ? NULL : "must be true or false";
}

/** One line; those with other keys are none of our business. */
static const char *read_line(struct reader *r, char *line)
{
	static const struct {
		const char *key;
		read_fn *read;
		int family;
	} keys[] = {
		{"FLANNEL_NETWORK", read_networks, 0}, {"FLANNEL_IPV6_NETWORK", read_networks, 1},
		{"FLANNEL_SUBNET", read_subnet, 0},    {"FLANNEL_IPV6_SUBNET", read_subnet, 1},
		{"FLANNEL_MTU", read_mtu, 0},          {"FLANNEL_IPMASQ", read_masq, 0},
	};
	size_t n = strcspn(line, "=");

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (n == strlen(keys[i].key) && !strncmp(line, keys[i].key, n))
			return line[n] ? keys[i].read(r, line + n + 1, keys[i].family)
				       : "must be followed by = and a value";
	return NULL;
}

static int check_complete(const struct reader *r, const char *path, struct err *e)
{
	const struct subnet *s = r->out;
	const struct {
		bool there;
		const char *what;
	} needed[] = {
		{s->networks[0].n || s->networks[1].n, "FLANNEL_NETWORK or FLANNEL_IPV6_NETWORK"},
		{s->own[0].n || s->own[1].n, "FLANNEL_SUBNET or FLANNEL_IPV6_SUBNET"},
		{s->mtu != MTU_UNKNOWN, "FLANNEL_MTU"},
		{r->has_masq, "FLANNEL_IPMASQ"},
	};
	char missing[160] = "";

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!needed[i].there)
			(void)snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing),
				       "%s%s", *missing ? ", " : "", needed[i].what);
	return *missing ? err_set(e, ERR_CONFIG, "subnetFile: %s: lacks %s", path, missing) : 0;
}

int subnet_read(struct subnet *out, const char *path, struct arena *arena, struct err *e)
{
	struct subnet s = {.mtu = MTU_UNKNOWN};
	struct reader r = {.out = &s, .arena = arena};
	char *text = file_read_path(arena, path, FILE_MAX, e);

	if (!text) {
		if (e->os == ENOENT) {
			e->code = ERR_TRY_AGAIN;
			(void)err_hint(e, "flannel's daemon (in K3s, k3s itself) writes it when it "
					  "starts: is it running?");
		}
		return err_wrap(e, "subnetFile");
	}
	for (int number = 1; text; number++) {
		char *next = strchr(text, '\n'), value[96];
		const char *wrong;

		if (next)
			*next++ = '\0';
		text[strcspn(text, "\r")] = '\0';
		(void)snprintf(value, sizeof(value), "%s", text); // lists are cut up
		wrong = read_line(&r, text);
		if (wrong)
			return err_set(e, ERR_CONFIG, "subnetFile: %s, line %d: %s: %s", path,
				       number, value, wrong);
		text = next;
	}
	if (check_complete(&r, path, e) < 0)
		return -1;
	*out = s;
	return 0;
}
