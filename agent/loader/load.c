// SPDX-License-Identifier: Apache-2.0
#include "loader/load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "loader/about.h"
#include "loader/attach.h"
#include "loader/object.h"
#include "loader/pins.h"
#include "loader/recover.h"

#define CONNTRACK EDGEWAY_PINS "/" MAP_CONNTRACK

/** Whether the CPU may read what comes later in a program before what comes sooner. */
#ifdef __x86_64__
static const uint32_t reads_overtake;
#else
static const uint32_t reads_overtake = 1;
#endif

/**
 * What is on its way in: the object, and the tables of connections that are pinned. `next` is one
 * that an upgrade to another layout has begun to fill; at its end it takes the place of `now`.
 */
struct job {
	struct object object;
	struct table now, next;
	struct about about;
};

static void job_done(struct job *j)
{
	object_close(&j->object);
	table_close(&j->now);
	table_close(&j->next);
}

static bool is_wanted(const struct job *j, const struct table *t)
{
	return t->fd >= 0 && table_layout_same(&t->layout, &j->object.table);
}

/** The table that the new programs go on with; NULL if they start with one of their own. */
static const struct table *kept_table(const struct job *j)
{
	if (is_wanted(j, &j->now))
		return &j->now;
	return is_wanted(j, &j->next) ? &j->next : NULL;
}

/**
 * Find the tables that are pinned. Without what tells their seed they are worthless. If both have
 * another layout than the object's, two upgrades were cut short: the one that was to come has the
 * connections of both.
 */
static int find_tables(struct job *j, struct err *e)
{
	char next[PATH_MAX];

	pins_next(CONNTRACK, next);
	if (!j->about.ct_seed && (pins_remove(next, e) < 0 || pins_remove(CONNTRACK, e) < 0))
		return -1;
	if (table_open(&j->now, CONNTRACK, e) < 0 || table_open(&j->next, next, e) < 0)
		return -1;
	if (j->next.fd < 0 || kept_table(j))
		return 0;
	table_close(&j->now);
	j->now = j->next;
	j->next = (struct table)TABLE_NONE;
	return pins_move(next, CONNTRACK, e);
}

/** Have one map of the object be the one that is pinned, if that is what the object would make. */
static int reuse_map(struct bpf_map *map, const char *path, struct err *e)
{
	_cleanup_(fd_closep) int fd = -1;
	bool fits;

	if (pins_open(path, &fd, e) < 0)
		return -1;
	if (fd < 0)
		return 0;
	if (object_fits(map, fd, &fits, e) < 0)
		return -1;
	if (fits)
		return object_reuse(map, fd, e);
	if (!strcmp(path, EDGEWAY_PINS "/" MAP_ENDPOINTS) ||
	    !strcmp(path, EDGEWAY_PINS "/" MAP_INTERFACES))
		return err_set(e, ERR_CONFIG,
			       "%s: what is loaded has another layout under the same name, and "
			       "every pod is in it",
			       path);
	return 0; // what is in others, and not carried over, may be forgotten
}

