// SPDX-License-Identifier: Apache-2.0
/** CHECK and STATUS: what the delegate says, and whether the node still has the subnet of before.
 */
#include "flannel.h"

/** What the container's network was made from; without a subnet file, what is saved must do. */
static struct json_t *made_from(const struct cni_call *call, struct err *e)
{
	const struct flannel_conf *conf = call->conf;
	const char *was, *is;
	struct subnet subnet;
	struct saved saved;
	struct json_t *now;

	saved_read(&saved, call, call->at.container);
	if (subnet_read(&subnet, conf->subnet_file, call->arena, e) < 0)
		return saved.delegate;
	now = delegate_make(call, &subnet, e);
	if (!now || !saved.delegate)
		return now;
	if (!delegate_moved(call, saved.delegate, now, &was, &is))
		return saved.delegate;
	// The other nodes send what is for the old subnet elsewhere.
	(void)err_set(e, ERR_MISMATCH,
		      "subnetFile: %s: the node's subnets are %.100s, the container's %.100s",
		      conf->subnet_file, is, was);
	return NULL;
}

int flannel_check(const struct cni_call *call, struct err *e)
{
	struct json_t *delegate = made_from(call, e);
	struct nested nested;

	if (!delegate || flannel_delegate(&nested, call, delegate, e) < 0)
		return -1;
	return nested_run(&nested, CNI_CHECK, NULL, e);
}

int flannel_status(const struct cni_call *call, struct err *e)
{
	const struct flannel_conf *conf = call->conf;
	struct json_t *delegate;
	struct nested nested;
	struct subnet subnet;

	if (subnet_read(&subnet, conf->subnet_file, call->arena, e) < 0) {
		e->code = ERR_UNAVAILABLE;
		return -1;
	}
	delegate = delegate_make(call, &subnet, e);
	if (!delegate || flannel_delegate(&nested, call, delegate, e) < 0)
		return -1;
	return nested_run(&nested, CNI_STATUS, NULL, e);
}
