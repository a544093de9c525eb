// SPDX-License-Identifier: Apache-2.0
/** What the programs know of a pod: written, compared, taken away. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/sys.h"
#include "cni/iface.h"
#include "ebpf.h"

uint32_t ebpf_flags(const struct ebpf_job *job)
{
	return (!strcmp(job->conf->policy, "enforce") ? ENDPOINT_ISOLATED : 0) |
	       (job->chained ? ENDPOINT_CHAINED : 0);
}

int ebpf_pod_addresses(const struct ebpf_job *job, const struct cni_result *r, struct ebpf_pod *pod,
		       struct err *e)
{
	struct ipaddr *ips = arena_calloc(job->call->arena, r->n_ips + 1, sizeof(*ips));

	if (!ips)
		return err_set(e, ERR_TRY_AGAIN, "out of memory");
	pod->ips = ips;
	pod->n_ips = 0;
	for (size_t i = 0; i < r->n_ips; i++)
		if (r != job->call->prev || iface_owns(job->call, &r->ips[i]))
			ips[pod->n_ips++] = r->ips[i].address.ip;
	return 0;
}

/** Who has the address: 1 and the interface to @other, 0 if nobody does who is there, -1. */
static int find_holder(const struct ebpf_job *job, const struct ipaddr *ip, struct link *other,
		       struct err *e)
{
	struct interface interface;
	struct endpoint is;
	int rc = datapath_get_endpoint(&job->datapath, ip, &is, e);

	if (rc > 0)
		rc = datapath_get_interface(&job->datapath, (int)is.ifindex, &interface, e);
	if (rc <= 0)
		return rc;
	if (link_get_index(job->nl, (int)is.ifindex, other, e) < 0)
		return e->os == ENODEV ? 0 : -1;
	return 1;
}

int ebpf_refuse_taken(const struct ebpf_job *job, const struct ebpf_pod *pod, struct err *e)
{
	char text[IP_TEXT];

	for (size_t i = 0; i < pod->n_ips; i++) {
		struct link other;
		int rc = find_holder(job, &pod->ips[i], &other, e);

		if (rc < 0)
			return -1;
		if (rc == 0 || other.index == pod->index)
			continue;
		(void)err_set(e, ERR_EXISTS, "address %s is that of another pod, by interface %s",
			      ip_format(&pod->ips[i], text), other.name);
		return other.alias[0] ? err_hint(e, "%s is %s", other.name, other.alias) : -1;
	}
	return 0;
}

static int undo_entries(void *ctx, int index, struct err *e)
{
	const struct ebpf_job *job = ctx;

	return datapath_forget_interface(&job->datapath, index, e);
}

static int undo_filters(void *ctx, int index, struct err *e)
{
	const struct ebpf_job *job = ctx;

	return datapath_detach(job->nl, index, e);
}

int ebpf_attach(struct ebpf_job *job, const struct ebpf_pod *pod, struct undo *undo, struct err *e)
{
	struct interface value = {.flags = pod->flags};

	memcpy(value.mac, pod->mac.bytes, sizeof(value.mac));
	// First, for of what the kernel has done we may not hear. An interface of ours goes with
	// its filters, and until then they let nothing through.
	if ((job->chained && undo_push(undo, undo_filters, job, pod->index, e) < 0) ||
	    undo_push(undo, undo_entries, job, pod->index, e) < 0)
		return -1;
	if (datapath_put_interface(&job->datapath, pod->index, &value, e) < 0)
		return -1;
	return datapath_attach_pod(&job->datapath, job->nl, pod->index, e);
}

/** The entry of each address. */
static struct endpoint endpoint_of(const struct ebpf_pod *pod)
{
	struct endpoint value = {
		.ifindex = (uint32_t)pod->index, .flags = pod->flags, .since = datapath_now()};

	memcpy(value.mac, pod->mac.bytes, sizeof(value.mac));
	memcpy(value.node_mac, pod->node_mac.bytes, sizeof(value.node_mac));
	return value;
}

int ebpf_put_endpoints(const struct ebpf_job *job, const struct ebpf_pod *pod, struct err *e)
{
	const struct endpoint value = endpoint_of(pod);

	for (size_t i = 0; i < pod->n_ips; i++)
		if (datapath_put_endpoint(&job->datapath, &pod->ips[i], &value, e) < 0)
			return -1;
	return 0;
}

