// SPDX-License-Identifier: Apache-2.0
/**
 * Configurations, through the tables and checks of every plugin, up to where a node would be
 * touched. The document's own "type" chooses the plugin; its "fuzz/args" are CNI_ARGS.
 */
#include <jansson.h>
#include <string.h>

#include "cni/args.h"
#include "cni/plugin.h"
#include "cni/veth.h"
#include "fuzz.h"
#include "kernel.h"
#include "main/bridge/bridge.h"
#include "main/ebpf/ebpf.h"
#include "main/ptp/ptp.h"
#include "main/sriov/sriov.h"
#include "meta/bandwidth/bandwidth.h"
#include "meta/firewall/firewall.h"
#include "meta/flannel/flannel.h"
#include "meta/tuning/tuning.h"

/** The plugins' own main(), which leave their description with our cni_main(). */
int bandwidth_main(int argc, char **argv);
int bridge_main(int argc, char **argv);
int ebpf_main(int argc, char **argv);
int firewall_main(int argc, char **argv);
int flannel_main(int argc, char **argv);
int host_local_main(int argc, char **argv);
int loopback_main(int argc, char **argv);
int ptp_main(int argc, char **argv);
int sriov_main(int argc, char **argv);
int static_main(int argc, char **argv);
int tuning_main(int argc, char **argv);

typedef void check_fn(struct cni_call *call, struct err *e);

static check_fn check_bandwidth, check_bridge, check_ebpf, check_firewall, check_flannel,
	check_host_local, check_loopback, check_ptp, check_sriov, check_static, check_tuning;

static struct {
	int (*main)(int argc, char **argv);
	check_fn *check;
	const struct cni_plugin *plugin;
} plugins[] = {
	{bandwidth_main, check_bandwidth, NULL}, {bridge_main, check_bridge, NULL},
	{flannel_main, check_flannel, NULL},     {host_local_main, check_host_local, NULL},
	{loopback_main, check_loopback, NULL},   {ptp_main, check_ptp, NULL},
	{static_main, check_static, NULL},       {tuning_main, check_tuning, NULL},
	{firewall_main, check_firewall, NULL},   {ebpf_main, check_ebpf, NULL},
	{sriov_main, check_sriov, NULL},
};

static const struct cni_plugin *introduced;

/** In place of the library's. */
int cni_main(const struct cni_plugin *plugin, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	introduced = plugin;
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	for (size_t i = 0; i < ARRAY_SIZE(plugins); i++) {
		(void)plugins[i].main(0, NULL);
		plugins[i].plugin = introduced;
	}
	kernel_agrees();
	return 0;
}

/** The first steps of each round through the ranges. */
static void go_round(const struct host_local *hl)
{
	for (size_t i = 0; i < hl->n_sets; i++) {
		struct range_cursor c = range_start(&hl->sets[i], &(struct ipaddr){});
		struct ipaddr ip;

		for (int n = 0; n < 300 && range_next(&c, &ip); n++)
			must(range_find(&hl->sets[i], &ip));
	}
}

/** What static hands out can be written in the configuration's version, or says why not. */
static void hand_out(const struct static_ipam *s, struct err *e)
{
	struct cni_result result = {};

	if (!accepted(static_add(s, &result, e), e))
		return;
	json_auto_t *doc = cni_result_write(&result, s->call->version, e);
	must(doc || e->msg[0]);
}

static void check_bridge(struct cni_call *call, struct err *e)
{
	_cleanup_(bridge_job_done) struct bridge_job job = {};
	struct mac mac;

	if (!accepted(bridge_job_open(&job, call, e), e) ||
	    !accepted(bridge_check_conf(&job, e), e) ||
	    !accepted(veth_choose_mac(call, &mac, e), e))
		return;
	must(job.conf->mtu >= 0 && job.conf->mtu <= 65535);
	(void)accepted(bridge_vlan_set(&job, 2, e), e);
	if (job.ipam.kind == IPAM_HOST_LOCAL)
		go_round(&job.ipam.host_local);
}

static void check_bandwidth(struct cni_call *call, struct err *e)
{
	struct bandwidth_job job = {.call = call};

	if (!accepted(bandwidth_read_limits(&job, e), e))
		return;
	must(!job.ingress.rate == !job.ingress.burst && !job.egress.rate == !job.egress.burst);
	must(!job.egress.rate || job.egress.limit > 0);
}

/** What it makes of any configuration can be saved, read again, and given to the delegate. */
static void check_flannel(struct cni_call *call, struct err *e)
{
	struct prefix v4, v6;
	struct subnet subnet = {.own = {{&v4, 1}, {&v6, 1}}, .networks = {{&v4, 1}}, .mtu = 1450};
	struct json_t *made;
	struct nested nested;
	const char *text;

	must(!prefix_parse(&v4, "10.1.0.0/24") && !prefix_parse(&v6, "fd00::/64"));
	made = delegate_make(call, call->verb == CNI_DEL ? NULL : &subnet, e);
	text = made ? delegate_text(call, made, e) : NULL;
	must(text && delegate_read(call, text));
	if (accepted(flannel_delegate(&nested, call, made, e), e) && nested.linked)
		check_bridge(&nested.call, e);
}