static int reuse_maps(const struct job *j, struct err *e)
{
	const struct table *kept = kept_table(j);
	struct bpf_map *map;

	bpf_object__for_each_map(map, j->object.bpf) {
		const char *path = pins_map_path(bpf_map__name(map));
		int rc = 0;

		if (path && strcmp(path, CONNTRACK) != 0)
			rc = reuse_map(map, path, e);
		else if (path && kept)
			rc = object_reuse(map, kept->fd, e);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int load_object(struct job *j, const struct build *build, struct err *e)
{
	struct about *about = &j->about;
	uint32_t mask;

	if (object_open(&j->object, build, e) < 0 || find_tables(j, e) < 0)
		return -1;
	// Connections are found as long as the seed of their hash is the same.
	if (!about->ct_seed && getrandom(&about->ct_seed, sizeof(about->ct_seed), 0) < 0)
		return err_os(e, ERR_KERNEL, errno, "choose a random seed");
	mask = j->object.table.buckets - 1;
	if (object_set(&j->object, "ct_seed", &about->ct_seed, sizeof(about->ct_seed), e) < 0 ||
	    object_set(&j->object, "ct_mask", &mask, sizeof(mask), e) < 0 ||
	    object_set(&j->object, "reads_overtake", &reads_overtake, sizeof(reads_overtake), e) <
		    0 ||
	    reuse_maps(j, e) < 0)
		return -1;
	return object_load(&j->object, e);
}

/** Say what is loaded; 0 for a build while it is neither the old nor the new. */
static int tell(const struct job *j, uint64_t build, struct err *e)
{
	const struct table_layout *t = &j->object.table;
	const struct bpf_map *map = object_map(&j->object, "about", e);
	struct about about = j->about;

	if (!map)
		return -1;
	about.build = build;
	about.ct_bucket_size = t->bucket_size;
	about.ct_entries_at = t->entries_at;
	about.ct_entry_size = t->entry_size;
	about.ct_ways = t->ways;
	about.ct_buckets = t->buckets;
	return about_write(bpf_map__fd(map), &about, e);
}

/** Take connections over from the tables that the new programs do not use. */
static int carry(const struct job *j, struct err *e)
{
	const struct table *tables[] = {&j->now, &j->next}, *kept = kept_table(j);
	int prog = object_prog(&j->object, "carry");

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		if (tables[i]->fd < 0 || tables[i] == kept)
			continue;
		if (prog < 0)
			return err_set(e, ERR_CONFIG, "the object has no program \"carry\"");
		if (table_carry(tables[i], &j->object.table, prog, e) < 0)
			return -1;
	}
	return 0;
}

/** Pin a map of the object, unless it is the one that is pinned. */
static int pin_map(const struct bpf_map *map, const char *path, struct err *e)
{
	_cleanup_(fd_closep) int old = -1;
	bool same = false;

	if (pins_open(path, &old, e) < 0 || (old >= 0 && object_uses(map, old, &same, e) < 0))
		return -1;
	return same ? 0 : pins_put(bpf_map__fd(map), path, e);
}

/** A new table waits under its next name as long as an old one is needed. */
static int pin_maps(const struct job *j, struct err *e)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, j->object.bpf) {
		const char *path = pins_map_path(bpf_map__name(map));
		char next[PATH_MAX];
		bool waits;

		if (!path)
			continue;
		waits = !strcmp(path, CONNTRACK) && j->now.fd >= 0 && !is_wanted(j, &j->now);
		if (pin_map(map, waits ? pins_next(path, next) : path, e) < 0)
			return -1;
	}
	return 0;
}

static int pin_progs(const struct job *j, struct err *e)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, j->object.bpf) {
		char path[PATH_MAX];

		(void)snprintf(path, sizeof(path), PINS_PROGS "/%s", bpf_program__name(prog));
		if (pins_put(bpf_program__fd(prog), path, e) < 0)
			return -1;
	}
	return 0;
}

/** The table in use under its name; the others are not needed any more. */
static int settle_tables(const struct job *j, struct err *e)
{
	char next[PATH_MAX];

	pins_next(CONNTRACK, next);
	if (j->now.fd >= 0 && !is_wanted(j, &j->now))
		return pins_move(next, CONNTRACK, e);
	return pins_remove(next, e);
}

static bool has_prog(const char *name, void *ctx)
{
	return object_prog(ctx, name) >= 0;
}

int load(const struct build *build, struct err *e)
{
	_cleanup_(job_done) struct job j = {.now = TABLE_NONE, .next = TABLE_NONE};

	if (pins_prepare(e) < 0 || about_read(&j.about, e) < 0)
		return -1;
	if (j.about.build == build->id && pins_are_complete())
		return 0;
	if (!pins_are_complete() && recover_maps(e) < 0)
		return -1;
	if (load_object(&j, build, e) < 0 || tell(&j, 0, e) < 0)
		return -1;
	// From here on it is neither the old nor the new, until the last line.
	if (carry(&j, e) < 0 || pin_maps(&j, e) < 0 || pin_progs(&j, e) < 0 ||
	    attach_replace(&j.object, e) < 0 || carry(&j, e) < 0 || settle_tables(&j, e) < 0 ||
	    pins_prune(has_prog, &j.object, e) < 0)
		return -1;
	j.about.loads++;
	return tell(&j, build->id, e);
}

int unload(struct err *e)
{
	if (attach_remove(e) < 0)
		return -1;
	return pins_remove_all(e);
}
