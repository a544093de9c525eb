// SPDX-License-Identifier: Apache-2.0
/**
 * Lease files of any name and content: "NAME\nCONTENT". The address can be had or is somebody's,
 * and what is somebody's is found by its owner. Works in namespaces of its own; needs root.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "fuzz.h"
#include "node/lease.h"

#define NET "/run/leases/net"

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	must(unshare(CLONE_NEWNS) == 0);
	must(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	must(mount("tmpfs", "/run", "tmpfs", 0, NULL) == 0);
	must(mount("tmpfs", "/var/lib", "tmpfs", 0, NULL) == 0);
	return 0;
}

/** Put the input where a lease may stand; a name that no file can have is not tried. */
static void put_file(const uint8_t *data, size_t size, char *name, size_t name_size)
{
	const uint8_t *end = memchr(data, '\n', size);
	size_t len = end ? (size_t)(end - data) : size;
	_cleanup_(fd_closep) int fd = -1;
	char path[512];

	(void)snprintf(name, name_size, "%.*s", (int)len, (const char *)data);
	if (!*name || strchr(name, '/') || !strcmp(name, "lock"))
		(void)snprintf(name, name_size, "10.1.0.5");
	(void)snprintf(path, sizeof(path), NET "/%s", name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0 && end)
		must(write(fd, end + 1, size - len - 1) == (ssize_t)(size - len - 1));
}

struct search {
	struct lease_store *store;
	bool canonical; ///< all names are as we write them; only those are looked for
};

/** Delete each lease, after its owner has found it. */
static int everything(const struct lease *lease, void *ctx, struct err *e)
{
	const struct search *s = ctx;
	struct ipaddr *ips;
	size_t n;

	if (!*lease->owner.container)
		return 1;
	must(lease_find(s->store, &lease->owner, &ips, &n, e) == 0);
	for (size_t i = 0; i < n; i++)
		if (!ip_cmp(&ips[i], &lease->ip))
			return 1;
	must(!s->canonical);
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(lease_closep) struct lease_store *store = NULL;
	const struct lease_owner me = {"me", "eth0"};
	char name[256], path[512], text[IP_TEXT];
	struct search s = {.canonical = true};
	struct err e = {};
	struct ipaddr ip;

	if (size > 2000)
		return 0;
	must(lease_open(&store, &arena, "/run/leases", "net", LEASE_CREATE, &e) == 0);
	put_file(data, size, name, sizeof(name));
	lease_closep(&store);
	must(lease_open(&store, &arena, "/run/leases", "net", LEASE_CREATE, &e) == 0);
	(void)lease_last(store, 0);
	if (!ip_parse(&ip, name)) {
		must(lease_reserve(store, &ip, &me, &e) >= 0);
		s.canonical = !strcmp(ip_format(&ip, text), name);
	}
	s.store = store;
	must(lease_each(store, everything, &s, &e) == 0);
	(void)snprintf(path, sizeof(path), NET "/%s", name);
	(void)unlink(path); // what was no lease
	return 0;
}
