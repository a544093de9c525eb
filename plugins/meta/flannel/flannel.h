/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/addr.h"
#include "cni/nested.h"

/** The configuration of a flannel network. */
struct flannel_conf {
	struct cni_common common;
	const char *subnet_file, *data_dir;
	struct {
		const char *type;           ///< of the plugin that does the work
		struct json_t *name, *ipam; ///< not allowed there
	} delegate;
	struct {
		const char *type;
		struct json_t **routes;
		size_t n_routes;
	} ipam;
};

struct prefix_list {
	struct prefix *list;
	size_t n;
};

/** The networks of the cluster and this node's share of them: what flannel's daemon wrote down. */
struct subnet {
	struct prefix_list networks[2]; ///< IPv4's key and IPv6's
	struct prefix_list own[2];      ///< the same for the node's subnets; one or none
	int64_t mtu;
	bool masq; ///< the daemon masquerades
};

/**
 * Read a subnet file (subnet.c). ERR_TRY_AGAIN if it is not there: the daemon has not started yet.
 * What is wrong in it is named with its line.
 */
int subnet_read(struct subnet *out, const char *path, struct arena *arena,
		struct err *e) _must_check_;

/**
 * The configuration of the delegate (delegate.c), key for key what the original makes of the same
 * input: flannel-io/cni-plugin 1.9, flannel_linux.go. Without @subnet all is there but what comes
 * from it, which is enough to delete. Lives as long as the call; NULL with @e filled when memory is
 * short.
 */
struct json_t *delegate_make(const struct cni_call *call, const struct subnet *subnet,
			     struct err *e);

/** One that was saved, read again; NULL if @text is none. */
struct json_t *delegate_read(const struct cni_call *call, const char *text);

/** Its text, as it is saved; NULL with @e filled when memory is short. */
const char *delegate_text(const struct cni_call *call, struct json_t *delegate, struct err *e);

const char *delegate_name(struct json_t *delegate);
const char *delegate_type(struct json_t *delegate);

/** Whether the two give addresses from other subnets, which are written to @was and @is. */
bool delegate_moved(const struct cni_call *call, struct json_t *old, struct json_t *now,
		    const char **was, const char **is);

/** Whether deleting by either deletes the same. */
bool delegate_is_same(struct json_t *a, struct json_t *b);

/** Give it another @value at a key of its own. */
int delegate_set(struct json_t *delegate, const char *key, const char *value,
		 struct err *e) _must_check_;

/** What is saved for a container (saved.c): dataDir/CONTAINER, in the original's format. */
struct saved {
	struct json_t *delegate; ///< NULL: nothing, or nothing that is usable
	bool others;             ///< it belongs to another network of the container
	bool garbage;            ///< it is there, and empty, as a power cut leaves it
};

/** Never fails: what cannot be read is logged, and as good as missing. */
void saved_read(struct saved *out, const struct cni_call *call, const char *container);

/** The directory, made if need be, to write into later. The caller closes it. */
int saved_open(const struct cni_call *call, int *dir, struct err *e) _must_check_;
int saved_write(const struct cni_call *call, int dir, const char *text, struct err *e) _must_check_;
int saved_remove(const struct cni_call *call, const char *container, struct err *e) _must_check_;

/** Give the call to the delegate. */
int flannel_delegate(struct nested *out, const struct cni_call *call, struct json_t *delegate,
		     struct err *e) _must_check_;

/** The verbs. */
int flannel_add(const struct cni_call *call, struct cni_result *result, struct err *e) _must_check_;
int flannel_del(const struct cni_call *call, struct err *e) _must_check_;
int flannel_check(const struct cni_call *call, struct err *e) _must_check_;
int flannel_status(const struct cni_call *call, struct err *e) _must_check_;
int flannel_gc(const struct cni_call *call, struct err *e) _must_check_;
