// SPDX-License-Identifier: Apache-2.0
#include "node/vf_record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "node/netns.h"

/** The first line; and the last, without which a file is not whole. */
static const char MAGIC[] = "edgeway sriov 1", END[] = "end";

enum { RECORD_MAX = 16384 };

/** One member, written as "KEY VALUE". */
enum kind { TEXT, MAC, NUMBER, FLAG };

struct field {
	const char *key;
	enum kind kind;
	size_t offset, size;
};

#define field(type, kind, key, member)                                                             \
	{                                                                                          \
		key, kind, offsetof(type, member), sizeof(((type *)0)->member)                     \
	}
#define owner(kind, key, member) field(struct vf_record, kind, key, member)
#define state(kind, key, member)                                                                   \
	field(struct vf_record, kind, "was." key, was.member),                                     \
		field(struct vf_record, kind, "clean." key, clean.member)

static const struct field fields[] = {
	owner(TEXT, "boot", boot),
	owner(NUMBER, "device", device),
	owner(TEXT, "network", network),
	owner(TEXT, "container", container),
	owner(TEXT, "interface", ifname),
	owner(TEXT, "netns", netns),
	owner(NUMBER, "netns.dev", ns_dev),
	owner(NUMBER, "netns.ino", ns_ino),
	owner(MAC, "permanent", permanent),
	owner(TEXT, "info", info),
	owner(TEXT, "bound", bound),
	state(NUMBER, "known", attrs.known),
	state(MAC, "mac", attrs.mac),
	state(NUMBER, "vlan", attrs.vlan),
	state(NUMBER, "proto", attrs.proto),
	state(NUMBER, "qos", attrs.qos),
	state(FLAG, "spoofchk", attrs.spoofchk),
	state(FLAG, "trust", attrs.trust),
	state(NUMBER, "link_state", attrs.link_state),
	state(NUMBER, "min_rate", attrs.min_rate),
	state(NUMBER, "max_rate", attrs.max_rate),
	state(MAC, "address", address),
	state(NUMBER, "mtu", mtu),
	state(NUMBER, "flags", flags),
	state(TEXT, "name", name),
	state(TEXT, "alias", alias),
	state(TEXT, "driver", driver),
};

/** @buf of PATH_MAX bytes. */
static const char *path_of(enum vf_file file, const char *address, char *buf)
{
	(void)snprintf(buf, PATH_MAX, VF_RECORD_DIR "/%s%s", address,
		       file == VF_USED ? "" : ".found");
	return buf;
}

int vf_record_lock(const char *address, int *fd, struct err *e)
{
	char path[PATH_MAX];

	if (dir_make(VF_RECORD_DIR, 0700) < 0)
		return err_os(e, ERR_IO, errno, "make %s", VF_RECORD_DIR);
	(void)snprintf(path, sizeof(path), VF_RECORD_DIR "/%s.lock", address);
	return file_lock(AT_FDCWD, path, 0600, fd, e);
}

static uint64_t get_number(const void *at, size_t size)
{
	uint64_t u64;
	uint32_t u32;
	uint16_t u16;

	switch (size) {
	case sizeof(u64):
		memcpy(&u64, at, size);
		return u64;
	case sizeof(u32):
		memcpy(&u32, at, size);
		return u32;
	case sizeof(u16):
		memcpy(&u16, at, size);
		return u16;
	default:
		return *(const uint8_t *)at;
	}
}

/** False if @value does not fit. */
static bool put_number(void *at, size_t size, uint64_t value)
{
	const uint64_t u64 = value;
	const uint32_t u32 = (uint32_t)value;
	const uint16_t u16 = (uint16_t)value;
	const uint8_t u8 = (uint8_t)value;

	memcpy(at,
	       size == sizeof(u64)   ? (const void *)&u64
	       : size == sizeof(u32) ? (const void *)&u32
	       : size == sizeof(u16) ? (const void *)&u16
				     : (const void *)&u8,
	       size);
	return get_number(at, size) == value;
}

static void write_field(FILE *out, const struct field *f, const void *at)
{
	char mac[MAC_TEXT];

	if (f->kind == TEXT)
		(void)fprintf(out, "%s %s\n", f->key, (const char *)at);
	else if (f->kind == MAC)
		(void)fprintf(out, "%s %s\n", f->key, mac_format(at, mac));
	else
		(void)fprintf(out, "%s %" PRIu64 "\n", f->key, get_number(at, f->size));
}

/** False if it does not fit, or is none. Of MAC addresses zero is one here. */
static bool read_field(const struct field *f, void *at, const char *value)
{
	uint8_t *mac = at;
	uint64_t number;
	char end;

	if (f->kind == TEXT)
		return snprintf(at, f->size, "%s", value) < (int)f->size;
	if (f->kind == MAC)
		return sscanf(value, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%c", &mac[0], &mac[1],
			      &mac[2], &mac[3], &mac[4], &mac[5], &end) == 6;
	return sscanf(value, "%" SCNu64 "%c", &number, &end) == 1 &&
	       (f->kind != FLAG || number <= 1) && put_number(at, f->size, number);
}

