// SPDX-License-Identifier: Apache-2.0
#include "loader/build.h"

#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/sha512.h"
#include "node/datapath_build.h"

enum { OBJECT_MAX = 16 << 20 };

__asm__(".section .rodata\n"
	".balign 16\n"
	".global carried_object, carried_object_size\n"
	"carried_object: .incbin \"" DATAPATH_OBJECT "\"\n"
	"1:\n"
	".balign 8\n"
	"carried_object_size: .quad 1b - carried_object\n"
	".previous\n");

extern const char carried_object[];
extern const uint64_t carried_object_size;

struct build build_carried(void)
{
	return (struct build){carried_object, carried_object_size, DATAPATH_BUILD};
}

int build_read(struct build *out, const char *path, struct arena *arena, struct err *e)
{
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t hash[SHA512_SIZE];

	if (fd < 0)
		return err_os(e, ERR_IO, errno, "open %s", path);
	*out = (struct build){};
	out->data = file_read_bytes(arena, fd, OBJECT_MAX, path, &out->size, e);
	if (!out->data)
		return -1;
	sha512(out->data, out->size, hash); // of which cmake/build_id.cmake takes the same digits
	for (size_t i = 0; i < sizeof(out->id); i++)
		out->id = out->id << 8 | hash[i];
	return 0;
}
