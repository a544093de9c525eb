// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *const priorities[] = {"<3>", "<4>", "<6>", "<7>"};

static struct {
	const char *plugin, *verb, *container, *ifname;
} who;

void log_setup(const char *plugin, const char *verb, const char *container, const char *ifname)
{
	who.plugin = plugin;
	who.verb = verb;
	who.container = container;
	who.ifname = ifname;
}

static enum log_level threshold(void)
{
	const char *wanted = getenv("CNI_LOG");

	for (size_t i = 0; wanted && i < ARRAY_SIZE(level_names); i++)
		if (!strcasecmp(wanted, level_names[i]))
			return (enum log_level)i;
	return LOG_LEVEL_WARN;
}

/** Append " key=value" as long as there is a value; the line is short by nature. */
static void field(char *line, size_t size, const char *key, const char *value)
{
	size_t n = strlen(line);

	if (value && *value)
		(void)snprintf(line + n, size - n, " %s=%.64s", key, value);
}

/** @text as a quoted logfmt value: one line, whatever it holds. */
static void quote(char *out, size_t size, const char *text)
{
	size_t n = 0;

	for (; *text && n + 3 < size; text++) {
		if (*text == '"' || *text == '\\')
			out[n++] = '\\';
		out[n++] = *text;
		if ((unsigned char)out[n - 1] < ' ')
			out[n - 1] = ' ';
	}
	out[n] = '\0';
}

void log_write(enum log_level level, const char *fmt, ...)
{
	char text[1024], quoted[1536], line[256] = "";
	va_list ap;

	if (level > threshold())
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	quote(quoted, sizeof(quoted), text);
	field(line, sizeof(line), "plugin", who.plugin);
	field(line, sizeof(line), "verb", who.verb);
	field(line, sizeof(line), "container", who.container);
	field(line, sizeof(line), "ifname", who.ifname);
	(void)fprintf(stderr, "%slevel=%s%s msg=\"%s\"\n",
		      getenv("JOURNAL_STREAM") ? priorities[level] : "", level_names[level], line,
		      quoted);
}
