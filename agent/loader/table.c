// SPDX-License-Identifier: Apache-2.0
#include "loader/table.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <string.h>

#include <bpf/btf.h>

#include "bpf/sys.h"
#include "loader/pins.h"

enum { FRAME_MAX = 2048 }; ///< more than any entry will have, less than a test run may have

/** The member @name of a struct, an array: where it is, of how many elements of what size. */
static bool find_array(const struct btf *btf, const struct btf_type *type, const char *name,
		       uint32_t *at, uint32_t *n, uint32_t *size)
{
	const struct btf_member *members = btf_members(type);

	for (__u32 i = 0; i < btf_vlen(type); i++) {
		const struct btf_type *array;
		__s64 bytes;
		int id;

		if (strcmp(btf__name_by_offset(btf, members[i].name_off), name) != 0)
			continue;
		id = btf__resolve_type(btf, members[i].type);
		array = id < 0 ? NULL : btf__type_by_id(btf, (__u32)id);
		if (!array || !btf_is_array(array))
			return false;
		bytes = btf__resolve_size(btf, btf_array(array)->type);
		*at = btf_member_bit_offset(type, i) / 8;
		*n = btf_array(array)->nelems;
		*size = (uint32_t)bytes;
		return bytes > 0 && *n > 0;
	}
	return false;
}

bool table_layout_read(struct table_layout *out, const struct btf *btf, uint32_t id,
		       uint32_t buckets)
{
	int real = btf ? btf__resolve_type(btf, id) : -1;
	const struct btf_type *bucket = real < 0 ? NULL : btf__type_by_id(btf, (__u32)real);
	struct table_layout l = {.buckets = buckets};
	uint32_t tags, tag_size;

	if (!bucket || !btf_is_struct(bucket) ||
	    !find_array(btf, bucket, "tags", &l.tags_at, &tags, &tag_size) ||
	    !find_array(btf, bucket, "entries", &l.entries_at, &l.ways, &l.entry_size))
		return false;
	l.bucket_size = bucket->size;
	if (tags != l.ways || tag_size != sizeof(uint32_t) || l.entry_size > FRAME_MAX - ETH_HLEN ||
	    !buckets)
		return false;
	*out = l;
	return true;
}

bool table_layout_same(const struct table_layout *a, const struct table_layout *b)
{
	return !memcmp(a, b, sizeof(*a));
}

void table_close(struct table *t)
{
	fd_closep(&t->fd);
}

static void btf_freep(struct btf **btf)
{
	btf__free(*btf);
}

int table_open(struct table *t, const char *path, struct err *e)
{
	_cleanup_(btf_freep) struct btf *btf = NULL;
	_cleanup_(fd_closep) int fd = -1;
	struct bpf_map_shape is;

	if (pins_open(path, &fd, e) < 0)
		return -1;
	*t = (struct table)TABLE_NONE;
	if (fd < 0)
		return 0;
	if (bpf_map_shape(fd, &is, e) < 0)
		return err_wrap(e, "%s", path);
	btf = is.btf_id ? btf__load_from_kernel_by_id(is.btf_id) : NULL;
	if (is.type != BPF_MAP_TYPE_ARRAY ||
	    !table_layout_read(&t->layout, btf, is.btf_value_type, is.max_entries) ||
	    t->layout.bucket_size != is.value_size)
		return 0;
	t->fd = TAKE_FD(fd);
	return 0;
}

/** Hand one entry to the program as it wants it: a frame, an Ethernet header in front of it. */
static int carry_entry(int carry, const void *entry, const struct table_layout *from,
		       const struct table_layout *to, struct err *e)
{
	unsigned char frame[FRAME_MAX] = {[12] = ETH_P_IP >> 8, [13] = ETH_P_IP & 0xff};
	uint32_t verdict;

	memcpy(frame + ETH_HLEN, entry,
	       from->entry_size < to->entry_size ? from->entry_size : to->entry_size);
	// That there is no room for one, the verdict, is what may happen to any connection.
	return bpf_prog_run(carry, frame, ETH_HLEN + to->entry_size, &verdict, e);
}

int table_carry(const struct table *from, const struct table_layout *to, int carry, struct err *e)
{
	const struct table_layout *l = &from->layout;
	_cleanup_(freep) char *bucket = calloc(1, l->bucket_size);

	if (!bucket)
		return err_os(e, ERR_TRY_AGAIN, ENOMEM, "carry connections over");
	for (uint32_t i = 0; i < l->buckets; i++) {
		if (bpf_map_get(from->fd, &i, bucket, BPF_F_LOCK, e) < 0)
			return err_wrap(e, "carry connections over");
		for (uint32_t way = 0; way < l->ways; way++) {
			uint32_t tag;

			memcpy(&tag, bucket + l->tags_at + way * sizeof(tag), sizeof(tag));
			if (tag &&
			    carry_entry(carry, bucket + l->entries_at + (size_t)way * l->entry_size,
					l, to, e) < 0)
				return -1;
		}
	}
	return 0;
}
