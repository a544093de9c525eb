// SPDX-License-Identifier: Apache-2.0
#include "cli/pcap.h"

enum { LINKTYPE_ETHERNET = 1 };

int pcap_begin(FILE *out)
{
	const struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t reserved[2], snaplen, linktype;
	} header = {.magic = 0xa1b23c4d,
		    .major = 2,
		    .minor = 4,
		    .snaplen = PCAP_FRAME_MAX,
		    .linktype = LINKTYPE_ETHERNET};

	return fwrite(&header, sizeof(header), 1, out) == 1 ? 0 : -1;
}

int pcap_put(FILE *out, const struct timespec *when, const void *data, uint32_t kept, uint32_t len)
{
	const uint32_t header[] = {(uint32_t)when->tv_sec, (uint32_t)when->tv_nsec, kept, len};

	if (fwrite(header, sizeof(header), 1, out) != 1)
		return -1;
	return kept == 0 || fwrite(data, kept, 1, out) == 1 ? 0 : -1;
}
