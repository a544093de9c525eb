// SPDX-License-Identifier: Apache-2.0
#include "deviceplugin/inventory.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "netlink/link.h"
#include "netlink/route.h"

/** What is being looked at. */
struct look {
	struct dp_inventory *inv;
	const struct dp_config *config;
	const char *sysfs, *boot;
	struct nl *nl;
	int uplinks[ROUTE_DEFAULTS];
	size_t n_uplinks;
};

/** The node itself needs a device by whose interface its default route leads. */
static bool is_uplink(const struct look *look, const struct pci_device *d)
{
	int index = *d->vf.netdev ? nl_ifindex(look->nl, d->vf.netdev) : 0;

	for (size_t i = 0; i < look->n_uplinks; i++)
		if (index && look->uplinks[i] == index)
			return true;
	return false;
}

/** Which resource the device is of: the first whose selectors want it. */
static void claim(const struct look *look, struct dp_device *d)
{
	d->resource = DP_NO_RESOURCE;
	if (d->pci.has_vfs || is_uplink(look, &d->pci))
		return;
	for (size_t i = 0; i < look->config->n_resources; i++) {
		const struct dp_resource *r = &look->config->resources[i];

		for (size_t k = 0; k < r->n_selectors; k++) {
			if (!dp_selects(&r->selectors[k], r, d))
				continue;
			d->resource = (int)i;
			d->selector = &r->selectors[k];
			return;
		}
	}
}

/** What one PF says, to its VFs. */
struct pf_answer {
	struct look *look;
	const char *pf;
};

static int on_vf(uint32_t number, const struct vf *vf, const struct vf_stats *stats, void *ctx,
		 struct err *e)
{
	const struct pf_answer *a = ctx;

	(void)stats;
	(void)e;
	for (size_t i = 0; i < a->look->inv->n; i++) {
		struct dp_device *d = &a->look->inv->devices[i];

		if (d->pci.is_vf && d->pci.vf.number == number && !strcmp(d->pci.vf.pf, a->pf))
			d->vf = *vf;
	}
	return 0;
}

static void note_pf(struct look *look, const char *pf, bool lost, const char *trouble)
{
	for (size_t i = 0; i < look->inv->n; i++) {
		struct dp_device *d = &look->inv->devices[i];

		if (!d->pci.is_vf || strcmp(d->pci.vf.pf, pf) != 0)
			continue;
		d->carrier_lost = lost;
		(void)snprintf(d->trouble, sizeof(d->trouble), "%s", trouble);
	}
}

/** Ask the PF of @d about all its VFs; what it does not answer is not known of them. */
static void ask_pf(struct look *look, const struct dp_device *d)
{
	struct pf_answer answer = {look, d->pci.vf.pf};
	char why[sizeof(d->trouble)] = "";
	struct err e = {};
	struct link link;

	if (!*d->pci.vf.pf_netdev)
		return; // it may be a program's, and the CNI plugin would say so
	if (link_get(look->nl, d->pci.vf.pf_netdev, &link, &e) < 0 ||
	    vf_each(look->nl, link.index, false, on_vf, &answer, &e) < 0) {
		(void)snprintf(why, sizeof(why), "%.120s", e.msg);
		note_pf(look, d->pci.vf.pf, false, why);
	} else if (!(link.flags & IFF_RUNNING)) { // so is one whose driver tells of no carrier
		(void)snprintf(why, sizeof(why), "%s %s", link.name,
			       link.flags & IFF_UP ? "has no carrier" : "is down");
		note_pf(look, d->pci.vf.pf, true, why);
	}
}

/** PFs are asked once each, before their first VF that counts. */
static void ask_pfs(struct look *look)
{
	for (size_t i = 0; i < look->inv->n; i++) {
		const struct dp_device *d = &look->inv->devices[i];
		bool asked = !d->pci.is_vf || d->pci.class != PCI_NETWORK;

		for (size_t k = 0; k < i && !asked; k++)
			asked = look->inv->devices[k].pci.is_vf &&
				!strcmp(look->inv->devices[k].pci.vf.pf, d->pci.vf.pf);
		if (!asked)
			ask_pf(look, d);
	}
}

