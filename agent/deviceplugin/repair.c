// SPDX-License-Identifier: Apache-2.0
#include "deviceplugin/repair.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/log.h"
#include "deviceplugin/plugin.h"

enum {
	PATIENCE_MS = 3000, ///< for the runtime's own DEL
	AGAIN_MS = 60000,   ///< after a failure
	LIMIT_MS = 60000,   ///< for the plugin; it waits for a lock, or the card, at most
};

static struct dp_left *find(const struct dp_repair *r, const char *address)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->left[i].address, address))
			return &r->left[i];
	return NULL;
}

/** Who is left by now; those that were before keep their time. The kubelet is asked about others.
 */
static int list_left(struct dp_repair *r)
{
	bool more = false;
	const struct dp_inventory *inv = &r->dp->inventory;
	struct dp_left *left = calloc(inv->n + 1, sizeof(*left));
	size_t n = 0;

	if (!left)
		return -1;
	for (size_t i = 0; i < inv->n; i++) {
		const char *address = inv->devices[i].pci.vf.address;
		const struct dp_left *before = find(r, address);

		if (inv->devices[i].hold.kind != VF_LEFT)
			continue;
		memcpy(left[n].address, address, sizeof(left[n].address));
		left[n++].due = before ? before->due : loop_now() + PATIENCE_MS;
		more |= !before;
	}
	free(r->left);
	r->left = left;
	r->n = n;
	if (more)
		dp_assigned_ask(&r->dp->assigned);
	return 0;
}

/**
 * That a namespace cannot be found may mean that it is not visible from here. One that is gone has
 * sent the interface home; of a device without one the kubelet must say that no pod has it.
 */
static bool is_surely_left(const struct dp_repair *r, const struct dp_device *d)
{
	const struct pci_vf *vf = &d->pci.vf;

	if (d->hold.kind != VF_LEFT || dp_assigned_find(&r->dp->assigned, vf->address))
		return false;
	if (pci_driver_is_userspace(vf->driver))
		return r->dp->assigned.answered;
	return *vf->netdev || !*vf->driver;
}

/** What the plugin reads: its network's name is all that a DEL by the record needs. */
static int write_input(const struct vf_hold *hold)
{
	_cleanup_(fd_closep) int fd = memfd_create("cni", MFD_CLOEXEC);
	json_t *doc = json_pack("{s:s, s:s, s:s}", "cniVersion", "1.0.0", "type", "sriov", "name",
				hold->network);
	int rc = fd < 0 || !doc ? -1 : json_dumpfd(doc, fd, JSON_COMPACT);

	json_decref(doc);
	return rc < 0 || lseek(fd, 0, SEEK_SET) < 0 ? -1 : TAKE_FD(fd);
}

