/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/**
 * The kernel's side of the netlink sockets of a fuzz target: sendto() and recvfrom() of the library
 * end here (the linker's --wrap), so that what reads answers is the library's own code, from the
 * datagram on.
 */

/**
 * Answer with @data: datagrams, each behind its length as two bytes, the lower first. A message
 * whose sequence number is 0 gets that of the request. After the last the socket fails.
 */
void kernel_answers(const uint8_t *data, size_t size);

/** Carry everything out: acknowledge each request that asks for it, say little to others. */
void kernel_agrees(void);

/** Let memory be read again that lay behind an answer; when the library has returned. */
void kernel_done(void);
