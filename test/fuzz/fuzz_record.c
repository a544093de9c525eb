// SPDX-License-Identifier: Apache-2.0
/**
 * Records of rulesets with any content: a table is rebuilt from them, and they are collected. Works
 * in a mount namespace of its own; needs root.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "fuzz.h"
#include "kernel.h"
#include "node/firewall.h"
#include "node/macspoof.h"
#include "node/masq.h"
#include "node/portmap.h"
#include "world.h"

static const struct ruleset_kind *const kinds[] = {&masq_kind, &macspoof_kind, &firewall_kind,
						   &portmap_kind};

/** The directory of a kind's records, or a file in it. */
static const char *path_of(const struct ruleset_kind *kind, const char *file, char buf[static 64])
{
	(void)snprintf(buf, 64, "/run/edgeway/%s/%s", kind->name, file);
	return buf;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	world_make();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		must(dir_make(path_of(kinds[i], "", (char[64]){}), 0755) == 0);
	kernel_agrees();
	return 0;
}

static bool keep_none(const char *tag, const void *ctx)
{
	(void)tag;
	(void)ctx;
	return false;
}

static void put_file(const char *path, const uint8_t *data, size_t size)
{
	_cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
}

/** Two records of the same content, so that they meet each other's elements. */
static void try_kind(const struct ruleset_kind *kind, const uint8_t *data, size_t size)
{
	_cleanup_(arena_free) struct arena arena = {};
	_cleanup_(ruleset_done) struct ruleset rules = {.kind = kind, .arena = &arena};
	struct err e = {};
	char path[64];

	for (int i = 0; i < 2; i++) {
		put_file(path_of(kind, i ? "1" : "0", path), data, size);
	}
	must(ruleset_resync(&rules, &e) == 0);
	must(ruleset_gc(&rules, "net", keep_none, NULL, true, &e) == 0);
	kernel_done();
}

/** What one line stands for fits its arrays. */
static void try_line(const struct ruleset_kind *kind, const char *line)
{
	struct ruleset_elem elems[RULESET_ELEMS] = {};
	size_t n = kind->elems(line, elems);

	must(n <= RULESET_ELEMS);
	for (size_t i = 0; i < n; i++) {
		must(strnlen(elems[i].set, RULESET_SET) < RULESET_SET);
		must(elems[i].key.len > 0 && elems[i].key.len <= sizeof(elems[i].key.bytes));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(arena_free) struct arena arena = {};
	const char *line = arena_strndup(&arena, (const char *)data, size);

	if (size > 4000)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		try_line(kinds[i], line);
		try_kind(kinds[i], data, size);
	}
	return 0;
}
