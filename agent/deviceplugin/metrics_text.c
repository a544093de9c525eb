// SPDX-License-Identifier: Apache-2.0
/** The metrics in Prometheus' text format (exposition format 0.0.4). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "deviceplugin/metrics.h"
#include "deviceplugin/pool.h"
#include "netlink/vf.h"

/** The counters of each device, at its place in the inventory. */
struct counters {
	const struct dp *dp;
	const char *pf;
	struct vf_stats *stats;
};

static int on_vf(uint32_t number, const struct vf *vf, const struct vf_stats *stats, void *ctx,
		 struct err *e)
{
	const struct counters *c = ctx;

	(void)vf;
	(void)e;
	for (size_t i = 0; i < c->dp->inventory.n; i++) {
		const struct pci_device *d = &c->dp->inventory.devices[i].pci;

		if (d->is_vf && d->vf.number == number && !strcmp(d->vf.pf, c->pf))
			c->stats[i] = *stats;
	}
	return 0;
}

/** Each PF once: at its first VF. What cannot be read is left out. */
static void read_counters(struct counters *c)
{
	const struct dp_inventory *inv = &c->dp->inventory;

	c->pf = "";
	for (size_t i = 0; i < inv->n; i++) {
		const struct pci_device *d = &inv->devices[i].pci;
		struct err e = {};
		int pf;

		if (!d->is_vf || inv->devices[i].resource < 0 || !strcmp(d->vf.pf, c->pf) ||
		    c->stats[i].known)
			continue;
		c->pf = d->vf.pf;
		pf = *d->vf.pf_netdev ? nl_ifindex(c->dp->nl, d->vf.pf_netdev) : 0;
		if (pf && vf_each(c->dp->nl, pf, true, on_vf, c, &e) < 0)
			continue;
	}
}

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	(void)fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/** The labels that all series of a device have; names on a node hold no quotes or line breaks. */
static void labels(FILE *out, const struct dp *dp, const struct dp_device *d)
{
	const struct dp_assignment *a = dp_assigned_find(&dp->assigned, d->pci.vf.address);
	const struct dp_resource *r = &dp->config.resources[d->resource];

	(void)fprintf(out, "{address=\"%s\",resource=\"%s/%s\"", d->pci.vf.address, r->prefix,
		      r->name);
	if (d->pci.is_vf)
		(void)fprintf(out, ",pf=\"%s\",vf=\"%u\"", d->pci.vf.pf_netdev, d->pci.vf.number);
	if (a && *a->pod)
		(void)fprintf(out, ",namespace=\"%s\",pod=\"%s\",container=\"%s\"",
			      a->namespace_name, a->pod, a->container);
	(void)fputc('}', out);
}

static void write_state(FILE *out, const struct dp *dp)
{
	char why[DP_WHY];

	head(out, "edgeway_device_healthy", "gauge",
	     "whether the kubelet may give the device away");
	for (size_t i = 0; i < dp->inventory.n; i++) {
		const struct dp_device *d = &dp->inventory.devices[i];

		if (d->resource < 0)
			continue;
		(void)fputs("edgeway_device_healthy", out);
		labels(out, dp, d);
		(void)fprintf(out, " %d\n", !*dp_unhealthy(dp, d, why));
	}
	head(out, "edgeway_device_state", "gauge",
	     "what the device is: free, held, left, dirty...");
	for (size_t i = 0; i < dp->inventory.n; i++) {
		const struct dp_device *d = &dp->inventory.devices[i];

		if (d->resource >= 0)
			(void)fprintf(out, "edgeway_device_state{address=\"%s\",state=\"%s\"} 1\n",
				      d->pci.vf.address, vf_hold_name(d->hold.kind));
	}
}

static void write_counters(FILE *out, const struct counters *c)
{
#define COUNTER(member, help)                                                                      \
	{                                                                                          \
		"edgeway_vf_" #member "_total", help, offsetof(struct vf_stats, member)            \
	}
	static const struct {
		const char *name, *help;
		size_t offset;
	} series[] = {
		COUNTER(rx_packets, "packets that the VF has received"),
		COUNTER(tx_packets, "packets that the VF has sent"),
		COUNTER(rx_bytes, "bytes that the VF has received"),
		COUNTER(tx_bytes, "bytes that the VF has sent"),
		COUNTER(broadcast, "broadcast packets that the VF has received"),
		COUNTER(multicast, "multicast packets that the VF has received"),
		COUNTER(rx_dropped, "received packets that were dropped"),
		COUNTER(tx_dropped, "sent packets that were dropped"),
	};
#undef COUNTER

	for (size_t s = 0; s < ARRAY_SIZE(series); s++) {
		head(out, series[s].name, "counter", series[s].help);
		for (size_t i = 0; i < c->dp->inventory.n; i++) {
			const struct dp_device *d = &c->dp->inventory.devices[i];
			const char *at = (const char *)&c->stats[i] + series[s].offset;

			if (!c->stats[i].known || d->resource < 0)
				continue;
			(void)fputs(series[s].name, out);
			labels(out, c->dp, d);
			(void)fprintf(out, " %" PRIu64 "\n", *(const uint64_t *)(const void *)at);
		}
	}
}

char *dp_metrics_text(const struct dp *dp, size_t *len)
{
	_cleanup_(freep) struct vf_stats *stats = calloc(dp->inventory.n + 1, sizeof(*stats));
	struct counters c = {.dp = dp, .stats = stats};
	_cleanup_(freep) char *text = NULL;
	FILE *out = stats ? open_memstream(&text, len) : NULL;

	if (!out)
		return NULL;
	read_counters(&c);
	write_state(out, dp);
	write_counters(out, &c);
	return fclose(out) == 0 ? TAKE_PTR(text) : NULL;
}
