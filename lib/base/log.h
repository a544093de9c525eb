/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cleanup.h"

/**
 * One line per event on stderr, in logfmt, level first:
 *
 *	level=warn plugin=bridge verb=ADD container=3fa81c ifname=eth0 msg="..."
 *
 * stdout belongs to the protocol. A healthy call logs nothing at the default level, warn;
 * CNI_LOG=info or debug in the environment shows more. Under systemd's journal (JOURNAL_STREAM is
 * set) each line carries its priority as sd-daemon(3) describes.
 *
 * Library code returns errors instead of logging them; the exceptions are undo_rollback() and what
 * a DEL or GC found odd but could go on from.
 */
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/** Say once who is talking; the strings are borrowed until the process ends, NULL leaves one out.
 */
void log_setup(const char *plugin, const char *verb, const char *container, const char *ifname);

void log_write(enum log_level level, const char *fmt, ...) _printf_(2, 3);

#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
