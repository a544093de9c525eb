// SPDX-License-Identifier: Apache-2.0
#include "loader/about.h"

#include <linux/bpf.h>

#include "bpf/sys.h"
#include "loader/pins.h"

static const char path[] = EDGEWAY_PINS "/" MAP_ABOUT;

int about_read(struct about *out, struct err *e)
{
	_cleanup_(fd_closep) int fd = -1;
	struct bpf_map_shape shape;

	*out = (struct about){};
	if (pins_open(path, &fd, e) < 0)
		return -1;
	if (fd < 0)
		return 0;
	if (bpf_map_shape(fd, &shape, e) < 0)
		return err_wrap(e, "%s", path);
	if (shape.key_size != sizeof(uint32_t) || shape.value_size != sizeof(*out))
		return 0;
	return bpf_map_get(fd, &(uint32_t){0}, out, 0, e) < 0 ? err_wrap(e, "%s", path) : 0;
}

int about_write(int fd, const struct about *about, struct err *e)
{
	return bpf_map_put(fd, &(uint32_t){0}, about, BPF_ANY, e) < 0 ? err_wrap(e, "%s", path) : 0;
}