static void judge(const struct look *look, struct dp_device *d)
{
	const struct pci_vf *vf = &d->pci.vf;

	if (d->pci.is_vf && d->pci.class == PCI_NETWORK)
		vf_hold_look(vf, look->boot, d->vf.known ? &d->vf : NULL, &d->hold);
	claim(look, d);
	if (d->carrier_lost && d->resource >= 0 && look->config->resources[d->resource].ignore_link)
		d->trouble[0] = '\0';
	if (!*d->trouble && !*vf->driver)
		(void)snprintf(d->trouble, sizeof(d->trouble), "no driver is bound to it");
}

int dp_inventory_take(struct dp_inventory *out, const struct dp_config *config, const char *sysfs,
		      const char *boot, struct nl *nl, struct err *e)
{
	struct dp_inventory inv = {};
	struct look look = {.inv = &inv, .config = config, .sysfs = sysfs, .boot = boot, .nl = nl};
	struct pci_device *list;

	if (route_defaults(nl, look.uplinks, &look.n_uplinks, e) < 0 ||
	    pci_device_list(sysfs, &inv.arena, &list, &inv.n, e) < 0) {
		arena_free(&inv.arena);
		return -1;
	}
	inv.devices = arena_calloc(&inv.arena, inv.n ? inv.n : 1, sizeof(*inv.devices));
	if (!inv.devices) {
		arena_free(&inv.arena);
		return err_set(e, ERR_TRY_AGAIN, "look at devices: out of memory");
	}
	for (size_t i = 0; i < inv.n; i++)
		inv.devices[i].pci = list[i];
	ask_pfs(&look);
	for (size_t i = 0; i < inv.n; i++)
		judge(&look, &inv.devices[i]);
	*out = inv;
	return 0;
}

int dp_inventory_hold(const struct dp_device *d, const char *sysfs, const char *boot, struct nl *nl,
		      struct vf_hold *out, struct err *e)
{
	struct pci_vf vf = d->pci.vf;
	struct vf now;
	int pf;

	*out = (struct vf_hold){.kind = VF_FREE};
	if (!d->pci.is_vf || d->pci.class != PCI_NETWORK)
		return 0;
	if (pci_vf_refresh(sysfs, &vf, e) < 0)
		return -1;
	if (strcmp(vf.driver, d->pci.vf.driver) != 0 && *vf.driver)
		return err_set(e, ERR_TRY_AGAIN, "%s: is bound to %s just now", vf.address,
			       vf.driver);
	if (!*vf.driver) // nor has one that is gone
		return err_set(e, ERR_TRY_AGAIN, "%s: no driver is bound to it", vf.address);
	pf = *vf.pf_netdev ? nl_ifindex(nl, vf.pf_netdev) : 0;
	if (pf && vf_get(nl, pf, vf.number, &now, e) < 0)
		pf = 0; // as in a look at all: then the records alone can say
	vf_hold_look(&vf, boot, pf ? &now : NULL, out);
	return 0;
}

bool dp_inventory_is_deaf(const struct dp_inventory *inventory)
{
	for (size_t i = 0; i < inventory->n; i++)
		if (inventory->devices[i].carrier_lost && !*inventory->devices[i].trouble)
			return true;
	return false;
}

void dp_inventory_free(struct dp_inventory *inventory)
{
	arena_free(&inventory->arena);
	*inventory = (struct dp_inventory){};
}

const struct dp_device *dp_inventory_find(const struct dp_inventory *inventory, const char *address)
{
	for (size_t i = 0; i < inventory->n; i++)
		if (!strcmp(inventory->devices[i].pci.vf.address, address))
			return &inventory->devices[i];
	return NULL;
}