int vf_record_write(enum vf_file file, const char *address, const struct vf_record *record,
		    struct err *e)
{
	char path[PATH_MAX], text[RECORD_MAX];
	FILE *out;

	if (strchr(record->netns, '\n'))
		return err_set(e, ERR_ENV, "CNI_NETNS: a path with a line break");
	if (strchr(record->info, '\n'))
		return err_set(e, ERR_CONFIG,
			       "runtimeConfig.CNIDeviceInfoFile: a path with a line break");
	out = fmemopen(text, sizeof(text), "w");
	if (!out)
		return err_os(e, ERR_TRY_AGAIN, errno, "record VF %s", address);
	(void)fprintf(out, "%s\n", MAGIC);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		write_field(out, &fields[i], (const char *)record + fields[i].offset);
	(void)fprintf(out, "%s\n", END);
	if (fclose(out) != 0)
		return err_os(e, ERR_IO, errno, "record VF %s", address);
	if (file_replace_durably(AT_FDCWD, path_of(file, address, path), text, 0600) == 0)
		return 0;
	return err_os(e, ERR_IO, errno, "write %s", path);
}

/** Take in one line; keys that later versions may have are passed over. */
static bool take_line(struct vf_record *r, const char *line)
{
	size_t n = strcspn(line, " ");

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (strlen(fields[i].key) == n && !strncmp(fields[i].key, line, n))
			return line[n] &&
			       read_field(&fields[i], (char *)r + fields[i].offset, line + n + 1);
	return true;
}

static bool parse(struct vf_record *r, char *text)
{
	char *rest, *line = strtok_r(text, "\n", &rest);

	if (!line || strcmp(line, MAGIC) != 0)
		return false;
	while ((line = strtok_r(NULL, "\n", &rest))) {
		if (!strcmp(line, END))
			return r->was.attrs.link_state < VF_LINK_STATES &&
			       r->clean.attrs.link_state < VF_LINK_STATES;
		if (!take_line(r, line))
			return false;
	}
	return false;
}

int vf_record_read(enum vf_file file, const char *address, struct vf_record *out, struct err *e)
{
	struct vf_record r = {};
	char path[PATH_MAX], text[RECORD_MAX];

	if (file_read(AT_FDCWD, path_of(file, address, path), text, sizeof(text)) < 0)
		return errno == ENOENT ? 0 : err_os(e, ERR_IO, errno, "read %s", path);
	if (!parse(&r, text)) {
		(void)err_set(e, ERR_DECODE, "%s: damaged", path);
		return err_hint(e, "nothing of ours leaves it so; once the VF is as it should be, "
				   "remove the file");
	}
	*out = r;
	return 1;
}

int vf_record_remove(enum vf_file file, const char *address, struct err *e)
{
	char path[PATH_MAX];

	if (file_remove_durably(AT_FDCWD, path_of(file, address, path)) == 0)
		return 0;
	return err_os(e, ERR_IO, errno, "remove %s", path);
}

bool vf_record_is_of(const struct vf_record *record, const struct pci_vf *vf, const char *boot)
{
	return record->device == vf->id && !strcmp(record->boot, boot);
}

int vf_record_netns(const struct vf_record *record, int *fd, struct err *e)
{
	_cleanup_(fd_closep) int ns = -1;
	struct stat st;

	*fd = -1;
	if (!*record->netns)
		return 0;
	if (netns_open(&ns, record->netns, e) < 0)
		return e->code == ERR_NO_CONTAINER || e->code == ERR_ENV ? 0 : -1;
	if (fstat(ns, &st) < 0)
		return err_os(e, ERR_IO, errno, "look at %s", record->netns);
	if (st.st_dev != record->ns_dev || st.st_ino != record->ns_ino)
		return 0;
	*fd = TAKE_FD(ns);
	return 1;
}

bool vf_record_belongs(const struct vf_record *record, const struct attachment *at)
{
	return !strcmp(record->network, at->network) && !strcmp(record->container, at->container) &&
	       !strcmp(record->ifname, at->ifname);
}

int vf_record_list(struct arena *arena, const char ***addresses, size_t *n, struct err *e)
{
	_cleanup_(fd_closep) int dir = open(VF_RECORD_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t count = 0;

	*n = 0;
	if (dir < 0 && errno == ENOENT)
		return 0;
	if (dir < 0 || dir_list(arena, dir, addresses, n) < 0)
		return err_os(e, ERR_IO, errno, "list %s", VF_RECORD_DIR);
	for (size_t i = 0; i < *n; i++)
		if (!pci_address_check((*addresses)[i]))
			(*addresses)[count++] = (*addresses)[i];
	*n = count;
	return 0;
}
