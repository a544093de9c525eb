/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/**
 * Maps and programs out of nothing but bpf(2), for tests of what reads them: in the shape that the
 * loader gives them, without it. Failures end the process with a message. Descriptors are the
 * caller's.
 */
int object_map(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t max_entries);

/** An array whose values begin with a struct bpf_spin_lock, and tell the kernel so by BTF. */
int object_locked_array(uint32_t value_size, uint32_t max_entries);

/** A program for clsact that lets everything pass. */
int object_program(void);

/** Pin it, in a directory that is made if need be. */
void object_pin(int fd, const char *path);

/** Put a record into ring buffer @map, as a program does: @len a multiple of 8, at most 128. */
void object_ring_put(int map, const void *record, size_t len);

/** The same, but take it back before it can be read. */
void object_ring_discard(int map, size_t len);
