// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct err_explanation codes[] = {
	{ERR_VERSION, "CNI version not supported",
	 "The configuration's cniVersion is not one the plugin speaks, or the verb does not exist "
	 "in that version (CHECK needs 0.4.0, STATUS and GC need 1.1.0).",
	 "Set cniVersion to one of the versions that VERSION lists."},
	{ERR_UNKNOWN_FIELD, "Unsupported key",
	 "With \"strict\": true, a key that the plugin does not know; or a key of the reference "
	 "plugin that is not served, where ignoring it would be unsafe.",
	 "Correct the key (the message suggests a near one), or remove it."},
	{ERR_NO_CONTAINER, "No such container",
	 "The network namespace does not exist (any more). The runtime need not clean up.",
	 "Nothing, if the container has just died; else check CNI_NETNS."},
	{ERR_ENV, "Bad environment", "A CNI_* variable is missing or malformed.",
	 "A runtime sets these; when calling by hand, set those that the message names."},
	{ERR_IO, "Input or output failed",
	 "The configuration could not be read, the result not be written, or a file of the "
	 "plugin's "
	 "state not be used.",
	 "Check the path in the message: space left, permissions, read-only file systems."},
	{ERR_DECODE, "Not understood", "The input is not JSON, or a value is of the wrong type.",
	 "Correct the key whose path the message gives."},
	{ERR_CONFIG, "Bad configuration", "A value is well-formed but not allowed.",
	 "Correct the key whose path the message gives; it says what is allowed."},
	{ERR_NETNS, "Wrong network namespace",
	 "CNI_NETNS is the namespace that the plugin itself runs in.",
	 "Give the container a namespace of its own, or set CNI_NETNS_OVERRIDE=1 if this is "
	 "meant."},
	{ERR_TRY_AGAIN, "Try again later",
	 "Memory, a busy kernel or a file that a daemon has still to write stood in the way.",
	 "Repeat the call; runtimes do so by themselves."},
	{ERR_UNAVAILABLE, "Cannot serve ADD now", "STATUS: a further ADD would fail.",
	 "Do what the message says; for a full address pool, remove containers or widen the "
	 "range."},
	{ERR_DEGRADED, "Cannot serve ADD, containers affected",
	 "STATUS: a further ADD would fail and running containers may have lost connectivity.",
	 "Do what the message says."},
	{ERR_KERNEL, "The kernel refused",
	 "A netlink or system call failed; details hold the kernel's own words where it gave any.",
	 "Read details. Operation not supported usually means a kernel without the feature."},
	{ERR_EXISTS, "Already exists",
	 "The interface, the lease or the address that ADD was to make is there already.",
	 "Delete the earlier attachment first (DEL), or choose another name."},
	{ERR_NO_ADDRESS, "No address available",
	 "Every address of a range is in use by something that still lives on this node.",
	 "Remove containers or widen the range."},
	{ERR_DELEGATE, "Delegated plugin failed",
	 "The IPAM plugin or the delegate named in the configuration could not be run, or answered "
	 "nonsense.",
	 "Check that ipam.type or delegate.type exists in CNI_PATH; its own words are in the "
	 "message."},
	{ERR_MISMATCH, "CHECK found a difference", "What ADD made is gone or was changed since.",
	 "The message names the difference; restart the container to have it rebuilt."},
	{},
};

const struct err_explanation *err_codes(void)
{
	return codes;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	*e = (struct err){.code = code};
	va_start(ap, fmt);
	(void)vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return -1;
}

int err_os(struct err *e, int code, int os, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	*e = (struct err){.code = code, .os = os};
	va_start(ap, fmt);
	(void)vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	n = strlen(e->msg);
	(void)snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", strerror(os));
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char inner[sizeof(e->msg)];
	va_list ap;
	size_t n;

	memcpy(inner, e->msg, sizeof(inner));
	va_start(ap, fmt);
	(void)vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	n = strlen(e->msg);
	(void)snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", inner);
	return -1;
}

int err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(e->details, sizeof(e->details), fmt, ap);
	va_end(ap);
	return -1;
}
