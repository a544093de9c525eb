// SPDX-License-Identifier: Apache-2.0
#include "node/vf_hold.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void _printf_(3, 4) set(struct vf_hold *h, enum vf_hold_kind kind, const char *fmt, ...)
{
	va_list ap;

	h->kind = kind;
	va_start(ap, fmt);
	(void)vsnprintf(h->why, sizeof(h->why), fmt, ap);
	va_end(ap);
}

static void set_owner(struct vf_hold *h, const struct vf_record *r)
{
	_cleanup_(fd_closep) int ns = -1;
	struct err e = {};
	int lives = vf_record_netns(r, &ns, &e);

	memcpy(h->network, r->network, sizeof(h->network));
	memcpy(h->container, r->container, sizeof(h->container));
	memcpy(h->ifname, r->ifname, sizeof(h->ifname));
	if (*r->bound)
		memcpy(h->driver, r->was.driver, sizeof(h->driver));
	(void)snprintf(h->netns, sizeof(h->netns), "%.255s", r->netns);
	if (lives < 0) {
		set(h, VF_UNCERTAIN, "%.250s", e.msg);
		return;
	}
	set(h, lives ? VF_HELD : VF_LEFT,
	    lives ? "held by %.64s/%.64s/%s" : "no DEL came for %.64s/%.64s/%s", r->network,
	    r->container, r->ifname);
}

/**
 * What it is otherwise than when it was given back last, or first found. An address of the PF's may
 * stay where its driver does not let one be taken back: the plugin puts up with that, too.
 */
static void compare(struct vf_hold *h, const struct vf_record *found, const struct vf *now)
{
	struct vf clean = found->was.attrs.known ? found->was.attrs : found->clean.attrs;
	size_t n = (size_t)snprintf(h->why, sizeof(h->why), "has");
	unsigned int diff;

	if (mac_is_zero(&clean.mac))
		clean.known &= ~(unsigned int)VF_MAC;
	diff = vf_diff(now, &clean);
	for (unsigned int attr = 1; attr < VF_ATTRS; attr <<= 1) {
		char is[VF_TEXT], shall[VF_TEXT];

		if (diff & attr && n < sizeof(h->why))
			n += (size_t)snprintf(h->why + n, sizeof(h->why) - n, " %s, not %s;",
					      vf_text(now, attr, is), vf_text(&clean, attr, shall));
	}
	if (diff) {
		h->kind = VF_DIRTY;
		h->why[strlen(h->why) - 1] = '\0'; // the last separator, or the last that had room
	} else {
		h->why[0] = '\0';
	}
}

void vf_hold_look(const struct pci_vf *vf, const char *boot, const struct vf *now,
		  struct vf_hold *out)
{
	struct vf_record r;
	struct err e = {};
	int found = vf_record_read(VF_USED, vf->address, &r, &e);

	*out = (struct vf_hold){.kind = VF_FREE};
	if (found < 0) {
		set(out, VF_UNCERTAIN, "%.250s", e.msg);
	} else if (found && vf_record_is_of(&r, vf, boot)) {
		set_owner(out, &r);
	} else if (!*vf->netdev && *vf->driver && !pci_driver_is_userspace(vf->driver)) {
		set(out, VF_AWAY, "its interface is not on the node, and there is no record of it");
	} else if (now && vf_record_read(VF_FOUND, vf->address, &r, &e) > 0 &&
		   vf_record_is_of(&r, vf, boot)) {
		// What cannot be read says nothing: the plugin takes what is there for clean then.
		compare(out, &r, now);
	}
}

const char *vf_hold_name(enum vf_hold_kind kind)
{
	static const char *const names[] = {
		[VF_FREE] = "free",   [VF_HELD] = "held", [VF_LEFT] = "left",
		[VF_DIRTY] = "dirty", [VF_AWAY] = "away", [VF_UNCERTAIN] = "uncertain",
	};

	return names[kind];
}