static void check_ptp(struct cni_call *call, struct err *e)
{
	_cleanup_(ptp_job_done) struct ptp_job job = {};

	if (accepted(ptp_job_open(&job, call, e), e))
		(void)accepted(ptp_check_conf(&job, e), e);
}

static void check_sriov(struct cni_call *call, struct err *e)
{
	_cleanup_(sriov_job_done) struct sriov_job job = {};
	char text[VF_TEXT];

	if (!accepted(sriov_job_open(&job, call, e), e) || !accepted(sriov_read_conf(&job, e), e))
		return;
	must(!(job.wish.known & VF_VLAN) || job.wish.vlan <= 4094);
	for (unsigned int attr = 1; attr < VF_ATTRS; attr <<= 1)
		must(vf_text(&job.wish, attr, text)[0]);
}

static void check_ebpf(struct cni_call *call, struct err *e)
{
	_cleanup_(ebpf_job_done) struct ebpf_job job = {};
	struct ebpf_pod pod = {};

	if (!accepted(ebpf_job_open(&job, call, e), e) || !accepted(ebpf_check_conf(&job, e), e))
		return;
	must(!job.chained || job.ipam.kind == IPAM_NONE);
	if (call->prev && accepted(ebpf_pod_addresses(&job, call->prev, &pod, e), e))
		must(pod.n_ips <= call->prev->n_ips);
}

static void check_firewall(struct cni_call *call, struct err *e)
{
	_cleanup_(firewall_job_done) struct firewall_job job = {};

	if (!accepted(firewall_job_open(&job, call, e), e))
		return;
	must(job.want.n_ips == 0 || job.want.policy == FIREWALL_OPEN || job.want.bridge);
}

static void check_host_local(struct cni_call *call, struct err *e)
{
	struct host_local hl;

	if (accepted(host_local_open(&hl, call, conf_lookup(call->doc, "ipam"), e), e))
		go_round(&hl);
}

static void check_static(struct cni_call *call, struct err *e)
{
	struct static_ipam s;

	if (!accepted(static_open(&s, call, conf_lookup(call->doc, "ipam"), e), e))
		return;
	hand_out(&s, e);
	if (call->prev)
		(void)accepted(static_check(&s, e), e);
}

/** Whatever is written, nothing outside of net is touched. */
static void check_tuning(struct cni_call *call, struct err *e)
{
	_cleanup_(tuning_job_done) struct tuning_job job = tuning_job(call);

	if (!accepted(tuning_want(&job, e), e))
		return;
	for (size_t i = 0; i < job.n_sysctls; i++) {
		must(!strncmp(job.sysctls[i].path, "net/", 4));
		must(!strstr(job.sysctls[i].path, "/../"));
	}
	must(*tuning_dir(job.conf) == '/');
}

static void check_loopback(struct cni_call *call, struct err *e)
{
	(void)call;
	(void)e;
}

/** As cni_main() goes about it. */
static void serve(size_t i, struct cni_call *call, struct err *e)
{
	static const char *const known[] = {"MAC", "IP", "GATEWAY", NULL};
	const struct cni_plugin *p = plugins[i].plugin;
	struct cni_common *conf = arena_calloc(call->arena, 1, p->conf_size);
	struct cni_result prev = {};

	call->conf = conf;
	call->common = conf;
	if (!accepted(cni_call_from_doc(call, e), e) ||
	    !accepted(cni_read_conf(call, conf, p->fields, call->doc, "", p->open, e), e))
		return;
	if (conf->prev_result) {
		int rc = cni_result_read(&prev, conf->prev_result, "prevResult", call->version,
					 call->arena, e);

		if (accepted(rc, e))
			call->prev = &prev;
	}
	if (accepted(cni_args_check(call, known, e), e))
		plugins[i].check(call, e);
}

static size_t plugin_of(json_t *doc, size_t otherwise)
{
	const char *type = json_string_value(conf_lookup(doc, "type"));

	for (size_t i = 0; type && i < ARRAY_SIZE(plugins); i++)
		if (!strcmp(type, plugins[i].plugin->name))
			return i;
	return otherwise % ARRAY_SIZE(plugins);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum cni_verb verbs[] = {CNI_ADD, CNI_DEL, CNI_STATUS, CNI_GC, CNI_CHECK};
	_cleanup_(arena_free) struct arena arena = {};
	json_auto_t *doc = json_loadb((const char *)data, size, 0, NULL);
	const char *args = json_string_value(json_object_get(doc, "fuzz/args"));
	struct cni_call call = {
		.verb = verbs[size % ARRAY_SIZE(verbs)],
		.at = {"net", "c1", "eth0"},
		.netns_fd = -1,
		.args = args ? args : "",
		.doc = doc,
		.arena = &arena,
	};
	struct err e = {};

	if (!json_is_object(doc))
		return 0;
	serve(plugin_of(doc, size), &call, &e);
	kernel_done();
	return 0;
}