/** Without our signal mask, and with nobody to read its result. Returns 0, or an errno. */
static int spawn(const char *path, char *const env[], int input, pid_t *pid)
{
	char *const argv[] = {(char *)(uintptr_t)path, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int rc;

	(void)sigemptyset(&none);
	(void)posix_spawnattr_init(&attr);
	(void)posix_spawnattr_setsigmask(&attr, &none);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
	(void)posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
	rc = posix_spawn(pid, path, &files, &attr, argv, env);
	(void)posix_spawn_file_actions_destroy(&files);
	(void)posix_spawnattr_destroy(&attr);
	return rc;
}

static void on_child(void *ctx, uint32_t events)
{
	struct dp_repair *r = ctx;
	int fd = r->child.fd, status = 0;

	(void)events;
	(void)waitpid(r->pid, &status, 0);
	loop_unwatch(r->dp->loop, &r->child);
	loop_timer_stop(r->dp->loop, &r->timer);
	fd_closep(&fd);
	r->pid = 0;
	if (status)
		log_warn("%s: the plugin sriov could not take it back", r->address);
	else
		log_warn("%s: no DEL came for it, it was taken back", r->address);
	dp_changed(r->dp);
}

/** Call the plugin with the DEL that never came. */
static int call_plugin(struct dp_repair *r, const struct vf_hold *hold)
{
	char container[VF_OWNER + 24], ifname[IFNAMSIZ + 16], path[PATH_MAX + 16], dir[PATH_MAX];
	char *const env[] = {(char *)(uintptr_t) "CNI_COMMAND=DEL", container, ifname, path, NULL};
	_cleanup_(fd_closep) int input = write_input(hold);
	struct err e = {};
	int fd, rc;

	if (input < 0)
		return -1;
	(void)snprintf(dir, sizeof(dir), "%s", r->dp->options.plugin);
	(void)snprintf(container, sizeof(container), "CNI_CONTAINERID=%s", hold->container);
	(void)snprintf(ifname, sizeof(ifname), "CNI_IFNAME=%s", hold->ifname);
	(void)snprintf(path, sizeof(path), "CNI_PATH=%s", dirname(dir));
	rc = spawn(r->dp->options.plugin, env, input, &r->pid);
	if (rc) {
		r->pid = 0;
		log_warn("%s: no DEL came for it, and nobody can take it back: --sriov-plugin %s: "
			 "%s",
			 r->address, r->dp->options.plugin, strerror(rc));
		return -1;
	}
	fd = (int)syscall(SYS_pidfd_open, r->pid, 0);
	if (fd >= 0 && loop_timer_set(r->dp->loop, &r->timer, LIMIT_MS, &e) == 0 &&
	    loop_watch(r->dp->loop, &r->child, fd, EPOLLIN, &e) == 0)
		return 0;
	fd_closep(&fd);
	(void)waitpid(r->pid, NULL, 0); // some ten milliseconds
	r->pid = 0;
	dp_changed(r->dp);
	return 0;
}

static void on_timer(void *ctx)
{
	struct dp_repair *r = ctx;

	if (!r->pid) {
		dp_repair_look(r);
		return;
	}
	log_warn("%s: the plugin sriov does not end, and is killed", r->address);
	(void)kill(r->pid, SIGKILL);
}

/** The one that is due first; NULL: there is none. */
static struct dp_left *next(const struct dp_repair *r)
{
	struct dp_left *first = NULL;

	for (size_t i = 0; i < r->n; i++)
		if (!first || r->left[i].due < first->due)
			first = &r->left[i];
	return first;
}

void dp_repair_look(struct dp_repair *r)
{
	int64_t now = loop_now();
	const struct dp_device *d;
	struct dp_left *one;
	struct err e;

	if (r->pid || !*r->dp->options.plugin || list_left(r) < 0)
		return;
	one = next(r);
	if (one && one->due <= now) {
		// Whatever becomes of it: one that is left even then waits, and others have their
		// turn.
		one->due = now + AGAIN_MS;
		d = dp_inventory_find(&r->dp->inventory, one->address);
		memcpy(r->address, one->address, sizeof(r->address));
		if (!is_surely_left(r, d))
			dp_assigned_ask(&r->dp->assigned);
		else if (call_plugin(r, &d->hold) == 0)
			return;
		one = next(r);
	}
	if (one &&
	    loop_timer_set(r->dp->loop, &r->timer, one->due > now ? one->due - now : 1, &e) < 0)
		log_warn("%s", e.msg);
}

void dp_repair_open(struct dp_repair *r, struct dp *dp)
{
	*r = (struct dp_repair){.dp = dp};
	r->timer = (struct loop_timer){.fn = on_timer, .ctx = r};
	r->child = (struct loop_watch){.fn = on_child, .ctx = r, .fd = -1};
}

void dp_repair_close(struct dp_repair *r)
{
	int fd = r->child.fd;

	loop_timer_stop(r->dp->loop, &r->timer);
	loop_unwatch(r->dp->loop, &r->child);
	fd_closep(&fd);
	freep(&r->left);
}
