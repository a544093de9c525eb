/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "../calls.h"
#include "ipam/host_local.h"
#include "ipam/static.h"

/** A call of host-local or static with its configuration opened, or refused. */
struct opened {
	struct test_call c;
	struct host_local hl;
	struct static_ipam s;
	struct err e;
	int rc;
};

/** Open "ipam" of @json, as for json_of(), for an ADD in @version with CNI_ARGS @args. */
void open_host_local(struct opened *o, enum cni_version version, const char *args,
		     const char *json);
void open_static(struct opened *o, enum cni_version version, const char *args, const char *json);
void opened_done(struct opened *o);

#define HOST_LOCAL(name, ...)                                                                      \
	_cleanup_(opened_done) struct opened name;                                                 \
	open_host_local(&name, __VA_ARGS__)
#define STATIC(name, ...)                                                                          \
	_cleanup_(opened_done) struct opened name;                                                 \
	open_static(&name, __VA_ARGS__)
