// SPDX-License-Identifier: Apache-2.0
#include "cni/tuned.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "cni/json.h"

enum { FILE_MAX = 1 << 20 };

/** What a file holds. */
struct saved {
	const char *network;
	struct tuned settings;
};

static const struct conf_field saved_fields[] = {
	conf_str(struct saved, network, "network"),
	TUNED_KEYS(struct saved, settings),
	conf_end,
};

int tuned_now(struct tuned *out, const struct tuned *wanted, const struct link *link,
	      struct arena *arena, struct err *e)
{
	char mac[MAC_TEXT];
	struct tuned now = {.mtu = -1, .promisc = -1, .allmulti = -1, .txqlen = -1};

	if (wanted->mac && *wanted->mac && !mac_is_zero(&link->mac)) {
		now.mac = arena_strdup(arena, mac_format(&link->mac, mac));
		if (!now.mac)
			return err_set(e, ERR_TRY_AGAIN, "out of memory");
	}
	if (wanted->mtu > 0)
		now.mtu = link->mtu;
	if (wanted->promisc >= 0)
		now.promisc = !!(link->flags & IFF_PROMISC);
	if (wanted->allmulti >= 0)
		now.allmulti = !!(link->flags & IFF_ALLMULTI);
	if (wanted->txqlen >= 0)
		now.txqlen = link->txqlen;
	*out = now;
	return 0;
}

/** Switch a flag, under the name of its key. */
static void put_flag(struct nl_msg *m, int index, unsigned int flag, bool on, const char *key,
		     const char *name)
{
	link_set_flags(m, index, on ? flag : 0, flag);
	nl_label(m, "%s: set to %s on %s", key, on ? "true" : "false", name);
}

void tuned_put(struct nl_msg *m, const struct tuned *settings, int index, const char *name)
{
	struct mac mac;

	if (settings->mac && !mac_parse(&mac, settings->mac)) {
		link_set_mac(m, index, &mac);
		nl_label(m, "mac: set %s to %s", name, settings->mac);
	}
	if (settings->mtu > 0) {
		link_set_mtu(m, index, (uint32_t)settings->mtu);
		nl_label(m, "mtu: set %s to %lld", name, (long long)settings->mtu);
	}
	if (settings->promisc >= 0)
		put_flag(m, index, IFF_PROMISC, settings->promisc, "promisc", name);
	if (settings->allmulti >= 0)
		put_flag(m, index, IFF_ALLMULTI, settings->allmulti, "allmulti", name);
	if (settings->txqlen >= 0) {
		link_set_txqlen(m, index, (uint32_t)settings->txqlen);
		nl_label(m, "txQLen: set %s to %lld", name, (long long)settings->txqlen);
	}
}

/** Read f->path, which may not be there. */
static int read_file(struct tuned_file *f, struct err *e)
{
	_cleanup_(fd_closep) int fd = open(f->path, O_RDONLY | O_CLOEXEC);

	// With a name that is too long nothing can have been written.
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG))
		return 0;
	if (fd < 0)
		return err_os(e, ERR_IO, errno, "dataDir: open %s", f->path);
	f->text = file_read_all(f->call->arena, fd, FILE_MAX, f->path, e);
	if (!f->text)
		return -1;
	f->doc = json_loads(f->text, 0, NULL);
	if (!f->doc && json_out_of_memory())
		return err_set(e, ERR_TRY_AGAIN, "read %s: out of memory", f->path);
	if (!json_is_object(f->doc)) {
		json_decref(f->doc);
		f->doc = NULL;
	}
	return 0;
}

int tuned_file_open(struct tuned_file *f, const struct cni_call *call, const char *dir,
		    struct err *e)
{
	*f = (struct tuned_file){.call = call};
	if (snprintf(f->path, sizeof(f->path), "%s/%s_%s.json", dir, call->at.container,
		     call->at.ifname) >= (int)sizeof(f->path))
		return err_set(e, ERR_CONFIG, "dataDir: too long");
	return read_file(f, e);
}

void tuned_file_done(struct tuned_file *f)
{
	json_decref(f->doc);
	f->doc = NULL;
}

static json_t *to_json(const struct tuned *settings, const char *network)
{
	json_t *doc = json_object(), *sysctls = settings->n_sysctls ? json_object() : NULL;

	json_object_set_new(doc, "network", json_string(network));
	if (settings->mac)
		json_object_set_new(doc, "mac", json_string(settings->mac));
	if (settings->mtu > 0)
		json_object_set_new(doc, "mtu", json_integer(settings->mtu));
	if (settings->promisc >= 0)
		json_object_set_new(doc, "promisc", json_boolean(settings->promisc));
	if (settings->allmulti >= 0)
		json_object_set_new(doc, "allmulti", json_boolean(settings->allmulti));
	if (settings->txqlen >= 0)
		json_object_set_new(doc, "txQLen", json_integer(settings->txqlen));
	for (size_t i = 0; i < settings->n_sysctls; i++)
		json_object_set_new(sysctls, settings->sysctls[i].key,
				    json_string(settings->sysctls[i].value));
	if (sysctls)
		json_object_set_new(doc, "sysctl", sysctls);
	return doc;
}

