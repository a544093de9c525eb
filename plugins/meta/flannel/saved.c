// SPDX-License-Identifier: Apache-2.0
/**
 * dataDir/CONTAINER: the delegate's configuration, for a DEL that knows no better, by us or by the
 * original after the binaries were exchanged.
 *
 * Our own DEL can do without, so that nothing waits for a disk: what a power cut leaves empty is as
 * good as missing. The original has one name for all networks of a container; whose it is, its
 * content says.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "flannel.h"

enum { SAVED_MAX = 1 << 20 };

static const char *path_of(const struct cni_call *call, const char *container)
{
	const struct flannel_conf *conf = call->conf;

	return arena_printf(call->arena, "%s/%s", conf->data_dir, container);
}

void saved_read(struct saved *out, const struct cni_call *call, const char *container)
{
	const char *path = path_of(call, container), *text;
	struct err e = {};

	*out = (struct saved){};
	text = path ? file_read_path(call->arena, path, SAVED_MAX, &e) : NULL;
	if (!text) {
		if (e.os != ENOENT)
			log_warn("%s", e.msg);
		return;
	}
	out->garbage = !*text;
	out->delegate = delegate_read(call, text);
	out->others = out->delegate && strcmp(delegate_name(out->delegate), call->at.network) != 0;
	if (!out->delegate)
		log_warn("%s: not a configuration, ignored", path);
	if (out->others)
		out->delegate = NULL;
}

int saved_open(const struct cni_call *call, int *dir, struct err *e)
{
	const struct flannel_conf *conf = call->conf;
	int fd = open(conf->data_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && dir_make(conf->data_dir, 0700) == 0)
		fd = open(conf->data_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_os(e, ERR_IO, errno, "dataDir: open %s", conf->data_dir);
	*dir = fd;
	return 0;
}

int saved_write(const struct cni_call *call, int dir, const char *text, struct err *e)
{
	const char *name = call->at.container;

	if (file_create(dir, name, text, 0600) == 0)
		return 0;
	// Another attachment's of this container, or a dead one's; it may be written just now.
	if (errno == EEXIST && unlinkat(dir, name, 0) == 0 &&
	    (file_create(dir, name, text, 0600) == 0 || errno == EEXIST))
		return 0;
	return err_os(e, ERR_IO, errno, "dataDir: write %s", path_of(call, name));
}

int saved_remove(const struct cni_call *call, const char *container, struct err *e)
{
	const char *path = path_of(call, container);

	if (!path)
		return err_set(e, ERR_TRY_AGAIN, "dataDir: out of memory");
	if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
		return err_os(e, ERR_IO, errno, "dataDir: remove %s", path);
	return 0;
}
