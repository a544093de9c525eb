// SPDX-License-Identifier: Apache-2.0
#include "cni/call.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

const struct conf_field cni_text = {.kind = CONF_STR};

static const struct conf_field args_cni_fields[] = {
	conf_mac(struct cni_common, args.cni.mac, "mac", .help = "MAC address for the container"),
	conf_list(struct cni_common, args.cni.ips, args.cni.n_ips, "ips", &cni_text,
		  .help = "addresses to reserve, with or without prefix length"),
	conf_end,
};

const struct conf_field cni_args_fields[] = {
	{.kind = CONF_OBJ,
	 .key = "cni",
	 .sub = args_cni_fields,
	 .open = true,
	 .help = "conventional requests (CNI conventions, \"args\")"},
	conf_end,
};

const struct conf_field cni_runtime_fields[] = {
	CNI_RUNTIME_KEYS,
	conf_end,
};

enum { NEEDS_ID = 1, NEEDS_NETNS = 2 };

static const struct {
	const char *text;
	int needs;
	enum cni_version since;
} verbs[CNI_VERBS] = {
	[CNI_ADD] = {"ADD", NEEDS_ID | NEEDS_NETNS, CNI_0_1_0},
	[CNI_DEL] = {"DEL", NEEDS_ID, CNI_0_1_0},
	[CNI_CHECK] = {"CHECK", NEEDS_ID | NEEDS_NETNS, CNI_0_4_0},
	[CNI_STATUS] = {"STATUS", 0, CNI_1_1_0},
	[CNI_GC] = {"GC", 0, CNI_1_1_0},
	[CNI_VERSION] = {"VERSION", 0, CNI_0_1_0},
};

const char *cni_verb_text(enum cni_verb verb)
{
	return verbs[verb].text;
}