/**
 * A pod that "enforce" has isolated may have its policy by now, and be open. One that nothing is to
 * be enforced on has nobody who would ever open it.
 */
static int check_flags(const char *what, uint32_t is, uint32_t wanted, struct err *e)
{
	if (is & ~wanted & ENDPOINT_ISOLATED)
		return err_set(e, ERR_MISMATCH,
			       "data path: %s is isolated, though \"policy\" is \"off\"", what);
	if ((is | (wanted & ENDPOINT_ISOLATED)) != wanted)
		return err_set(e, ERR_MISMATCH, "data path: %s has flags 0x%x, not 0x%x", what, is,
			       wanted);
	return 0;
}

static int check_mac(const char *what, const char *whose, const unsigned char is[6],
		     const struct mac *wanted, struct err *e)
{
	char found[MAC_TEXT], text[MAC_TEXT];
	struct mac mac;

	memcpy(mac.bytes, is, sizeof(mac.bytes));
	if (!memcmp(&mac, wanted, sizeof(mac)))
		return 0;
	return err_set(e, ERR_MISMATCH, "data path: %s: %s MAC address is %s, not %s", what, whose,
		       mac_format(&mac, found), mac_format(wanted, text));
}

static int check_interface(const struct ebpf_job *job, const struct ebpf_pod *pod, struct err *e)
{
	struct interface is;
	char what[32];
	int rc = datapath_get_interface(&job->datapath, pod->index, &is, e);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(e, ERR_MISMATCH, "data path: interface %d is missing", pod->index);
	(void)snprintf(what, sizeof(what), "interface %d", pod->index);
	if (check_flags(what, is.flags, pod->flags, e) < 0)
		return -1;
	return check_mac(what, "the pod's", is.mac, &pod->mac, e);
}

static int check_endpoint(const struct ebpf_job *job, const struct ebpf_pod *pod,
			  const struct ipaddr *ip, struct err *e)
{
	struct endpoint is;
	char text[IP_TEXT], what[IP_TEXT + sizeof("address ")];
	int rc = datapath_get_endpoint(&job->datapath, ip, &is, e);

	(void)snprintf(what, sizeof(what), "address %s", ip_format(ip, text));
	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(e, ERR_MISMATCH, "data path: %s is missing", what);
	if (is.ifindex != (uint32_t)pod->index)
		return err_set(e, ERR_MISMATCH, "data path: %s leads to interface %u, not %d", what,
			       is.ifindex, pod->index);
	if (check_flags(what, is.flags, pod->flags, e) < 0)
		return -1;
	if (check_mac(text, "the pod's", is.mac, &pod->mac, e) < 0)
		return -1;
	return check_mac(text, "the gateway's", is.node_mac, &pod->node_mac, e);
}

int ebpf_check_entries(const struct ebpf_job *job, const struct ebpf_pod *pod, struct err *e)
{
	bool attached;

	if (datapath_is_attached(&job->datapath, job->nl, pod->index, &attached, e) < 0)
		return -1;
	if (!attached)
		return err_set(e, ERR_MISMATCH,
			       "data path: the programs at interface %d are missing, or not those "
			       "that are loaded",
			       pod->index);
	if (check_interface(job, pod, e) < 0)
		return -1;
	for (size_t i = 0; i < pod->n_ips; i++)
		if (check_endpoint(job, pod, &pod->ips[i], e) < 0)
			return -1;
	return 0;
}

int ebpf_interfaces_each(const struct ebpf_job *job, ebpf_interface_fn *fn, void *ctx,
			 struct err *e)
{
	const int map = job->datapath.interfaces;
	struct bpf_map_shape shape;
	uint32_t n;

	if (bpf_map_shape(map, &shape, e) < 0)
		return -1;

	_cleanup_(freep) int *indices = calloc(shape.max_entries, sizeof(*indices));
	_cleanup_(freep) struct interface *values = calloc(shape.max_entries, sizeof(*values));

	if (!indices || !values)
		return err_set(e, ERR_TRY_AGAIN, "list the interfaces: out of memory");
	if (bpf_map_all(map, &shape, indices, values, &n, e) < 0)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		if (fn(indices[i], &values[i], ctx, e) < 0)
			return -1;
	return 0;
}
