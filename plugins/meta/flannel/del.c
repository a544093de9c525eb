// SPDX-License-Identifier: Apache-2.0
/** DEL and GC: the delegate takes away what it made, then what was saved goes too. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/steps.h"
#include "cni/delegate.h"
#include "flannel.h"

/** What ADD would do now, as far as that can be known. */
static struct json_t *present(const struct cni_call *call, struct err *e)
{
	const struct flannel_conf *conf = call->conf;
	struct err ignored = {};
	struct subnet subnet;

	if (subnet_read(&subnet, conf->subnet_file, call->arena, &ignored) == 0)
		return delegate_make(call, &subnet, e);
	log_info("%s", ignored.msg);
	return delegate_make(call, NULL, e);
}

/** Not call->verb: an ADD whose result nobody could read ends in a DEL. */
static int run(const struct cni_call *call, enum cni_verb verb, struct json_t *delegate,
	       struct err *e)
{
	struct nested nested;

	if (flannel_delegate(&nested, call, delegate, e) < 0)
		return -1;
	return nested_run(&nested, verb, NULL, e);
}

/**
 * A plugin that is no longer installed cannot be asked, and a runtime would repeat that for ever.
 * What goes by network, container and interface bridge deletes as well: leases, masquerading, a
 * pair; the rest goes with the namespace.
 */
static int stand_in(const struct cni_call *call, struct json_t *delegate, struct err *e)
{
	const char *type = delegate_type(delegate);
	struct err missing = {};

	if (!strcmp(type, "bridge") || delegate_check(call, type, &missing) == 0)
		return 0;
	log_warn("delegate.type: %s: deleted without it", missing.msg);
	return delegate_set(delegate, "type", "bridge", e);
}

int flannel_del(const struct cni_call *call, struct err *e)
{
	struct json_t *delegate;
	struct saved saved;

	saved_read(&saved, call, call->at.container);
	delegate = saved.delegate ? saved.delegate : present(call, e);
	if (!delegate || (saved.delegate && stand_in(call, delegate, e) < 0))
		return -1;
	if (run(call, CNI_DEL, delegate, e) < 0) {
		// Most likely it is gone already. A plugin that does not understand this, or is not
		// even there, must not make the runtime repeat the DEL for ever.
		if (saved.delegate || !strcmp(delegate_type(delegate), "bridge"))
			return -1;
		log_warn("nothing is saved for the container, so ignored: %s", e->msg);
		*e = (struct err){};
	}
	return saved.others ? 0 : saved_remove(call, call->at.container, e);
}

/** Remove what is saved for @container, which is gone, after a GC by it if it says anything new. */
static int collect(const struct cni_call *call, const char *container, struct json_t *now,
		   struct err *e)
{
	const struct flannel_conf *conf = call->conf;
	struct saved saved;

	saved_read(&saved, call, container);
	if (!saved.delegate && !saved.garbage)
		return 0; // who knows whose
	// Before 1.1.0 there was no GC.
	if (saved.delegate && !delegate_is_same(saved.delegate, now) &&
	    (delegate_set(saved.delegate, "cniVersion", conf->common.version, e) < 0 ||
	     stand_in(call, saved.delegate, e) < 0 || run(call, CNI_GC, saved.delegate, e) < 0))
		return -1;
	return saved_remove(call, container, e);
}

/** What was saved for containers that are gone. */
static int collect_all(const struct cni_call *call, struct json_t *now, struct err *e)
{
	const struct flannel_conf *conf = call->conf;
	_cleanup_(fd_closep) int dir = open(conf->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct steps steps = {.first = e};
	const char **names;
	size_t n;

	if (dir < 0 && errno == ENOENT)
		return 0;
	if (dir < 0 || dir_list(call->arena, dir, &names, &n) < 0)
		return err_os(e, ERR_IO, errno, "dataDir: read %s", conf->data_dir);
	for (size_t i = 0; i < n; i++)
		if (!cni_call_is_valid(call, names[i], ""))
			step(&steps, collect(call, names[i], now, &steps.err));
	return steps.rc;
}

int flannel_gc(const struct cni_call *call, struct err *e)
{
	struct json_t *now = present(call, e);
	struct steps steps = {.first = e};

	if (!now)
		return -1;
	step(&steps, run(call, CNI_GC, now, &steps.err));
	step(&steps, collect_all(call, now, &steps.err));
	return steps.rc;
}
