// SPDX-License-Identifier: Apache-2.0
#include "netlink/conversation.h"

#include <stdio.h>

#include "sandbox.h"

int conversation_begin(void **state, int protocol, const char *prepare)
{
	struct err e = {};

	if (sandbox(NULL) != 0 || (prepare && sh_status("%s", prepare) != 0))
		return -1;
	*state = nl_open(protocol, &e);
	if (*state)
		return 0;
	(void)fprintf(stderr, "%s\n", e.msg);
	return -1;
}

int conversation_end(void **state)
{
	nl_closep((struct nl **)state);
	return 0;
}
