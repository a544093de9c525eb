// SPDX-License-Identifier: Apache-2.0
#include "loader/object.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <bpf/btf.h>

#include "bpf/sys.h"

static bool verbose;
static char reason[400]; ///< what libbpf complained of last

void object_be_verbose(void)
{
	verbose = true;
}

/** Whether a line of a message says why: not where a log begins and ends, nor its statistics. */
static bool tells(const char *line)
{
	return *line && !strstr(line, "PROG LOAD LOG") && strncmp(line, "processed ", 10) != 0 &&
	       strncmp(line, "verification time", 17) != 0 && strncmp(line, "stack depth", 11) != 0;
}

/** Keep the last line of @text that says why; a verifier's log ends in it. */
static void remember(char *text)
{
	bool log = strstr(text, "PROG LOAD LOG") != NULL;
	char *rest, *why = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (tells(line))
			why = line;
	// What is said after a verifier's log only says that there was one.
	if (why && (log || !*reason))
		(void)snprintf(reason, sizeof(reason), "%s", why);
}

static int _printf_(2, 0) on_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	_cleanup_(freep) char *text = NULL;

	if (level > (verbose ? LIBBPF_INFO : LIBBPF_WARN) || vasprintf(&text, fmt, ap) < 0)
		return 0;
	if (verbose)
		(void)fputs(text, stderr);
	if (level == LIBBPF_WARN)
		remember(text);
	return 0;
}

/** @os, positive, of what libbpf was to do. */
static int failed(struct err *e, int os, const char *what)
{
	(void)err_os(e, ERR_KERNEL, os, "%s", what);
	if (os == EPERM) // EACCES is the verifier's
		(void)err_hint(e, "this needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON%s%s",
			       *reason ? "; " : "", reason);
	else if (*reason)
		(void)err_hint(e, "%s", reason);
	return -1;
}

int object_open(struct object *o, const struct build *build, struct err *e)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "edgeway");
	const struct bpf_map *map;

	(void)libbpf_set_print(on_print);
	o->bpf = bpf_object__open_mem(build->data, build->size, &opts);
	if (!o->bpf)
		return failed(e, errno, "read the eBPF object");
	map = object_map(o, "conntrack", e);
	if (!map)
		return -1;
	if (!table_layout_read(&o->table, bpf_object__btf(o->bpf), bpf_map__btf_value_type_id(map),
			       bpf_map__max_entries(map)))
		return err_set(e, ERR_CONFIG, "the object's map conntrack has no struct ct_bucket");
	return 0;
}

void object_close(struct object *o)
{
	bpf_object__close(o->bpf);
	o->bpf = NULL;
}

struct bpf_map *object_map(const struct object *o, const char *name, struct err *e)
{
	struct bpf_map *map = bpf_object__find_map_by_name(o->bpf, name);

	if (!map)
		(void)err_set(e, ERR_CONFIG, "the object has no map \"%s\"", name);
	return map;
}

int object_prog(const struct object *o, const char *name)
{
	const struct bpf_program *prog = bpf_object__find_program_by_name(o->bpf, name);

	return prog ? bpf_program__fd(prog) : -1;
}

/** Where the constant @name is in the section; -1 if it is not, or has another size. */
static ssize_t find_constant(const struct btf *btf, const char *name, size_t size)
{
	int id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	const struct btf_type *section = id < 0 ? NULL : btf__type_by_id(btf, (__u32)id);
	const struct btf_var_secinfo *vars = section ? btf_var_secinfos(section) : NULL;

	for (int i = 0; vars && i < btf_vlen(section); i++) {
		const struct btf_type *var = btf__type_by_id(btf, vars[i].type);

		if (vars[i].size == size && !strcmp(btf__name_by_offset(btf, var->name_off), name))
			return vars[i].offset;
	}
	return -1;
}

int object_set(const struct object *o, const char *name, const void *value, size_t size,
	       struct err *e)
{
	ssize_t at = find_constant(bpf_object__btf(o->bpf), name, size);
	struct bpf_map *map;

	bpf_object__for_each_map(map, o->bpf) {
		const char *section = strchr(bpf_map__name(map), '.');
		size_t len = 0;
		char *data;

		if (!bpf_map__is_internal(map) || !section || strcmp(section, ".rodata") != 0)
			continue;
		// A copy that libbpf made, to be written before the object is loaded.
		data = (char *)(uintptr_t)bpf_map__initial_value(map, &len);
		if (!data || at < 0 || (size_t)at + size > len)
			break;
		memcpy(data + at, value, size);
		return 0;
	}
	return err_set(e, ERR_CONFIG, "the object has no constant \"%s\" of %zu bytes", name, size);
}

int object_reuse(struct bpf_map *map, int fd, struct err *e)
{
	int rc = bpf_map__reuse_fd(map, fd);

	return rc < 0 ? err_os(e, ERR_KERNEL, -rc, "use the map %s", bpf_map__name(map)) : 0;
}

int object_fits(const struct bpf_map *map, int fd, bool *out, struct err *e)
{
	struct bpf_map_shape is;

	if (bpf_map_shape(fd, &is, e) < 0)
		return -1;
	*out = is.type == bpf_map__type(map) && is.key_size == bpf_map__key_size(map) &&
	       is.value_size == bpf_map__value_size(map) &&
	       is.max_entries == bpf_map__max_entries(map);
	return 0;
}

int object_uses(const struct bpf_map *map, int fd, bool *out, struct err *e)
{
	struct bpf_map_shape a, b;

	if (bpf_map_shape(bpf_map__fd(map), &a, e) < 0 || bpf_map_shape(fd, &b, e) < 0)
		return -1;
	*out = a.id == b.id;
	return 0;
}

int object_load(const struct object *o, struct err *e)
{
	int rc = bpf_object__load(o->bpf);

	return rc < 0 ? failed(e, -rc, "load the eBPF programs") : 0;
}
