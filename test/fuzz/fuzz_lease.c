// SPDX-License-Identifier: Apache-2.0
/**
 * A lease directory of any files, "NAME\nCONTENT" with lines of '%' between them, and an index that
 * lists anything ("index" in the place of NAME). The addresses can be had or are somebody's, and
 * what is somebody's is found by its owner. Works in namespaces of its own; needs root.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "fuzz.h"
#include "node/lease.h"
#include "node/lease_private.h"
#include "world.h"

#define NET "/run/leases/net"

enum { FILES = 8 };

static const struct lease_owner me = {"me", "eth0"};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	world_make();
	return 0;
}

struct input {
	char names[FILES][256];
	size_t n;
	const char *index; ///< what it lists for us; NULL to leave it alone
};

/** Put one file where a lease may stand; a name that no file can have is not tried. */
static void put_file(const char *name, const char *content, size_t size)
{
	_cleanup_(fd_closep) int fd = -1;
	char path[512];

	(void)snprintf(path, sizeof(path), NET "/%s", name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0)
		must(write(fd, content, size) == (ssize_t)size);
}

/** One entry of the input, @size bytes at @at. */
static void put_entry(struct input *in, struct arena *arena, const char *at, size_t size)
{
	const char *end = memchr(at, '\n', size);
	size_t len = end ? (size_t)(end - at) : size;
	char *name = in->names[in->n];

	(void)snprintf(name, sizeof(in->names[0]), "%.*s", (int)len, at);
	if (!strcmp(name, "index")) {
		in->index = end ? arena_strndup(arena, end + 1, size - len - 1) : "";
		return;
	}
	if (!*name || strchr(name, '/') || !strcmp(name, "lock") || name[0] == '.')
		(void)snprintf(name, sizeof(in->names[0]), "10.1.0.5");
	put_file(name, end ? end + 1 : "", end ? size - len - 1 : 0);
	in->n++;
}

static void put_all(struct input *in, struct arena *arena, const char *at, size_t size)
{
	static const char between[] = "\n%\n";

	while (in->n < FILES) {
		const char *end = memmem(at, size, between, strlen(between));
		size_t len = end ? (size_t)(end - at) : size;

		put_entry(in, arena, at, len);
		if (!end)
			return;
		at += len + strlen(between);
		size -= len + strlen(between);
	}
}

/** A search by the index, whatever that says, succeeds. */
static void search_index(struct lease_store *store, const char *list, struct err *e)
{
	char name[HASH_TEXT];
	struct ipaddr *ips;
	size_t n;

	// As lease_index.c names the link of an owner.
	hash_format(hash_str(hash_str(HASH_SEED, me.container), me.ifname), name);
	lease_index_remove(store, &me);
	if (!*list || symlinkat(list, store->index, name) < 0)
		return;
	must(!strncmp(lease_index_find(store, &me), list, 1000));
	must(lease_find(store, &me, &ips, &n, e) == 0);
	lease_index_remove(store, &me);
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

/** What is left in the directory when all leases are gone. */
static void clear(const struct input *in)
{
	char path[512];

	for (size_t i = 0; i < in->n; i++) {
		(void)snprintf(path, sizeof(path), NET "/%s", in->names[i]);
		(void)unlink(path);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(lease_closep) struct lease_store *store = NULL;
	struct search s = {.canonical = true};
	struct input in = {};
	struct err e = {};

	if (size > 2000)
		return 0;
	must(lease_open(&store, &arena, "/run/leases", "net", LEASE_CREATE, &e) == 0);
	lease_closep(&store); // whoever else writes there holds the lock meanwhile
	put_all(&in, &arena, (const char *)data, size);
	must(lease_open(&store, &arena, "/run/leases", "net", LEASE_CREATE, &e) == 0);
	(void)lease_last(store, 0);
	if (in.index) {
		search_index(store, in.index, &e);
		store->complete = false; // what it said of us before is lost
	}
	for (size_t i = 0; i < in.n; i++) {
		char text[IP_TEXT];
		struct ipaddr ip;

		if (ip_parse(&ip, in.names[i]))
			continue;
		must(lease_reserve(store, &ip, &me, &e) >= 0);
		s.canonical &= !strcmp(ip_format(&ip, text), in.names[i]);
	}
	s.store = store;
	must(lease_each(store, everything, &s, &e) == 0);
	clear(&in);
	return 0;
}
