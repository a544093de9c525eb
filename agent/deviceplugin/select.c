// SPDX-License-Identifier: Apache-2.0
/** Which devices a selector means. */
#include <net/if_arp.h>
#include <string.h>
#include <strings.h>

#include "deviceplugin/inventory.h"

static bool has_word(const struct dp_words *list, const char *word)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->word[i], word))
			return true;
	return !list->n;
}

static bool has_id(const struct dp_words *list, uint16_t id)
{
	for (size_t i = 0; i < list->n; i++)
		if (strtoul(list->word[i], NULL, 16) == id)
			return true;
	return !list->n;
}

static bool has_link_type(const struct dp_words *list, int type)
{
	return has_word(list, type == ARPHRD_ETHER        ? "ether"
			      : type == ARPHRD_INFINIBAND ? "infiniband"
							  : "");
}

static bool has_number(const struct dp_selector *s, long number)
{
	for (size_t i = 0; i < s->n_acpi_indexes; i++)
		if (s->acpi_indexes[i] == number)
			return true;
	return !s->n_acpi_indexes;
}

/** Of several words with the same name the first counts, as in the original. */
static bool has_root(const struct dp_words *list, const char *name, long number)
{
	for (size_t i = 0; i < list->n; i++) {
		size_t n = strcspn(list->word[i], "#");

		if (*name && strlen(name) == n && !strncasecmp(list->word[i], name, n))
			return dp_word_selects(list->word[i], name, number);
	}
	return !list->n;
}

bool dp_selects(const struct dp_selector *s, const struct dp_resource *r,
		const struct dp_device *device)
{
	const struct pci_device *d = &device->pci;
	long number = d->is_vf ? (long)d->vf.number : -1;
	bool away = device->hold.kind == VF_HELD || device->hold.kind == VF_LEFT ||
		    device->hold.kind == VF_AWAY;
	int link_type = away && d->link_type < 0 ? d->pf_link_type : d->link_type;
	const char *driver = *device->hold.driver ? device->hold.driver : d->vf.driver;

	return d->class == (r->is_accelerator ? PCI_ACCELERATOR : PCI_NETWORK) &&
	       has_id(&s->vendors, d->vendor) && has_id(&s->devices, d->device) &&
	       has_word(&s->drivers, driver) && has_word(&s->addresses, d->vf.address) &&
	       has_number(s, d->acpi_index) && has_root(&s->pf_names, d->vf.pf_netdev, number) &&
	       has_root(&s->root_devices, d->vf.pf, number) &&
	       has_link_type(&s->link_types, link_type) && (!s->is_rdma || d->is_rdma || away);
}
