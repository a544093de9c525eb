// SPDX-License-Identifier: Apache-2.0
#include "deviceplugin/config.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "conf/doc.h"
#include "node/pci.h"

enum { CONFIG_MAX = 1 << 20 };

static const char *text(const void *value)
{
	return *(const char *const *)value;
}

static const char *check_hex(const void *value)
{
	const char *s = text(value);

	return strlen(s) == 4 && strspn(s, "0123456789abcdefABCDEF") == 4
		       ? NULL
		       : "must be four hexadecimal digits as in \"8086\"";
}

static const char *check_address(const void *value)
{
	return pci_address_check(text(value));
}

static const char *check_link_type(const void *value)
{
	return !strcmp(text(value), "ether") || !strcmp(text(value), "infiniband")
		       ? NULL
		       : "must be \"ether\" or \"infiniband\"";
}

/** Read "N" or "A-B" at @s; returns what follows, NULL if it is neither. */
static const char *read_range(const char *s, long *first, long *last)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return NULL;
	*first = *last = strtol(s, &end, 10);
	if (*end != '-')
		return end;
	s = end + 1;
	if (!isdigit((unsigned char)*s))
		return NULL;
	*last = strtol(s, &end, 10);
	return *last < *first ? NULL : end;
}

/** "NAME" or "NAME#0-3,5". */
static const char *check_numbers(const char *word)
{
	const char *s = strchr(word, '#');
	long first, last;

	if (s == word || !*word)
		return "has no name";
	while (s && *s) {
		s = read_range(s + 1, &first, &last);
		if (!s || (*s && *s != ','))
			return "must be a name, or a name and numbers of VFs as in \"eth0#0-3,5\"";
	}
	return NULL;
}

static const char *check_pf_name(const void *value)
{
	size_t n = strcspn(text(value), "#");

	if (strcspn(text(value), "*+?()[]{}|^$\\") < n)
		return "must be a name: patterns are not supported";
	return check_numbers(text(value));
}

static const char *check_root(const void *value)
{
	char address[PCI_ADDRESS];

	(void)snprintf(address, sizeof(address), "%.*s", (int)strcspn(text(value), "#"),
		       text(value));
	return pci_address_check(address) ? pci_address_check(address) : check_numbers(text(value));
}

static const char *refuse(const void *value)
{
	const json_t *json = *(json_t *const *)value;
	bool empty = json_is_false(json) || (json_is_array(json) && !json_array_size(json)) ||
		     (json_is_string(json) && !*json_string_value(json));

	return empty ? NULL : "is not supported";
}

static const char *check_name(const void *value)
{
	const char *s = text(value);

	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '_' && *s != '-')
			break;
	return *s || s == text(value) || s - text(value) > 63
		       ? "must be up to 63 letters, digits, \"_\" and \"-\""
		       : NULL;
}

static const char *check_prefix(const void *value)
{
	const char *s = text(value);
	size_t n = strlen(s);

	return n && n < 254 && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789.-") == n
		       ? NULL
		       : "must be a domain as in \"example.com\"";
}

static const char *check_type(const void *value)
{
	if (!strcmp(text(value), "auxNetDevice"))
		return "is not supported: netDevice and accelerator are";
	return !strcmp(text(value), "netDevice") || !strcmp(text(value), "accelerator")
		       ? NULL
		       : "must be \"netDevice\" or \"accelerator\"";
}

static const char *const prefer_names[] = {
	[DP_PREFER_NONE] = "none",
	[DP_PREFER_SPREAD] = "spread",
	[DP_PREFER_PACK] = "pack",
	[DP_PREFER_NUMA] = "numa",
};

static const char *check_prefer(const void *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(prefer_names); i++)
		if (!strcmp(text(value), prefer_names[i]))
			return NULL;
	return "must be \"spread\", \"pack\", \"numa\" or \"none\"";
}

#define WORDS(name, check_fn)                                                                      \
	static const struct conf_field name = {.kind = CONF_STR, .check = check_fn}
WORDS(hex_item, check_hex);
WORDS(address_item, check_address);
WORDS(pf_item, check_pf_name);
WORDS(root_item, check_root);
WORDS(link_item, check_link_type);
WORDS(word_item, NULL);
static const struct conf_field acpi_item = {.kind = CONF_INT, .min = 1};