/** Identifiers of the specification: a letter or digit, then also _ . and -. */
static bool is_identifier(const char *s)
{
	static const char alnum[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t n = strspn(s, alnum);

	while (n && s[n] && (strchr("_.-", s[n]) || strchr(alnum, s[n])))
		n++;
	return n && !s[n];
}

/** Copy the variable, or add its name to @missing. */
static void need(const char **out, const char *name, bool required, char *missing, size_t size)
{
	const char *value = getenv(name);
	size_t n = strlen(missing);

	*out = value && *value ? value : NULL;
	if (!*out && required)
		(void)snprintf(missing + n, size - n, "%s%s", n ? "," : "", name);
}

static int check_identity(const struct cni_call *call, struct err *e)
{
	const char *wrong;

	if (strlen(call->at.container) > 255)
		return err_set(e, ERR_ENV, "CNI_CONTAINERID: longer than 255 characters");
	if (!is_identifier(call->at.container)) {
		(void)err_set(e, ERR_ENV, "CNI_CONTAINERID: invalid characters in containerID");
		return err_hint(e,
				"\"%.64s\": a letter or digit, then letters, digits, '_', '.' "
				"and '-'",
				call->at.container);
	}
	wrong = conf_ifname(&call->at.ifname);
	if (wrong)
		return err_set(e, ERR_ENV, "CNI_IFNAME: \"%.64s\": %s", call->at.ifname, wrong);
	return 0;
}

int cni_call_from_env(struct cni_call *call, struct err *e)
{
	const char *verb = getenv("CNI_COMMAND");
	char missing[128] = "";
	int v = 0, needs;

	while (v < CNI_VERBS && (!verb || strcmp(verb, verbs[v].text) != 0))
		v++;
	if (v == CNI_VERBS)
		return err_set(e, ERR_ENV,
			       "CNI_COMMAND: \"%.64s\": must be ADD, DEL, CHECK, STATUS, GC or "
			       "VERSION",
			       verb ? verb : "");
	call->verb = (enum cni_verb)v;
	call->args = getenv("CNI_ARGS") ? getenv("CNI_ARGS") : "";
	if (v == CNI_VERSION)
		return 0;
	needs = verbs[v].needs;
	if (needs & NEEDS_ID) { // the others are about the network: no container, whatever is set
		need(&call->at.container, "CNI_CONTAINERID", true, missing, sizeof(missing));
		need(&call->netns, "CNI_NETNS", needs & NEEDS_NETNS, missing, sizeof(missing));
		need(&call->at.ifname, "CNI_IFNAME", true, missing, sizeof(missing));
	}
	need(&call->path, "CNI_PATH", true, missing, sizeof(missing));
	if (missing[0])
		return err_set(e, ERR_ENV, "required env variables [%s] missing", missing);
	return call->at.container && call->at.ifname ? check_identity(call, e) : 0;
}

/** Read a list of {containerID, ifname}. */
static int read_valid(struct cni_call *call, json_t *list, const char *key, struct err *e)
{
	struct cni_valid *valid;
	size_t i;
	json_t *v;

	if (!json_is_array(list))
		return err_set(e, ERR_DECODE, "%s: must be a list", key);
	valid = arena_calloc(call->arena, json_array_size(list) + 1, sizeof(*valid));
	if (!valid)
		return err_set(e, ERR_TRY_AGAIN, "%s: out of memory", key);
	json_array_foreach(list, i, v) {
		valid[i].container = json_string_value(conf_lookup(v, "containerID"));
		valid[i].ifname = json_string_value(conf_lookup(v, "ifname"));
		if (!valid[i].container || !valid[i].ifname)
			return err_set(e, ERR_DECODE,
				       "%s[%zu]: must be an object with the strings containerID "
				       "and ifname",
				       key, i);
	}
	call->valid = valid;
	call->n_valid = json_array_size(list);
	call->gc = true;
	return 0;
}

/** The specification's key, or the one that libraries wrote before it. */
static int find_valid(struct cni_call *call, struct err *e)
{
	static const char *const keys[] = {"cni.dev/valid-attachments", "cni.dev/attachments"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		json_t *list = conf_lookup(call->doc, keys[i]);

		if (list && !json_is_null(list))
			return read_valid(call, list, keys[i], e);
	}
	return 0;
}

int cni_call_from_doc(struct cni_call *call, struct err *e)
{
	const json_t *version = conf_lookup(call->doc, "cniVersion");
	const json_t *name = conf_lookup(call->doc, "name");

	if (version && !json_is_string(version) && !json_is_null(version))
		return err_set(e, ERR_DECODE, "cniVersion: must be a string");
	if (cni_version_parse(json_string_value(version), &call->version, e) < 0)
		return err_wrap(e, "cniVersion");
	if (name && !json_is_string(name) && !json_is_null(name))
		return err_set(e, ERR_DECODE, "name: must be a string");
	call->at.network = json_string_value(name);
	if (!call->at.network || !*call->at.network)
		return err_set(e, ERR_CONFIG, "name: missing network name");
	if (!is_identifier(call->at.network))
		return err_set(
			e, ERR_CONFIG,
			"name: \"%.64s\": invalid characters found in network name: a letter "
			"or digit, then letters, digits, '_', '.' and '-'",
			call->at.network);
	if (call->version < verbs[call->verb].since)
		return err_set(e, ERR_VERSION,
			       "cniVersion: %s: config version does not allow %s: it needs %s",
			       cni_version_text(call->version), verbs[call->verb].text,
			       cni_version_text(verbs[call->verb].since));
	return call->verb == CNI_GC ? find_valid(call, e) : 0;
}

int cni_read_conf(const struct cni_call *call, void *out, const struct conf_field *fields,
		  struct json_t *json, const char *at, bool open, struct err *e)
{
	// What was configured when the container came may be wrong by the time it goes; an unknown
	// key, which may be of then as well, is no reason to leave anything behind.
	bool lenient = call->verb == CNI_DEL, collects = call->verb == CNI_GC;
	struct conf_report report = {
		.open = open,
		.lenient = lenient,
		.strict = !lenient && !collects && json_is_true(conf_lookup(call->doc, "strict")),
	};

	if (conf_read(out, fields, json, at, &report, call->arena, e) < 0)
		return -1;
	for (size_t i = 0; i < report.n_warnings; i++)
		log_warn("%s", report.warnings[i]);
	return 0;
}

int cni_call_keep(const struct cni_call *call, json_t *json, struct err *e)
{
	static const char key[] = "edgeway/kept";

	if (!json_object_get(call->doc, key))
		(void)json_object_set_new(call->doc, key, json_array());
	if (json_array_append_new(json_object_get(call->doc, key), json) < 0)
		return err_set(e, ERR_TRY_AGAIN, "out of memory");
	return 0;
}

bool cni_call_is_valid(const struct cni_call *call, const char *container, const char *ifname)
{
	for (size_t i = 0; i < call->n_valid; i++)
		if (!strcmp(call->valid[i].container, container) &&
		    (!*ifname || !strcmp(call->valid[i].ifname, ifname)))
			return true;
	return false;
}

bool cni_call_keeps(const char *tag, const void *ctx)
{
	const struct cni_call *call = ctx;

	for (size_t i = 0; i < call->n_valid; i++) {
		const struct attachment a = {call->at.network, call->valid[i].container,
					     call->valid[i].ifname};
		char valid[ATTACHMENT_TAG];

		if (!strcmp(tag, attachment_tag(&a, valid)))
			return true;
	}
	return false;
}

const struct cni_iface *cni_call_iface(const struct cni_call *call)
{
	for (size_t i = 0; call->prev && i < call->prev->n_ifaces; i++) {
		const struct cni_iface *iface = &call->prev->ifaces[i];

		if (iface->sandbox && *iface->sandbox && iface->name &&
		    !strcmp(iface->name, call->at.ifname))
			return iface;
	}
	return NULL;
}