int tuned_file_write(const struct tuned_file *f, const struct tuned *settings, struct err *e)
{
	json_auto_t *doc = to_json(settings, f->call->at.network);
	_cleanup_(freep) char *text = NULL;
	char dir[PATH_MAX];
	int rc;

	if (f->doc)
		json_object_update_recursive(doc, f->doc);
	text = json_dumps(doc, JSON_INDENT(1));
	if (!text)
		return err_set(e, ERR_TRY_AGAIN, "write %s: out of memory", f->path);
	if (f->text) {
		rc = file_replace(AT_FDCWD, f->path, text, 0600);
	} else if ((rc = file_create(AT_FDCWD, f->path, text, 0600)) < 0 && errno == ENOENT) {
		(void)snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(f->path, '/') - f->path),
			       f->path);
		rc = dir_make(dir, 0700);
		rc = rc < 0 ? rc : file_create(AT_FDCWD, f->path, text, 0600);
	}
	return rc < 0 ? err_os(e, ERR_IO, errno, "dataDir: write %s", f->path) : 0;
}

int tuned_file_undo(void *ctx, int unused, struct err *e)
{
	const struct tuned_file *f = ctx;

	(void)unused;
	if (!f->text)
		return tuned_file_remove(f, e);
	if (file_replace(AT_FDCWD, f->path, f->text, 0600) < 0)
		return err_os(e, ERR_IO, errno, "restore %s", f->path);
	return 0;
}

/** In what others wrote, a wrong value is none. */
static int parse(const struct tuned_file *f, struct saved *out, struct err *e)
{
	struct conf_report report = {.lenient = true, .open = true};

	if (!f->doc)
		return err_set(e, ERR_DECODE, "%s: not a JSON object", f->path);
	return conf_read(out, saved_fields, f->doc, "", &report, f->call->arena, e);
}

int tuned_file_read(const struct tuned_file *f, struct tuned *out, struct err *e)
{
	struct saved saved = {};

	if (parse(f, &saved, e) < 0)
		return -1;
	*out = saved.settings;
	return 0;
}

int tuned_file_remove(const struct tuned_file *f, struct err *e)
{
	if (unlink(f->path) < 0 && errno != ENOENT)
		return err_os(e, ERR_IO, errno, "remove %s", f->path);
	return 0;
}

/** Whether the file called @name is that of a valid attachment. */
static bool is_kept(const struct cni_call *call, const char *name)
{
	for (size_t i = 0; i < call->n_valid; i++) {
		size_t n = strlen(call->valid[i].container), m = strlen(call->valid[i].ifname);

		if (!strncmp(name, call->valid[i].container, n) && name[n] == '_' &&
		    !strncmp(name + n + 1, call->valid[i].ifname, m) &&
		    !strcmp(name + n + 1 + m, ".json"))
			return true;
	}
	return false;
}

/** Remove one file if it says that it is of this network. */
static int collect(const struct cni_call *call, const char *dir, const char *name, struct err *e)
{
	_cleanup_(tuned_file_done) struct tuned_file f = {.call = call};
	struct saved saved = {};

	if (snprintf(f.path, sizeof(f.path), "%s/%s", dir, name) >= (int)sizeof(f.path))
		return 0;
	if (read_file(&f, e) < 0)
		return -1;
	if (!f.text)
		return 0;
	if (parse(&f, &saved, e) < 0) {
		if (e->code != ERR_DECODE)
			return -1;
		log_warn("left alone: %s", e->msg);
		return 0;
	}
	if (!saved.network || strcmp(saved.network, call->at.network) != 0)
		return 0;
	return tuned_file_remove(&f, e);
}

int tuned_gc(const struct cni_call *call, const char *dir, struct err *e)
{
	_cleanup_(fd_closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char **names;
	size_t n;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || dir_list(call->arena, fd, &names, &n) < 0)
		return err_os(e, ERR_IO, errno, "dataDir: list %s", dir);
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(names[i]);

		if (len < 5 || strcmp(names[i] + len - 5, ".json") != 0 || is_kept(call, names[i]))
			continue;
		if (collect(call, dir, names[i], e) < 0)
			return -1;
	}
	return 0;
}