#define LIST(member, key, item, ...)                                                               \
	conf_list(struct dp_selector, member.word, member.n, key, &item, ##__VA_ARGS__)
#define REFUSED(i, key) conf_json(struct dp_selector, refused[i], key, .check = refuse)

static const struct conf_field selector_fields[] = {
	LIST(vendors, "vendors", hex_item, .help = "vendors, as in \"8086\""),
	LIST(devices, "devices", hex_item, .help = "device ids, as in \"10ed\""),
	LIST(drivers, "drivers", word_item, .help = "drivers, as in \"vfio-pci\""),
	LIST(addresses, "pciAddresses", address_item, .help = "PCI addresses"),
	LIST(pf_names, "pfNames", pf_item,
	     .help = "interfaces of physical functions, with numbers of VFs if not all: "
		     "\"eth0#0-3,5\""),
	LIST(root_devices, "rootDevices", root_item,
	     .help = "PCI addresses of physical functions, with numbers likewise"),
	LIST(link_types, "linkTypes", link_item, .help = "\"ether\", \"infiniband\""),
	conf_list(struct dp_selector, acpi_indexes, n_acpi_indexes, "acpiIndexes", &acpi_item,
		  .help = "numbers that the firmware gives to devices"),
	conf_bool(struct dp_selector, is_rdma, "isRdma",
		  .help = "devices with RDMA only; the container gets their files"),
	conf_bool(struct dp_selector, need_vhost_net, "needVhostNet",
		  .help = "the container gets /dev/vhost-net and /dev/net/tun"),
	REFUSED(0, "ddpProfiles"),
	REFUSED(1, "pKeys"),
	REFUSED(2, "vdpaType"),
	REFUSED(3, "auxTypes"),
	conf_end,
};

static const struct conf_field resource_fields[] = {
	conf_str(struct dp_resource, name, "resourceName", .required = true, .check = check_name,
		 .help = "what pods ask for, behind the prefix"),
	conf_str(struct dp_resource, prefix, "resourcePrefix", .check = check_prefix,
		 .help = "a domain; absent: --resource-prefix"),
	conf_str(struct dp_resource, type, "deviceType", .str = "netDevice", .check = check_type,
		 .help = "\"netDevice\" or \"accelerator\""),
	conf_bool(struct dp_resource, exclude_topology, "excludeTopology",
		  .help = "do not tell the kubelet which NUMA node a device is at"),
	conf_json(
		struct dp_resource, selectors_json, "selectors", .sub = selector_fields,
		.help = "which devices: an object, or a list of them, the first that fits counts"),
	conf_json(struct dp_resource, extras_json, "additionalInfo",
		  .help = "an object by PCI address, or \"*\", of strings for the container"),
	conf_str(struct dp_resource, prefer_name, "preferredAllocation", .str = "spread",
		 .check = check_prefer,
		 .help = "ours: which devices of those that are free; \"spread\" over physical "
			 "functions, \"pack\", \"numa\": of one node, \"none\": the kubelet's "
			 "choice"),
	conf_bool(struct dp_resource, ignore_link, "ignoreLink",
		  .help = "ours: VFs are healthy though their physical function has no carrier"),
	conf_end,
};

static const struct conf_field resource_item = {.kind = CONF_OBJ, .sub = resource_fields};

static const struct conf_field fields[] = {
	conf_list(struct dp_config, resources, n_resources, "resourceList", &resource_item,
		  .required = true, .help = "the resources"),
	conf_end,
};

/** What is being read. */
struct reading {
	struct arena *arena;
	const char *prefix;
	struct conf_report report;
};

/** Keys that say nothing of an accelerator. */
static int refuse_network_keys(const struct dp_resource *r, const struct dp_selector *s,
			       const char *at, struct err *e)
{
	const char *key = s->pf_names.n       ? "pfNames"
			  : s->root_devices.n ? "rootDevices"
			  : s->link_types.n   ? "linkTypes"
			  : s->is_rdma        ? "isRdma"
			  : s->need_vhost_net ? "needVhostNet"
					      : NULL;

	if (!key || !r->is_accelerator)
		return 0;
	return err_set(e, ERR_CONFIG, "%s.%s: has no meaning for an accelerator", at, key);
}

static int read_selector(struct reading *rd, const struct dp_resource *r, json_t *json,
			 const char *at, struct dp_selector *out, struct err *e)
{
	if (!json_is_object(json))
		return err_set(e, ERR_DECODE, "%s: must be an object, or a list of objects", at);
	if (conf_read(out, selector_fields, json, at, &rd->report, rd->arena, e) < 0)
		return -1;
	return refuse_network_keys(r, out, at, e);
}

static int read_selectors(struct reading *rd, struct dp_resource *r, const char *at, struct err *e)
{
	json_t *json = r->selectors_json;
	bool is_list = json_is_array(json);
	size_t n = is_list ? json_array_size(json) : 1;

	// Absent, or an empty list: every device of the type, as the original means to have it.
	r->selectors = arena_calloc(rd->arena, n ? n : 1, sizeof(*r->selectors));
	if (!r->selectors)
		return err_set(e, ERR_TRY_AGAIN, "%s: out of memory", at);
	r->n_selectors = n ? n : 1;
	if (!json || json_is_null(json))
		return 0;
	for (size_t i = 0; i < n; i++) {
		char path[96];

		(void)snprintf(path, sizeof(path), is_list ? "%s.selectors[%zu]" : "%s.selectors",
			       at, i);
		if (read_selector(rd, r, is_list ? json_array_get(json, i) : json, path,
				  &r->selectors[i], e) < 0)
			return -1;
	}
	return 0;
}

static int read_pairs(struct reading *rd, json_t *json, const char *at, struct dp_extra *out,
		      struct err *e)
{
	const char *key;
	json_t *v;

	if (!json_is_object(json))
		return err_set(e, ERR_DECODE, "%s: must be an object", at);
	out->pairs = arena_calloc(rd->arena, json_object_size(json) + 1, sizeof(*out->pairs));
	if (!out->pairs)
		return err_set(e, ERR_TRY_AGAIN, "%s: out of memory", at);
	json_object_foreach(json, key, v) {
		if (!json_is_string(v))
			return err_set(e, ERR_DECODE, "%s.%.64s: must be a string", at, key);
		out->pairs[out->n_pairs++] = (struct conf_pair){key, json_string_value(v)};
	}
	return 0;
}

static int read_extras(struct reading *rd, struct dp_resource *r, const char *at, struct err *e)
{
	const char *key;
	json_t *v;

	if (!r->extras_json || json_is_null(r->extras_json))
		return 0;
	if (!json_is_object(r->extras_json))
		return err_set(e, ERR_DECODE, "%s.additionalInfo: must be an object", at);
	r->has_extras = true;
	r->extras =
		arena_calloc(rd->arena, json_object_size(r->extras_json) + 1, sizeof(*r->extras));
	if (!r->extras)
		return err_set(e, ERR_TRY_AGAIN, "%s: out of memory", at);
	json_object_foreach(r->extras_json, key, v) {
		char path[160];

		(void)snprintf(path, sizeof(path), "%s.additionalInfo.%.64s", at, key);
		if (strcmp(key, "*") != 0 && pci_address_check(key))
			return err_set(e, ERR_CONFIG, "%s: %s, or be \"*\"", path,
				       pci_address_check(key));
		r->extras[r->n_extras].address = key;
		if (read_pairs(rd, v, path, &r->extras[r->n_extras++], e) < 0)
			return -1;
	}
	return 0;
}

static int finish(struct reading *rd, struct dp_config *c, size_t i, struct err *e)
{
	struct dp_resource *r = &c->resources[i];
	char at[32];

	(void)snprintf(at, sizeof(at), "resourceList[%zu]", i);
	if (!r->prefix)
		r->prefix = rd->prefix;
	r->is_accelerator = !strcmp(r->type, "accelerator");
	while (strcmp(r->prefer_name, prefer_names[r->prefer]) != 0)
		r->prefer++;
	for (size_t k = 0; k < i; k++)
		if (!strcmp(c->resources[k].name, r->name) &&
		    !strcmp(c->resources[k].prefix, r->prefix))
			return err_set(
				e, ERR_CONFIG,
				"%s.resourceName: \"%.64s\": resourceList[%zu] is %.64s/%.64s, too",
				at, r->name, k, r->prefix, r->name);
	return read_selectors(rd, r, at, e) < 0 ? -1 : read_extras(rd, r, at, e);
}

static json_t *parse(const char *file_text, struct err *e)
{
	json_error_t error;
	json_t *doc = json_loads(file_text, 0, &error);

	if (!doc)
		(void)err_set(e, ERR_DECODE, "line %d, column %d: %s", error.line, error.column,
			      error.text);
	else if (!json_is_object(doc))
		(void)err_set(e, ERR_DECODE, "must be an object");
	return doc;
}

static void decref(json_t **doc)
{
	json_decref(*doc);
}

/** Strings are the document's, which ends here: those that stay move to the arena. */
static int keep_words(struct arena *arena, const char **word, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (word[i] && !(word[i] = arena_strdup(arena, word[i])))
			return -1;
	return 0;
}

static int keep_selector(struct arena *arena, struct dp_selector *s)
{
	struct dp_words *lists[] = {&s->vendors,  &s->devices,      &s->drivers,   &s->addresses,
				    &s->pf_names, &s->root_devices, &s->link_types};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (keep_words(arena, lists[i]->word, lists[i]->n) < 0)
			return -1;
	return 0;
}

static int keep_extra(struct arena *arena, struct dp_extra *x)
{
	for (size_t i = 0; i < x->n_pairs; i++)
		if (keep_words(arena, &x->pairs[i].key, 1) < 0 ||
		    keep_words(arena, &x->pairs[i].value, 1) < 0)
			return -1;
	return keep_words(arena, &x->address, 1);
}

static int keep(struct arena *arena, struct dp_resource *r)
{
	r->selectors_json = r->extras_json = NULL;
	r->prefer_name = prefer_names[r->prefer];
	r->type = r->is_accelerator ? "accelerator" : "netDevice";
	for (size_t i = 0; i < r->n_selectors; i++)
		if (keep_selector(arena, &r->selectors[i]) < 0)
			return -1;
	for (size_t i = 0; i < r->n_extras; i++)
		if (keep_extra(arena, &r->extras[i]) < 0)
			return -1;
	return keep_words(arena, &r->name, 1) < 0 ? -1 : keep_words(arena, &r->prefix, 1);
}

static int read_document(struct dp_config *out, const char *file_text, struct reading *rd,
			 struct err *e)
{
	_cleanup_(decref) json_t *doc = parse(file_text, e);

	if (!json_is_object(doc) || conf_read(out, fields, doc, "", &rd->report, rd->arena, e) < 0)
		return -1;
	for (size_t i = 0; i < out->n_resources; i++) {
		if (finish(rd, out, i, e) < 0)
			return -1;
		if (keep(rd->arena, &out->resources[i]) < 0)
			return err_set(e, ERR_TRY_AGAIN, "out of memory");
	}
	return 0;
}

int dp_config_read(struct dp_config *out, const char *path, const char *prefix, struct arena *arena,
		   struct err *e)
{
	struct reading rd = {.arena = arena, .prefix = prefix, .report = {.strict = true}};
	char *file_text = file_read_path(arena, path, CONFIG_MAX, e);
	struct dp_config config = {};

	if (!file_text)
		return -1;
	if (read_document(&config, file_text, &rd, e) < 0)
		return err_wrap(e, "%s", path);
	*out = config;
	return 0;
}

void dp_config_markdown(void)
{
	conf_print_markdown(stdout, fields);
}

bool dp_word_selects(const char *word, const char *name, long number)
{
	size_t n = strcspn(word, "#");
	const char *s = word + n;
	long first, last;

	if (strlen(name) != n || strncasecmp(word, name, n) != 0)
		return false;
	if (!*s)
		return true;
	while (s && *s) {
		s = read_range(s + 1, &first, &last);
		if (s && number >= first && number <= last)
			return true;
	}
	return false;
}
