/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netlink/nl.h"

/**
 * For a test that talks to the kernel: a sandbox, prepared by the shell commands @prepare if there
 * are any, and in *@state a socket that was opened there for @protocol (NETLINK_ROUTE, ...).
 * Returns 0 or -1, as cmocka wants it of a set-up.
 */
int conversation_begin(void **state, int protocol, const char *prepare);

/** The teardown that belongs to it. */
int conversation_end(void **state);

/** Send what has been written; refusal fails the test. */
void must_call(struct nl *nl, struct nl_msg *m);
