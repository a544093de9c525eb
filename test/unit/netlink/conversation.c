// SPDX-License-Identifier: Apache-2.0
#include "netlink/conversation.h"

#include <stdio.h>

#include "sandbox.h"
#include "test.h"

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

void must_call(struct nl *nl, struct nl_msg *m)
{
	struct err e = {};

	if (nl_call(nl, m, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.details);
}
