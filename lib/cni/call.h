/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cni/result.h"
#include "conf/conf.h"
#include "node/attachment.h"

/** What the runtime wants done (CNI specification 1.1.0, section 2). */
enum cni_verb { CNI_ADD, CNI_DEL, CNI_CHECK, CNI_STATUS, CNI_GC, CNI_VERSION, CNI_VERBS };

/** The keys every configuration may carry; the first member of every plugin's struct. */
struct cni_common {
	const char *version, *name, *type;
	bool strict; ///< unknown keys are errors
	struct {
		struct {
			const char *mac; ///< requested MAC address
			const char **ips;
			size_t n_ips;
		} cni;
	} args;
	struct {
		const char *mac;
		const char **ips; ///< requested addresses, "10.1.0.5" or "10.1.0.5/24"
		size_t n_ips;
		struct json_t *ip_ranges; ///< host-local's range sets
	} runtime;
	struct cni_dns dns;
	struct json_t *prev_result;
	struct json_t *capabilities; ///< the runtime's business
};

/** Their offsets are those of struct cni_common. */
extern const struct conf_field cni_args_fields[], cni_runtime_fields[], cni_text;

/**
 * For the plugin's table; its struct has `struct cni_common common` as first member. A chained
 * plugin that has requests of its own under "args" or "runtimeConfig" starts with CNI_BASE_KEYS.
 */
// clang-format off
#define CNI_BASE_KEYS                                                                              \
	conf_str(struct cni_common, version, "cniVersion"),                                        \
	conf_str(struct cni_common, name, "name"),                                                 \
	conf_str(struct cni_common, type, "type"),                                                 \
	conf_bool(struct cni_common, strict, "strict",                                             \
		  .help = "refuse keys that the plugin does not know, instead of warning"),        \
	conf_json(struct cni_common, prev_result, "prevResult"),                                   \
	conf_json(struct cni_common, capabilities, "capabilities")

/** Under "runtimeConfig"; a plugin that knows of more starts its own list with these. */
#define CNI_RUNTIME_KEYS                                                                           \
	conf_mac(struct cni_common, runtime.mac, "mac",                                            \
		 .help = "capability mac: MAC address for the container"),                         \
	conf_list(struct cni_common, runtime.ips, runtime.n_ips, "ips", &cni_text,                 \
		  .help = "capability ips: addresses to reserve"),                                 \
	conf_json(struct cni_common, runtime.ip_ranges, "ipRanges",                                \
		  .help = "capability ipRanges: range sets before those of the configuration")

/** The objects "args" and "runtimeConfig", read by the table FIELDS; keys of others are allowed. */
#define CNI_CONF_ARGS(FIELDS)                                                                      \
	{.kind = CONF_OBJ, .key = "args", .sub = (FIELDS), .open = true,                           \
	 .help = "requests made by whoever wrote the configuration"}
#define CNI_CONF_RUNTIME(FIELDS)                                                                   \
	{.kind = CONF_OBJ, .key = "runtimeConfig", .sub = (FIELDS), .open = true,                  \
	 .help = "requests made by the runtime, per capability"}

#define CNI_COMMON_KEYS                                                                            \
	CNI_BASE_KEYS, CNI_CONF_ARGS(cni_args_fields), CNI_CONF_RUNTIME(cni_runtime_fields),        \
	conf_obj(struct cni_common, dns, "dns", cni_dns_fields,                                    \
		 .help = "name service to report instead of what IPAM says")
// clang-format on

/** One attachment that must survive GC. */
struct cni_valid {
	const char *container;
	const char *ifname;
};

/**
 * One invocation, as the runtime describes it: the CNI_* variables and the configuration. All of it
 * lives until cni_main() returns.
 */
struct cni_call {
	enum cni_verb verb;
	enum cni_version version;
	struct attachment at; ///< network; container and interface too, where the verb has them
	const char *netns;    ///< path; NULL if the runtime gave none
	int netns_fd;         ///< for plugins that ask for it; -1 when the namespace is gone
	const char *args;     ///< CNI_ARGS, or ""
	const char *path;     ///< CNI_PATH
	const char *input;    ///< the configuration as it came, for delegates
	struct json_t *doc;   ///< the same, parsed
	const struct cni_common *common;
	const void *conf; ///< the plugin's own struct, read and checked; starts with *common
	const struct cni_result *prev; ///< NULL if there is none
	bool gc; ///< GC: a list of valid attachments was given; without one, do nothing
	const struct cni_valid *valid;
	size_t n_valid;
	struct arena *arena;
};

/** The container's interface as prevResult lists it; NULL if it does not, or there is none. */
const struct cni_iface *cni_call_iface(const struct cni_call *call);

/** What CNI_COMMAND calls the verb. */
const char *cni_verb_text(enum cni_verb verb);

/** Fill the call from the environment and check it; all missing variables are named together. */
int cni_call_from_env(struct cni_call *call, struct err *e) _must_check_;

/** Fill the call from the document in call->doc: name, version, prevResult, valid attachments. */
int cni_call_from_doc(struct cni_call *call, struct err *e) _must_check_;

/**
 * conf_read() with the call's strictness; what it warns of is logged. In an @open object unknown
 * keys are others' business.
 */
int cni_read_conf(const struct cni_call *call, void *out, const struct conf_field *fields,
		  struct json_t *json, const char *at, bool open, struct err *e) _must_check_;

/**
 * Take over a reference to @json, so that what borrows from it lives as long as the call, whatever
 * the outcome.
 */
int cni_call_keep(const struct cni_call *call, struct json_t *json, struct err *e) _must_check_;

/** Whether GC must keep what belongs to this attachment; an empty @ifname matches every interface.
 */
bool cni_call_is_valid(const struct cni_call *call, const char *container, const char *ifname);

/** The same for the tag of an attachment to this network (attachment_tag()): a ruleset_tag_fn. */
bool cni_call_keeps(const char *tag, const void *call);
