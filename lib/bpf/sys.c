// SPDX-License-Identifier: Apache-2.0
#include "bpf/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/file.h"

static int bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/** bpf(2) takes pointers as numbers of 64 bits, wherever it reads only too. */
static uint64_t address(const void *p)
{
	return (uintptr_t)p;
}

static int refused(struct err *e, const char *what)
{
	bool denied = errno == EPERM;

	(void)err_os(e, ERR_KERNEL, errno, "%s", what);
	return denied ? err_hint(e, "this needs CAP_BPF in the initial user namespace") : -1;
}

int bpf_pinned(const char *path, struct err *e)
{
	union bpf_attr attr = {.pathname = address(path)};
	int fd = bpf(BPF_OBJ_GET, &attr);

	if (fd >= 0)
		return fd;
	(void)refused(e, "open");
	return err_wrap(e, "%s", path);
}

int bpf_pin(int fd, const char *path, struct err *e)
{
	union bpf_attr attr = {.pathname = address(path), .bpf_fd = (uint32_t)fd};

	if (bpf(BPF_OBJ_PIN, &attr) == 0)
		return 0;
	(void)refused(e, "pin");
	return err_wrap(e, "%s", path);
}

/** BPF_OBJ_GET_INFO_BY_FD. */
static int get_info(int fd, void *info, size_t size, struct err *e)
{
	union bpf_attr attr = {.info = {.bpf_fd = (uint32_t)fd,
					.info_len = (uint32_t)size,
					.info = address(info)}};

	return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) < 0 ? refused(e, "describe a BPF object") : 0;
}

int bpf_map_shape(int fd, struct bpf_map_shape *out, struct err *e)
{
	struct bpf_map_info info = {};

	if (get_info(fd, &info, sizeof(info), e) < 0)
		return -1;
	*out = (struct bpf_map_shape){.type = info.type,
				      .key_size = info.key_size,
				      .value_size = info.value_size,
				      .max_entries = info.max_entries,
				      .id = info.id,
				      .btf_id = info.btf_id,
				      .btf_value_type = info.btf_value_type_id};
	return 0;
}

int bpf_prog_id(int fd, uint32_t *id, struct err *e)
{
	struct bpf_prog_info info = {};

	if (get_info(fd, &info, sizeof(info), e) < 0)
		return -1;
	*id = info.id;
	return 0;
}

int bpf_prog_run(int fd, const void *frame, uint32_t len, uint32_t *verdict, struct err *e)
{
	union bpf_attr attr = {
		.test = {.prog_fd = (uint32_t)fd, .data_size_in = len, .data_in = address(frame)}};

	if (bpf(BPF_PROG_TEST_RUN, &attr) < 0)
		return refused(e, "run a BPF program");
	*verdict = attr.test.retval;
	return 0;
}

static union bpf_attr element(int fd, const void *key, const void *value, uint64_t flags)
{
	return (union bpf_attr){.map_fd = (uint32_t)fd,
				.key = address(key),
				.value = address(value),
				.flags = flags};
}

int bpf_map_get(int fd, const void *key, void *value, uint64_t flags, struct err *e)
{
	union bpf_attr attr = element(fd, key, value, flags);

	return bpf(BPF_MAP_LOOKUP_ELEM, &attr) < 0 ? refused(e, "read from a BPF map") : 0;
}

int bpf_map_put(int fd, const void *key, const void *value, uint64_t flags, struct err *e)
{
	union bpf_attr attr = element(fd, key, value, flags);

	return bpf(BPF_MAP_UPDATE_ELEM, &attr) < 0 ? refused(e, "write to a BPF map") : 0;
}

int bpf_map_del(int fd, const void *key, struct err *e)
{
	union bpf_attr attr = element(fd, key, NULL, 0);

	return bpf(BPF_MAP_DELETE_ELEM, &attr) < 0 ? refused(e, "delete from a BPF map") : 0;
}

int bpf_map_next(int fd, const void *key, void *next, struct err *e)
{
	union bpf_attr attr = element(fd, key, next, 0);

	if (bpf(BPF_MAP_GET_NEXT_KEY, &attr) == 0)
		return 1;
	return errno == ENOENT ? 0 : refused(e, "list a BPF map");
}

int bpf_map_all(int fd, const struct bpf_map_shape *shape, void *keys, void *values, uint32_t *n,
		struct err *e)
{
	uint32_t at = 0, position = 0;
	bool done = false;

	while (!done && at < shape->max_entries) {
		union bpf_attr attr = {
			.batch = {.in_batch = at ? address(&position) : 0,
				  .out_batch = address(&position),
				  .keys = address((char *)keys + (size_t)at * shape->key_size),
				  .values =
					  address((char *)values + (size_t)at * shape->value_size),
				  .count = shape->max_entries - at,
				  .map_fd = (uint32_t)fd}};

		done = bpf(BPF_MAP_LOOKUP_BATCH, &attr) < 0;
		if (done && errno != ENOENT)
			return refused(e, "list a BPF map");
		at += attr.batch.count;
	}
	*n = at;
	return 0;
}

int bpf_cpus(unsigned int *n, struct err *e)
{
	static const char path[] = "/sys/devices/system/cpu/possible";
	char text[256];
	unsigned int first, last, sum = 0;
	int len;

	if (file_read(AT_FDCWD, path, text, sizeof(text)) < 0)
		return err_os(e, ERR_IO, errno, "read %s", path);
	// "0-3,8-11"
	for (const char *s = text; sscanf(s, "%u%n", &first, &len) == 1;
	     s += len + (s[len] == ',')) {
		last = first;
		if (s[len] == '-') {
			int more;

			if (sscanf(s + len, "-%u%n", &last, &more) != 1)
				break;
			len += more;
		}
		sum += last - first + 1;
	}
	if (!sum)
		return err_set(e, ERR_KERNEL, "%s: \"%.32s\" is no list of CPUs", path, text);
	*n = sum;
	return 0;
}
