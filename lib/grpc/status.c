// SPDX-License-Identifier: Apache-2.0
#include "grpc/status.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include <nghttp2/nghttp2.h>

int grpc_status_set(struct grpc_status *s, int code, const char *fmt, ...)
{
	va_list args;

	s->code = code;
	va_start(args, fmt);
	(void)vsnprintf(s->text, sizeof(s->text), fmt, args);
	va_end(args);
	return -1;
}

int grpc_code_parse(const uint8_t *value, size_t len)
{
	int code = 0;

	if (!len || len > 3)
		return GRPC_UNKNOWN;
	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9')
			return GRPC_UNKNOWN;
		code = code * 10 + value[i] - '0';
	}
	return code;
}

int grpc_code_of_http(int status)
{
	switch (status) {
	case 400:
		return GRPC_INTERNAL;
	case 401:
		return GRPC_UNAUTHENTICATED;
	case 403:
		return GRPC_PERMISSION_DENIED;
	case 404:
		return GRPC_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504:
		return GRPC_UNAVAILABLE;
	default:
		return GRPC_UNKNOWN;
	}
}

int grpc_code_of_reset(uint32_t error)
{
	switch (error) {
	case NGHTTP2_REFUSED_STREAM:
		return GRPC_UNAVAILABLE;
	case NGHTTP2_CANCEL:
		return GRPC_CANCELLED;
	case NGHTTP2_ENHANCE_YOUR_CALM:
		return GRPC_RESOURCE_EXHAUSTED;
	case NGHTTP2_INADEQUATE_SECURITY:
		return GRPC_PERMISSION_DENIED;
	default:
		return GRPC_INTERNAL;
	}
}

void grpc_message_encode(char out[GRPC_MESSAGE_MAX], const char *text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c <= 0x7e && c != '%') {
			*out++ = (char)c;
			continue;
		}
		*out++ = '%';
		*out++ = digits[c >> 4];
		*out++ = digits[c & 15];
	}
	*out = '\0';
}

/** The value of a hexadecimal digit, or -1. */
static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

void grpc_message_decode(char *text, size_t size, const uint8_t *value, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < size; i++) {
		int c = value[i];

		if (c == '%' && i + 2 < len && digit(value[i + 1]) >= 0 &&
		    digit(value[i + 2]) >= 0) {
			c = digit(value[i + 1]) << 4 | digit(value[i + 2]);
			i += 2;
		}
		text[n++] = (char)(c < 0x20 || c == 0x7f ? ' ' : c);
	}
	text[n] = '\0';
}

enum { TIMEOUT_MAX = 99999999 };

char *grpc_timeout_format(char out[GRPC_TIMEOUT_TEXT], int64_t ms)
{
	static const struct {
		char unit;
		int64_t ms;
	} units[] = {{'m', 1}, {'S', 1000}, {'M', 60000}, {'H', 3600000}};
	int64_t n = ms < 1 ? 1 : ms;
	size_t i = 0;

	while (n > TIMEOUT_MAX && ++i < ARRAY_SIZE(units))
		n = ms / units[i].ms + (ms % units[i].ms != 0);
	if (i == ARRAY_SIZE(units)) {
		n = TIMEOUT_MAX;
		i--;
	}
	(void)snprintf(out, GRPC_TIMEOUT_TEXT, "%d%c", (int)n, units[i].unit);
	return out;
}

int64_t grpc_timeout_parse(const uint8_t *value, size_t len)
{
	int64_t n = 0;

	if (len < 2 || len > 9)
		return -1;
	for (size_t i = 0; i + 1 < len; i++) {
		if (value[i] < '0' || value[i] > '9')
			return -1;
		n = n * 10 + value[i] - '0';
	}
	switch (value[len - 1]) {
	case 'H':
		return n * 3600 * 1000;
	case 'M':
		return n * 60 * 1000;
	case 'S':
		return n * 1000;
	case 'm':
		return n;
	case 'u':
		return (n + 999) / 1000;
	case 'n':
		return (n + 999999) / 1000000;
	default:
		return -1;
	}
}
