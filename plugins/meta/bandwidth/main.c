// SPDX-License-Identifier: Apache-2.0
/**
 * bandwidth - limit what a container receives and sends, by token buckets on the node's side.
 *
 * Reads the configuration; add.c, del.c and check.c do the work.
 */
#include "bandwidth.h"
#include "cni/plugin.h"
#include "cni/veth.h"

enum { BITS = 8 };

static const char *check_bits(const void *value)
{
	int64_t bits = *(const int64_t *)value;

	return bits > 0 && bits < BITS ? "must be 0, or 8 or more: the kernel counts bytes" : NULL;
}

/** The four keys, wherever they stand; a burst of 4 GB is one byte too much for the kernel. */
// clang-format off
#define LIMIT_KEYS(member)                                                                         \
	conf_int(struct bandwidth_conf, member.ingress.rate, "ingressRate", .num = -1,             \
		 .check = check_bits,                                                              \
		 .help = "bits per second that the container may receive; 0 is no limit"),         \
	conf_int(struct bandwidth_conf, member.ingress.burst, "ingressBurst", .num = -1,           \
		 .max = BITS * (int64_t)UINT32_MAX - 1, .check = check_bits,                       \
		 .help = "bits that it may receive at once, with an ingressRate"),                 \
	conf_int(struct bandwidth_conf, member.egress.rate, "egressRate", .num = -1,               \
		 .check = check_bits,                                                              \
		 .help = "bits per second that the container may send; 0 is no limit"),            \
	conf_int(struct bandwidth_conf, member.egress.burst, "egressBurst", .num = -1,             \
		 .max = BITS * (int64_t)UINT32_MAX - 1, .check = check_bits,                       \
		 .help = "bits that it may send at once, with an egressRate"),                     \
	conf_end
// clang-format on

static const struct conf_field runtime_limits[] = {LIMIT_KEYS(runtime)};

static const struct conf_field runtime_fields[] = {
	{.kind = CONF_OBJ,
	 .key = "bandwidth",
	 .sub = runtime_limits,
	 .help = "capability bandwidth: the same, unless the configuration says one of these"},
	conf_end,
};

static const struct conf_field fields[] = {
	CNI_BASE_KEYS,
	{.kind = CONF_OBJ, .key = "args", .open = true},
	CNI_CONF_RUNTIME(runtime_fields),
	LIMIT_KEYS(own),
};

/** How much may wait: 25 ms, and what may go at once. Of a burst that exists to be unlimited, as
 * container runtimes ask for, 100 ms, or two packets: a container must not fill the node's memory
 * by sending faster than it may. */
static uint32_t queue_limit(uint64_t rate, uint64_t burst)
{
	enum { PACKETS = 128 << 10 };
	uint64_t most = rate / 10 > PACKETS ? rate / 10 : PACKETS;
	uint64_t limit = rate / 40 + (burst < most ? burst : most);

	return limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
}

static int read_limit(const struct bandwidth_job *job, const struct limit *limit,
		      const char *direction, struct tbf *out, struct err *e)
{
	bool rate = limit->rate > 0, burst = limit->burst > 0;

	if (rate != burst)
		return err_set(e, ERR_CONFIG, "%s%s%s: required with %s%s, but missing", job->at,
			       direction, rate ? "Burst" : "Rate", direction,
			       rate ? "Rate" : "Burst");
	if (!rate)
		return 0;
	out->rate = (uint64_t)limit->rate / BITS;
	out->burst = (uint32_t)(limit->burst / BITS);
	out->limit = queue_limit(out->rate, out->burst);
	return 0;
}

int bandwidth_read_limits(struct bandwidth_job *job, struct err *e)
{
	const struct bandwidth_conf *conf = job->call->conf;
	const struct limits *own = &conf->own;
	bool says = own->ingress.rate >= 0 || own->ingress.burst >= 0 || own->egress.rate >= 0 ||
		    own->egress.burst >= 0;
	const struct limits *limits = says ? own : &conf->runtime;

	job->at = says ? "" : "runtimeConfig.bandwidth.";
	if (read_limit(job, &limits->ingress, "ingress", &job->ingress, e) < 0)
		return -1;
	return read_limit(job, &limits->egress, "egress", &job->egress, e);
}

int bandwidth_job_open(struct bandwidth_job *job, struct err *e)
{
	(void)attachment_ifb_name(&job->call->at, job->ifb);
	job->nl = nl_open(NETLINK_ROUTE, e);
	return job->nl ? veth_find(job->call, job->nl, &job->host, e) : -1;
}

void bandwidth_job_done(struct bandwidth_job *job)
{
	nl_closep(&job->nl);
}

int main(int argc, char **argv)
{
	static const struct cni_plugin plugin = {
		.name = "bandwidth",
		.about = "limit what a container receives and sends",
		.fields = fields,
		.conf_size = sizeof(struct bandwidth_conf),
		.needs_netns = true,
		.chained = true,
		.add = bandwidth_add,
		.del = bandwidth_del,
		.check = bandwidth_check,
		.status = bandwidth_status,
		.gc = bandwidth_gc,
	};

	return cni_main(&plugin, argc, argv);
}
